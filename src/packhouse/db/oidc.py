"""Issuers of identity tokens, what projects trust of them, and the tokens that were used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, func, insert, select

from packhouse.db.changes import upsert
from packhouse.db.tables import issuer, place, spent_identity, trusted_publisher
from packhouse.model import Instant, Struct


class IssuerRow(Struct):
    """An issuer that an administrator trusts."""

    id: int
    name: str
    url: str
    audience: str
    jwks_url: str
    created: Instant


class PublisherRow(Struct):
    """What a project trusts: tokens of an issuer with these claims."""

    id: int
    project: int
    issuer: int
    issuer_url: str
    claims: Mapping[str, str]
    format: str
    package: str
    user_id: int
    level: int
    created: Instant


_ISSUER = (issuer.c.id, issuer.c.name, issuer.c.url, issuer.c.audience, issuer.c.jwks_url, issuer.c.created)
_PUBLISHER = (
    trusted_publisher.c.id, trusted_publisher.c.project_id, trusted_publisher.c.issuer_id, issuer.c.url, trusted_publisher.c.claims,
    trusted_publisher.c.format, trusted_publisher.c.package, trusted_publisher.c.user_id, trusted_publisher.c.level, trusted_publisher.c.created,
)  # fmt: skip


def add_issuer(connection: Connection, name: str, url: str, audience: str, jwks_url: str, at: Instant) -> int | None:
    """The id of a new issuer; None where its URL is known already."""
    values = {"name": name, "url": url, "audience": audience, "jwks_url": jwks_url, "created": at}
    return connection.execute(upsert(connection)(issuer).values(**values).on_conflict_do_nothing().returning(issuer.c.id)).scalar()


def list_issuers(connection: Connection) -> list[IssuerRow]:
    """Every issuer, the oldest first."""
    return [IssuerRow(*r) for r in connection.execute(select(*_ISSUER).order_by(issuer.c.id))]


def get_issuer(connection: Connection, id_: int) -> IssuerRow | None:
    row = connection.execute(select(*_ISSUER).where(issuer.c.id == id_)).first()
    return None if row is None else IssuerRow(*row)


def find_issuer(connection: Connection, url: str) -> IssuerRow | None:
    """The issuer with exactly this URL."""
    row = connection.execute(select(*_ISSUER).where(issuer.c.url == url)).first()
    return None if row is None else IssuerRow(*row)


def drop_issuer(connection: Connection, id_: int) -> None:
    """The issuer is gone. Its publishers were taken away before."""
    connection.execute(delete(issuer).where(issuer.c.id == id_))


def _publisher(r: Any) -> PublisherRow:
    return PublisherRow(
        id=r[0],
        project=r[1],
        issuer=r[2],
        issuer_url=r[3],
        claims=msgspec.json.decode(r[4], type=dict[str, str]),
        format=r[5],
        package=r[6],
        user_id=r[7],
        level=r[8],
        created=r[9],
    )


def _publishers() -> Any:
    return select(*_PUBLISHER).join(issuer, issuer.c.id == trusted_publisher.c.issuer_id).order_by(trusted_publisher.c.id)


def add_publisher(
    connection: Connection, project: int, issuer_id: int, claims: Mapping[str, str], format: str, package: str, user_id: int, level: int, at: Instant
) -> int:
    """The id of a new rule."""
    text = msgspec.json.encode(claims, order="sorted").decode()
    values = {"project_id": project, "issuer_id": issuer_id, "claims": text, "format": format, "package": package, "user_id": user_id}
    made = insert(trusted_publisher).values(**values, level=level, created=at).returning(trusted_publisher.c.id)
    return int(connection.execute(made).scalar_one())


def get_publisher(connection: Connection, project: int, id_: int) -> PublisherRow | None:
    row = connection.execute(_publishers().where(trusted_publisher.c.id == id_, trusted_publisher.c.project_id == project)).first()
    return None if row is None else _publisher(row)


def publishers_of_project(connection: Connection, project: int) -> list[PublisherRow]:
    return [_publisher(r) for r in connection.execute(_publishers().where(trusted_publisher.c.project_id == project))]


def publishers_of_issuer(connection: Connection, issuer_id: int) -> list[PublisherRow]:
    """The rules of every project that is there, for this issuer."""
    there = select(place.c.id).where(place.c.deleted.is_(None))
    rows = _publishers().where(trusted_publisher.c.issuer_id == issuer_id, trusted_publisher.c.project_id.in_(there))
    return [_publisher(r) for r in connection.execute(rows)]


def every_publisher_of(connection: Connection, issuer_id: int) -> list[PublisherRow]:
    """The same with those of deleted projects."""
    return [_publisher(r) for r in connection.execute(_publishers().where(trusted_publisher.c.issuer_id == issuer_id))]


def count_publishers(connection: Connection, project: int) -> int:
    counted = select(func.count()).select_from(trusted_publisher).where(trusted_publisher.c.project_id == project)
    return connection.execute(counted).scalar_one()


def drop_publisher(connection: Connection, id_: int) -> None:
    connection.execute(delete(trusted_publisher).where(trusted_publisher.c.id == id_))


def spend(connection: Connection, digest: bytes, until: Instant, at: Instant) -> bool:
    """The token was used, which is remembered until then; False where it had been used before."""
    connection.execute(delete(spent_identity).where(spent_identity.c.until < at))
    made = upsert(connection)(spent_identity).values(digest=digest, until=until).on_conflict_do_nothing().returning(spent_identity.c.digest)
    return connection.execute(made).first() is not None
