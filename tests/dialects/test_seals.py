"""The seal: every event chained once, in order; a sealed moment is final (threats, P7; notes, section 8)."""

from __future__ import annotations

import asyncio
import hashlib

import msgspec
import pytest
from sqlalchemy import Connection, select, update
from sqlalchemy.util import await_only

from packhouse.db import events
from packhouse.db.engine import WRITERS, now
from packhouse.db.tables import event, seal
from packhouse.errors import Invalid, Unavailable
from packhouse.packages import history
from packhouse.packages.history import Clock, seal_events

from .conftest import Desk
from .test_engine import begin


def verify(connection: Connection) -> int:
    """The number of events under seal. Raises `AssertionError` where the chain does not hold."""
    digest, after, total = "", 0, 0
    for _number, until, count, told in events.list_seals(connection):
        batch = connection.execute(select(*events._COLUMNS).where(event.c.at > after, event.c.at <= until).order_by(event.c.at, event.c.id)).all()
        assert len(batch) == count
        if batch:
            sink = hashlib.sha256(digest.encode())
            for row in batch:
                sink.update(msgspec.json.encode(events.EventRow(*row)))
            assert sink.hexdigest() == told
        digest, after, total = told, until, total + count
    return total


def test_chain_holds(desk: Desk) -> None:
    """An event could be left out of the chain, or be in it twice."""
    project = desk.project("one")
    for round_ in range(4):
        for _ in range(round_ * 3):
            desk.write(begin, project)
        desk.write(seal_events)
        desk.write(seal_events)
    assert desk.read(verify) == 18


def test_batches(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """More events than fit into one batch could be sealed in another order, or partly."""
    monkeypatch.setattr(history, "BATCH", 7)
    project = desk.project("one")
    for _ in range(40):
        desk.write(begin, project)
    desk.write(seal_events)
    assert desk.read(verify) == 40
    assert len(desk.read(events.list_seals)) > 5


def test_events_of_one_instant_stay_together(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events of one instant could be parted by the end of a batch, and one of them be lost."""
    monkeypatch.setattr(history, "BATCH", 7)
    project = desk.project("one")
    for _ in range(20):
        desk.write(begin, project)

    def join_some(connection: Connection) -> None:
        times = list(connection.scalars(select(event.c.at).order_by(event.c.at)))
        connection.execute(update(event).where(event.c.at.in_(times[5:9])).values(at=times[5]))

    desk.write(join_some)
    desk.write(seal_events)
    assert desk.read(verify) == 20


def test_tampering_shows(desk: Desk) -> None:
    """Somebody with the database could change what happened, and nobody notice."""
    project = desk.project("one")
    for _ in range(5):
        desk.write(begin, project)
    desk.write(seal_events)
    desk.write(lambda c: c.execute(update(event).where(event.c.id == 3).values(actor="somebody else")))
    with pytest.raises(AssertionError):
        desk.read(verify)


def test_nothing_happened(desk: Desk) -> None:
    """A quiet server could write a seal every few seconds, for ever."""
    desk.write(begin, desk.project("one"))
    for _ in range(5):
        desk.write(seal_events)
    assert len(desk.read(events.list_seals)) == 1
    assert not desk.read(events.has_unsealed)


def test_settling(desk: Desk) -> None:
    """A moment could be told final while a change may still be made before it."""
    project = desk.project("one")
    desk.write(begin, project)
    clock = Clock(desk.database)
    moment = now()
    desk.run(clock.settle(moment))
    assert desk.write(begin, project) > moment
    with pytest.raises(Invalid, match="not happened"):
        desk.run(clock.settle(now() + 60_000_000))


def test_settling_waits_for_an_open_writer(desk: Desk) -> None:
    """A publish that is still open could come out before a moment that was told final."""
    if desk.database.dialect == "sqlite":
        pytest.skip("SQLite has one writer: sealing queues behind it")
    project = desk.project("one")

    async def scene() -> tuple[int, int]:
        opened, let_go = asyncio.Event(), asyncio.Event()
        times: list[int] = []

        def slow(connection: Connection) -> None:
            times.append(begin(connection, project))
            opened.set()
            await_only(let_go.wait())

        writing = asyncio.ensure_future(desk.database.write(slow))
        await opened.wait()
        moment = now()
        with pytest.raises(Unavailable):
            await Clock(desk.database).settle(moment)
        let_go.set()
        await writing
        await Clock(desk.database).settle(moment)
        return times[0], moment

    at, moment = desk.run(scene())
    assert at <= moment
    assert desk.read(verify) == 1


def test_open_writer_locks_its_second(desk: Desk) -> None:
    """The lock that a writer leaves for the sealing job could be of the second to come, which hides it."""
    if desk.database.dialect == "sqlite":
        pytest.skip("SQLite has one writer: it needs no lock for it")
    project = desk.project("one")

    def held(connection: Connection) -> tuple[int, int]:
        at = begin(connection, project)
        second = connection.exec_driver_sql(
            f"SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND classid::bigint = {WRITERS}"
        ).scalar_one()
        return at, int(second)

    for _ in range(30):
        at, second = desk.write(held)
        assert second <= at // 1_000_000


def test_clock_set_back(desk: Desk) -> None:
    """What was final could become open again when the clock is set back."""
    final = now() + 3_600_000_000
    desk.write(events.add_seal, 1, final, 0, "")
    assert desk.write(seal_events) == final
    assert desk.read(lambda c: c.scalar(select(seal.c.until))) == final
