"""Public keys whose holders sign requests on behalf of a token."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, delete, func, insert, or_, select

from packhouse.db.tables import signing_key, token, user
from packhouse.model import Instant, Struct

MOST_TRIED = 50  # keys of one user


class KeyRow(Struct):
    id: int
    token: int
    title: str
    public_key: str
    fingerprint: str
    created: Instant


_COLUMNS = (
    signing_key.c.id, signing_key.c.token_id, signing_key.c.title, signing_key.c.public_key, signing_key.c.fingerprint, signing_key.c.created,
)  # fmt: skip


def add_key(connection: Connection, token_id: int, title: str, public_key: str, fingerprint: str, at: Instant) -> int:
    """The id of a new key of a token."""
    values = {"token_id": token_id, "title": title, "public_key": public_key, "fingerprint": fingerprint, "created": at}
    return int(connection.execute(insert(signing_key).values(**values).returning(signing_key.c.id)).scalar_one())


def find_key(connection: Connection, token_id: int, fingerprint: str) -> KeyRow | None:
    row = connection.execute(select(*_COLUMNS).where(signing_key.c.token_id == token_id, signing_key.c.fingerprint == fingerprint)).first()
    return None if row is None else KeyRow(*row)


def keys_of_token(connection: Connection, token_id: int) -> list[KeyRow]:
    """The keys of a token, the oldest first."""
    return [KeyRow(*row) for row in connection.execute(select(*_COLUMNS).where(signing_key.c.token_id == token_id).order_by(signing_key.c.id))]


def is_taken(connection: Connection, user_id: int, fingerprint: str, at: Instant) -> bool:
    """Whether a live token of this user has this key."""
    found = (
        select(signing_key.c.id)
        .join(token, token.c.id == signing_key.c.token_id)
        .where(token.c.user_id == user_id, signing_key.c.fingerprint == fingerprint, *_is_live(at))
    )
    return connection.execute(found.limit(1)).first() is not None


def _is_live(at: Instant) -> tuple[ColumnElement[bool], ...]:
    return token.c.revoked.is_(None), or_(token.c.expires.is_(None), token.c.expires > at)


def keys_of_user(connection: Connection, username: str, at: Instant) -> list[tuple[int, str]]:
    """(token, public key) of each key that may sign for a user now, the newest first."""
    found = (
        select(signing_key.c.token_id, signing_key.c.public_key)
        .join(token, token.c.id == signing_key.c.token_id)
        .join(user, user.c.id == token.c.user_id)
        .where(user.c.username_key == username.lower(), user.c.state == "active", *_is_live(at))
        .order_by(signing_key.c.id.desc())
        .limit(MOST_TRIED)
    )
    return [(int(row[0]), str(row[1])) for row in connection.execute(found)]


def count_keys(connection: Connection, token_id: int) -> int:
    return connection.execute(select(func.count()).select_from(signing_key).where(signing_key.c.token_id == token_id)).scalar_one()


def drop_key(connection: Connection, token_id: int, id_: int) -> bool:
    """The key signs no more; whether it was there."""
    return connection.execute(delete(signing_key).where(signing_key.c.id == id_, signing_key.c.token_id == token_id)).rowcount > 0
