"""Projects (core API 7.2, 7.3)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from packhouse.api.call import Call, begin, route_of, user_id, writing
from packhouse.api.failures import UserNotFound
from packhouse.api.names import check_name, check_path, make_path
from packhouse.api.pages import by_keys, check_depth, cursor_id, paged, read_cursor, read_page
from packhouse.api.parameters import Parameters, read_parameters, read_query
from packhouse.api.places import (
    SIMPLE,
    VISIBILITIES,
    add_owner,
    check_creation,
    check_free,
    check_visibility,
    find_namespace,
    get_live,
    own_namespace,
    project_shapes,
    read_description,
    read_settings,
    read_visibility,
    write_settings,
)
from packhouse.api.registry_cleanup import change_policy, policy_shape
from packhouse.api.shapes import Shape, select_keys
from packhouse.auth.policy import Access, authorize
from packhouse.contract import ROOT, Action, Answer, Route
from packhouse.db import changes, gits, packages, places, repositories, tokens
from packhouse.db import users as users_db
from packhouse.db.engine import now
from packhouse.db.places import PlaceQuery
from packhouse.db.scopes import Reader
from packhouse.errors import Conflict, Forbidden, Invalid, InvalidParameter
from packhouse.model import Actor, Place, Role, Struct, Visibility, replace
from packhouse.packages import mirrors
from packhouse.packages.cleanup import CONTAINER
from packhouse.packages.repositories import change_default_branch
from packhouse.responses import json_reply

PACKAGE_LEVELS = ("disabled", "private", "enabled", "public")
CONTAINER_LEVELS = ("disabled", "private", "enabled")
ORDERS = {"id": "id", "name": "name", "path": "path", "created_at": "created_at", "updated_at": "created_at", "last_activity_at": "created_at",
          "similarity": "name", "star_count": "id"}  # fmt: skip
LEVELS = (10, 15, 20, 30, 40, 50)


# -- reading ---------------------------------------------------------------------------------------------------------


def read_project_query(call: Call, parameters: Parameters, **more: Any) -> PlaceQuery:
    """The filters and the order of a list of projects. Raises `InvalidParameter`."""
    least = parameters.level("min_access_level", LEVELS)
    if parameters.flag("owned"):
        least = Role.OWNER
    elif parameters.flag("membership") and least is None:
        least = Role.GUEST
    visibility = parameters.choice("visibility", VISIBILITIES)
    return PlaceQuery(
        kind="project",
        reader=Reader.of(call.actor, now()),
        search=parameters.text("search"),
        archived=parameters.flag("archived"),
        visibility=None if visibility is None else VISIBILITIES[visibility],
        min_level=least,
        order_by=ORDERS[parameters.choice("order_by", ORDERS) or "created_at"],
        descending=(parameters.choice("sort", ("asc", "desc")) or "desc") == "desc",
        **more,
    )


async def answer_list(call: Call, parameters: Parameters, **more: Any) -> Answer:
    """A page of projects by number."""
    page = read_page(parameters)
    check_depth(page, "projects")
    query = read_project_query(call, parameters, offset=page.offset, limit=page.size, **more)
    shapes, total = await call.house.database.read(_list, query, call.house.settings.base_url, call.actor)
    return paged(call, select_keys(shapes, SIMPLE) if parameters.flag("simple") else shapes, page, total)


def _list(connection: Connection, query: PlaceQuery, base_url: str, actor: Actor) -> tuple[list[Shape], int]:
    found, total = places.list_places(connection, query)
    return project_shapes(connection, found, base_url, actor, now()), total


async def list_projects(call: Call) -> Answer:
    """The projects this actor may know of."""
    parameters = read_query(call)
    if parameters.choice("pagination", ("offset", "legacy", "keyset")) != "keyset":
        return await answer_list(call, parameters)
    if (parameters.text("order_by") or "id") != "id":
        raise InvalidParameter("order_by does not have a valid value: keyset pages of projects are ordered by id", parameter="order_by")
    page = read_page(parameters)
    cursor = read_cursor(parameters)
    after = cursor_id(cursor) if cursor is not None else None
    for name in ("id_after", "id_before"):
        after = after if parameters.integer(name) is None else parameters.integer(name)
    query = read_project_query(call, parameters, limit=page.size + 1, after=after)
    query = replace(query, order_by="id")
    shapes, _ = await call.house.database.read(_list, query, call.house.settings.base_url, call.actor)
    more = len(shapes) > page.size
    shapes = shapes[: page.size]
    following = {"pagination": "keyset", ("id_before" if query.descending else "id_after"): str(shapes[-1]["id"])} if more else None
    return by_keys(call, select_keys(shapes, SIMPLE) if parameters.flag("simple") else shapes, following)


async def list_projects_of_user(call: Call) -> Answer:
    """The projects in a user's own namespace."""
    who = call.params["user_id"]
    found = await call.house.database.read(_namespace, who)
    if found is None:
        raise UserNotFound()
    return await answer_list(call, read_query(call), parent=found)


