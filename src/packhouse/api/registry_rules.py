"""Protection rules of repositories and tags; tags that never move (container registry contract, section 6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from packhouse.api.call import Call, begin, path_id, writing
from packhouse.api.failures import RuleNotFound
from packhouse.api.pages import paged, read_page
from packhouse.api.parameters import Parameters, read_parameters, read_query
from packhouse.api.registry import PROJECT, route
from packhouse.api.shapes import PROTECTION_LEVELS, Shape
from packhouse.auth.policy import Access, authorize
from packhouse.contract import Action, Answer, Route
from packhouse.db import changes, containers, places
from packhouse.db.containers import TagRule
from packhouse.db.places import Protection
from packhouse.errors import Forbidden, Invalid
from packhouse.model import Actor, Place, Role
from packhouse.packages import cleanup
from packhouse.packages.cleanup import CONTAINER, Choice
from packhouse.responses import Reply, empty_reply, json_reply

MOST_TAG_RULES = 5
LONGEST_TAG_PATTERN = 100
RULES = f"{PROJECT}/registry/protection"
WORDS = {level: word for word, level in PROTECTION_LEVELS.items()}
LEVELS = ("minimum_access_level_for_push", "push_level"), ("minimum_access_level_for_delete", "delete_level")


class Unprocessable(Exception):
    """A rule that contradicts itself or another one."""


# -- rules of repositories -------------------------------------------------------------------------------------------


def repository_rule_shape(row: Protection, project: int) -> Shape:
    return {
        "id": row.id,
        "project_id": project,
        "repository_path_pattern": row.pattern,
        "minimum_access_level_for_push": WORDS.get(row.push_level or 0),
        "minimum_access_level_for_delete": WORDS.get(row.delete_level or 0),
    }


def read_levels(parameters: Parameters) -> dict[str, int | None]:
    """The levels that are sent; "" takes one away. Raises `InvalidParameter`."""
    return {column: PROTECTION_LEVELS.get(parameters.choice(name, ("", *PROTECTION_LEVELS)) or "") for name, column in LEVELS if name in parameters}


async def list_repository_rules(call: Call) -> Answer:
    """The rules about repositories of a project."""
    page = read_page(read_query(call))
    found = await call.house.database.read(places.protections, call.place.id, CONTAINER)
    shown = found[page.offset : page.offset + page.size]
    return paged(call, [repository_rule_shape(row, call.place.id) for row in shown], page, len(found))


async def create_repository_rule(call: Call) -> Answer:
    """A new rule about repositories."""
    parameters = await read_parameters(call)
    pattern = read_path_pattern(parameters.needed("repository_path_pattern"), call.place)
    return await _answer(call, _create_repository_rule, pattern, read_levels(parameters), status=201)


def read_path_pattern(pattern: str, project: Place) -> str:
    """A pattern of full paths, inside of the project. Raises `Invalid`."""
    path = project.full_path.lower()
    if pattern.lower() != path and not pattern.lower().startswith(f"{path}/") and not pattern.lower().startswith(f"{path}*"):
        raise Invalid(f"repository_path_pattern should start with the project's full path {path!r}")
    return pattern


def _create_repository_rule(connection: Connection, project: Place, actor: Actor, pattern: str, levels: dict[str, int | None]) -> Shape:
    at = begin(connection, project.id)
    if all(level is None for level in levels.values()):
        raise Unprocessable("A rule must have at least a minimum access role for push or delete")
    try:
        with connection.begin_nested():
            id_ = places.add_protection(connection, project.id, pattern, CONTAINER, levels.get("push_level"), levels.get("delete_level"))
    except IntegrityError as error:
        raise Unprocessable("Repository path pattern has already been taken") from error
    changes.add_event(connection, at, "protection_create", actor, project=project.id, format=CONTAINER, detail={"rule": id_, "pattern": pattern})
    return repository_rule_shape(_repository_rule(connection, project.id, id_), project.id)


def _repository_rule(connection: Connection, project: int, id_: int) -> Protection:
    for row in places.protections(connection, project, CONTAINER):
        if row.id == id_:
            return row
    raise RuleNotFound()


async def update_repository_rule(call: Call) -> Answer:
    """A rule about repositories with what was sent."""
    parameters = await read_parameters(call)
    values: dict[str, Any] = dict(read_levels(parameters))
    if (pattern := parameters.text("repository_path_pattern")) is not None:
        values["pattern"] = read_path_pattern(pattern, call.place)
    return await _answer(call, _update_repository_rule, path_id(call, "rule_id"), values)


def _update_repository_rule(connection: Connection, project: Place, actor: Actor, id_: int, values: dict[str, Any]) -> Shape:
    at = begin(connection, project.id)
    current = _repository_rule(connection, project.id, id_)
    if values.get("push_level", current.push_level) is None and values.get("delete_level", current.delete_level) is None:
        raise Unprocessable("A rule must have at least a minimum access role for push or delete")
    if values:
        try:
            with connection.begin_nested():
                places.update_protection(connection, project.id, id_, **values)
        except IntegrityError as error:
            raise Unprocessable("Repository path pattern has already been taken") from error
        changes.add_event(connection, at, "protection_update", actor, project=project.id, format=CONTAINER, detail={"rule": id_, **values})
    return repository_rule_shape(_repository_rule(connection, project.id, id_), project.id)


async def delete_repository_rule(call: Call) -> Answer:
    """A rule about repositories is gone."""
    await call.house.database.write(_delete_repository_rule, call.place.id, path_id(call, "rule_id"), call.actor)
    return empty_reply()


def _delete_repository_rule(connection: Connection, project: int, id_: int, actor: Actor) -> None:
    at = begin(connection, project)
    current = _repository_rule(connection, project, id_)
    places.drop_protection(connection, project, id_)
    changes.add_event(connection, at, "protection_delete", actor, project=project, format=CONTAINER, detail={"rule": id_, "pattern": current.pattern})


# -- rules of tags ---------------------------------------------------------------------------------------------------


def tag_rule_shape(row: TagRule, project: int) -> Shape:
    return {
        "id": row.id,
        "project_id": project,
        "tag_name_pattern": row.pattern,
        "minimum_access_level_for_push": WORDS.get(row.push_level or 0),
        "minimum_access_level_for_delete": WORDS.get(row.delete_level or 0),
        "immutable": row.immutable,
    }


async def list_tag_rules(call: Call) -> Answer:
    """The rules about tags of a project, immutable ones too."""
    page = read_page(read_query(call))
    found = await call.house.database.read(containers.tag_rules, call.place.id, CONTAINER)
    shown = found[page.offset : page.offset + page.size]
    return paged(call, [tag_rule_shape(row, call.place.id) for row in shown], page, len(found))


async def create_tag_rule(call: Call) -> Answer:
    """A new rule about tags; without any level those tags never move, which only an owner may decide."""
    parameters = await read_parameters(call)
    pattern = read_tag_pattern(parameters.needed("tag_name_pattern"))
    levels = read_levels(parameters)
    if all(level is None for level in levels.values()):
        authorize(call.access, Action.OWN)
    return await _answer(call, _create_tag_rule, pattern, levels, status=201)


def read_tag_pattern(pattern: str) -> str:
    """Raises `Invalid`."""
    if not pattern or len(pattern) > LONGEST_TAG_PATTERN:
        raise Invalid(f"tag_name_pattern must have 1 to {LONGEST_TAG_PATTERN} characters")
    cleanup.check_choice(Choice(delete=pattern))
    return pattern


def _create_tag_rule(connection: Connection, project: Place, actor: Actor, pattern: str, levels: dict[str, int | None]) -> Shape:
    at = begin(connection, project.id)
    _check_tag_levels(levels.get("push_level"), levels.get("delete_level"))
    if containers.count_tag_rules(connection, project.id, CONTAINER) >= MOST_TAG_RULES:
        raise Unprocessable(f"Maximum number of tag protection rules reached: {MOST_TAG_RULES} for a project")
    try:
        with connection.begin_nested():
            id_ = containers.add_tag_rule(connection, project.id, CONTAINER, pattern, levels.get("push_level"), levels.get("delete_level"))
    except IntegrityError as error:
        raise Unprocessable("Tag name pattern has already been taken") from error
    changes.add_event(connection, at, "tag_rule_create", actor, project=project.id, format=CONTAINER, detail={"rule": id_, "pattern": pattern})
    return tag_rule_shape(_tag_rule(connection, project.id, id_), project.id)


def _check_tag_levels(push: int | None, delete: int | None) -> None:
    if (push is None) != (delete is None):
        raise Unprocessable("A rule needs both minimum access levels, or neither to make the tags immutable")


def _tag_rule(connection: Connection, project: int, id_: int) -> TagRule:
    for row in containers.tag_rules(connection, project, CONTAINER):
        if row.id == id_:
            return row
    raise RuleNotFound()


async def update_tag_rule(call: Call) -> Answer:
    """A rule about tags with what was sent; an immutable one stays as it is."""
    parameters = await read_parameters(call)
    values: dict[str, Any] = dict(read_levels(parameters))
    if (pattern := parameters.text("tag_name_pattern")) is not None:
        values["pattern"] = read_tag_pattern(pattern)
    return await _answer(call, _update_tag_rule, path_id(call, "rule_id"), values)


def _update_tag_rule(connection: Connection, project: Place, actor: Actor, id_: int, values: dict[str, Any]) -> Shape:
    at = begin(connection, project.id)
    current = _tag_rule(connection, project.id, id_)
    if current.immutable:
        raise Unprocessable("An immutable rule cannot be changed: delete it and make another one")
    push, delete = values.get("push_level", current.push_level), values.get("delete_level", current.delete_level)
    if push is None or delete is None:
        raise Unprocessable("A rule needs both minimum access levels")
    if values:
        try:
            with connection.begin_nested():
                containers.update_tag_rule(connection, project.id, id_, **values)
        except IntegrityError as error:
            raise Unprocessable("Tag name pattern has already been taken") from error
        changes.add_event(connection, at, "tag_rule_update", actor, project=project.id, format=CONTAINER, detail={"rule": id_, **values})
    return tag_rule_shape(_tag_rule(connection, project.id, id_), project.id)


async def delete_tag_rule(call: Call) -> Answer:
    """A rule about tags is gone; an immutable one only by an owner."""
    await call.house.database.write(_delete_tag_rule, call.access, path_id(call, "rule_id"))
    return empty_reply()


def _delete_tag_rule(connection: Connection, access: Access, id_: int) -> None:
    assert access.place is not None
    project = access.place.id
    at = begin(connection, project)
    current = _tag_rule(connection, project, id_)
    if current.immutable and not access.actor.admin and access.role < Role.OWNER:
        raise Forbidden("Forbidden - Only an owner may remove an immutable rule")
    containers.drop_tag_rule(connection, project, id_)
    detail = {"rule": id_, "pattern": current.pattern}
    changes.add_event(connection, at, "tag_rule_delete", access.actor, project=project, format=CONTAINER, detail=detail)


async def _answer(call: Call, change: Callable[..., Shape], *args: Any, status: int = 200) -> Answer:
    try:
        shape = await call.house.database.write(change, call.place, call.actor, *args)
    except Unprocessable as error:
        # 422 is a status that no error of the house has
        return Reply(msgspec.json.encode({"message": f"422 Unprocessable Entity - {error}"}), 422, media_type="application/json")
    return json_reply(shape, status)


# -- the table -------------------------------------------------------------------------------------------------------


def routes() -> Iterable[Route]:
    for noun, listing, create, update, delete in (
        ("repository", list_repository_rules, create_repository_rule, update_repository_rule, delete_repository_rule),
        ("tag", list_tag_rules, create_tag_rule, update_tag_rule, delete_tag_rule),
    ):
        yield route("GET", f"{RULES}/{noun}/rules", listing, Action.MANAGE)
        yield route("POST", f"{RULES}/{noun}/rules", writing(create), Action.MANAGE)
        yield route("PATCH", f"{RULES}/{noun}/rules/{{rule_id}}", writing(update), Action.MANAGE)
        yield route("DELETE", f"{RULES}/{noun}/rules/{{rule_id}}", writing(delete), Action.MANAGE)
