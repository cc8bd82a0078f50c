"""Groups and what they hold (core API 7.1)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from packhouse.api.call import Call, begin, check_person, route_of, user_id, writing
from packhouse.api.names import check_name, check_path
from packhouse.api.pages import by_keys, check_depth, cursor_id, paged, read_cursor, read_page, write_cursor
from packhouse.api.parameters import Parameters, read_parameters, read_query, unfit
from packhouse.api.places import (
    PROJECT_CREATION,
    SUBGROUP_CREATION,
    VISIBILITIES,
    add_owner,
    check_creation,
    check_free,
    check_visibility,
    find_namespace,
    get_live,
    group_shapes,
    project_shapes,
    read_description,
    read_visibility,
    write_settings,
)
from packhouse.api.projects import LEVELS, answer_list, move, remove
from packhouse.api.shapes import Shape
from packhouse.auth.policy import Access
from packhouse.contract import ROOT, Action, Answer, Route
from packhouse.db import changes, places
from packhouse.db.engine import now
from packhouse.db.places import PlaceQuery
from packhouse.db.scopes import Reader
from packhouse.errors import Conflict, Forbidden, Invalid, InvalidParameter
from packhouse.model import Actor, Role, Struct, Visibility
from packhouse.responses import json_reply

ORDERS = ("name", "path", "id", "similarity")
INLINE_PROJECTS = 100


# -- reading ---------------------------------------------------------------------------------------------------------


def read_group_query(call: Call, parameters: Parameters, **more: Any) -> PlaceQuery:
    """The filters and the order of a list of groups. Raises `InvalidParameter`."""
    least = parameters.level("min_access_level", LEVELS)
    if parameters.flag("owned"):
        least = Role.OWNER
    elif parameters.flag("all_available") is False and least is None:
        least = Role.GUEST
    visibility = parameters.choice("visibility", VISIBILITIES)
    order = parameters.choice("order_by", ORDERS) or "name"
    return PlaceQuery(
        kind="group",
        reader=Reader.of(call.actor, now()),
        search=parameters.text("search"),
        top_level=bool(parameters.flag("top_level_only")),
        visibility=None if visibility is None else VISIBILITIES[visibility],
        min_level=least,
        order_by="name" if order == "similarity" else order,
        descending=parameters.choice("sort", ("asc", "desc")) == "desc",
        **more,
    )


async def _answer_groups(call: Call, parameters: Parameters, **more: Any) -> Answer:
    page = read_page(parameters)
    check_depth(page, "groups")
    query = read_group_query(call, parameters, offset=page.offset, limit=page.size, **more)
    shapes, total = await call.house.database.read(_list, query, call.house.settings.base_url)
    return paged(call, shapes, page, total)


def _list(connection: Connection, query: PlaceQuery, base_url: str) -> tuple[list[Shape], int]:
    found, total = places.list_places(connection, query)
    return group_shapes(connection, found, base_url), total


async def list_groups(call: Call) -> Answer:
    """The groups this actor may know of."""
    parameters = read_query(call)
    if parameters.choice("pagination", ("offset", "legacy", "keyset")) != "keyset":
        return await _answer_groups(call, parameters)
    if (parameters.text("order_by") or "name") != "name" or parameters.text("sort") == "desc":
        raise InvalidParameter("order_by does not have a valid value: keyset pages of groups are ordered by name, ascending", parameter="order_by")
    page = read_page(parameters)
    cursor = read_cursor(parameters)
    if cursor is not None and "name" not in cursor:
        raise unfit("cursor")
    after = None if cursor is None else (cursor["name"], cursor_id(cursor))
    query = read_group_query(call, parameters, limit=page.size + 1, after_name=after)
    shapes, _ = await call.house.database.read(_list, query, call.house.settings.base_url)
    more, shapes = len(shapes) > page.size, shapes[: page.size]
    if not more:
        return by_keys(call, shapes, None)
    last = shapes[-1]
    return by_keys(call, shapes, {"cursor": write_cursor({"name": last["name"].lower(), "id": str(last["id"])})})


async def get_group(call: Call) -> Answer:
    """One group, with the first of its own projects unless `with_projects` is false."""
    with_projects = read_query(call).flag("with_projects") is not False
    return json_reply(await describe(call, call.place.id, with_projects=with_projects))


async def describe(call: Call, group: int, *, with_projects: bool = False) -> Shape:
    """A group as this actor sees it."""
    return await call.house.database.read(_describe, group, call.house.settings.base_url, call.actor, with_projects)


def _describe(connection: Connection, group: int, base_url: str, actor: Actor, with_projects: bool) -> Shape:
    shape = group_shapes(connection, [get_live(connection, group)], base_url)[0]
    if with_projects:
        query = PlaceQuery(kind="project", reader=Reader.of(actor, now()), parent=group, order_by="id", limit=INLINE_PROJECTS)
        shape["projects"] = project_shapes(connection, places.list_places(connection, query)[0], base_url, actor, now())
        shape["shared_projects"] = []
    return shape


async def list_subgroups(call: Call) -> Answer:
    """The groups directly below."""
    return await _answer_groups(call, read_query(call), parent=call.place.id)


async def list_descendants(call: Call) -> Answer:
    """The groups below, at any depth."""
    return await _answer_groups(call, read_query(call), below=call.place.id)


async def list_group_projects(call: Call) -> Answer:
    """The projects of the group and, if asked, of the groups below."""
    parameters = read_query(call)
    if parameters.flag("include_subgroups"):
        return await answer_list(call, parameters, below=call.place.id)
    return await answer_list(call, parameters, parent=call.place.id)


# -- making and changing ---------------------------------------------------------------------------------------------


class Wanted(Struct):
    """What is sent about a group; None leaves a thing as it is."""

    name: str | None = None
    path: str | None = None
    description: str | None = None
    visibility: Visibility | None = None
    settings: dict[str, Any] = {}


def read_wanted(parameters: Parameters) -> Wanted:
    """The parameters of a group. Raises `Invalid`."""
    name = parameters.text("name")
    if name is not None:
        check_name(name)
    settings = {
        "project_creation_level": parameters.choice("project_creation_level", PROJECT_CREATION),
        "subgroup_creation_level": parameters.choice("subgroup_creation_level", SUBGROUP_CREATION),
        "request_access_enabled": parameters.flag("request_access_enabled"),
    }
    return Wanted(
        name=name,
        path=parameters.text("path"),
        description=read_description(parameters),
        visibility=read_visibility(parameters),
        settings={key: value for key, value in settings.items() if value is not None},
    )


async def create_group(call: Call) -> Answer:
    """A new group, at the top or in another group."""
    parameters = await read_parameters(call)
    parameters.require("name", "path")
    wanted = read_wanted(parameters)
    parent = parameters.integer("parent_id")
    access = None if parent is None else await find_namespace(call, parent, users=False)
    if access is None:
        check_person(call.actor)
        if call.actor.external:
            raise Forbidden("Forbidden - External users do not create groups at the top")
    group = await call.house.database.write(_create, wanted, access, call.actor)
    return json_reply(await describe(call, group), 201)


def _create(connection: Connection, wanted: Wanted, access: Access | None, actor: Actor) -> int:
    parent = None if access is None or access.place is None else access.place
    at = begin(connection, 0 if parent is None else parent.id)
    path = wanted.path or ""
    if access is not None and parent is not None:
        parent = get_live(connection, parent.id)
        check_creation(connection, access, "subgroup_creation_level")
    check_path(path, None if parent is None else parent.full_path)
    visibility = wanted.visibility or Visibility.PRIVATE
    check_visibility(visibility, parent)
    full_path = path if parent is None else f"{parent.full_path}/{path}"
    check_free(connection, full_path)
    try:
        group = places.add_place(
            connection,
            kind="group",
            path=path,
            name=wanted.name or path,
            parent=parent,
            visibility=visibility,
            description=wanted.description or "",
            creator_id=actor.user_id,
            at=at,
        )
    except IntegrityError as error:
        raise Conflict("Somebody took this path just now: choose another") from error
    write_settings(connection, group, wanted.settings)
    add_owner(connection, group, user_id(actor), at)
    changes.add_event(connection, at, "group_create", actor, project=group, detail={"path": full_path})
    return group


async def update_group(call: Call) -> Answer:
    """The group with what was sent."""
    wanted = read_wanted(await read_parameters(call))
    await call.house.database.write(_update, call.place.id, wanted, call.actor)
    return json_reply(await describe(call, call.place.id))


def _update(connection: Connection, group: int, wanted: Wanted, actor: Actor) -> None:
    at = begin(connection, group)
    current = get_live(connection, group)
    parent = None if current.parent_id is None else get_live(connection, current.parent_id)
    values: dict[str, Any] = {}
    for name in ("name", "description", "visibility"):
        value = getattr(wanted, name)
        if value is not None and value != getattr(current, name):
            values[name] = int(value) if name == "visibility" else value
    if "visibility" in values:
        check_visibility(values["visibility"], parent)
        below = places.most_visible_below(connection, group)
        if below > values["visibility"]:
            word = Visibility(below).name.lower()
            raise Invalid(f"Visibility level is too low: the group holds something that is {word}. Change that first")
    if values:
        places.update_place(connection, group, **values)
    write_settings(connection, group, wanted.settings)
    values |= wanted.settings
    if wanted.path is not None and wanted.path != current.path:
        move(connection, current, wanted.path, parent)
        values["path"] = wanted.path
    if values:
        changes.add_event(connection, at, "group_update", actor, project=group, detail=values)


async def transfer_group(call: Call) -> Answer:
    """The group and everything below it under another group or, without `group_id`, at the top."""
    parent = (await read_parameters(call)).integer("group_id")
    access = None if parent is None else await find_namespace(call, parent, users=False)
    if access is None and call.actor.external:
        raise Forbidden("Forbidden - External users do not move groups to the top")
    await call.house.database.write(_transfer, call.place.id, access, call.actor)
    return json_reply(await describe(call, call.place.id), 201)


def _transfer(connection: Connection, group: int, access: Access | None, actor: Actor) -> None:
    at = begin(connection, group)
    current = get_live(connection, group)
    target = None if access is None or access.place is None else get_live(connection, access.place.id)
    if (None if target is None else target.id) == current.parent_id:
        raise Invalid("Group is already there: choose another parent")
    if target is not None and access is not None:
        if places.is_below(connection, target.id, group):
            raise Invalid(f"Group cannot be moved below itself: {target.full_path!r} is part of it")
        check_creation(connection, access, "subgroup_creation_level")
        check_visibility(max(int(current.visibility), places.most_visible_below(connection, group)), target)
    move(connection, current, current.path, target)
    detail = {"from": current.full_path, "to": current.path if target is None else f"{target.full_path}/{current.path}"}
    add_owner(connection, group, user_id(actor), at)
    changes.add_event(connection, at, "group_transfer", actor, project=group, detail=detail)


async def delete_group(call: Call) -> Answer:
    """The group is gone, with everything below it; the paths stay reserved."""
    await call.house.database.write(remove, call.place.id, "group_delete", call.actor)
    return json_reply({"message": "202 Accepted"}, 202)


def routes() -> list[Route]:
    def one(method: str, tail: str, handler: Any, action: Action) -> Route:
        return route_of("group", method, tail, handler, action)

    return [
        Route(method="GET", path="api/v4/groups", handler=list_groups, action=Action.SEE, reach=ROOT),
        Route(method="POST", path="api/v4/groups", handler=writing(create_group), action=Action.SIGN_IN, reach=ROOT),
        one("GET", "", get_group, Action.SEE),
        one("PUT", "", writing(update_group), Action.OWN),
        one("DELETE", "", writing(delete_group), Action.OWN),
        one("POST", "/transfer", writing(transfer_group), Action.OWN),
        one("GET", "/subgroups", list_subgroups, Action.SEE),
        one("GET", "/descendant_groups", list_descendants, Action.SEE),
        one("GET", "/projects", list_group_projects, Action.SEE),
    ]
