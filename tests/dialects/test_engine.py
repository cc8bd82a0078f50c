"""What both databases promise: snapshots, all or nothing, a clock that only goes forward, hot reads that agree with the rest."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from postgres import Cluster
from sqlalchemy import Connection, bindparam, func, insert, literal_column, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.util import await_only

from packhouse.db import changes, events, places
from packhouse.db.engine import Hot, SqliteDatabase, now, open_database
from packhouse.db.tables import Id, generation, package, place, setting
from packhouse.errors import OutOfSpace
from packhouse.model import ANONYMOUS

from .conftest import Desk

ROOTS = ("", "alpha")


def begin(connection: Connection, project: int, roots: tuple[str, ...] = ROOTS) -> int:
    """The time of a change, written down as every change does."""
    at = changes.begin(connection, project, "toy", roots, locks=["alpha"])
    changes.move_generations(connection, project, "toy", roots, at)
    changes.add_event(connection, at, "publish", ANONYMOUS, project=project)
    return at


def test_clock_only_goes_forward(desk: Desk) -> None:
    """Two changes could happen at one instant, or a later one before an earlier one."""
    project = desk.project("one")
    times = [desk.write(begin, project) for _ in range(50)]
    assert times == sorted(set(times))


def test_clock_set_back(desk: Desk) -> None:
    """A clock that is set back could put a change before one that clients have seen."""
    project = desk.project("one")
    ahead = desk.write(begin, project)

    def far_ahead(connection: Connection) -> None:
        connection.execute(insert(generation).values(project_id=project, format="toy", root="", number=99, moved_at=ahead + 3_600_000_000))

    desk.write(far_ahead)
    assert desk.write(begin, project) == ahead + 3_600_000_001


def test_clock_is_after_what_is_final(desk: Desk) -> None:
    """A change could slip behind a moment that is final, in a package that nobody touched before."""
    final = now() + 3_600_000_000
    desk.write(events.add_seal, 1, final, 0, "")
    assert desk.write(begin, desk.project("one")) > final


def test_writers_queue(desk: Desk) -> None:
    """Writers at once could share a time or a generation, or fail."""
    project = desk.project("one")

    async def many() -> list[int]:
        return await asyncio.gather(*(desk.database.write(begin, project) for _ in range(40)))

    times = desk.run(many())
    assert len(set(times)) == 40
    numbers = desk.read(lambda c: list(c.scalars(select(generation.c.number).where(generation.c.root == "").order_by(generation.c.moved_at))))
    assert numbers == list(range(1, 41))


def test_all_or_nothing(desk: Desk) -> None:
    """A change that fails half way could leave its first half."""

    def fails(connection: Connection) -> None:
        connection.execute(insert(setting).values(name="a", value="1"))
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        desk.write(fails)
    assert desk.read(lambda c: c.scalar(select(func.count()).select_from(setting))) == 0


def test_failed_part_leaves_the_rest(desk: Desk) -> None:
    """A part of a change that may fail could take the rest with it."""

    def partly(connection: Connection) -> None:
        connection.execute(insert(setting).values(name="a", value="1"))
        with pytest.raises(IntegrityError), connection.begin_nested():
            connection.execute(insert(setting).values(name="a", value="2"))
        connection.execute(insert(setting).values(name="b", value="3"))

    desk.write(partly)
    assert desk.read(lambda c: dict(c.execute(select(setting.c.name, setting.c.value)).all())) == {"a": "1", "b": "3"}


def keep(connection: Connection, name: str) -> str:
    """A row, and its name."""
    connection.execute(insert(setting).values(name=name, value="1"))
    return name


def kept(desk: Desk) -> set[str]:
    return set(desk.read(lambda c: c.scalars(select(setting.c.name)).all()))


def write_in_company(
    desk: Desk, *waiting: Callable[[Connection], str], jotted: Sequence[Callable[[Connection], str]] = ()
) -> list[str | BaseException]:
    """What becomes of changes that have come while another one was written, `jotted` among them."""
    if desk.database.dialect != "sqlite":
        pytest.skip("PostgreSQL gives each change a connection of its own")
    has_begun, may_end = threading.Event(), threading.Event()

    def hold(connection: Connection) -> str:
        has_begun.set()
        may_end.wait(30)
        return keep(connection, "held")

    async def write() -> list[str | BaseException]:
        held = asyncio.ensure_future(desk.database.write(hold))
        await asyncio.to_thread(has_begun.wait, 30)
        others = [asyncio.ensure_future(desk.database.jot(change)) for change in jotted]
        others += [asyncio.ensure_future(desk.database.write(change)) for change in waiting]
        await asyncio.sleep(0)
        may_end.set()
        return await asyncio.gather(held, *others, return_exceptions=True)

    answers: list[str | BaseException] = desk.run(write())
    return answers


def test_waiting_changes_share_a_sync(desk: Desk) -> None:
    """Each of many writers at once could wait for a sync of its own, or one get the answer of another."""
    names = [f"n{number}" for number in range(5)]
    begun: list[str] = []
    if isinstance(desk.database, SqliteDatabase):
        bare: Any = desk.database._changing.connection.driver_connection
        bare.set_trace_callback(lambda text: begun.append(text) if text.startswith("BEGIN") else None)
    assert write_in_company(desk, *(partial(keep, name=name) for name in names)) == ["held", *names]
    assert kept(desk) == {"held", *names}
    if isinstance(desk.database, SqliteDatabase):
        assert len(begun) == 2, "the one that was held, and the rest"


def test_promises_are_synced(desk: Desk) -> None:
    """What was promised could be lost with the power because something that was not promised is written before it, or with it."""

    def look(connection: Connection) -> str:
        return str(connection.exec_driver_sql("PRAGMA synchronous").scalar_one())

    full, normal = "2", "1"
    assert write_in_company(desk, look, look, jotted=[look]) == ["held", full, full, full]
    assert [desk.run(desk.database.jot(look)), desk.write(look), desk.write(look)] == [normal, full, full]


def test_failure_stays_alone(desk: Desk) -> None:
    """A change that fails could undo those that share its transaction, or leave a half of itself in it."""

    def fail(connection: Connection) -> str:
        raise RuntimeError(keep(connection, "half"))

    *good, bad, last = write_in_company(desk, partial(keep, name="a"), fail, partial(keep, name="b"))
    assert isinstance(bad, RuntimeError) and [*good, last] == ["held", "a", "b"]
    assert kept(desk) == {"held", "a", "b"}


@pytest.mark.parametrize("inside", [contextlib.nullcontext, Connection.begin_nested], ids=["change", "savepoint"])
def test_database_failure_stays_alone(desk: Desk, inside: Callable[[Connection], contextlib.AbstractContextManager[Any]]) -> None:
    """A change that the disk has no room for could take those with it that share its transaction, or be told of a savepoint that is gone."""

    def fail(connection: Connection) -> str:
        bare: Any = connection.connection.driver_connection
        bare.execute("PRAGMA max_page_count = 1")  # no less than there are
        try:
            with inside(connection):
                connection.execute(insert(setting).values(name="large", value="x" * 10_000_000))
        finally:
            bare.execute("PRAGMA max_page_count = 1000000")
        return "large"

    *good, bad, last = write_in_company(desk, partial(keep, name="a"), fail, partial(keep, name="b"))
    assert isinstance(bad, OutOfSpace) and [*good, last] == ["held", "a", "b"]
    assert kept(desk) == {"held", "a", "b"}


def test_constraints_hold(desk: Desk) -> None:
    """A row could point at one that is not there, or two rows hold what only one may."""

    def dangling(connection: Connection) -> None:
        connection.execute(insert(package).values(project_id=999, format="toy", name_key="a", name="a"))

    def twice(connection: Connection) -> None:
        for _ in range(2):
            places.add_place(connection, kind="group", path="same", name="same", parent=None, visibility=0, description="", creator_id=None, at=now())

    for change in (dangling, twice):
        with pytest.raises(IntegrityError):
            desk.write(change)


def test_reads_see_one_moment(desk: Desk) -> None:
    """A reader could see the first half of its answer before a change and the second half after it."""
    project = desk.project("one")

    def count_twice(connection: Connection, between: object) -> tuple[int, int]:
        counted = select(func.count()).select_from(generation)
        first = connection.scalar(counted)
        between()  # type: ignore[operator]
        return int(first or 0), int(connection.scalar(counted) or 0)

    if desk.database.dialect == "sqlite":
        other = Desk(f"sqlite:///{desk.database.path}", desk.database.path.parent)  # type: ignore[union-attr]
        try:
            desk.write(begin, project)
            assert desk.read(count_twice, lambda: other.write(begin, project)) == (2, 2)
        finally:
            other.close()
    else:

        async def both() -> tuple[int, int]:
            await desk.database.write(begin, project)
            found: tuple[int, int] = await desk.database.read(count_twice, lambda: await_only(desk.database.write(begin, project)))
            return found

        assert desk.run(both()) == (2, 2)
    assert desk.read(count_twice, lambda: None) == (4, 4)


BY_PATH = Hot(select(place.c.id, place.c.kind, place.c.deleted).where(place.c.path_key == bindparam("path", type_=place.c.path_key.type)))
BELOW = Hot(select(place.c.id).where(place.c.id > bindparam("id", type_=Id), place.c.kind == "project").order_by(place.c.id))


def test_hot_reads(desk: Desk) -> None:
    """A read on the bare driver could answer otherwise than the same statement, or what was true before the last change."""
    first = desk.project("one")
    assert tuple(desk.run(desk.database.point(BY_PATH, {"path": "one"}))) == (first, "project", None)
    assert desk.run(desk.database.point(BY_PATH, {"path": "two"})) is None
    second = desk.project("two")
    assert tuple(desk.run(desk.database.point(BY_PATH, {"path": "two"}))) == (second, "project", None)
    assert [row[0] for row in desk.run(desk.database.points(BELOW, {"id": 0}))] == [first, second]
    desk.write(places.delete_place, first, now())
    assert desk.run(desk.database.point(BY_PATH, {"path": "one"}))[2] is not None
    for odd in ("'; DROP TABLE place; --", "", "a" * 1000, "é📦"):
        assert desk.run(desk.database.point(BY_PATH, {"path": odd})) is None


def test_a_lease_has_one_holder(desk: Desk) -> None:
    """Two processes could do a job at once that one is to do."""
    at = now()
    assert desk.write(events.take_lease, "seal", "one", at, 10)
    assert not desk.write(events.take_lease, "seal", "two", at, 10)
    assert desk.write(events.take_lease, "seal", "one", at, 10)
    assert desk.read(events.peek_lease, "seal") == ("one", at + 10_000_000)
    assert desk.write(events.take_lease, "seal", "two", at + 10_000_001, 10)


class Wire:
    """What a server is reached through, which can be cut and mended."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        self._server.close()
        for writer in self._open:
            writer.transport.abort()
        self._open.clear()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        self._open |= {writer, back}
        with contextlib.suppress(OSError):
            await asyncio.gather(_pour(reader, back), _pour(there, writer))


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


