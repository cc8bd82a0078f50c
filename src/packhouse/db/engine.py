"""Connections and transactions for both dialects.

Queries are plain functions of a SQLAlchemy connection. SQLite runs them in worker threads, one writer at a time; PostgreSQL runs the
same functions on asyncpg. The few point reads of the hot path are the same statements, compiled once and run on the bare driver.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import socket
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import structlog
from sqlalchemy import Connection, Engine, Executable, create_engine, event, make_url
from sqlalchemy.dialects import sqlite as sqlite_dialect
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from packhouse.errors import OutOfSpace, Unavailable
from packhouse.model import Instant

P = ParamSpec("P")
T = TypeVar("T")
Row = Sequence[Any]

BUSY_SECONDS = 10
READERS = 4
CHANGERS = 8  # threads: while it is the turn of one, others take the step before their change
TOGETHER = 16  # changes that share a transaction at most: what one of them takes, the others wait for
MEMO = 8192
BY_HAND = "packhouse_by_hand"  # option of a connection whose transactions are not SQLAlchemy's
BATCH = 400  # values that a statement takes as parameters at once
MISSING = object()


def now() -> Instant:
    """The clock of this machine, in microseconds."""
    return time.time_ns() // 1000


def this_second() -> Instant:
    """The clock, cut to a second: what a hot read is asked with, so that it can be remembered for as long."""
    return int(time.time()) * 1_000_000


def batches(values: Sequence[T], size: int = BATCH) -> Iterator[Sequence[T]]:
    """The values in pieces, each for one statement."""
    return (values[start : start + size] for start in range(0, len(values), size))


class Hot:
    """A statement of a hot path: compiled once for each dialect at its first use, run on the bare driver, answering bare tuples.

    `columns` are those an insert fills, each from a parameter of its name.
    """

    def __init__(self, statement: Executable, columns: Sequence[str] | None = None, *, postgres: Executable | None = None) -> None:
        self.statement = statement
        self._columns = columns
        self._postgres = statement if postgres is None else postgres  # where the dialects have words of their own

    @cached_property
    def sqlite(self) -> tuple[str, dict[str, Any]]:
        """The text with named parameters, and the values that are part of the statement."""
        compiled: Any = self._compile(self.statement, sqlite_dialect.dialect(paramstyle="named"))
        return str(compiled), {name: value for name, value in compiled.params.items() if value is not None}

    @cached_property
    def postgres(self) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        """The text with numbered parameters, their names in order, and the values that are part of the statement."""
        from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect  # 20 ms that SQLite need not pay

        compiled: Any = self._compile(self._postgres, asyncpg_dialect.dialect())  # type: ignore[no-untyped-call]
        return str(compiled), tuple(compiled.positiontup or ()), dict(compiled.params)

    def _compile(self, statement: Any, dialect: Any) -> Any:
        return statement.compile(dialect=dialect, column_keys=self._columns)

    def rows(self, connection: Connection, **params: Any) -> Sequence[Row]:
        """All rows, inside a transaction."""
        if connection.dialect.name == "sqlite":
            text, fixed = self.sqlite
            bare: Any = connection.connection.driver_connection
            rows: Sequence[Row] = bare.execute(text, fixed | params if fixed else params).fetchall()
            return rows
        text, names, fixed = self.postgres
        result = connection.exec_driver_sql(text, tuple(params[n] if n in params else fixed[n] for n in names))
        return list(result.fetchall()) if result.returns_rows else []

    def row(self, connection: Connection, **params: Any) -> Row | None:
        """The first row, inside a transaction."""
        found = self.rows(connection, **params)
        return found[0] if found else None

    def value(self, connection: Connection, **params: Any) -> Any:
        """The first column of the first row; None where there is none."""
        found = self.rows(connection, **params)
        return found[0][0] if found else None


class Database(Protocol):
    """What the rest of the house knows of a database."""

    dialect: str

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def read(self, query: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The query's answer, from one consistent snapshot. Raises `Unavailable`."""

    async def write(self, change: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The change, in one durable transaction: a raise rolls back. Raises `Unavailable`, `OutOfSpace`."""

    async def write_after(self, step: Callable[[], None], change: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """A step in a thread that may wait for a disk, and then `write`: no way over the event loop in between. Raises also what the step does."""

    async def jot(self, change: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """`write` for what may be lost when the power fails, though not when the process ends: nothing that was promised."""

    async def glance(self, query: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """`read` for a few hot statements and nothing else: without a thread where the database is a file."""

    def state(self) -> int | None:
        """A number that changes when any connection of any process commits; None where the database has none."""

    async def point(self, hot: Hot, params: dict[str, Any]) -> Row | None:
        """The first row of a hot read."""

    async def points(self, hot: Hot, params: dict[str, Any]) -> Sequence[Row]:
        """All rows of a hot read."""


# -- SQLite ----------------------------------------------------------------------------------------------------------


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun by us, not by the driver
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_SECONDS * 1000}",
        "cache_size=-16384",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def sqlite_engine(path: Path) -> Engine:
    """An engine whose connections are set up as the design asks: WAL, full synchronous, foreign keys."""
    engine = create_engine(
        f"sqlite:///{path}", connect_args={"check_same_thread": False, "cached_statements": 256}, pool_size=READERS + 2, hide_parameters=True
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    if not connection.get_execution_options().get(BY_HAND):
        bare: Any = connection.connection.driver_connection
        bare.execute("BEGIN")


class _Waiting:
    """A change that waits for the thread that writes, and what became of it."""

    __slots__ = ("change", "done", "durable", "error", "result")

    def __init__(self, change: Callable[[Connection], Any], durable: bool) -> None:
        self.change = change
        self.durable = durable
        self.done = False
        self.result: Any = None
        self.error: BaseException | None = None


class SqliteDatabase:
    """One file. Reads run on a few threads, changes on others, one at a time; a file lock queues the writers of several processes fairly.

    Changes that have come while another was written share the next transaction, and with it the wait for the disk.
    """

    dialect = "sqlite"

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock_path = path.with_suffix(".lock")
        self._engine: Engine | None = None
        self._hot: sqlite3.Connection | None = None
        self._waiting: deque[_Waiting] = deque()
        self._synchronous = "FULL"  # of the connection that changes
        self._memo: dict[tuple[Any, ...], Any] = {}
        self._memo_version: Any = None

    async def start(self) -> None:
        try:
            self._open()
        except (sqlite3.Error, DBAPIError, OSError) as error:
            raise Unavailable(f"The database {self.path} cannot be opened: {getattr(error, 'orig', error)}") from error

    def _open(self) -> None:
        self._engine = sqlite_engine(self.path)
        self._readers = ThreadPoolExecutor(READERS, "db-read")
        self._writing = ThreadPoolExecutor(CHANGERS, "db-write")
        self._turn = threading.Lock()  # of these threads
        self._lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o600)
        self._glancing = self._engine.connect()
        self._changing = self._engine.execution_options(**{BY_HAND: True}).connect()  # for the thread whose turn it is
        self._changing.begin()  # for SQLAlchemy one transaction, as long as it lives; the real ones are in `_transaction`
        # the same for both kinds of hot read: a commit empties the page cache of every other connection
        self._hot = self._glancing.connection.driver_connection

    async def close(self) -> None:
        self._readers.shutdown()
        self._writing.shutdown()
        if self._hot is not None:
            self._glancing.close()
            self._changing.close()
        if self._engine is not None:
            self._engine.dispose()
        os.close(self._lock)

    async def read(self, query: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, query, args, kwargs)

    def _read(self, query: Callable[..., T], args: Any, kwargs: Any) -> T:
        assert self._engine is not None
        with self._engine.begin() as connection:
            return query(connection, *args, **kwargs)

    async def write(self, change: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        result: T = await self._queue(_Waiting(lambda connection: change(connection, *args, **kwargs), durable=True))
        return result

    async def write_after(self, step: Callable[[], None], change: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        result: T = await self._queue(_Waiting(lambda connection: change(connection, *args, **kwargs), durable=True), step)
        return result

    async def jot(self, change: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        result: T = await self._queue(_Waiting(lambda connection: change(connection, *args, **kwargs), durable=False))
        return result

    async def _queue(self, one: _Waiting, step: Callable[[], None] | None = None) -> Any:
        if step is None:
            self._waiting.append(one)
        # shielded: a client that goes away must not leave a transaction half awaited
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._writing, self._outcome, one, step))

    def _outcome(self, one: _Waiting, step: Callable[[], None] | None) -> Any:
        if step is not None:
            step()
            self._waiting.append(one)
        while not one.done:  # else it was written together with one before it
            with self._turn:
                if not one.done:
                    self._write_waiting()
        if one.error is not None:
            raise one.error
        return one.result

    def _write_waiting(self) -> None:
        group: list[_Waiting] = []
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            group = self._take_waiting()  # also those that came while another process was writing
            # in WAL mode a commit at NORMAL is not synced by itself; the next durable one syncs it too
            self._set_synchronous("FULL" if any(one.durable for one in group) else "NORMAL")
            if len(group) == 1 or not self._write_together(group):
                for one in group:
                    self._write_alone(one)
        except BaseException as error:
            for one in group or self._take_waiting():  # nobody may wait for ever
                if not one.done:
                    one.error, one.done = error, True
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def _take_waiting(self) -> list[_Waiting]:
        return [self._waiting.popleft() for _ in range(min(len(self._waiting), TOGETHER))]

    def _write_together(self, group: Sequence[_Waiting]) -> bool:
        """All of them in one transaction, each undone by itself where it fails; False where the database failed, and nothing is written."""
        try:
            with self._transaction():
                for one in group:
                    self._write_part(one)
        except (OperationalError, sqlite3.OperationalError):
            return False
        for one in group:
            one.done = True
        return True

    def _write_part(self, one: _Waiting) -> None:
        bare: Any = self._changing.connection.driver_connection
        bare.execute("SAVEPOINT part")
        try:
            one.result = one.change(self._changing)
        except (OperationalError, sqlite3.OperationalError):
            raise  # a full disk ends the whole transaction
        except Exception as error:
            one.error = error
            bare.execute("ROLLBACK TO part")
        bare.execute("RELEASE part")

    def _write_alone(self, one: _Waiting) -> None:
        one.error = None
        try:
            with self._transaction():
                one.result = one.change(self._changing)
        except (OperationalError, sqlite3.OperationalError) as error:
            one.error = _translate(error)
            one.error.__cause__ = error if one.error is not error else None
        except BaseException as error:
            one.error = error
        one.done = True

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        bare: Any = self._changing.connection.driver_connection
        bare.execute("BEGIN IMMEDIATE")
        try:
            yield
            bare.execute("COMMIT")
        except BaseException:
            if bare.in_transaction:  # some errors end it by themselves
                bare.execute("ROLLBACK")
            raise

    def _set_synchronous(self, how: str) -> None:
        if how != self._synchronous:
            bare: Any = self._changing.connection.driver_connection
            bare.execute(f"PRAGMA synchronous={how}")
            self._synchronous = how

    async def glance(self, query: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        bare: Any = self._glancing.connection.driver_connection
        bare.execute("BEGIN")
        try:
            return query(self._glancing, *args, **kwargs)
        finally:
            bare.execute("COMMIT")

    def state(self) -> int | None:
        assert self._hot is not None
        return int(self._hot.execute("PRAGMA data_version").fetchone()[0])

    async def point(self, hot: Hot, params: dict[str, Any]) -> Row | None:
        assert self._hot is not None
        known = self._known(hot, params)
        if known is not MISSING:
            row: Row | None = known
            return row
        text, fixed = hot.sqlite
        row = self._hot.execute(text, fixed | params if fixed else params).fetchone()
        self._memo[(hot, *params.values())] = row
        return row

    async def points(self, hot: Hot, params: dict[str, Any]) -> Sequence[Row]:
        assert self._hot is not None
        known = self._known(hot, params)
        if known is not MISSING:
            rows: Sequence[Row] = known
            return rows
        text, fixed = hot.sqlite
        rows = self._hot.execute(text, fixed | params if fixed else params).fetchall()
        self._memo[(hot, *params.values())] = rows
        return rows

    def _known(self, hot: Hot, params: dict[str, Any]) -> Any:
        """What this read answered before, as long as no connection of any process has committed since."""
        assert self._hot is not None
        version = self._hot.execute("PRAGMA data_version").fetchone()
        if version != self._memo_version or len(self._memo) > MEMO:
            self._memo.clear()
            self._memo_version = version
        return self._memo.get((hot, *params.values()), MISSING)


def _translate(error: DBAPIError | sqlite3.OperationalError) -> Exception:
    """What it means for who asked; where the end of a transaction made more errors, the first one tells."""
    each: BaseException | None = error
    while isinstance(each, (DBAPIError, sqlite3.Error)):
        text = str(each.orig if isinstance(each, DBAPIError) else each).lower()
        if "full" in text or "no space" in text or "disk i/o error" in text:
            return OutOfSpace()
        if "locked" in text or "busy" in text:
            return Unavailable()
        each = each.__cause__ or each.__context__
    return error


# -- PostgreSQL ------------------------------------------------------------------------------------------------------

OUTAGES = ("08", "57P0", "53300")  # SQLSTATEs begin so: a connection that is lost, a server that ends or begins, one that takes no more connections


@contextlib.contextmanager
def _tell_outage() -> Iterator[None]:
    """Raises `Unavailable` in place of what says that the server cannot be asked."""
    try:
        yield
    except Exception as error:
        if not _is_outage(error):
            raise
        structlog.get_logger().error("database does not answer", error=f"{type(error).__name__}: {error}"[:500])
        raise Unavailable("The database does not answer: try again later") from error


def _is_outage(error: BaseException) -> bool:
    import asyncpg  # type: ignore[import-untyped]

    if isinstance(error, DBAPIError):
        return error.connection_invalidated or (error.orig is not None and _is_outage(error.orig))
    if isinstance(error, (ConnectionError, TimeoutError, socket.gaierror, NoConnectionFree)):
        return True
    # of the driver's own errors, those that are values too are about what it was given
    closed = isinstance(error, asyncpg.InterfaceError) and not isinstance(error, ValueError)
    return closed or str(getattr(error, "sqlstate", None) or "").startswith(OUTAGES)


class PostgresDatabase:
    """asyncpg twice: under SQLAlchemy for queries and changes, bare for the hot reads."""

    dialect = "postgresql"

    def __init__(self, url: str, pool: int = 8) -> None:
        self._url = make_url(url).set(drivername="postgresql+asyncpg")
        self._pool_size = pool

    async def start(self) -> None:
        import asyncpg
        from sqlalchemy.ext.asyncio import create_async_engine

        self._engine = create_async_engine(self._url, pool_size=self._pool_size, max_overflow=4, pool_pre_ping=True, hide_parameters=True)
        plain = self._url.set(drivername="postgresql")
        try:
            self._pool = await asyncpg.create_pool(plain.render_as_string(hide_password=False), min_size=1, max_size=self._pool_size)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            shown = plain.set(query={}).render_as_string()  # without the password
            raise Unavailable(f"The database {shown} cannot be opened: {error or type(error).__name__}") from error

    async def close(self) -> None:
        await self._pool.close()
        await self._engine.dispose()

    async def read(self, query: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        with _tell_outage():
            async with self._engine.connect() as connection:
                await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                return await connection.run_sync(query, *args, **kwargs)

    async def glance(self, query: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.read(query, *args, **kwargs)

    async def jot(self, change: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        def jotted(connection: Connection) -> T:
            connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
            return change(connection, *args, **kwargs)

        return await self.write(jotted)

    async def write(self, change: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.shield(asyncio.ensure_future(self._write(change, args, kwargs)))

    async def write_after(self, step: Callable[[], None], change: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        await asyncio.to_thread(step)
        return await self.write(change, *args, **kwargs)

    async def _write(self, change: Callable[..., T], args: Any, kwargs: Any, tries: int = 5) -> T:
        for attempt in range(tries):
            try:
                with _tell_outage():
                    async with self._engine.begin() as connection:
                        return await connection.run_sync(change, *args, **kwargs)
            except DBAPIError as error:
                # deadlocks and serialisation failures are the database's word for "again"
                if getattr(error.orig, "sqlstate", "") in ("40001", "40P01") and attempt + 1 < tries:
                    continue
                if getattr(error.orig, "sqlstate", "") == "53100":
                    raise OutOfSpace() from error
                raise
        raise Unavailable()

    def state(self) -> int | None:
        return None

    async def point(self, hot: Hot, params: dict[str, Any]) -> Row | None:
        text, names, fixed = hot.postgres
        with _tell_outage():
            row: Row | None = await self._pool.fetchrow(text, *[params[n] if n in params else fixed[n] for n in names])
        return row

    async def points(self, hot: Hot, params: dict[str, Any]) -> Sequence[Row]:
        text, names, fixed = hot.postgres
        with _tell_outage():
            rows: Sequence[Row] = await self._pool.fetch(text, *[params[n] if n in params else fixed[n] for n in names])
        return rows


WRITE_URL = "PACKHOUSE_DATABASE_URL must be postgresql://user:password@host/database or sqlite:////path/of/a/file"


def open_database(url: str, data: Path) -> SqliteDatabase | PostgresDatabase:
    """The database a URL names; without one, a file in the data folder. Raises `Unavailable` for a URL that names none."""
    if not url:
        return SqliteDatabase(data / "packhouse.sqlite3")
    try:
        parsed = make_url(url)
        kind = parsed.get_backend_name()
    except (ArgumentError, ValueError) as error:
        raise Unavailable(WRITE_URL) from error
    if kind == "sqlite":
        return SqliteDatabase(Path(parsed.database or data / "packhouse.sqlite3"))
    if kind != "postgresql":
        raise Unavailable(f"{WRITE_URL}, not {kind}://")
    return PostgresDatabase(url)


# -- clock and locks of a writing transaction -----------------------------------------------------------------------

WRITERS = 0x7061636B  # advisory lock class: "a writer that began in this second is still open"
ROOTS = 0x726F6F74


def writer_clock(connection: Connection, roots: Sequence[str], last: Callable[[], Instant]) -> Instant:
    """Lock these roots in order, then take the time of this transaction: after every moment that is final, and after `last()` under the locks.

    On PostgreSQL a writer first takes a shared lock on the second it begins in, so that the sealing job can see how far back an open
    transaction may still write (`sealed_until`). SQLite has one writer, and needs none of it.
    """
    if connection.dialect.name == "postgresql":
        run = connection.exec_driver_sql
        second = run("SELECT floor(extract(epoch FROM clock_timestamp()))::int").scalar_one()
        run(f"SELECT pg_advisory_xact_lock_shared({WRITERS}, {second})")
        for root in sorted(set(roots)):
            run(f"SELECT pg_advisory_xact_lock({ROOTS}, hashtext($1))", (root,))
        clock = int(run("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint").scalar_one())
    else:
        clock = now()
    return max(clock, last() + 1)


def sealed_until(connection: Connection) -> Instant:
    """The latest instant that no open transaction can still write to; to be asked before the events are read."""
    if connection.dialect.name != "postgresql":
        return now()  # asked inside the one write transaction: nobody else is open
    run = connection.exec_driver_sql
    clock = int(run("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint").scalar_one())
    oldest = run(
        "SELECT min(objid::bigint) FROM pg_locks WHERE locktype = 'advisory' AND classid::bigint = "
        f"{WRITERS} AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    ).scalar()
    return clock if oldest is None else min(clock, int(oldest) * 1_000_000 - 1)
