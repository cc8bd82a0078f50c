"""Who a user is at a provider of single sign-on: issuer and subject, never a mail address."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select

from packhouse.db.tables import identity, user
from packhouse.model import Instant


class IdentityRow(NamedTuple):
    issuer: str
    subject: str
    created: Instant


def find_identity(connection: Connection, issuer: str, subject: str) -> tuple[int, str] | None:
    """The user of a subject, and the user's state."""
    row = connection.execute(
        select(user.c.id, user.c.state)
        .join(identity, identity.c.user_id == user.c.id)
        .where(identity.c.issuer == issuer, identity.c.subject == subject)
    ).first()
    return None if row is None else (int(row.id), str(row.state))


def add_identity(connection: Connection, issuer: str, subject: str, user_id: int, at: Instant) -> None:
    """Raises IntegrityError where the subject is somebody already."""
    connection.execute(insert(identity).values(issuer=issuer, subject=subject, user_id=user_id, created=at))


def identities_of(connection: Connection, user_id: int) -> list[IdentityRow]:
    """Where a user can sign in."""
    rows = connection.execute(
        select(identity.c.issuer, identity.c.subject, identity.c.created).where(identity.c.user_id == user_id).order_by(identity.c.issuer)
    )
    return [IdentityRow(*row) for row in rows]


def drop_identities(connection: Connection, user_id: int, issuer: str) -> bool:
    """The user signs in there no more; whether anything was there."""
    return connection.execute(delete(identity).where(identity.c.user_id == user_id, identity.c.issuer == issuer)).rowcount > 0