def test_server_out_of_reach(postgres: Cluster, postgres_url: str, tmp_path: Path) -> None:
    """While the database cannot be reached every request could be our own fault, with a traceback, and stay so when it can be again."""
    here, ends = Hot(select(literal_column("1"))), Hot(select(literal_column("pg_terminate_backend(pg_backend_pid())")))

    async def ask(database: Any, hot: Hot) -> list[Any]:
        asked = [database.read(hot.value), database.glance(hot.value), database.write(hot.value), database.jot(hot.value)]
        return [await _outcome(one) for one in (*asked, database.point(hot, {}), database.points(hot, {}))]

    async def go() -> None:
        wire = Wire(postgres.port)
        await wire.mend()
        database = open_database(postgres_url.replace(f":{postgres.port}/", f":{wire.port}/"), tmp_path)
        await database.start()
        assert await ask(database, here) == ["done"] * 6
        assert await ask(database, ends) == ["Unavailable"] * 6
        await wire.cut()
        assert await ask(database, here) == ["Unavailable"] * 6
        await wire.mend()
        await ask(database, here)  # which may find that a connection it has is lost
        assert await ask(database, here) == ["done"] * 6
        assert await _outcome(database.read(Hot(select(literal_column("no_such_column"))).value)) == "ProgrammingError"
        await database.close()
        await wire.cut()

    asyncio.run(go())


async def _outcome(asked: Awaitable[Any]) -> str:
    try:
        await asked
    except Exception as error:
        return type(error).__name__
    return "done"
