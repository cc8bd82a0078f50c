"""Package protection rules (core API section 6). Their levels are words, not numbers."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from packhouse.api.call import Call, begin, path_id, route_of, writing
from packhouse.api.failures import RuleNotFound
from packhouse.api.packages import known_types
from packhouse.api.pages import paged, read_page
from packhouse.api.parameters import Parameters, read_parameters, read_query
from packhouse.api.shapes import PROTECTION_LEVELS, format_of, rule_shape
from packhouse.contract import Action, Answer, Route
from packhouse.db import changes, places
from packhouse.db.places import Protection
from packhouse.errors import Invalid
from packhouse.model import Actor
from packhouse.responses import Reply, empty_reply, json_reply

PUSH = ("", "maintainer", "owner", "admin")
DELETE = ("", "owner", "admin")


class Unprocessable(Exception):
    """A rule that contradicts itself or another one."""


async def list_rules(call: Call) -> Answer:
    """The rules of a project."""
    page = read_page(read_query(call))
    found = await call.house.database.read(places.protections, call.place.id)
    shown = found[page.offset : page.offset + page.size]
    return paged(call, [rule_shape(row, call.place.id) for row in shown], page, len(found))


def read_rule(call: Call, parameters: Parameters) -> dict[str, Any]:
    """What is sent about a rule, as columns. Raises `Invalid`."""
    values: dict[str, Any] = {}
    pattern = parameters.text("package_name_pattern")
    if pattern is not None:
        if not pattern.strip() or any(ord(char) < 32 or ord(char) == 127 for char in pattern):
            raise Invalid("package_name_pattern must have 1 to 255 characters, none of them a control character")
        values["pattern"] = pattern
    format_ = format_of(parameters.choice("package_type", known_types(call.house)))
    if format_ is not None:
        values["format"] = format_
    for name, column, words in (
        ("minimum_access_level_for_push", "push_level", PUSH),
        ("minimum_access_level_for_delete", "delete_level", DELETE),
    ):
        if name in parameters:
            values[column] = PROTECTION_LEVELS.get(parameters.choice(name, words) or "")
    return values


async def create(call: Call) -> Answer:
    """A new rule."""
    parameters = await read_parameters(call)
    parameters.require("package_name_pattern", "package_type")
    values = read_rule(call, parameters)
    try:
        row = await call.house.database.write(_create, call.place.id, values, call.actor)
    except Unprocessable as error:
        return _refused(error)
    return json_reply(rule_shape(row, call.place.id), 201)


def _refused(error: Unprocessable) -> Reply:
    # 422 is a status that no error of the house has
    return json_reply({"message": f"422 Unprocessable Entity - {error}"}, 422)


def _create(connection: Connection, project: int, values: dict[str, Any], actor: Actor) -> Protection:
    at = begin(connection, project)
    push, delete = values.get("push_level"), values.get("delete_level")
    _check_levels(push, delete)
    try:
        with connection.begin_nested():
            id_ = places.add_protection(connection, project, values["pattern"], values["format"], push, delete)
    except IntegrityError as error:
        raise _taken() from error
    changes.add_event(connection, at, "protection_create", actor, project=project, format=values["format"], detail={"rule": id_, **values})
    return _find(connection, project, id_)


def _check_levels(push: int | None, delete: int | None) -> None:
    if push is None and delete is None:
        raise Unprocessable("A rule must have at least a minimum access role for push or delete")


def _taken() -> Unprocessable:
    return Unprocessable("Package name pattern has already been taken")


def _find(connection: Connection, project: int, id_: int) -> Protection:
    for row in places.protections(connection, project):
        if row.id == id_:
            return row
    raise RuleNotFound()


async def update(call: Call) -> Answer:
    """The rule with what was sent."""
    values = read_rule(call, await read_parameters(call))
    try:
        row = await call.house.database.write(_update, call.place.id, path_id(call, "package_protection_rule_id"), values, call.actor)
    except Unprocessable as error:
        return _refused(error)
    return json_reply(rule_shape(row, call.place.id))


def _update(connection: Connection, project: int, id_: int, values: dict[str, Any], actor: Actor) -> Protection:
    at = begin(connection, project)
    current = _find(connection, project, id_)
    _check_levels(values.get("push_level", current.push_level), values.get("delete_level", current.delete_level))
    if not values:
        return current
    try:
        with connection.begin_nested():
            places.update_protection(connection, project, id_, **values)
    except IntegrityError as error:
        raise _taken() from error
    changes.add_event(connection, at, "protection_update", actor, project=project, format=current.format, detail={"rule": id_, **values})
    return _find(connection, project, id_)


async def delete(call: Call) -> Answer:
    """The rule is gone."""
    await call.house.database.write(_delete, call.place.id, path_id(call, "package_protection_rule_id"), call.actor)
    return empty_reply()


def _delete(connection: Connection, project: int, id_: int, actor: Actor) -> None:
    at = begin(connection, project)
    current = _find(connection, project, id_)
    places.drop_protection(connection, project, id_)
    changes.add_event(
        connection, at, "protection_delete", actor, project=project, format=current.format, detail={"rule": id_, "pattern": current.pattern}
    )


def routes() -> list[Route]:
    def one(method: str, tail: str, handler: Any) -> Route:
        return route_of("project", method, f"/packages/protection/rules{tail}", handler, Action.MANAGE)

    rule = "/{package_protection_rule_id}"
    return [one("GET", "", list_rules), one("POST", "", writing(create)), one("PATCH", rule, writing(update)), one("DELETE", rule, writing(delete))]
