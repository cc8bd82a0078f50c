"""Access tokens of projects and groups: each belongs to a robot that is a member there (core API 8.2)."""

from __future__ import annotations

import secrets
from typing import Any

from sqlalchemy import Connection

from packhouse.api.call import Call, Kind, begin, check_person, path_id, route_of, standing, writing
from packhouse.api.failures import TokenNotFound
from packhouse.api.pages import paged, read_page
from packhouse.api.parameters import read_parameters, read_query
from packhouse.api.personal_tokens import answer_rotation, identify_self, read_token_query
from packhouse.api.places import get_live
from packhouse.api.projects import LEVELS
from packhouse.api.shapes import token_shape
from packhouse.api.tokens import PLACE_SCOPES, NewToken, read_new, revoke
from packhouse.auth.tokens import hash_token
from packhouse.contract import ROOT, Action, Answer, Route
from packhouse.db import changes, members, places, tokens, users
from packhouse.db.engine import now
from packhouse.db.tokens import TokenRow
from packhouse.errors import Forbidden, InsufficientScope, Unauthenticated
from packhouse.model import Actor, Place, Role
from packhouse.responses import empty_reply, json_reply


async def list_here(call: Call) -> Answer:
    """The tokens of this project or group."""
    parameters = read_query(call)
    page = read_page(parameters)
    query = read_token_query(parameters, kinds=(call.place.kind,), place_id=call.place.id, offset=page.offset, limit=page.size)
    rows, total = await call.house.database.read(tokens.list_tokens, query)
    return paged(call, [token_shape(row, query.at) for row in rows], page, total)


async def get_one(call: Call) -> Answer:
    """One token; never its secret."""
    return json_reply(token_shape(await _read(call), now()))


async def _read(call: Call) -> TokenRow:
    return await call.house.database.read(_find, call.place, path_id(call, "token_id"))


def _find(connection: Connection, place: Place, token_id: int) -> TokenRow:
    row = tokens.get_token(connection, token_id)
    if row is None or row.kind != place.kind or row.place_id != place.id:
        raise TokenNotFound()
    return row


async def create(call: Call) -> Answer:
    """A new token of a new robot, its secret shown this once."""
    check_person(call.actor)
    parameters = await read_parameters(call)
    new = read_new(parameters, call.place.kind, PLACE_SCOPES)
    level = parameters.level("access_level", LEVELS) or int(Role.MAINTAINER)
    if level > standing(call.access):
        raise Forbidden("Forbidden - You cannot grant a role above your own")
    row = await call.house.database.write(_create, call.place.id, new, level, call.actor)
    return json_reply(token_shape(row, now(), new.secret), 201)


def _create(connection: Connection, place_id: int, new: NewToken, level: int, actor: Actor) -> TokenRow:
    at = begin(connection, place_id)
    place = get_live(connection, place_id)
    username = f"{place.kind}_{place.id}_bot_{secrets.token_hex(16)}"
    robot = users.add_user(connection, username=username, name=new.name, email=f"{username}@noreply.invalid", password=None, at=at, kind="bot")
    members.set_member(connection, place_id, robot, level, new.expires, at)
    token_id = tokens.add_token(
        connection,
        kind=place.kind,
        hash_=hash_token(new.secret),
        user_id=robot,
        place_id=place_id,
        name=new.name,
        description=new.description,
        scopes=new.scopes,
        at=at,
        expires=new.expires,
        creator_id=actor.user_id,
        level=level,
    )
    detail = {"token": token_id, "name": new.name, "scopes": new.scopes, "level": level}
    changes.add_event(connection, at, "token_create", actor, project=place_id, detail=detail)
    return _find(connection, place, token_id)


async def rotate_one(call: Call) -> Answer:
    """A new token in place of an old one here."""
    parameters = await read_parameters(call)
    row = await _read(call)
    if call.actor.kind in ("project", "group") and row.id != call.actor.token_id:
        raise Unauthenticated()
    if row.level > standing(call.access):
        raise Forbidden("Forbidden - You cannot rotate a token above your own role")
    return await answer_rotation(call, row, parameters, call.actor)


async def rotate_self(call: Call) -> Answer:
    """A new token in place of the one of this request, which belongs to this project or group."""
    row, actor = await identify_self(call)
    place = await call.house.database.read(places.get_place, row.place_id or 0)
    named = call.params["id"]
    if place is None or call.entry.template.split("/")[2] != f"{row.kind}s" or named.lower() not in (str(place.id), place.full_path.lower()):
        raise Unauthenticated()
    if not {"api", "self_rotate"} & actor.scopes:
        raise InsufficientScope(scope="api self_rotate")
    return await answer_rotation(call, row, await read_parameters(call), actor)


async def revoke_one(call: Call) -> Answer:
    """The token is over, and its robot no member any more."""
    row = await _read(call)
    if row.revoked is not None:
        raise TokenNotFound()
    if row.level > standing(call.access):
        raise Forbidden("Forbidden - You cannot revoke a token above your own role")
    await call.house.database.write(revoke, row, call.actor)
    return empty_reply()


def routes() -> list[Route]:
    def one(kind: Kind, method: str, tail: str, handler: Any) -> Route:
        action = Action.MANAGE if kind == "project" else Action.OWN
        return route_of(kind, method, f"/access_tokens{tail}", handler, action)

    found: list[Route] = []
    kinds: tuple[Kind, ...] = ("project", "group")
    for kind in kinds:
        found += [
            one(kind, "GET", "", list_here),
            one(kind, "POST", "", writing(create)),
            one(kind, "GET", "/{token_id}", get_one),
            one(kind, "POST", "/{token_id}/rotate", writing(rotate_one)),
            one(kind, "DELETE", "/{token_id}", writing(revoke_one)),
            Route(method="POST", path=f"api/v4/{kind}s/{{id+}}/access_tokens/self/rotate", handler=rotate_self, action=Action.OPEN, reach=ROOT),
        ]
    return found
