"""What a restored database is told before it serves: nobody is signed in, and no bytes are removed for a while."""

from __future__ import annotations

from sqlalchemy import Connection, delete

from packhouse.db import changes, places
from packhouse.db.engine import now
from packhouse.db.tables import session
from packhouse.model import ANONYMOUS, Instant

HOLD = "collect.held_until"  # a setting of the instance


def mark_restored(connection: Connection, taken: str, hold_until: Instant) -> None:
    """Sessions end, bytes are kept until then, and the log says from which moment the rows are."""
    connection.execute(delete(session))
    hold(connection, hold_until)
    changes.add_event(connection, now(), "backup_restored", ANONYMOUS, detail={"taken": taken})


def hold(connection: Connection, until: Instant) -> None:
    """No bytes are removed before this instant."""
    places.set_instance_setting(connection, HOLD, str(until))


def held_until(connection: Connection) -> Instant:
    """Until when no bytes are removed; 0 where they are."""
    return int(places.read_setting(connection, HOLD) or 0)