def _namespace(connection: Connection, who: str) -> int | None:
    found = users_db.get_user(connection, int(who)) if who.isascii() and who.isdigit() and len(who) <= 18 else users_db.find_user(connection, who)
    return None if found is None else users_db.namespace_of(connection, found.id)


async def get_project(call: Call) -> Answer:
    """One project."""
    return json_reply(await describe(call, call.place.id))


async def describe(call: Call, project: int) -> Shape:
    """A project as this actor sees it."""
    return await call.house.database.read(_describe, project, call.house.settings.base_url, call.actor)


def _describe(connection: Connection, project: int, base_url: str, actor: Actor) -> Shape:
    shape = project_shapes(connection, [get_live(connection, project)], base_url, actor, now())[0]
    repository = gits.get_repository(connection, project)
    shape["import_status"] = "none" if repository is None else repository.mirror_state
    shape["keep_deleted_names"] = bool(read_settings(connection, project).get("keep_deleted_names", False))
    shape["container_expiration_policy"] = policy_shape(repositories.get_policy(connection, project))
    return shape


# -- making ----------------------------------------------------------------------------------------------------------


class Wanted(Struct):
    """What is sent about a project; None leaves a thing as it is."""

    name: str | None = None
    path: str | None = None
    description: str | None = None
    visibility: Visibility | None = None
    packages_access: str | None = None
    containers_access: str | None = None
    keep_deleted_names: bool | None = None


def read_wanted(parameters: Parameters) -> Wanted:
    """The parameters of a project. Raises `Invalid`."""
    name, path = parameters.text("name"), parameters.text("path")
    if name is not None:
        check_name(name)
    return Wanted(
        name=name,
        path=path,
        description=read_description(parameters),
        visibility=read_visibility(parameters),
        packages_access=_read_level(parameters, "package_registry_access_level", PACKAGE_LEVELS, "packages_enabled"),
        containers_access=_read_level(parameters, "container_registry_access_level", CONTAINER_LEVELS, "container_registry_enabled"),
        keep_deleted_names=parameters.flag("keep_deleted_names"),
    )


def _read_level(parameters: Parameters, name: str, levels: tuple[str, ...], switch: str) -> str | None:
    level, on = parameters.choice(name, levels), parameters.flag(switch)
    if level is None and on is not None:
        return "enabled" if on else "disabled"
    return level


async def create_project(call: Call) -> Answer:
    """A new project, in a group or in the actor's own namespace."""
    parameters = await read_parameters(call)
    wanted = read_wanted(parameters)
    if not wanted.name and not wanted.path:
        raise InvalidParameter("name, path are missing, at least one parameter must be provided", parameter="name")
    namespace = parameters.integer("namespace_id")
    access = None if namespace is None else await find_namespace(call, namespace, users=True)
    url = parameters.text("import_url", 1024)
    copied = await mirrors.read_import(call.house, url) if url else None
    project = await call.house.database.write(_create, wanted, access, call.actor)
    if copied is not None:
        await call.house.database.write(mirrors.change_mirror, project, copied, call.actor)
    return json_reply(await describe(call, project), 201)


