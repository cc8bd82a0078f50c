"""The one log, and its seals."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, and_, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from packhouse.db.tables import event, lease, seal
from packhouse.model import Instant

SEALING = 0x7365616C  # advisory lock: one sealing at a time


class EventRow(NamedTuple):
    id: int
    at: Instant
    what: str
    actor_id: int | None
    actor: str
    credential: str
    project_id: int | None
    format: str | None
    package_id: int | None
    version_id: int | None
    detail: str


_COLUMNS = tuple(event.c[name] for name in EventRow._fields)


def last_seal(connection: Connection) -> tuple[int, Instant, str]:
    """Number, instant and digest of the last seal, locked against another sealing."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({SEALING})")
    row = connection.execute(select(seal.c.number, seal.c.until, seal.c.digest).order_by(seal.c.number.desc()).limit(1)).first()
    return (0, 0, "") if row is None else (row.number, row.until, row.digest)


def between(connection: Connection, after: Instant, until: Instant, limit: int) -> list[EventRow]:
    """Events after one instant, up to another, in the order they are sealed."""
    rows = connection.execute(select(*_COLUMNS).where(event.c.at > after, event.c.at <= until).order_by(event.c.at, event.c.id).limit(limit))
    return [EventRow(*row) for row in rows]


def add_seal(connection: Connection, number: int, until: Instant, count: int, digest: str) -> None:
    connection.execute(insert(seal).values(number=number, until=until, events=count, digest=digest))


def extend_seal(connection: Connection, number: int, until: Instant) -> None:
    """Nothing happened since the last seal: it reaches further. The first one is made where there is none."""
    if connection.execute(update(seal).where(seal.c.number == number).values(until=until)).rowcount == 0:
        add_seal(connection, number, until, 0, "")


def list_seals(connection: Connection) -> list[tuple[int, Instant, int, str]]:
    rows = connection.execute(select(seal.c.number, seal.c.until, seal.c.events, seal.c.digest).order_by(seal.c.number))
    return [(r[0], r[1], r[2], r[3]) for r in rows]


def of_version(connection: Connection, version_id: int, limit: int = 50) -> list[EventRow]:
    """What happened to a version, newest first."""
    rows = connection.execute(select(*_COLUMNS).where(event.c.version_id == version_id).order_by(event.c.at.desc(), event.c.id.desc()).limit(limit))
    return [EventRow(*row) for row in rows]


def of_life(connection: Connection, version_id: int, limit: int = 50) -> list[EventRow]:
    """What happened to a version and, where it was restored, to those that it was before; newest first."""
    found = of_version(connection, version_id, limit)
    seen = {version_id}
    while len(found) < limit and found and found[-1].what == "restore":
        before = msgspec.json.decode(found[-1].detail, type=dict[str, Any]).get("from", "")
        if not str(before).isdigit() or int(before) in seen:
            break
        seen.add(int(before))
        found += of_version(connection, int(before), limit - len(found))
    return found


def of_project(connection: Connection, project_id: int, limit: int = 50) -> list[EventRow]:
    """What happened in a project, newest first."""
    rows = connection.execute(select(*_COLUMNS).where(event.c.project_id == project_id).order_by(event.c.at.desc(), event.c.id.desc()).limit(limit))
    return [EventRow(*row) for row in rows]


def last_change(connection: Connection, project_id: int) -> Instant:
    """When something last happened in a project: every change of its packages is written down."""
    return int(connection.scalar(select(func.max(event.c.at)).where(event.c.project_id == project_id)) or 0)


def take_lease(connection: Connection, name: str, holder: str, at: Instant, seconds: int) -> bool:
    """Hold a job alone: True for the holder, until it lapses."""
    free = and_(lease.c.name == name, or_(lease.c.holder == holder, lease.c.expires <= at))
    expires = at + seconds * 1_000_000
    if connection.execute(update(lease).where(free).values(holder=holder, expires=expires)).rowcount:
        return True
    if connection.execute(select(lease.c.holder).where(lease.c.name == name)).first() is not None:
        return False
    try:
        with connection.begin_nested():
            connection.execute(insert(lease).values(name=name, holder=holder, expires=expires))
    except IntegrityError:
        return False
    return True


def peek_lease(connection: Connection, name: str) -> tuple[str, Instant] | None:
    row: Any = connection.execute(select(lease.c.holder, lease.c.expires).where(lease.c.name == name)).first()
    return None if row is None else (row.holder, row.expires)


def has_unsealed(connection: Connection) -> bool:
    """Something happened since the last seal."""
    until = connection.scalar(select(seal.c.until).order_by(seal.c.number.desc()).limit(1)) or 0
    return connection.execute(select(event.c.id).where(event.c.at > until).limit(1)).first() is not None
