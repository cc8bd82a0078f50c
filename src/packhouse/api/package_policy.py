"""How many states of a file a project keeps: GitLab's number of duplicated assets to keep. The address is ours: GitLab has it in GraphQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from packhouse.api.call import Call, begin, route_of, writing
from packhouse.api.parameters import Parameters, read_parameters
from packhouse.api.shapes import Shape
from packhouse.contract import Action, Answer, Route
from packhouse.db import upkeep
from packhouse.db.upkeep import KeepPolicy
from packhouse.errors import InvalidParameter
from packhouse.model import Actor, write_time
from packhouse.packages.upkeep import KEEPS, set_policy
from packhouse.responses import json_reply

FIELD = "keep_n_duplicated_package_files"
ALL = "all"


async def get_policy(call: Call) -> Answer:
    """What the project keeps, and when older states go next."""
    return json_reply(policy_shape(await call.house.database.read(upkeep.get_policy, call.place.id)))


async def update_policy(call: Call) -> Answer:
    """Keep so many from now on. Raises `InvalidParameter`."""
    parameters = await read_parameters(call)
    parameters.require(FIELD)
    return json_reply(policy_shape(await call.house.database.write(_update, call.place.id, read_keep(parameters), call.actor)))


def _update(connection: Connection, project: int, keep_n: int | None, actor: Actor) -> KeepPolicy:
    return set_policy(connection, project, keep_n, actor, begin(connection, project))


def read_keep(parameters: Parameters) -> int | None:
    """The number to keep; None for all. Raises `InvalidParameter`."""
    text = (parameters.text(FIELD) or "").lower()
    if text == ALL:
        return None
    if text not in {str(number) for number in KEEPS}:
        raise InvalidParameter(f"{FIELD} does not have a valid value: it is {ALL} or one of {', '.join(map(str, KEEPS))}", parameter=FIELD)
    return int(text)


def policy_shape(policy: KeepPolicy) -> Shape:
    return {FIELD: policy.keep_n or ALL, "next_run_at": write_time(policy.next_run_at) if policy.next_run_at else None}


def routes() -> list[Route]:
    def one(method: str, handler: Any) -> Route:
        return route_of("project", method, "/-/packages/cleanup_policy", handler, Action.MANAGE)

    return [one("GET", get_policy), one("PATCH", writing(update_policy))]