def _create(connection: Connection, wanted: Wanted, access: Access | None, actor: Actor) -> int:
    parent = own_namespace(connection, user_id(actor)) if access is None else access.place
    assert parent is not None
    if actor.external and parent.kind == "user":
        raise Forbidden("Forbidden - External users have no projects of their own: send the namespace_id of a group")
    at = begin(connection, parent.id)
    parent = get_live(connection, parent.id)
    if access is not None:
        check_creation(connection, access, "project_creation_level")
    path = wanted.path or make_path(wanted.name or "")
    check_path(path, parent.full_path)
    visibility = wanted.visibility or Visibility.PRIVATE
    check_visibility(visibility, parent)
    check_public_pull(connection, wanted.packages_access)
    check_free(connection, f"{parent.full_path}/{path}")
    try:
        project = places.add_place(
            connection,
            kind="project",
            path=path,
            name=wanted.name or path,
            parent=parent,
            visibility=visibility,
            description=wanted.description or "",
            creator_id=actor.user_id,
            at=at,
            packages_access=wanted.packages_access or "enabled",
            containers_access=wanted.containers_access or "enabled",
        )
    except IntegrityError as error:
        raise Conflict("Somebody took this path just now: choose another") from error
    if wanted.keep_deleted_names is not None:
        write_settings(connection, project, {"keep_deleted_names": wanted.keep_deleted_names})
    add_owner(connection, project, user_id(actor), at)
    changes.add_event(connection, at, "project_create", actor, project=project, detail={"path": f"{parent.full_path}/{path}"})
    return project


def check_public_pull(connection: Connection, level: str | None) -> None:
    """The instance lets projects open their packages to everybody. Raises `Invalid`."""
    if level == "public" and places.instance_settings(connection).get("package_registry_allow_anyone_to_pull_option") == "false":
        raise Invalid("package_registry_access_level public is switched off on this instance: choose enabled")


# -- changing --------------------------------------------------------------------------------------------------------


async def update_project(call: Call) -> Answer:
    """The project with what was sent. Its visibility and path are for owners."""
    parameters = await read_parameters(call)
    wanted, policy = read_wanted(parameters), parameters.inner("container_expiration_policy_attributes")
    project = call.place
    if (wanted.visibility is not None and wanted.visibility != project.visibility) or (wanted.path is not None and wanted.path != project.path):
        authorize(call.access, Action.OWN)
    branch = parameters.text("default_branch")
    if branch:
        await change_default_branch(call.house, project.id, branch)
    await call.house.database.write(_update, project.id, wanted, policy, call.actor)
    return json_reply(await describe(call, project.id))


def _update(connection: Connection, project: int, wanted: Wanted, policy: Parameters | None, actor: Actor) -> None:
    at = begin(connection, project)
    current = get_live(connection, project)
    values: dict[str, Any] = {}
    for name in ("name", "description", "visibility", "packages_access", "containers_access"):
        value = getattr(wanted, name)
        if value is not None and value != getattr(current, name):
            values[name] = int(value) if name == "visibility" else value
    parent = get_live(connection, current.parent_id or 0)
    if "visibility" in values:
        check_visibility(values["visibility"], parent)
    check_public_pull(connection, values.get("packages_access"))
    if values:
        places.update_place(connection, project, **values)
    if wanted.keep_deleted_names is not None:
        write_settings(connection, project, {"keep_deleted_names": wanted.keep_deleted_names})
        values["keep_deleted_names"] = wanted.keep_deleted_names
    if wanted.path is not None and wanted.path != current.path:
        move(connection, current, wanted.path, parent)
        values["path"] = f"{parent.full_path}/{wanted.path}"
    if policy is not None:
        change_policy(connection, project, policy, actor, at)
    if values:
        changes.add_event(connection, at, "project_update", actor, project=project, detail=values)


