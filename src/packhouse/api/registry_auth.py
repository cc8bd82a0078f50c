"""The token service of the container registry: `/jwt/auth` (container registry contract, section 3)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from packhouse.api.call import Call
from packhouse.auth.credentials import read_credential
from packhouse.auth.policy import Access, may
from packhouse.auth.registry_tokens import SERVICES, Grant, Principal
from packhouse.contract import ROOT, Route
from packhouse.db import containers, places
from packhouse.errors import Forbidden, InvalidCredential, Protected, RegistryError, SwitchedOff, TooManyRequests, Unauthenticated
from packhouse.model import Action, Actor, Place, Role, Struct
from packhouse.packages import rules
from packhouse.responses import Reply, empty_reply, json_reply

FORMAT = "container"
PROXY = "dependency_proxy"
MOST_SCOPES = 100
WRONG = (
    "HTTP Basic: Access denied. The provided password or token is incorrect, expired or revoked, or your account must use a token: "
    "see the access tokens of your profile"
)
ABILITIES = frozenset({"api", "read_api", "read_registry", "write_registry", "read_virtual_registry", "write_virtual_registry"})


class Wanted(Struct):
    """One scope that is asked for."""

    type: str
    name: str
    actions: tuple[str, ...]


def routes() -> Iterable[Route]:
    yield Route(method="GET", path="jwt/auth", handler=give_token, action=Action.OPEN, reach=ROOT)
    # clients that try the newer way of asking fall back to this one on 404 only
    yield Route(method="POST", path="jwt/auth", handler=refuse_post, action=Action.OPEN, reach=ROOT, limit=64 * 1024)


async def refuse_post(_call: Call) -> Reply:
    return empty_reply(404)


async def give_token(call: Call) -> Reply:
    """A token for what was asked and may be had."""
    service = call.query.get("service", "")
    if service not in SERVICES:
        return empty_reply(404)
    if not call.house.settings.containers:
        return refuse(404, "UNAVAILABLE", "This registry is switched off")
    if service == PROXY and not call.house.settings.dependency_proxy:
        return refuse(404, "UNAVAILABLE", "The dependency proxies of this instance are switched off")
    try:
        access = await identify(call)
        grants = [grant for wanted in read_scopes(call) if (grant := await decide(call, access, wanted)) is not None]
    except TooManyRequests as error:
        reply = refuse(429, "TOOMANYREQUESTS", error.message)
        reply.headers["retry-after"] = str(error.detail.get("retry_after", 60))
        return reply
    except (InvalidCredential, Unauthenticated):
        return refuse(401, "UNAUTHORIZED", WRONG)
    except (Forbidden, Protected) as error:
        return refuse(403, "DENIED", error.message)
    if access.actor.anonymous and (service == PROXY or not grants):
        return refuse(403, "DENIED", "access forbidden")
    assert call.house.gate.registry is not None
    stamp = await call.house.gate.stamp(Principal.of(access.actor))
    token, at = call.house.gate.registry.issue(access.actor, service, grants, stamp=stamp)
    issued = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return json_reply({"token": token, "access_token": token, "expires_in": call.house.gate.registry.seconds, "issued_at": issued})


async def identify(call: Call) -> Access:
    """Who asks. Raises `InvalidCredential`, `Forbidden` for a token that has nothing to do with registries."""
    headers = {name.encode(): value.encode("latin-1") for name, value in call.headers.items()}
    credential = read_credential(headers, {})
    # not in the registry's area: one of its tokens must never be good for another one
    access = await call.house.gate.identify(credential, None, address=call.address)
    actor = access.actor
    if actor.token_id is not None and actor.kind != "job" and not actor.scopes.intersection(ABILITIES):
        raise Forbidden("access forbidden")
    return access


def refuse(status: int, code: str, message: str) -> Reply:
    return json_reply({"errors": [{"code": code, "message": message, "detail": None}], "http_status": status}, status)


# -- scopes ----------------------------------------------------------------------------------------------------------


def read_scopes(call: Call) -> list[Wanted]:
    """Every scope of every `scope` parameter: each value may hold several."""
    texts = [text for name, value in call.query_list if name == "scope" for text in value.split()]
    return [wanted for text in dict.fromkeys(texts[:MOST_SCOPES]) if (wanted := read_scope(text)) is not None]


def read_scope(text: str) -> Wanted | None:
    """`type:name:actions`; the name may hold a colon. None for what is no scope."""
    kind, _, rest = text.partition(":")
    name, _, actions = rest.rpartition(":")
    if not kind or not name:
        return None
    return Wanted(type=kind.partition("(")[0], name=name, actions=tuple(dict.fromkeys(action for action in actions.split(",") if action)))


async def decide(call: Call, access: Access, wanted: Wanted) -> Grant | None:
    """What of a scope is granted; None for nothing. Raises `Protected` for a push that a rule forbids."""
    if wanted.type == "registry":
        if wanted.name == "catalog" and wanted.actions == ("*",) and access.actor.admin:
            return Grant(type="registry", name="catalog", actions=("*",))
        return None
    if wanted.type != "repository":
        return None
    name = wanted.name.lower()
    coordinates = call.house.formats[FORMAT].coordinates
    try:
        coordinates.name_key(name)
        here = await standing(call, access.actor, name)
    except RegistryError:
        return None
    if here.place is None:
        return None
    granted = tuple(action for action in wanted.actions if action in ACTIONS and may(here, ACTIONS[action]))
    if "push" in granted:
        await call.house.database.read(rules.read_rules, here, call.house.formats[FORMAT], name, name, "", Action.PUBLISH)
    if not granted:
        return None
    meta = await call.house.database.read(describe, here.place, access.actor, here.role, granted)
    return Grant(type="repository", name=name, actions=granted, meta=meta)


ACTIONS = {"pull": Action.READ, "push": Action.PUBLISH, "delete": Action.DELETE, "*": Action.DELETE}


async def standing(call: Call, actor: Actor, name: str) -> Access:
    """The actor's standing in the project of a repository."""
    place_of = next(route.place_of for route in call.house.formats[FORMAT].routes if route.place_of is not None)
    candidates = place_of({"name": name})
    assert candidates is not None and not isinstance(candidates, str)
    try:
        return await call.house.gate.of_principal(Principal.of(actor), tuple(candidates))
    except SwitchedOff:
        return Access(actor=actor)


def describe(connection: Connection, place: Place, actor: Actor, role: int, actions: tuple[str, ...]) -> dict[str, Any]:
    """What GitLab's tokens say about the project beside the grant."""
    root = places.root_of(connection, place.id)
    meta: dict[str, Any] = {"project_path": place.full_path, "project_id": place.id, "root_namespace_id": root.id}
    found = containers.tag_rules(connection, place.id, FORMAT)
    changing = [action for action in actions if action != "pull"]
    if found and changing and actor.user_id is not None:
        meta["tag_deny_access_patterns"] = {action: _denied(found, action, actor, role) for action in changing}
    fixed = [rule.pattern for rule in found if rule.immutable]
    if fixed:
        meta["tag_immutable_patterns"] = fixed
    return meta


def _denied(found: list[containers.TagRule], action: str, actor: Actor, role: int) -> list[str]:
    if actor.admin:
        return []
    levels = [(rule.pattern, rule.push_level if action == "push" else rule.delete_level) for rule in found if not rule.immutable]
    return [pattern for pattern, level in levels if level is not None and (level >= Role.ADMIN or role < level)]
