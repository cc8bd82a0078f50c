"""What projects and groups share: their JSON objects, where they may be made, their settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec
from sqlalchemy import Connection

from packhouse.api.call import Call, standing
from packhouse.api.failures import NamespaceNotFound
from packhouse.api.parameters import Parameters
from packhouse.api.shapes import Shape
from packhouse.auth.policy import Access, can_see
from packhouse.db import gits, members, places
from packhouse.db import users as users_db
from packhouse.errors import Conflict, Forbidden, Invalid
from packhouse.model import Actor, Instant, Place, Role, Visibility, write_time

VISIBILITIES = {"private": Visibility.PRIVATE, "internal": Visibility.INTERNAL, "public": Visibility.PUBLIC}
PROJECT_CREATION = {"noone": 99, "administrator": Role.ADMIN, "owner": Role.OWNER, "maintainer": Role.MAINTAINER, "developer": Role.DEVELOPER}
SUBGROUP_CREATION = {"owner": Role.OWNER, "maintainer": Role.MAINTAINER}
SIMPLE = (
    "id",
    "description",
    "name",
    "name_with_namespace",
    "path",
    "path_with_namespace",
    "created_at",
    "default_branch",
    "ssh_url_to_repo",
    "http_url_to_repo",
    "web_url",
    "avatar_url",
    "star_count",
    "last_activity_at",
    "visibility",
    "namespace",
)
LONGEST_DESCRIPTION = 2000


# -- shapes ----------------------------------------------------------------------------------------------------------


def address(place: Place, base_url: str) -> str:
    """The page of a place."""
    prefix = "groups/" if place.kind == "group" else ""
    return f"{base_url}/{prefix}{quote(place.full_path)}"


def namespace_shape(place: Place, base_url: str) -> Shape:
    return {
        "id": place.id,
        "name": place.name,
        "path": place.path,
        "kind": place.kind,
        "full_path": place.full_path,
        "parent_id": place.parent_id,
        "avatar_url": None,
        "web_url": address(place, base_url),
    }


def project_shapes(connection: Connection, found: Sequence[Place], base_url: str, actor: Actor, at: Instant) -> list[Shape]:
    """Projects as lists and look-ups show them to this actor."""
    ids = [place.id for place in found]
    names = places.full_names(connection, ids)
    parents = places.get_places(connection, [place.parent_id for place in found if place.parent_id is not None])
    levels = members.levels_of(connection, ids, actor.user_id, at) if actor.user_id is not None else None
    branches = gits.default_branches(connection, ids)
    shapes = []
    for place in found:
        shape = _project_shape(place, names.get(place.id, place.name), parents.get(place.parent_id or 0), base_url)
        shape |= {"default_branch": branches.get(place.id) or "main", "empty_repo": not branches.get(place.id)}
        if levels is not None:
            own, above = levels.get(place.id, (0, 0))
            shape["permissions"] = {"project_access": _held(own), "group_access": _held(above)}
        shapes.append(shape)
    return shapes


def _held(level: int) -> Shape | None:
    return {"access_level": level, "notification_level": 3} if level else None


def _project_shape(place: Place, full_name: str, parent: Place | None, base_url: str) -> Shape:
    host = base_url.partition("://")[2]
    created = write_time(place.created)
    return {
        "id": place.id,
        "description": place.description,
        "name": place.name,
        "name_with_namespace": full_name,
        "path": place.path,
        "path_with_namespace": place.full_path,
        "created_at": created,
        "default_branch": "main",
        "tag_list": [],
        "topics": [],
        "ssh_url_to_repo": f"git@{host.partition('/')[0].partition(':')[0]}:{place.full_path}.git",
        "http_url_to_repo": f"{base_url}/{quote(place.full_path)}.git",
        "web_url": address(place, base_url),
        "readme_url": None,
        "avatar_url": None,
        "forks_count": 0,
        "star_count": 0,
        "last_activity_at": created,
        "namespace": None if parent is None else namespace_shape(parent, base_url),
        "container_registry_image_prefix": f"{host}/{place.full_path.lower()}",
        "packages_enabled": place.packages_access != "disabled",
        "empty_repo": True,
        "archived": place.archived,
        "visibility": place.visibility.name.lower(),
        "creator_id": place.creator_id,
        "container_registry_enabled": place.containers_access != "disabled",
        "container_registry_access_level": place.containers_access,
        "package_registry_access_level": place.packages_access,
        "container_expiration_policy": None,
    }


def group_shapes(connection: Connection, found: Sequence[Place], base_url: str) -> list[Shape]:
    """Groups as lists and look-ups show them."""
    names = places.full_names(connection, [place.id for place in found])
    shapes = []
    for place in found:
        settings = read_settings(connection, place.id)
        shapes.append(
            {
                "id": place.id,
                "web_url": address(place, base_url),
                "name": place.name,
                "path": place.path,
                "description": place.description,
                "visibility": place.visibility.name.lower(),
                "project_creation_level": settings.get("project_creation_level", "developer"),
                "subgroup_creation_level": settings.get("subgroup_creation_level", "maintainer"),
                "request_access_enabled": settings.get("request_access_enabled", True),
                "avatar_url": None,
                "full_name": names.get(place.id, place.name),
                "full_path": place.full_path,
                "created_at": write_time(place.created),
                "parent_id": place.parent_id,
            }
        )
    return shapes


# -- settings --------------------------------------------------------------------------------------------------------


def read_settings(connection: Connection, place_id: int) -> dict[str, Any]:
    """A place's own settings."""
    return msgspec.json.decode(places.settings_of(connection, place_id), type=dict[str, Any])