def move(connection: Connection, current: Place, path: str, parent: Place | None) -> None:
    """Give a place another path, or another parent. Raises `Invalid`, `Conflict`."""
    if repositories.images_below(connection, current.id, CONTAINER):
        raise Invalid("The path cannot be changed while there are container repositories below it, which are named after it: delete them first")
    above = None if parent is None else parent.full_path
    check_path(path, above)
    check_free(connection, path if above is None else f"{above}/{path}", current.id)
    try:
        places.move_place(connection, current.id, path, parent)
        changes.note_move(connection, current.id)
    except IntegrityError as error:
        raise Conflict("Somebody took this path just now: choose another") from error


async def transfer_project(call: Call) -> Answer:
    """The project below another namespace, at the same name."""
    parameters = await read_parameters(call)
    target = parameters.needed("namespace", 1024)
    access = await find_namespace(call, int(target) if target.isascii() and target.isdigit() and len(target) <= 18 else target, users=True)
    await call.house.database.write(_transfer, call.place.id, access, call.actor)
    return json_reply(await describe(call, call.place.id))


def _transfer(connection: Connection, project: int, access: Access, actor: Actor) -> None:
    at = begin(connection, project)
    current = get_live(connection, project)
    assert access.place is not None
    target = get_live(connection, access.place.id)
    if target.id == current.parent_id:
        raise Invalid(f"Project is already in the namespace {target.full_path!r}: choose another")
    check_creation(connection, access, "project_creation_level")
    check_visibility(current.visibility, target)
    if "container" in packages.formats_of(connection, project):
        raise Invalid("Project cannot be transferred, because container repositories are present in it: delete them first")
    move(connection, current, current.path, target)
    detail = {"from": current.full_path, "to": f"{target.full_path}/{current.path}"}
    changes.add_event(connection, at, "project_transfer", actor, project=project, detail=detail)


async def archive_project(call: Call) -> Answer:
    """The project can only be read from now on."""
    return await _set_archived(call, True)


async def unarchive_project(call: Call) -> Answer:
    """The project can be written to again."""
    return await _set_archived(call, False)


async def _set_archived(call: Call, archived: bool) -> Answer:
    await call.house.database.write(_archive, call.place.id, archived, call.actor)
    return json_reply(await describe(call, call.place.id), 201)


def _archive(connection: Connection, project: int, archived: bool, actor: Actor) -> None:
    at = begin(connection, project)
    if get_live(connection, project).archived != archived:
        places.update_place(connection, project, archived=archived)
        changes.add_event(connection, at, "project_archive" if archived else "project_unarchive", actor, project=project)


async def delete_project(call: Call) -> Answer:
    """The project is gone, with its packages and tokens; its path stays reserved."""
    await call.house.database.write(remove, call.place.id, "project_delete", call.actor)
    return json_reply({"message": "202 Accepted"}, 202)


def remove(connection: Connection, place_id: int, what: str, actor: Actor) -> None:
    """End a project or group, everything below it and every token of those."""
    at = begin(connection, place_id)
    current = get_live(connection, place_id)
    tokens.revoke_below(connection, place_id, at)
    places.delete_place(connection, place_id, at)
    changes.add_event(connection, at, what, actor, project=place_id, detail={"path": current.full_path})


def routes() -> list[Route]:
    def one(method: str, tail: str, handler: Any, action: Action) -> Route:
        return route_of("project", method, tail, handler, action)

    return [
        Route(method="GET", path="api/v4/projects", handler=list_projects, action=Action.SEE, reach=ROOT),
        Route(method="POST", path="api/v4/projects", handler=writing(create_project), action=Action.SIGN_IN, reach=ROOT),
        Route(method="GET", path="api/v4/users/{user_id}/projects", handler=list_projects_of_user, action=Action.SEE, reach=ROOT),
        one("GET", "", get_project, Action.SEE),
        one("PUT", "", writing(update_project), Action.MANAGE),
        one("DELETE", "", writing(delete_project), Action.OWN),
        one("POST", "/archive", writing(archive_project), Action.OWN),
        one("POST", "/unarchive", writing(unarchive_project), Action.OWN),
        one("PUT", "/transfer", writing(transfer_project), Action.OWN),
    ]
