"""What a restored database is told before it serves: nobody is signed in, and no bytes are removed for a while."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, delete, select

from packhouse.db import changes, places
from packhouse.db.engine import now
from packhouse.db.tables import event, session
from packhouse.model import ANONYMOUS, Instant

RESTORED = "backup_restored"
HOLD = "collect.held_until"  # a setting of the instance


def mark_restored(connection: Connection, taken: str, hold_until: Instant) -> None:
    """Sessions end, bytes are kept until then, and the log says from which moment the rows are."""
    connection.execute(delete(session))
    hold(connection, hold_until)
    changes.add_event(connection, now(), RESTORED, ANONYMOUS, detail={"taken": taken})


def restored_from(connection: Connection) -> str:
    """The moment that the last restore has brought back, as its manifest has it; "" where there was none."""
    last = select(event.c.detail).where(event.c.what == RESTORED).order_by(event.c.id.desc()).limit(1)
    detail = connection.execute(last).scalar()
    return "" if detail is None else str(msgspec.json.decode(detail)["taken"])


def hold(connection: Connection, until: Instant) -> None:
    """No bytes are removed before this instant."""
    places.set_instance_setting(connection, HOLD, str(until))


def held_until(connection: Connection) -> Instant:
    """Until when no bytes are removed; 0 where they are."""
    return int(places.read_setting(connection, HOLD) or 0)
