"""Personal access tokens, and what any access token may do about itself (core API 8.1)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from packhouse.api.call import TOKENS, Call, begin, check_person, check_write, path_id, user_id, writing
from packhouse.api.failures import TokenNotFound, UserNotFound
from packhouse.api.pages import paged, read_page
from packhouse.api.parameters import Parameters, read_parameters, read_query
from packhouse.api.places import project_shapes
from packhouse.api.projects import LEVELS
from packhouse.api.shapes import Shape, token_shape
from packhouse.api.tokens import (
    ROTATED_LIFE,
    NewToken,
    answer_reuse,
    check_privileges,
    read_expiry,
    read_new,
    revoke,
    revoke_family,
    rotate,
    rotation,
)
from packhouse.auth.credentials import Credential, read_credential
from packhouse.auth.tokens import USER_SCOPES, hash_token
from packhouse.contract import ROOT, Action, Answer, Route
from packhouse.db import changes, members, places, tokens, users
from packhouse.db.engine import now
from packhouse.db.tokens import TokenQuery, TokenRow
from packhouse.errors import Forbidden, InsufficientScope, InvalidCredential, Unauthenticated, Unsupported
from packhouse.model import ANONYMOUS, Actor, Role
from packhouse.responses import empty_reply, json_reply

# what a token may mint without a person at the keyboard: nothing that changes anything
NARROW = frozenset({"read_api", "read_user", "read_registry", "read_virtual_registry", "read_repository", "self_rotate", "k8s_proxy"})
SORTS = {
    f"{name}_{direction}": (column, direction == "desc")
    for name, column in (("created", "created"), ("created_at", "created"), ("expires", "expires"), ("expires_at", "expires"),
                         ("last_used", "last_used"), ("last_used_at", "last_used"), ("name", "name"))
    for direction in ("asc", "desc")
}  # fmt: skip


# -- lists and look-ups ----------------------------------------------------------------------------------------------


def read_token_query(parameters: Parameters, **more: Any) -> TokenQuery:
    """The filters and the order of a list of tokens. Raises `InvalidParameter`."""
    column, descending = SORTS[parameters.choice("sort", SORTS) or "created_desc"]
    state = parameters.choice("state", ("active", "inactive"))
    bounds: dict[str, Any] = {
        name: parameters.instant(name) for first in ("created", "expires", "last_used") for name in (f"{first}_after", f"{first}_before")
    }
    return TokenQuery(
        search=parameters.text("search"),
        revoked=parameters.flag("revoked"),
        active=None if state is None else state == "active",
        at=now(),
        order_by=column,
        descending=descending,
        **bounds,
        **more,
    )


async def list_tokens(call: Call) -> Answer:
    """The actor's own tokens; an administrator's list holds everybody's."""
    parameters = read_query(call)
    page = read_page(parameters)
    whose = parameters.integer("user_id")
    if not call.actor.admin:
        if whose is not None and whose != call.actor.user_id:
            raise Unauthenticated()
        whose = user_id(call.actor)
    kinds = ("personal",) if call.actor.kind not in ("project", "group") else (call.actor.kind,)
    query = read_token_query(parameters, kinds=kinds, user_id=whose, offset=page.offset, limit=page.size)
    rows, total = await call.house.database.read(tokens.list_tokens, query)
    return paged(call, [token_shape(row, query.at) for row in rows], page, total)


async def get_token(call: Call) -> Answer:
    """One token; never its secret."""
    return json_reply(token_shape(await _own(call), now()))


async def _own(call: Call) -> TokenRow:
    """The token of the path. Raises `Unauthenticated` for one that is not the actor's own, `TokenNotFound` to an administrator."""
    row = await call.house.database.read(tokens.get_token, path_id(call, "token_id"))
    if row is None or row.kind not in TOKENS:
        raise TokenNotFound() if call.actor.admin else Unauthenticated()
    if not call.actor.admin and row.user_id != call.actor.user_id:
        raise Unauthenticated()
    return row


# -- making ----------------------------------------------------------------------------------------------------------


