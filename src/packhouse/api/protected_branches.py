"""Protected branches over REST, as GitLab has them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection

from packhouse.api.call import Call, route_of, writing
from packhouse.api.pages import paged, read_page
from packhouse.api.parameters import Parameters, read_parameters, read_query
from packhouse.api.shapes import Shape
from packhouse.contract import Action, Answer, Route
from packhouse.db import changes, gits
from packhouse.db.gits import ProtectedBranch
from packhouse.errors import AlreadyExists, InvalidParameter, NotFound
from packhouse.model import Actor, Role
from packhouse.responses import empty_reply, json_reply

LEVELS = {0: "No one", 30: "Developers + Maintainers", 40: "Maintainers", 60: "Administrators"}
USUAL: dict[str, Any] = {"push_level": Role.MAINTAINER, "merge_level": Role.MAINTAINER, "force_push": False}
MOST = 1000


class ProtectedBranchNotFound(NotFound):
    default = "Protected Branch Not Found"


async def list_protected(call: Call) -> Answer:
    """The protected branches and patterns of branches of a project."""
    parameters = read_query(call)
    page, search = read_page(parameters), (parameters.text("search") or "").lower()
    found = [row for row in await call.house.database.read(gits.list_protected, call.place.id) if search in row.name.lower()]
    return paged(call, [_shape(row) for row in found[page.offset : page.offset + page.size]], page, len(found))


async def get_protected(call: Call) -> Answer:
    """One of them. Raises `ProtectedBranchNotFound`."""
    return json_reply(_shape(await _find(call)))


async def _find(call: Call) -> ProtectedBranch:
    rows = await call.house.database.read(gits.list_protected, call.place.id)
    found = next((row for row in rows if row.name == call.params["name"]), None)
    if found is None:
        raise ProtectedBranchNotFound()
    return found


async def protect(call: Call) -> Answer:
    """Protect a branch, or with `*` in its name all that it fits. Raises `InvalidParameter`, `AlreadyExists`."""
    parameters = await read_parameters(call)
    name = parameters.needed("name")
    if not name.strip() or not name.isprintable():
        raise InvalidParameter("name does not have a valid value: write the name of a branch, or a pattern with *", parameter="name")
    values = _read(parameters)
    return json_reply(_shape(await call.house.database.write(_protect, call.place.id, name, values, call.actor)), 201)


async def change_protected(call: Call) -> Answer:
    """Other levels for a protected branch. Raises `InvalidParameter`, `ProtectedBranchNotFound`."""
    found, values = await _find(call), _read(await read_parameters(call))
    return json_reply(_shape(await call.house.database.write(_change, call.place.id, found.name, values, call.actor)))


async def unprotect(call: Call) -> Answer:
    """The branch is as any other. Raises `ProtectedBranchNotFound`."""
    found = await _find(call)
    await call.house.database.write(_unprotect, call.place.id, found.name, call.actor)
    return empty_reply(204)


def _read(parameters: Parameters) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, column in (("push_access_level", "push_level"), ("merge_access_level", "merge_level")):
        level = parameters.level(name, LEVELS)
        if level is not None:
            values[column] = level
    force = parameters.flag("allow_force_push")
    return values if force is None else values | {"force_push": force}


def _protect(connection: Connection, project: int, name: str, values: dict[str, Any], actor: Actor) -> ProtectedBranch:
    at = changes.begin(connection, project, "", (), locks=["branches"])
    rows = gits.list_protected(connection, project)
    if any(row.name == name for row in rows):
        raise AlreadyExists(f"Protected branch '{name[:120]}' already exists")
    if len(rows) >= MOST:
        raise InvalidParameter(f"A project protects at most {MOST} names: use a pattern with *", parameter="name")
    made = gits.protect(connection, project, name, at, **(USUAL | values))
    changes.add_event(connection, at, "protect_branch", actor, project=project, detail={"name": name, **values})
    return made


def _change(connection: Connection, project: int, name: str, values: dict[str, Any], actor: Actor) -> ProtectedBranch:
    at = changes.begin(connection, project, "", (), locks=["branches"])
    changed = gits.change_protected(connection, project, name, values)
    if changed is None:
        raise ProtectedBranchNotFound()
    changes.add_event(connection, at, "protect_branch", actor, project=project, detail={"name": name, **values})
    return changed


def _unprotect(connection: Connection, project: int, name: str, actor: Actor) -> None:
    at = changes.begin(connection, project, "", (), locks=["branches"])
    if not gits.unprotect(connection, project, name):
        raise ProtectedBranchNotFound()
    changes.add_event(connection, at, "unprotect_branch", actor, project=project, detail={"name": name})


def _shape(row: ProtectedBranch) -> Shape:
    return {
        "id": row.id,
        "name": row.name,
        "push_access_levels": [_level(row.id, row.push_level)],
        "merge_access_levels": [_level(row.id, row.merge_level)],
        "allow_force_push": row.force_push,
        "code_owner_approval_required": False,
        "inherited": False,
    }


def _level(id_: int, level: int) -> Shape:
    return {
        "id": id_,
        "access_level": level,
        "access_level_description": LEVELS.get(level, str(level)),
        "deploy_key_id": None,
        "user_id": None,
        "group_id": None,
    }


def routes() -> Iterable[Route]:
    def one(method: str, tail: str, handler: Any) -> Route:
        return route_of("project", method, f"/protected_branches{tail}", handler, Action.MANAGE, area="repository")

    return (
        one("GET", "", list_protected),
        one("POST", "", writing(protect)),
        one("GET", "/{name*}", get_protected),
        one("PATCH", "/{name*}", writing(change_protected)),
        one("DELETE", "/{name*}", writing(unprotect)),
    )
