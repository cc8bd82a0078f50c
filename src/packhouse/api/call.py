"""What a handler of the REST API holds, and the checks that need more than the route's action."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, Protocol

from sqlalchemy import Connection

from packhouse.auth.policy import Access, may
from packhouse.contract import ROOT, Params, Route
from packhouse.db import changes
from packhouse.errors import Forbidden, InsufficientScope, InvalidParameter, Unauthenticated
from packhouse.model import Action, Actor, Instant, Place, Role
from packhouse.packages.house import House
from packhouse.responses import Answer

Handler = Callable[["Call"], Awaitable[Answer]]
Kind = Literal["project", "group"]

TOKENS = frozenset({"personal", "project", "group"})
LARGEST_ID = 2**63 - 1


class Call(Protocol):
    """One request, authorised for its route."""

    house: House
    access: Access
    entry: Any
    address: str
    at: Instant | None  # the moment that is asked for; None: now
    lookup: Callable[[int | str], Awaitable[Access]]

    @property
    def method(self) -> str: ...

    @property
    def params(self) -> Params: ...

    @property
    def query(self) -> Mapping[str, str]: ...

    @property
    def query_list(self) -> list[tuple[str, str]]: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def actor(self) -> Actor: ...

    @property
    def place(self) -> Place: ...

    async def body(self) -> bytes: ...


def route_of(kind: Kind, method: str, tail: str, handler: Any, action: Action, **more: Any) -> Route:
    """A route of a project or a group; `tail` follows its id."""
    path = f"api/v4/{kind}s/{{id+}}{tail}"
    place: dict[str, Any] = {"place_of": lambda params: params["id"], "place_kind": kind}
    return Route(method=method, path=path, handler=handler, action=action, reach=ROOT, **place, **more)


def check_write(actor: Actor) -> None:
    """Whoever changes something needs the whole API. Raises `Forbidden`, `InsufficientScope`."""
    if actor.kind == "job":
        raise Forbidden()
    if actor.kind in TOKENS and "api" not in actor.scopes:
        raise InsufficientScope(scope="api")


def writing(handler: Handler) -> Handler:
    """The handler, for those who may write."""

    async def checked(call: Call) -> Answer:
        check_write(call.actor)
        return await handler(call)

    return checked


def writing_packages(handler: Handler) -> Handler:
    """The same, and for CI jobs too: their tokens are for packages."""

    async def checked(call: Call) -> Answer:
        if call.actor.kind != "job":
            check_write(call.actor)
        return await handler(call)

    return checked


def closed_to_jobs(handler: Handler) -> Handler:
    """The handler, for everybody but CI jobs, whose tokens are for packages (core API 9.1)."""

    async def checked(call: Call) -> Answer:
        if call.actor.kind == "job":
            raise Unauthenticated()
        return await handler(call)

    return checked


def standing(access: Access) -> int:
    """The role in a place; an administrator's is above every other."""
    return Role.ADMIN if access.actor.admin else access.role


def user_id(actor: Actor) -> int:
    """The user behind the actor. Raises `Unauthenticated`."""
    if actor.user_id is None:
        raise Unauthenticated()
    return actor.user_id


def check_person(actor: Actor) -> None:
    """Some things are for people, not for the robots of a project or group. Raises `Forbidden`."""
    if actor.kind in ("project", "group"):
        raise Forbidden("Forbidden - A project or group access token cannot do this: use a personal one")


def can(access: Access, action: Action) -> bool:
    """Whether the actor may do this there, whatever the method of this request."""
    return may(access, action)


def path_id(call: Call, name: str) -> int:
    """An id from the path. Raises `InvalidParameter`."""
    text = call.params[name]
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= LARGEST_ID):
        raise InvalidParameter(f"{name} is invalid", parameter=name)
    return int(text)


def begin(connection: Connection, place_id: int = 0) -> Instant:
    """The time of a change to a place or to the instance; on every database, one such change to a place at a time."""
    return changes.begin(connection, place_id, "", (), locks=("place",))