def write_settings(connection: Connection, place_id: int, changed: dict[str, Any]) -> None:
    """The settings with some changed."""
    if changed:
        settings = read_settings(connection, place_id) | changed
        places.update_place(connection, place_id, settings=msgspec.json.encode(settings, order="sorted").decode())


# -- where ---------------------------------------------------------------------------------------------------------


async def find_namespace(call: Call, id_: int | str, *, users: bool) -> Access:
    """The actor's access to a group or, with `users`, a namespace. Raises `NamespaceNotFound` where it is absent or hidden."""
    access = await call.lookup(id_)  # takes paths as well
    place = access.place
    if place is None or place.kind not in (("group", "user") if users else ("group",)) or not can_see(access, place):
        raise NamespaceNotFound()
    return access


def check_creation(connection: Connection, access: Access, setting: str) -> None:
    """The actor may make a project or subgroup here. Raises `Forbidden`."""
    place = access.place
    assert place is not None
    words: dict[str, int] = {**(PROJECT_CREATION if setting == "project_creation_level" else SUBGROUP_CREATION)}
    usual = "developer" if setting == "project_creation_level" else "maintainer"
    least = words[read_settings(connection, place.id).get(setting, usual)]
    if standing(access) < (least if place.kind == "group" else Role.OWNER):
        raise Forbidden()


def check_visibility(visibility: int, parent: Place | None) -> None:
    """A child is never more visible than its parent. Raises `Invalid`."""
    if parent is not None and visibility > parent.visibility:
        word, limit = Visibility(visibility).name.lower(), parent.visibility.name.lower()
        raise Invalid(f"Visibility level {word} is not allowed in a {limit} group: choose {limit} or less")


def check_free(connection: Connection, full_path: str, id_: int = 0) -> None:
    """Nobody else has this path, or had it. Raises `Invalid`."""
    if not places.path_free_for(connection, full_path, id_):
        raise Invalid("Path has already been taken, or belonged to something that was deleted or renamed: choose another")


def add_owner(connection: Connection, place_id: int, user_id: int, at: Instant) -> None:
    """Who made a place owns it."""
    if members.role_of(connection, place_id, user_id, at) < Role.OWNER:
        members.set_member(connection, place_id, user_id, Role.OWNER, None, at)


def own_namespace(connection: Connection, user_id: int) -> Place:
    """A person's own namespace. Raises `Invalid` for robots, who have none."""
    id_ = users_db.namespace_of(connection, user_id)
    place = None if id_ is None else places.get_place(connection, id_)
    if place is None:
        raise Invalid("You have no namespace of your own: send namespace_id")
    return place


def get_live(connection: Connection, id_: int) -> Place:
    """The place again, inside a change. Raises `Conflict` where somebody removed it meanwhile."""
    place = places.get_place(connection, id_)
    if place is None:
        raise Conflict("It was deleted meanwhile")
    return place


def read_visibility(parameters: Parameters) -> Visibility | None:
    """The visibility sent, as a word. Raises `InvalidParameter`."""
    word = parameters.choice("visibility", VISIBILITIES)
    return None if word is None else VISIBILITIES[word]


def read_description(parameters: Parameters) -> str | None:
    return parameters.text("description", LONGEST_DESCRIPTION)