async def create_own(call: Call) -> Answer:
    """A new token of the actor, with scopes that only read."""
    check_person(call.actor)
    new = read_new(await read_parameters(call), "personal", NARROW)
    return await _answer_new(call, user_id(call.actor), new)


async def create_for_user(call: Call) -> Answer:
    """A new token of any user, its secret shown this once."""
    check_person(call.actor)
    new = read_new(await read_parameters(call), "personal", USER_SCOPES)
    check_privileges(call.actor, new.scopes)
    return await _answer_new(call, path_id(call, "user_id"), new)


async def _answer_new(call: Call, whose: int, new: NewToken) -> Answer:
    row = await call.house.database.write(_create, whose, new, call.actor)
    return json_reply(token_shape(row, now(), new.secret), 201)


def _create(connection: Connection, whose: int, new: NewToken, actor: Actor) -> TokenRow:
    at = begin(connection)
    found = users.get_user(connection, whose)
    if found is None or found.kind == "bot":
        raise UserNotFound()
    token_id = tokens.add_token(
        connection,
        kind="personal",
        hash_=hash_token(new.secret),
        user_id=whose,
        place_id=None,
        name=new.name,
        description=new.description,
        scopes=new.scopes,
        at=at,
        expires=new.expires,
        creator_id=actor.user_id,
    )
    detail = {"token": token_id, "name": new.name, "scopes": new.scopes, "user": found.username}
    changes.add_event(connection, at, "token_create", actor, detail=detail)
    row = tokens.get_token(connection, token_id)
    assert row is not None
    return row


# -- ending ----------------------------------------------------------------------------------------------------------


async def rotate_token(call: Call) -> Answer:
    """A new token in place of one of the actor's."""
    parameters = await read_parameters(call)
    row = await _own(call)
    if row.kind != "personal":
        raise Unsupported("This token belongs to a project or group: rotate it there")
    check_privileges(call.actor, row.scopes)
    return await answer_rotation(call, row, parameters, call.actor)


async def answer_rotation(call: Call, row: TokenRow, parameters: Parameters, actor: Actor) -> Answer:
    """The new token with its secret. Raises `InvalidCredential` where the old one is over."""
    wanted = rotation(row, read_expiry(parameters, ROTATED_LIFE), actor)
    new = await call.house.database.write(rotate, wanted)
    if new is None:
        raise answer_reuse()
    return json_reply(token_shape(new, now(), wanted.secret))


async def revoke_token(call: Call) -> Answer:
    """One of the actor's tokens is over."""
    row = await _own(call)
    if row.id != call.actor.token_id:  # its own end is every token's right
        check_write(call.actor)
    await call.house.database.write(revoke, row, call.actor)
    return empty_reply()


# -- a token about itself --------------------------------------------------------------------------------------------


async def identify_self(call: Call) -> tuple[TokenRow, Actor]:
    """The access token of this request, whatever its scopes. Raises `Unauthenticated`, `Unsupported` for other credentials.

    Routes about `self` are open at the edge, since every scope may ask about and end its own token.
    """
    credential = _credential(call)
    if credential is None:
        raise Unauthenticated()
    if "sudo" in call.query or "sudo" in call.headers:
        raise Forbidden("Forbidden - A token speaks of itself only without sudo")
    try:
        access = await call.house.gate.identify(credential, None, address=call.address, native=False, method=call.method)
    except InvalidCredential:
        if call.entry.template.endswith("/self/rotate"):
            await call.house.database.write(_punish_reuse, hash_token(credential.secret))
        raise
    if access.actor.kind not in TOKENS or access.actor.token_id is None:
        raise Unauthenticated() if access.actor.kind == "deploy" else Unsupported("This is for requests that carry an access token")
    row = await call.house.database.read(tokens.get_token, access.actor.token_id)
    assert row is not None
    if row.kind not in TOKENS:  # it stands for a build, and ends with it
        raise Unsupported("This is for requests that carry an access token")
    return row, access.actor


