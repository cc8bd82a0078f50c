"""Resumable uploads: what came of a body so far, whose it is, and when it was touched last."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, insert, literal_column, select, update

from packhouse.db.changes import bound
from packhouse.db.engine import BATCH, Hot
from packhouse.db.tables import upload_session
from packhouse.model import Instant


class SessionRow(NamedTuple):
    name: str
    project: int
    format: str
    name_key: str
    actor: str
    size: int
    sha256: str
    touched: Instant


_SESSION = (
    upload_session.c.name,
    upload_session.c.project_id,
    upload_session.c.format,
    upload_session.c.name_key,
    upload_session.c.actor,
    upload_session.c.size,
    upload_session.c.sha256,
    upload_session.c.touched,
)

SESSIONS_OF_ACTOR = 64
SESSIONS_OF_PROJECT = 128
LATELY: Instant = 3600 * 1_000_000  # what was given up does not count for long


def _open_sessions(column: Any) -> Any:
    late = upload_session.c.touched > bound(upload_session, "touched", "since")
    return select(func.count()).select_from(upload_session).where(late, column == bound(upload_session, column.name)).scalar_subquery()


_NEW_SESSION = ("name", "project_id", "format", "name_key", "actor", "size", "sha256", "created", "touched")
_ADD_SESSION = Hot(
    insert(upload_session)
    .from_select(
        _NEW_SESSION,
        select(*(bound(upload_session, name) for name in _NEW_SESSION)).where(
            _open_sessions(upload_session.c.actor) < literal_column(str(SESSIONS_OF_ACTOR)),
            _open_sessions(upload_session.c.project_id) < literal_column(str(SESSIONS_OF_PROJECT)),
        ),
    )
    .returning(upload_session.c.name)
)


def add_session(connection: Connection, name: str, project: int, format: str, name_key: str, actor: str, sha256: str, at: Instant) -> bool:
    """False where too many are open already."""
    who = {"project_id": project, "format": format, "name_key": name_key, "actor": actor}
    times = {"created": at, "touched": at, "since": at - LATELY}
    return _ADD_SESSION.row(connection, name=name, **who, size=0, sha256=sha256, **times) is not None


_OF_SESSION = upload_session.c.name == bound(upload_session, "name")
SESSION = Hot(select(*_SESSION).where(_OF_SESSION))
_MOVE_SESSION = Hot(
    update(upload_session)
    .where(_OF_SESSION)
    .values(size=bound(upload_session, "size"), sha256=bound(upload_session, "sha256"), touched=bound(upload_session, "touched", "at"))
)
_DROP_SESSION = Hot(delete(upload_session).where(_OF_SESSION).returning(upload_session.c.name))


def find_session(connection: Connection, name: str) -> SessionRow | None:
    row = SESSION.row(connection, name=name)
    return None if row is None else SessionRow(*row)


def move_session(connection: Connection, name: str, size: int, sha256: str, at: Instant) -> None:
    """More of it is safe on disk."""
    _MOVE_SESSION.rows(connection, name=name, size=size, sha256=sha256, at=at)


def drop_session(connection: Connection, name: str) -> bool:
    """False where it was gone already."""
    return _DROP_SESSION.row(connection, name=name) is not None


def stale_sessions(connection: Connection, before: Instant, after: str = "", limit: int = BATCH) -> list[str]:
    """A page of the sessions that nobody has touched since, by name."""
    found = select(upload_session.c.name).where(upload_session.c.touched < before, upload_session.c.name > after)
    return list(connection.scalars(found.order_by(upload_session.c.name).limit(limit)))


def drop_stale_session(connection: Connection, name: str, before: Instant) -> bool:
    """False where it was gone already, or is not stale any more."""
    return connection.execute(delete(upload_session).where(upload_session.c.name == name, upload_session.c.touched < before)).rowcount > 0
