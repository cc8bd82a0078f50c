"""Whose jobs a project lets in with their tokens: itself, and what is on its allow list (core API 9.1)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import Connection

from packhouse.api.call import Call, Kind, begin, path_id, route_of, writing
from packhouse.api.failures import GroupNotFound
from packhouse.api.pages import paged, read_page
from packhouse.api.parameters import Parameters, read_parameters, read_query, unfit
from packhouse.api.places import get_live, group_shapes, project_shapes
from packhouse.api.shapes import Shape
from packhouse.auth.policy import can_see
from packhouse.contract import Action, Answer, Route
from packhouse.db import changes, pipelines, places
from packhouse.db.engine import now
from packhouse.errors import Invalid, InvalidParameter, NotFound, PlaceNotFound
from packhouse.model import Actor, Struct
from packhouse.responses import empty_reply, json_reply

MOST = 200
POLICIES = ("READ_PACKAGES", "ADMIN_PACKAGES")


class NewAlly(Struct):
    """A project or group to be let in, and how far."""

    id: int
    policies: tuple[str, ...]


async def get_scope(call: Call) -> Answer:
    """Whether the list counts."""
    opened = await call.house.database.read(pipelines.is_open, call.place.id)
    return json_reply({"inbound_enabled": not opened, "outbound_enabled": False})


async def change_scope(call: Call) -> Answer:
    """Switch the list on or off."""
    parameters = await read_parameters(call)
    parameters.require("enabled")
    await call.house.database.write(_change, call.place.id, bool(parameters.flag("enabled")), call.actor)
    return empty_reply()


def _change(connection: Connection, project: int, enabled: bool, actor: Actor) -> None:
    at = begin(connection, project)
    get_live(connection, project)
    if pipelines.is_open(connection, project) is enabled:
        pipelines.set_open(connection, project, not enabled)
        changes.add_event(connection, at, "job_scope_change", actor, project=project, detail={"inbound_enabled": enabled})


async def list_projects(call: Call) -> Answer:
    """The projects whose jobs come in; the project itself is the first."""
    return await _answer_list(call, "project")


async def list_groups(call: Call) -> Answer:
    """The groups whose projects' jobs come in."""
    return await _answer_list(call, "group")


async def _answer_list(call: Call, kind: Kind) -> Answer:
    page = read_page(read_query(call))
    found, _ = await call.house.database.read(pipelines.read_allow_list, call.place.id, kind, 0, MOST)
    ids = [call.place.id, *found] if kind == "project" else found
    shapes = await call.house.database.read(_shapes, kind, ids[page.offset : page.offset + page.size], call.house.settings.base_url, call.actor)
    return paged(call, shapes, page, len(ids))


def _shapes(connection: Connection, kind: Kind, ids: list[int], base_url: str, actor: Actor) -> list[Shape]:
    found = places.get_places(connection, ids)
    rows = [found[id_] for id_ in ids if id_ in found]
    return project_shapes(connection, rows, base_url, actor, now()) if kind == "project" else group_shapes(connection, rows, base_url)


def adding(kind: Kind) -> Callable[[Call], Awaitable[Answer]]:
    """The handler that puts a project or a group on the list."""

    async def add(call: Call) -> Answer:
        """One more whose jobs come in, if the caller may know of it."""
        new = read_new(await read_parameters(call), f"target_{kind}_id")
        access = await call.lookup(new.id)
        if access.place is None or access.place.kind != kind or not can_see(access, access.place):
            raise PlaceNotFound() if kind == "project" else GroupNotFound()
        await call.house.database.write(_add, call.place.id, new, call.actor)
        return json_reply({"source_project_id": call.place.id, f"target_{kind}_id": new.id}, 201)

    return writing(add)


def read_new(parameters: Parameters, name: str) -> NewAlly:
    """What is sent about an entry; `job_token_policies`, our own parameter, says how far it goes. Raises `InvalidParameter`."""
    parameters.require(name)
    id_ = parameters.integer(name)
    policies = tuple(dict.fromkeys(word.upper() for word in parameters.texts("job_token_policies") or []))
    if not set(POLICIES).issuperset(policies):
        raise unfit("job_token_policies")
    if id_ is None or id_ < 1:
        raise InvalidParameter(f"{name} is invalid", parameter=name)
    return NewAlly(id=id_, policies=policies)


def _add(connection: Connection, project: int, new: NewAlly, actor: Actor) -> None:
    at = begin(connection, project)
    get_live(connection, project)
    if pipelines.count_allies(connection, project) >= MOST:
        raise Invalid(f"The allow list holds at most {MOST} projects and groups: remove one first")
    if new.id == project or not pipelines.add_ally(connection, project, new.id, new.policies, at):
        raise Invalid("This target is already in the job token scope")
    changes.add_event(connection, at, "job_scope_add", actor, project=project, detail={"ally": new.id, "policies": list(new.policies)})


def removing(kind: Kind) -> Callable[[Call], Awaitable[Answer]]:
    """The handler that takes one off the list."""

    async def remove(call: Call) -> Answer:
        """Its jobs come in no more."""
        await call.house.database.write(_remove, call.place.id, path_id(call, f"target_{kind}_id"), call.actor)
        return empty_reply()

    return writing(remove)


def _remove(connection: Connection, project: int, ally: int, actor: Actor) -> None:
    at = begin(connection, project)
    if not pipelines.drop_ally(connection, project, ally):
        raise NotFound("This target is not in the job token scope")
    changes.add_event(connection, at, "job_scope_remove", actor, project=project, detail={"ally": ally})


def routes() -> list[Route]:
    def one(method: str, tail: str, handler: Any) -> Route:
        return route_of("project", method, f"/job_token_scope{tail}", handler, Action.MANAGE)

    return [
        one("GET", "", get_scope),
        one("PATCH", "", writing(change_scope)),
        one("GET", "/allowlist", list_projects),
        one("POST", "/allowlist", adding("project")),
        one("DELETE", "/allowlist/{target_project_id}", removing("project")),
        one("GET", "/groups_allowlist", list_groups),
        one("POST", "/groups_allowlist", adding("group")),
        one("DELETE", "/groups_allowlist/{target_group_id}", removing("group")),
    ]
