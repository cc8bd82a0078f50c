"""Users (core API 7.5)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from packhouse.api.call import Call, begin, check_person, path_id, user_id, writing
from packhouse.api.failures import UserNotFound
from packhouse.api.names import check_email, check_name, check_path
from packhouse.api.pages import by_keys, check_depth, cursor_id, paged, read_cursor, read_page, write_cursor
from packhouse.api.parameters import Parameters, read_parameters, read_query, unfit
from packhouse.api.shapes import Shape, account_shape, user_shape
from packhouse.auth.passwords import hash_aside
from packhouse.contract import ROOT, Action, Answer, Route
from packhouse.db import changes, places, users
from packhouse.db.users import UserRow
from packhouse.errors import Conflict, Forbidden, Invalid, InvalidParameter
from packhouse.model import Actor, Struct
from packhouse.responses import json_reply

SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 128
ORDERS = ("id", "name", "username", "created_at", "updated_at")


# -- reading ---------------------------------------------------------------------------------------------------------


async def get_self(call: Call) -> Answer:
    """Who is asking."""
    return json_reply(await call.house.database.read(_account, user_id(call.actor), call.house.settings.base_url))


async def get_user(call: Call) -> Answer:
    """A user: everything for an administrator and for the user, what is public for everybody else."""
    id_ = path_id(call, "user_id")
    full = call.actor.admin or call.actor.user_id == id_
    return json_reply(await call.house.database.read(_account if full else _profile, id_, call.house.settings.base_url))


def _account(connection: Connection, id_: int, base_url: str) -> Shape:
    return account_shape(_find(connection, id_), base_url, users.namespace_of(connection, id_))


def _profile(connection: Connection, id_: int, base_url: str) -> Shape:
    return user_shape(_find(connection, id_), base_url)


def _find(connection: Connection, id_: int) -> UserRow:
    found = users.get_user(connection, id_)
    if found is None:
        raise UserNotFound()
    return found


async def list_users(call: Call) -> Answer:
    """Users by name, search and state; without signing in, only by exact name."""
    parameters = read_query(call)
    username = parameters.text("username")
    if call.actor.anonymous and username is None:
        raise Forbidden("Forbidden - Not authorized to list users: sign in, or ask for one with username")
    active = parameters.flag("active")
    chosen: dict[str, Any] = {
        "search": parameters.text("search"),
        "username": username,
        "active": active if active else False if parameters.flag("blocked") else None,
        "order_by": (parameters.choice("order_by", ORDERS) or "id").replace("updated_at", "created_at"),
        "descending": (parameters.choice("sort", ("asc", "desc")) or "desc") == "desc",
    }
    page = read_page(parameters)
    if parameters.choice("pagination", ("offset", "legacy", "keyset")) == "keyset":
        return await _answer_keys(call, parameters, page.size, chosen)
    check_depth(page, "users")
    rows, total = await call.house.database.read(users.list_users, offset=page.offset, limit=page.size, **chosen)
    return paged(call, _shapes(call, rows), page, total)


async def _answer_keys(call: Call, parameters: Parameters, size: int, chosen: dict[str, Any]) -> Answer:
    order = chosen["order_by"]
    cursor = read_cursor(parameters)
    after = None if cursor is None else (_value(order, cursor), cursor_id(cursor))
    rows, _ = await call.house.database.read(users.list_users, limit=size + 1, after_value=after, **chosen)
    more, rows = len(rows) > size, rows[:size]
    if not more:
        return by_keys(call, _shapes(call, rows), None)
    last = rows[-1]
    key = {"id": last.id, "name": last.name, "username": last.username.lower(), "created_at": str(last.created)}[order]
    return by_keys(call, _shapes(call, rows), {"pagination": "keyset", "cursor": write_cursor({order: str(key), "id": str(last.id)})})


def _value(order: str, cursor: dict[str, str]) -> str | int:
    value = cursor.get(order)
    if value is None:
        raise unfit("cursor")
    if order in ("name", "username"):
        return value
    if not (value.isascii() and value.isdigit() and len(value) <= 18):
        raise unfit("cursor")
    return int(value)


def _shapes(call: Call, rows: list[UserRow]) -> list[Shape]:
    base_url = call.house.settings.base_url
    return [account_shape(row, base_url, None) if call.actor.admin else user_shape(row, base_url) for row in rows]


# -- changing --------------------------------------------------------------------------------------------------------


class NewUser(Struct):
    username: str
    name: str
    email: str
    password: str | None
    admin: bool
    external: bool


async def create_user(call: Call) -> Answer:
    """A new user and their namespace, at once active."""
    parameters = await read_parameters(call)
    parameters.require("email", "username", "name")
    password = parameters.text("password", LONGEST_PASSWORD)
    chosen = parameters.flag("force_random_password") or parameters.flag("reset_password")
    if password is None and not chosen:
        raise InvalidParameter(
            "password, reset_password, force_random_password are missing, at least one parameter must be provided", parameter="password"
        )
    check_password(password)
    new = NewUser(
        username=parameters.needed("username"),
        name=parameters.needed("name"),
        email=parameters.needed("email"),
        password=None if password is None else await hash_aside(password),  # none: nobody can know it
        admin=bool(parameters.flag("admin")),
        external=bool(parameters.flag("external")),
    )
    check_name(new.name)
    check_email(new.email)
    id_ = await call.house.database.write(create_person, new, call.actor)
    return json_reply(await call.house.database.read(_account, id_, call.house.settings.base_url), 201)


def check_password(password: str | None) -> None:
    """Raises `Invalid`."""
    if password is not None and len(password) < SHORTEST_PASSWORD:
        raise Invalid(f"Password is too short (minimum is {SHORTEST_PASSWORD} characters)")


def create_person(connection: Connection, new: NewUser, actor: Actor) -> int:
    """A person and their namespace. Raises `Conflict`, `Invalid`."""
    check_path(new.username, None, "Username")
    at = begin(connection)
    if places.path_taken(connection, new.username):
        raise Conflict("Username has already been taken")
    if users.email_taken(connection, new.email):
        raise Conflict("Email has already been taken")
    try:
        id_ = users.add_user(
            connection, username=new.username, name=new.name, email=new.email, password=new.password, at=at, admin=new.admin, external=new.external
        )
    except IntegrityError as error:
        raise Conflict("Username or email has already been taken") from error
    changes.add_event(connection, at, "user_create", actor, detail={"user": new.username, "admin": new.admin, "external": new.external})
    return id_


async def update_user(call: Call) -> Answer:
    """A user with another name, address, password or standing."""
    parameters = await read_parameters(call)
    values: dict[str, Any] = {}
    for name, check in (("name", check_name), ("email", check_email)):
        value = parameters.text(name)
        if value is not None:
            check(value)
            values[name] = value
    for name in ("admin", "external"):
        flag = parameters.flag(name)
        if flag is not None:
            values[name] = flag
    password = parameters.text("password", LONGEST_PASSWORD)
    check_password(password)
    if password is not None:
        values["password"] = await hash_aside(password)
    id_ = path_id(call, "user_id")
    await call.house.database.write(change_person, id_, values, call.actor)
    return json_reply(await call.house.database.read(_account, id_, call.house.settings.base_url))


def change_person(connection: Connection, id_: int, values: dict[str, Any], actor: Actor) -> None:
    """A person with other values; a new password or another standing ends every session. Raises `Conflict`, `Forbidden`, `UserNotFound`."""
    at = begin(connection)
    found = _person(connection, id_)
    if values.get("admin") is False and id_ == actor.user_id:
        raise Forbidden("Forbidden - You cannot take administration from yourself")
    if "email" in values and values["email"].lower() != found.email.lower() and users.email_taken(connection, values["email"]):
        raise Conflict("Email has already been taken")
    changed = values | ({"email_key": values["email"].lower()} if "email" in values else {})
    if not changed:
        return
    users.update_user(connection, id_, **changed)
    if "password" in values or values.get("admin", found.admin) != found.admin:
        users.drop_sessions(connection, id_)
    detail = {"user": found.username, **{name: value for name, value in values.items() if name != "password"}, "password": "password" in values}
    changes.add_event(connection, at, "user_update", actor, detail=detail)


def _person(connection: Connection, id_: int) -> UserRow:
    found = _find(connection, id_)
    if found.kind == "bot":
        raise Forbidden("Forbidden - This user belongs to an access token: revoke the token")
    return found


def change_to(state: str, what: str) -> Any:
    """A handler that brings a user into a state: who is not active is let in nowhere."""

    async def change(call: Call) -> Answer:
        check_person(call.actor)
        await call.house.database.write(_change_state, path_id(call, "user_id"), state, what, call.actor)
        return json_reply(True, 201)

    return change


def _change_state(connection: Connection, id_: int, state: str, what: str, actor: Actor) -> None:
    at = begin(connection)
    found = _person(connection, id_)
    if id_ == actor.user_id:
        raise Forbidden(f"Forbidden - You cannot {what} yourself")
    if what == "unblock" and found.state != "blocked":
        return
    if what in ("activate", "deactivate") and found.state == "blocked":
        raise Forbidden(f"Forbidden - A blocked user cannot be {what}d: unblock the user first")
    if found.state != state:
        users.change_state(connection, id_, state)
        changes.add_event(connection, at, f"user_{what}", actor, detail={"user": found.username})


def routes() -> list[Route]:
    base = "api/v4/users"
    one = f"{base}/{{user_id}}"
    states = (("blocked", "block"), ("active", "unblock"), ("deactivated", "deactivate"), ("active", "activate"))
    return [
        Route(method="GET", path="api/v4/user", handler=get_self, action=Action.SIGN_IN, reach=ROOT),
        Route(method="GET", path=base, handler=list_users, action=Action.SEE, reach=ROOT),
        Route(method="POST", path=base, handler=writing(create_user), action=Action.ADMIN, reach=ROOT),
        Route(method="GET", path=one, handler=get_user, action=Action.SIGN_IN, reach=ROOT),
        Route(method="PUT", path=one, handler=writing(update_user), action=Action.ADMIN, reach=ROOT),
        *(
            Route(method="POST", path=f"{one}/{what}", handler=writing(change_to(state, what)), action=Action.ADMIN, reach=ROOT)
            for state, what in states
        ),
    ]
