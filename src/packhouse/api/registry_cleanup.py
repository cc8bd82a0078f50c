"""Cleanup policies of a project, what they would remove and what they have removed; the bytes that images take (sections 5 and 7)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection

from packhouse.api.call import Call, writing
from packhouse.api.pages import paged, read_page
from packhouse.api.parameters import Parameters, read_parameters, read_query
from packhouse.api.registry import GROUP, PROJECT, route
from packhouse.api.shapes import Shape
from packhouse.contract import Action, Answer, Route
from packhouse.db import changes, repositories
from packhouse.db.repositories import Policy, RunRow
from packhouse.db.scopes import Reader
from packhouse.errors import Invalid
from packhouse.model import Actor, Instant, Place, replace, write_time
from packhouse.packages import cleanup
from packhouse.packages.cleanup import CONTAINER
from packhouse.responses import json_reply

MOST_REPOSITORIES = 10_000

# -- cleanup policies ------------------------------------------------------------------------------------------------


def policy_shape(policy: Policy | None) -> Shape:
    """As a project shows it; one without a policy of its own has the usual one, switched off."""
    policy = policy or Policy(project=0)
    return {
        "cadence": policy.cadence,
        "enabled": policy.enabled,
        "keep_n": policy.keep_n,
        "older_than": policy.older_than,
        "name_regex": policy.name_regex,
        "name_regex_keep": policy.name_regex_keep,
        "next_run_at": write_time(policy.next_run_at) if policy.next_run_at else None,
    }


def change_policy(connection: Connection, project: int, sent: Parameters, actor: Actor, at: Instant) -> None:
    """The policy with what was sent; its interval begins anew. Raises `Invalid`, `InvalidParameter`."""
    save_policy(connection, merge_policy(repositories.get_policy(connection, project) or Policy(project=project), sent), actor, at)


def save_policy(connection: Connection, policy: Policy, actor: Actor, at: Instant) -> None:
    """Keep a policy; its interval begins anew."""
    policy = replace(policy, next_run_at=at + cleanup.CADENCES[policy.cadence])
    repositories.put_policy(connection, policy)
    changes.add_event(connection, at, "cleanup_policy", actor, project=policy.project, format=CONTAINER, detail=policy_shape(policy))


def merge_policy(policy: Policy, sent: Parameters) -> Policy:
    """The policy with what was sent. Raises `Invalid`, `InvalidParameter`."""
    values: dict[str, Any] = {}
    if (enabled := sent.flag("enabled")) is not None:
        values["enabled"] = enabled
    if cadence := sent.choice("cadence", cleanup.CADENCES):
        values["cadence"] = cadence
    if "keep_n" in sent:
        values["keep_n"] = sent.level("keep_n", cleanup.KEEPS)
    if "older_than" in sent:
        values["older_than"] = sent.choice("older_than", (*cleanup.AGES, "")) or None
    for name in ("name_regex_delete", "name_regex"):
        if name in sent:
            values["name_regex"] = sent.text(name) or ""
    if "name_regex_keep" in sent:
        values["name_regex_keep"] = sent.text("name_regex_keep") or None
    policy = replace(policy, **values)
    if policy.enabled and not policy.name_regex:
        raise Invalid("container_expiration_policy.name_regex can't be blank while the policy is enabled")
    if policy.name_regex:
        cleanup.check_choice(cleanup.choice_of(policy))
    return policy


async def preview(call: Call) -> Answer:
    """What the policy of the project would remove now, or one with what is sent."""
    parameters = await read_parameters(call)
    shown = await call.house.database.read(_preview, call.place, parameters)
    return json_reply({"repositories": [{"path": name, "tags": tags} for name, tags in shown.items()], "tags_count": sum(map(len, shown.values()))})


def _preview(connection: Connection, place: Place, parameters: Parameters) -> dict[str, list[str]]:
    policy = merge_policy(repositories.get_policy(connection, place.id) or Policy(project=place.id), parameters)
    found, _ = repositories.list_repositories(connection, CONTAINER, project=place.id, group=None, reader=Reader(), offset=0, limit=MOST_REPOSITORIES)
    return cleanup.preview(connection, None, place.id, cleanup.choice_of(policy), found)


async def list_runs(call: Call) -> Answer:
    """What cleanup has done in the project, newest first."""
    page = read_page(read_query(call))
    found, total = await call.house.database.read(repositories.list_runs, call.place.id, page.offset, page.size)
    return paged(call, [run_shape(row) for row in found], page, total)


def run_shape(row: RunRow) -> Shape:
    removed = msgspec.json.decode(row.detail).get("removed", {})
    return {
        "id": row.id,
        "trigger": row.trigger,
        "started_at": write_time(row.started),
        "finished_at": None if row.ended is None else write_time(row.ended),
        "tags_removed": row.removed,
        "tags_kept": row.kept,
        "repositories": [{"path": name, "tags": tags} for name, tags in removed.items()],
    }


async def usage(call: Call) -> Answer:
    """The bytes that tagged images take in a project or group; what is shared counts once."""
    size = await call.house.database.read(repositories.size_of, place_id=call.place.id, format=CONTAINER)
    return json_reply({"container_registry_size": size})


# -- the table -------------------------------------------------------------------------------------------------------


def routes() -> Iterable[Route]:
    yield route("GET", f"{PROJECT}/-/registry/usage", usage, Action.READ)
    yield route("GET", f"{GROUP}/-/registry/usage", usage, Action.READ, "group")
    yield route("GET", f"{PROJECT}/-/registry/cleanup/runs", list_runs, Action.READ)
    yield route("GET", f"{PROJECT}/-/registry/cleanup/preview", preview, Action.READ)
    yield route("POST", f"{PROJECT}/-/registry/cleanup/preview", writing(preview), Action.MANAGE)
