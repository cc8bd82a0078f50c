"""Members of places: who has which role where, by itself or from above, and until when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, delete, func, insert, or_, select, update

from packhouse.db.tables import lineage, member, user
from packhouse.model import Instant, Struct


class MemberRow(Struct):
    user_id: int
    username: str
    name: str
    state: str
    level: int
    expires: Instant | None
    created: Instant


_MEMBER = (member.c.user_id, user.c.username, user.c.name, user.c.state, member.c.level, member.c.expires, member.c.created)


def list_members(
    connection: Connection,
    id_: int,
    *,
    inherited: bool = False,
    search: str | None = None,
    user_ids: Sequence[int] | None = None,
    offset: int = 0,
    limit: int = 20,
    at: Instant | None = None,
) -> tuple[list[MemberRow], int]:
    """Direct members, or with inherited ones: the highest level of each user counts. `at` leaves out who is none any more by then."""
    joined = member.join(user, user.c.id == member.c.user_id)
    conditions: list[ColumnElement[bool]] = []
    if inherited:
        joined = joined.join(lineage, lineage.c.ancestor_id == member.c.place_id)
        conditions.append(lineage.c.place_id == id_)
    else:
        conditions.append(member.c.place_id == id_)
    if search:
        conditions.append(
            or_(user.c.username_key.contains(search.lower(), autoescape=True), func.lower(user.c.name).contains(search.lower(), autoescape=True))
        )
    if user_ids:
        conditions.append(member.c.user_id.in_(user_ids))
    if at is not None:
        conditions.append(or_(member.c.expires.is_(None), member.c.expires > at))
    best: dict[int, MemberRow] = {}
    for r in connection.execute(select(*_MEMBER).select_from(joined).where(*conditions).order_by(member.c.user_id, member.c.level.desc())):
        best.setdefault(r[0], MemberRow(user_id=r[0], username=r[1], name=r[2], state=r[3], level=r[4], expires=r[5], created=r[6]))
    everybody = list(best.values())
    return everybody[offset : offset + limit], len(everybody)


def set_member(connection: Connection, place_id: int, user_id: int, level: int, expires: Instant | None, at: Instant) -> None:
    connection.execute(insert(member).values(place_id=place_id, user_id=user_id, level=level, expires=expires, created=at))


def update_member(connection: Connection, place_id: int, user_id: int, **values: Any) -> bool:
    return connection.execute(update(member).where(member.c.place_id == place_id, member.c.user_id == user_id).values(**values)).rowcount > 0


def drop_member(connection: Connection, place_id: int, user_id: int) -> bool:
    return connection.execute(delete(member).where(member.c.place_id == place_id, member.c.user_id == user_id)).rowcount > 0


def role_of(connection: Connection, place_id: int, user_id: int, at: Instant) -> int:
    """The highest level over the place and its ancestors; 0 for none."""
    found = connection.scalar(
        select(func.max(member.c.level))
        .select_from(lineage.join(member, member.c.place_id == lineage.c.ancestor_id))
        .where(lineage.c.place_id == place_id, member.c.user_id == user_id, or_(member.c.expires.is_(None), member.c.expires > at))
    )
    return int(found or 0)


def levels_of(connection: Connection, ids: Sequence[int], user_id: int, at: Instant) -> dict[int, tuple[int, int]]:
    """A user's level in each place itself, and the highest one above it; 0 for none."""
    own = func.max(case((lineage.c.depth == 0, member.c.level), else_=0))
    above = func.max(case((lineage.c.depth > 0, member.c.level), else_=0))
    rows = connection.execute(
        select(lineage.c.place_id, own, above)
        .select_from(lineage.join(member, member.c.place_id == lineage.c.ancestor_id))
        .where(lineage.c.place_id.in_(ids), member.c.user_id == user_id, or_(member.c.expires.is_(None), member.c.expires > at))
        .group_by(lineage.c.place_id)
    )
    return {r[0]: (int(r[1]), int(r[2])) for r in rows}


def count_owners(connection: Connection, place_id: int, at: Instant, but: int) -> int:
    """How many people own the place themselves, this one left out."""
    return connection.execute(
        select(func.count())
        .select_from(member.join(user, user.c.id == member.c.user_id))
        .where(
            member.c.place_id == place_id,
            member.c.level >= 50,
            member.c.user_id != but,
            user.c.kind == "human",
            or_(member.c.expires.is_(None), member.c.expires > at),
        )
    ).scalar_one()
