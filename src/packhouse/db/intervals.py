"""What was so at a moment: rows from when they were created until they were deleted, values from when they were set until they were replaced."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Table, and_, or_

from packhouse.model import Instant


def visible(table: Table, at: Instant | None) -> ColumnElement[bool]:
    """The row was there at this moment; None is now."""
    if at is None:
        return table.c.deleted.is_(None)
    return and_(table.c.created <= at, or_(table.c.deleted.is_(None), table.c.deleted > at))


def in_force(table: Table, at: Instant | None) -> ColumnElement[bool]:
    """The interval was open at this moment; None is now."""
    if at is None:
        return table.c.until.is_(None)
    return and_(table.c.since <= at, or_(table.c.until.is_(None), table.c.until > at))
