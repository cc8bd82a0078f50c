"""Tokens of every kind; only their hashes are here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, insert, or_, select, update

from packhouse.db.tables import lineage, member, place, token
from packhouse.model import Instant, Struct


class TokenRow(Struct):
    id: int
    kind: str
    user_id: int | None
    place_id: int | None
    name: str
    description: str
    username: str
    scopes: tuple[str, ...]
    level: int
    family: int
    created: Instant
    expires: Instant | None
    revoked: Instant | None
    last_used: Instant | None

    def active(self, at: Instant) -> bool:
        """Neither revoked nor expired."""
        return self.revoked is None and (self.expires is None or self.expires > at)


_COLUMNS = (
    token.c.id,
    token.c.kind,
    token.c.user_id,
    token.c.place_id,
    token.c.name,
    token.c.description,
    token.c.username,
    token.c.scopes,
    token.c.level,
    token.c.family,
    token.c.created,
    token.c.expires,
    token.c.revoked,
    token.c.last_used,
)


def _row(r: Any) -> TokenRow:
    return TokenRow(
        id=r[0],
        kind=r[1],
        user_id=r[2],
        place_id=r[3],
        name=r[4],
        description=r[5],
        username=r[6],
        scopes=tuple(r[7].split()),
        level=r[8],
        family=r[9],
        created=r[10],
        expires=r[11],
        revoked=r[12],
        last_used=r[13],
    )


def add_token(
    connection: Connection,
    *,
    kind: str,
    hash_: bytes,
    user_id: int | None,
    place_id: int | None,
    name: str,
    scopes: Sequence[str],
    at: Instant,
    expires: Instant | None,
    creator_id: int | None,
    description: str = "",
    username: str = "",
    level: int = 0,
    family: int = 0,
) -> int:
    """The id. Deploy tokens without a user name get one made from the id."""
    token_id = int(
        connection.execute(
            insert(token)
            .values(
                kind=kind,
                hash=hash_,
                user_id=user_id,
                place_id=place_id,
                name=name,
                description=description,
                username=username,
                scopes=" ".join(scopes),
                level=level,
                family=family,
                creator_id=creator_id,
                created=at,
                expires=expires,
            )
            .returning(token.c.id)
        ).scalar_one()
    )
    values: dict[str, Any] = {}
    if family == 0:
        values["family"] = token_id
    if kind == "deploy" and not username:
        values["username"] = f"gitlab+deploy-token-{token_id}"
    if values:
        connection.execute(update(token).where(token.c.id == token_id).values(**values))
    return token_id


def get_token(connection: Connection, id_: int) -> TokenRow | None:
    row = connection.execute(select(*_COLUMNS).where(token.c.id == id_)).first()
    return None if row is None else _row(row)


class TokenQuery(Struct):
    """A list of tokens (core API 8)."""

    kinds: tuple[str, ...]
    user_id: int | None = None
    place_id: int | None = None
    search: str | None = None
    revoked: bool | None = None
    active: bool | None = None
    at: Instant = 0
    created_after: Instant | None = None
    created_before: Instant | None = None
    expires_after: Instant | None = None
    expires_before: Instant | None = None
    last_used_after: Instant | None = None
    last_used_before: Instant | None = None
    order_by: str = "created"
    descending: bool = True
    offset: int = 0
    limit: int = 20


def list_tokens(connection: Connection, query: TokenQuery) -> tuple[list[TokenRow], int]:
    """A page, and how many there are."""
    conditions: list[ColumnElement[bool]] = [token.c.kind.in_(query.kinds)]
    for column, value in ((token.c.user_id, query.user_id), (token.c.place_id, query.place_id)):
        if value is not None:
            conditions.append(column == value)
    if query.search:
        conditions.append(func.lower(token.c.name).contains(query.search.lower(), autoescape=True))
    if query.revoked is not None:
        conditions.append(token.c.revoked.is_not(None) if query.revoked else token.c.revoked.is_(None))
    if query.active is not None:
        alive = (token.c.revoked.is_(None)) & or_(token.c.expires.is_(None), token.c.expires > query.at)
        conditions.append(alive if query.active else ~alive)
    for column, after, before in (
        (token.c.created, query.created_after, query.created_before),
        (token.c.expires, query.expires_after, query.expires_before),
        (token.c.last_used, query.last_used_after, query.last_used_before),
    ):
        if after is not None:
            conditions.append(column >= after)
        if before is not None:
            conditions.append(column <= before)
    total = connection.execute(select(func.count()).select_from(token).where(*conditions)).scalar_one()
    sorts: dict[str, Any] = {"created": token.c.created, "expires": token.c.expires, "last_used": token.c.last_used, "name": func.lower(token.c.name)}
    column = sorts.get(query.order_by, token.c.created)
    order = (column.desc(), token.c.id.desc()) if query.descending else (column.asc(), token.c.id.asc())
    rows = connection.execute(select(*_COLUMNS).where(*conditions).order_by(*order).offset(query.offset).limit(query.limit))
    return [_row(r) for r in rows], total


def revoke_token(connection: Connection, id_: int, at: Instant) -> None:
    connection.execute(update(token).where(token.c.id == id_, token.c.revoked.is_(None)).values(revoked=at))


def revoke_family(connection: Connection, family: int, at: Instant) -> None:
    """Every token of a rotation chain."""
    connection.execute(update(token).where(token.c.family == family, token.c.revoked.is_(None)).values(revoked=at))


def revoke_user(connection: Connection, user_id: int, at: Instant) -> None:
    connection.execute(update(token).where(token.c.user_id == user_id, token.c.revoked.is_(None)).values(revoked=at))


def revoke_below(connection: Connection, place_id: int, at: Instant) -> None:
    """Tokens of a place and everything below it: they end with it."""
    below = select(lineage.c.place_id).where(lineage.c.ancestor_id == place_id)
    connection.execute(update(token).where(token.c.place_id.in_(below), token.c.revoked.is_(None)).values(revoked=at))


def find_by_hash(connection: Connection, hash_: bytes) -> TokenRow | None:
    row = connection.execute(select(*_COLUMNS).where(token.c.hash == hash_)).first()
    return None if row is None else _row(row)


def end_token(connection: Connection, id_: int, at: Instant) -> bool:
    """Revoke a token; False where somebody did before."""
    return connection.execute(update(token).where(token.c.id == id_, token.c.revoked.is_(None)).values(revoked=at)).rowcount > 0


def places_of(connection: Connection, user_id: int, kind: str, least: int, at: Instant, offset: int, limit: int) -> list[int]:
    """Projects or groups where the user holds at least this level, by id."""
    held = (
        select(lineage.c.place_id)
        .join(member, member.c.place_id == lineage.c.ancestor_id)
        .where(member.c.user_id == user_id, member.c.level >= least, or_(member.c.expires.is_(None), member.c.expires > at))
    )
    rows = (
        select(place.c.id)
        .where(place.c.id.in_(held), place.c.kind == kind, place.c.deleted.is_(None))
        .order_by(place.c.id)
        .offset(offset)
        .limit(limit)
    )
    return list(connection.scalars(rows))
