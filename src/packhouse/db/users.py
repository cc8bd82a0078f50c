"""Users, and their sessions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, literal, or_, select, tuple_, update

from packhouse.db.engine import Hot
from packhouse.db.tables import Id, lineage, member, place, session, user
from packhouse.model import Instant, Struct


class UserRow(Struct):
    id: int
    username: str
    name: str
    email: str
    kind: str
    admin: bool
    external: bool
    state: str
    created: Instant


_COLUMNS = (user.c.id, user.c.username, user.c.name, user.c.email, user.c.kind, user.c.admin, user.c.external, user.c.state, user.c.created)


def _row(r: Any) -> UserRow:
    return UserRow(id=r[0], username=r[1], name=r[2], email=r[3], kind=r[4], admin=bool(r[5]), external=bool(r[6]), state=r[7], created=r[8])


def find_password(connection: Connection, username: str) -> tuple[int, str] | None:
    """The id and stored password of an active person, by user name or mail address."""
    key = username.lower()
    row = connection.execute(
        select(user.c.id, user.c.password).where(
            or_(user.c.username_key == key, user.c.email_key == key), user.c.state == "active", user.c.kind == "human"
        )
    ).first()
    return None if row is None or row.password is None else (row.id, row.password)


PASSWORD = Hot(select(user.c.password).where(user.c.id == bindparam("user_id", type_=Id)))


def get_user(connection: Connection, id_: int) -> UserRow | None:
    row = connection.execute(select(*_COLUMNS).where(user.c.id == id_)).first()
    return None if row is None else _row(row)


def find_user(connection: Connection, name: str) -> UserRow | None:
    """By user name."""
    row = connection.execute(select(*_COLUMNS).where(user.c.username_key == name.lower())).first()
    return None if row is None else _row(row)


def list_users(
    connection: Connection,
    *,
    search: str | None = None,
    username: str | None = None,
    active: bool | None = None,
    offset: int = 0,
    limit: int = 20,
    order_by: str = "id",
    descending: bool = True,
    after: int | None = None,
    after_value: tuple[Any, int] | None = None,
) -> tuple[list[UserRow], int]:
    """A page of people, and how many there are; `after` is the id a keyset page starts behind, `after_value` the ordering value and id."""
    conditions: list[Any] = [user.c.kind == "human"]
    if search:
        needle = search.lower()
        conditions.append(or_(user.c.username_key.contains(needle, autoescape=True), func.lower(user.c.name).contains(needle, autoescape=True)))
    if username is not None:
        conditions.append(user.c.username_key == username.lower())
    if active is not None:
        conditions.append((user.c.state == "active") == active)
    total = connection.execute(select(func.count()).select_from(user).where(*conditions)).scalar_one()
    if after is not None:
        conditions.append(user.c.id < after if descending else user.c.id > after)
    column = {"id": user.c.id, "name": user.c.name, "username": user.c.username_key, "created_at": user.c.created}.get(order_by, user.c.id)
    if after_value is not None:
        here, there = tuple_(column, user.c.id), tuple_(literal(after_value[0]), literal(after_value[1]))
        conditions.append(here < there if descending else here > there)
    order = (column.desc(), user.c.id.desc()) if descending else (column, user.c.id)
    rows = connection.execute(select(*_COLUMNS).where(*conditions).order_by(*order).offset(offset).limit(limit))
    return [_row(r) for r in rows], total


def add_user(
    connection: Connection,
    *,
    username: str,
    name: str,
    email: str,
    password: str | None,
    at: Instant,
    kind: str = "human",
    admin: bool = False,
    external: bool = False,
) -> int:
    """A user and, for a person, the namespace of the same name. Raises IntegrityError where the name or address is taken."""
    user_id = int(
        connection.execute(
            insert(user)
            .values(
                username=username,
                username_key=username.lower(),
                name=name,
                email=email,
                email_key=email.lower(),
                kind=kind,
                admin=admin,
                external=external,
                state="active",
                password=password,
                created=at,
            )
            .returning(user.c.id)
        ).scalar_one()
    )
    if kind == "human":
        place_id = connection.execute(
            insert(place)
            .values(
                kind="user",
                parent_id=None,
                path=username,
                full_path=username,
                path_key=username.lower(),
                name=name,
                description="",
                visibility=20,
                packages_access="enabled",
                containers_access="enabled",
                archived=False,
                settings="{}",
                creator_id=user_id,
                created=at,
            )
            .returning(place.c.id)
        ).scalar_one()
        connection.execute(insert(lineage).values(place_id=place_id, ancestor_id=place_id, depth=0))
        connection.execute(insert(member).values(place_id=place_id, user_id=user_id, level=50, created=at))
    return user_id


def update_user(connection: Connection, id_: int, **values: Any) -> None:
    connection.execute(update(user).where(user.c.id == id_).values(**values))


def count_users(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(user)).scalar_one()


def names_of(connection: Connection, ids: Sequence[int]) -> dict[int, UserRow]:
    return {r[0]: _row(r) for r in connection.execute(select(*_COLUMNS).where(user.c.id.in_(ids)))}


# -- sessions -------------------------------------------------------------------------------------------------------


def add_session(connection: Connection, hash_: bytes, user_id: int, csrf: str, at: Instant) -> None:
    connection.execute(insert(session).values(hash=hash_, user_id=user_id, csrf=csrf, created=at, seen=at))


def find_session(connection: Connection, hash_: bytes) -> tuple[int, str, Instant, Instant] | None:
    """User id, CSRF token, when it began, when it was last seen."""
    row = connection.execute(select(session.c.user_id, session.c.csrf, session.c.created, session.c.seen).where(session.c.hash == hash_)).first()
    return None if row is None else (row.user_id, row.csrf, row.created, row.seen)


def touch_session(connection: Connection, hash_: bytes, at: Instant) -> None:
    connection.execute(update(session).where(session.c.hash == hash_).values(seen=at))


def drop_session(connection: Connection, hash_: bytes) -> None:
    connection.execute(delete(session).where(session.c.hash == hash_))


def drop_sessions(connection: Connection, user_id: int) -> None:
    connection.execute(delete(session).where(session.c.user_id == user_id))


# -- for the REST API -----------------------------------------------------------------------------------------------


def email_taken(connection: Connection, email: str) -> bool:
    return connection.execute(select(user.c.id).where(user.c.email_key == email.lower())).first() is not None


def change_state(connection: Connection, id_: int, state: str) -> None:
    """Active, blocked or deactivated; who is not active has no sessions."""
    connection.execute(update(user).where(user.c.id == id_).values(state=state))
    if state != "active":
        connection.execute(delete(session).where(session.c.user_id == id_))


def namespace_of(connection: Connection, user_id: int) -> int | None:
    """The id of a person's own namespace."""
    return connection.scalar(select(place.c.id).where(place.c.kind == "user", place.c.creator_id == user_id, place.c.deleted.is_(None)))