def _credential(call: Call) -> Credential | None:
    raw = {name.encode("latin-1"): value.encode("latin-1") for name, value in call.headers.items()}
    return read_credential(raw, call.query, query_allowed=call.house.settings.query_tokens)


def _punish_reuse(connection: Connection, hash_: bytes) -> None:
    row = tokens.find_by_hash(connection, hash_)
    if row is not None and row.kind in TOKENS and row.revoked is not None:
        revoke_family(connection, row, ANONYMOUS, begin(connection, row.place_id or 0))


async def get_self(call: Call) -> Answer:
    """The token of this request; never its secret."""
    row, _ = await identify_self(call)
    return json_reply(token_shape(row, now()))


async def rotate_self(call: Call) -> Answer:
    """A new token in place of the one of this request, which needs the scope `api` or `self_rotate`."""
    row, actor = await identify_self(call)
    if not {"api", "self_rotate"} & actor.scopes:
        raise InsufficientScope(scope="api self_rotate")
    return await answer_rotation(call, row, await read_parameters(call), actor)


async def revoke_self(call: Call) -> Answer:
    """The token of this request is over."""
    row, actor = await identify_self(call)
    await call.house.database.write(revoke, row, actor)
    return empty_reply()


async def list_associations(call: Call) -> Answer:
    """The groups and projects where the token's user holds a role."""
    _, actor = await identify_self(call)
    parameters = read_query(call)
    least = parameters.level("min_access_level", LEVELS) or Role.GUEST
    page = read_page(parameters)
    found = await call.house.database.read(_associations, actor, least, page.offset, page.size, call.house.settings.base_url)
    return json_reply(found)


def _associations(connection: Connection, actor: Actor, least: int, offset: int, limit: int, base_url: str) -> dict[str, list[Shape]]:
    who, at = user_id(actor), now()
    group_ids = tokens.places_of(connection, who, "group", least, at, offset, limit)
    project_ids = tokens.places_of(connection, who, "project", least, at, offset, limit)
    held = places.get_places(connection, [*group_ids, *project_ids])
    levels = members.levels_of(connection, list(held), who, at)
    groups = [
        {
            "id": place.id, "web_url": f"{base_url}/groups/{place.full_path}", "name": place.name, "parent_id": place.parent_id,
            "access_levels": max(levels[place.id]), "visibility": place.visibility.name.lower(),
        }
        for place in (held[id_] for id_ in group_ids)
    ]  # fmt: skip
    shapes = project_shapes(connection, [held[id_] for id_ in project_ids], base_url, actor, at)
    keys = ("id", "description", "name", "name_with_namespace", "path", "path_with_namespace", "created_at", "visibility", "web_url", "namespace")
    projects = [
        {key: shape[key] for key in keys}
        | {"access_levels": {"project_access_level": levels[shape["id"]][0] or None, "group_access_level": levels[shape["id"]][1] or None}}
        for shape in shapes
    ]
    return {"groups": groups, "projects": projects}


def routes() -> list[Route]:
    base = "api/v4/personal_access_tokens"
    one = f"{base}/{{token_id}}"

    def own(method: str, path: str, handler: Any) -> Route:
        return Route(method=method, path=path, handler=handler, action=Action.SIGN_IN, reach=ROOT)

    def itself(method: str, path: str, handler: Any) -> Route:
        return Route(method=method, path=path, handler=handler, action=Action.OPEN, reach=ROOT)

    return [
        own("GET", base, list_tokens),
        own("GET", one, get_token),
        own("POST", f"{one}/rotate", writing(rotate_token)),
        own("DELETE", one, revoke_token),
        itself("GET", f"{base}/self", get_self),
        itself("POST", f"{base}/self/rotate", rotate_self),
        itself("DELETE", f"{base}/self", revoke_self),
        itself("GET", f"{base}/self/associations", list_associations),
        own("POST", "api/v4/user/personal_access_tokens", writing(create_own)),
        Route(
            method="POST", path="api/v4/users/{user_id}/personal_access_tokens", handler=writing(create_for_user), action=Action.ADMIN, reach=ROOT
        ),
    ]  # fmt: skip
