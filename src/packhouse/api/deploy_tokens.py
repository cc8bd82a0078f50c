"""Deploy tokens of projects and groups (core API 8.3)."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Connection

from packhouse.api.call import Call, Kind, begin, path_id, route_of, writing
from packhouse.api.failures import DeployTokenNotFound
from packhouse.api.names import check_name
from packhouse.api.pages import paged, read_page
from packhouse.api.parameters import Parameters, read_parameters, read_query, unfit
from packhouse.api.places import get_live
from packhouse.api.shapes import deploy_token_shape
from packhouse.auth.access import JOB_USER
from packhouse.auth.tokens import DEPLOY_SCOPES, hash_token, make_token
from packhouse.contract import ROOT, Action, Answer, Route
from packhouse.db import changes, tokens
from packhouse.db.engine import now
from packhouse.db.tokens import TokenQuery, TokenRow
from packhouse.errors import Invalid
from packhouse.model import Actor, Instant, Struct
from packhouse.responses import empty_reply, json_reply

_USERNAME = re.compile(r"[A-Za-z0-9.+_-]+", re.ASCII)


class NewToken(Struct):
    name: str
    scopes: tuple[str, ...]
    username: str
    expires: Instant | None
    hash: bytes


async def list_everywhere(call: Call) -> Answer:
    """Every deploy token of the instance."""
    return await _answer_list(call, None)


async def list_here(call: Call) -> Answer:
    """The deploy tokens of a project or group."""
    return await _answer_list(call, call.place.id)


async def _answer_list(call: Call, place_id: int | None) -> Answer:
    parameters = read_query(call)
    page = read_page(parameters)
    at = now()
    query = TokenQuery(
        kinds=("deploy",),
        place_id=place_id,
        revoked=False,
        active=parameters.flag("active") or None,
        at=at,
        descending=False,
        offset=page.offset,
        limit=page.size,
    )
    rows, total = await call.house.database.read(tokens.list_tokens, query)
    return paged(call, [deploy_token_shape(row, at) for row in rows], page, total)


async def get_one(call: Call) -> Answer:
    """One deploy token; never its secret."""
    row = await call.house.database.read(_find, call.place.id, path_id(call, "token_id"))
    return json_reply(deploy_token_shape(row, now()))


def _find(connection: Connection, place_id: int, token_id: int) -> TokenRow:
    row = tokens.get_token(connection, token_id)
    if row is None or row.kind != "deploy" or row.place_id != place_id or row.revoked is not None:
        raise DeployTokenNotFound()
    return row


async def create(call: Call) -> Answer:
    """A new deploy token, its secret shown this once."""
    parameters = await read_parameters(call)
    secret = make_token("deploy")
    row = await call.house.database.write(_create, call.place.id, read_new(parameters, secret), call.actor)
    return json_reply(deploy_token_shape(row, now(), secret), 201)


def read_new(parameters: Parameters, secret: str) -> NewToken:
    """What is sent about a new deploy token. Raises `Invalid`."""
    parameters.require("name", "scopes")
    name, username = parameters.needed("name"), parameters.text("username") or ""
    check_name(name)
    scopes = tuple(dict.fromkeys(parameters.texts("scopes") or []))
    if not scopes or not DEPLOY_SCOPES.issuperset(scopes):
        raise unfit("scopes")
    if username and (_USERNAME.fullmatch(username) is None or username == JOB_USER):
        raise Invalid(f"Username {username[:64]!r} can contain only letters, digits, '_', '-', '+' and '.', and is not {JOB_USER}")
    return NewToken(name=name, scopes=scopes, username=username, expires=parameters.instant("expires_at"), hash=hash_token(secret))


def _create(connection: Connection, place_id: int, new: NewToken, actor: Actor) -> TokenRow:
    at = begin(connection, place_id)
    get_live(connection, place_id)
    token_id = tokens.add_token(
        connection,
        kind="deploy",
        hash_=new.hash,
        user_id=None,
        place_id=place_id,
        name=new.name,
        scopes=new.scopes,
        at=at,
        expires=new.expires,
        creator_id=actor.user_id,
        username=new.username,
    )
    detail = {"token": token_id, "name": new.name, "scopes": new.scopes}
    changes.add_event(connection, at, "deploy_token_create", actor, project=place_id, detail=detail)
    return _find(connection, place_id, token_id)


async def revoke(call: Call) -> Answer:
    """The token opens nothing any more."""
    await call.house.database.write(_revoke, call.place.id, path_id(call, "token_id"), call.actor)
    return empty_reply()


def _revoke(connection: Connection, place_id: int, token_id: int, actor: Actor) -> None:
    at = begin(connection, place_id)
    row = _find(connection, place_id, token_id)
    tokens.end_token(connection, token_id, at)
    changes.add_event(connection, at, "deploy_token_revoke", actor, project=place_id, detail={"token": token_id, "name": row.name})


def routes() -> list[Route]:
    def one(kind: Kind, method: str, tail: str, handler: Any, action: Action) -> Route:
        return route_of(kind, method, f"/deploy_tokens{tail}", handler, action)

    found = [Route(method="GET", path="api/v4/deploy_tokens", handler=list_everywhere, action=Action.ADMIN, reach=ROOT)]
    kinds: tuple[tuple[Kind, Action], ...] = (("project", Action.MANAGE), ("group", Action.OWN))
    for kind, change in kinds:
        found += [
            one(kind, "GET", "", list_here, Action.MANAGE),
            one(kind, "GET", "/{token_id}", get_one, Action.MANAGE),
            one(kind, "POST", "", writing(create), change),
            one(kind, "DELETE", "/{token_id}", writing(revoke), change),
        ]
    return found
