"""Members of projects and groups (core API 7.4). Nobody grants more than their own role, or changes those above them."""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from packhouse.api.call import Call, begin, path_id, standing, writing
from packhouse.api.failures import MemberNotFound, UserNotFound
from packhouse.api.pages import paged, read_page
from packhouse.api.parameters import Parameters, read_parameters, read_query
from packhouse.api.places import get_live
from packhouse.api.projects import LEVELS
from packhouse.api.shapes import member_shape
from packhouse.auth.policy import authorize
from packhouse.contract import ROOT, Action, Answer, Route
from packhouse.db import changes, members, users
from packhouse.db.engine import now
from packhouse.db.members import MemberRow
from packhouse.errors import Conflict, Forbidden, Invalid, InvalidParameter
from packhouse.model import Actor, Instant, Place, Role, Struct
from packhouse.responses import empty_reply, json_reply

EVERYBODY = 1_000_000


# -- reading ---------------------------------------------------------------------------------------------------------


async def list_direct(call: Call) -> Answer:
    """Those who are members here."""
    return await _answer_list(call, inherited=False)


async def list_all(call: Call) -> Answer:
    """Those who are members here or above; the highest level counts."""
    return await _answer_list(call, inherited=True)


async def _answer_list(call: Call, *, inherited: bool) -> Answer:
    parameters = read_query(call)
    page = read_page(parameters)
    rows, total = await call.house.database.read(
        members.list_members,
        call.place.id,
        inherited=inherited,
        search=parameters.text("query"),
        user_ids=parameters.integers("user_ids"),
        offset=page.offset,
        limit=page.size,
        at=now(),
    )
    return paged(call, [member_shape(row, call.house.settings.base_url) for row in rows], page, total)


async def get_direct(call: Call) -> Answer:
    """One of those who are members here."""
    return await _answer_one(call, inherited=False)


async def get_inherited(call: Call) -> Answer:
    """One of those who are members here or above."""
    return await _answer_one(call, inherited=True)


async def _answer_one(call: Call, *, inherited: bool) -> Answer:
    row = await call.house.database.read(_find, call.place.id, path_id(call, "user_id"), inherited)
    return json_reply(member_shape(row, call.house.settings.base_url))


def _find(connection: Connection, place_id: int, user_id: int, inherited: bool = False) -> MemberRow:
    rows, _ = members.list_members(connection, place_id, inherited=inherited, user_ids=[user_id], at=now())
    if not rows:
        raise MemberNotFound()
    return rows[0]


# -- changing --------------------------------------------------------------------------------------------------------


class Change(Struct):
    """Who changes a membership, and how far they may go."""

    place: int
    actor: Actor
    standing: int


def _change(call: Call) -> Change:
    return Change(place=call.place.id, actor=call.actor, standing=standing(call.access))


def read_expiry(parameters: Parameters) -> Instant | None:
    """The day a membership ends. Raises `InvalidParameter`."""
    expires = parameters.date("expires_at")
    if expires is not None and expires <= now():
        raise InvalidParameter("expires_at does not have a valid value: it must be a future date", parameter="expires_at")
    return expires


async def add(call: Call) -> Answer:
    """A new member; several, where `user_id` is a list."""
    parameters = await read_parameters(call)
    parameters.require("access_level")
    level = parameters.level("access_level", LEVELS) or 0
    ids, username = parameters.integers("user_id") or [], parameters.text("username")
    if not ids and not username:
        raise InvalidParameter("user_id, username are missing, at least one parameter must be provided", parameter="user_id")
    expires = read_expiry(parameters)
    if len(ids) > 1:
        return json_reply(await _add_many(call, ids, level, expires), 201)
    row = await call.house.database.write(_add, _change(call), ids[0] if ids else username or "", level, expires)
    return json_reply(member_shape(row, call.house.settings.base_url), 201)


async def _add_many(call: Call, ids: list[int], level: int, expires: Instant | None) -> dict[str, Any]:
    """Each by itself: who could not be added is named with the reason."""
    failed: dict[str, str] = {}
    for id_ in dict.fromkeys(ids[:100]):
        try:
            await call.house.database.write(_add, _change(call), id_, level, expires)
        except (UserNotFound, Conflict, Invalid) as error:
            failed[str(id_)] = error.message
    return {"status": "error", "message": failed} if failed else {"status": "success"}


def _add(connection: Connection, change: Change, who: int | str, level: int, expires: Instant | None) -> MemberRow:
    at = begin(connection, change.place)
    get_live(connection, change.place)
    if level > change.standing:
        raise Forbidden("Forbidden - You cannot grant a role above your own")
    found = users.get_user(connection, who) if isinstance(who, int) else users.find_user(connection, who)
    if found is None or found.kind == "bot":
        raise UserNotFound()
    _check_inherited(connection, change.place, found.id, level, at)
    lapsed = members.list_members(connection, change.place, user_ids=[found.id])[0]
    if lapsed and lapsed[0].expires is not None and lapsed[0].expires <= at:
        members.drop_member(connection, change.place, found.id)
    try:
        with connection.begin_nested():
            members.set_member(connection, change.place, found.id, level, expires, at)
    except IntegrityError as error:
        raise Conflict("Member already exists") from error
    changes.add_event(connection, at, "member_add", change.actor, project=change.place, detail={"user": found.username, "level": level})
    return _find(connection, change.place, found.id)


def _check_inherited(connection: Connection, place_id: int, user_id: int, level: int, at: Instant) -> None:
    above = members.levels_of(connection, [place_id], user_id, at).get(place_id, (0, 0))[1]
    if above > level:
        raise Invalid(f"Access level should be greater than or equal to {Role(above).name.title()} inherited membership from a group above")


async def update(call: Call) -> Answer:
    """A member with another level or last day."""
    parameters = await read_parameters(call)
    parameters.require("access_level")
    level = parameters.level("access_level", LEVELS) or 0
    values: dict[str, Any] = {"level": level}
    if "expires_at" in parameters:
        values["expires"] = read_expiry(parameters)
    row = await call.house.database.write(_update, _change(call), path_id(call, "user_id"), values)
    return json_reply(member_shape(row, call.house.settings.base_url))


def _update(connection: Connection, change: Change, user_id: int, values: dict[str, Any]) -> MemberRow:
    at = begin(connection, change.place)
    row = _check_change(connection, change, user_id)
    if values["level"] > change.standing:
        raise Forbidden("Forbidden - You cannot grant a role above your own")
    if values["level"] < Role.OWNER:
        _check_last_owner(connection, change.place, row, at)
    _check_inherited(connection, change.place, user_id, values["level"], at)
    members.update_member(connection, change.place, user_id, **values)
    changes.add_event(connection, at, "member_update", change.actor, project=change.place, detail={"user": row.username, **values})
    return _find(connection, change.place, user_id)


def _check_change(connection: Connection, change: Change, user_id: int) -> MemberRow:
    row = _find(connection, change.place, user_id)
    if row.level > change.standing:
        raise Forbidden("Forbidden - You cannot change a member above your own role")
    if users.names_of(connection, [user_id])[user_id].kind == "bot":
        raise Forbidden("Forbidden - This member belongs to an access token: revoke the token")
    return row


def _check_last_owner(connection: Connection, place_id: int, row: MemberRow, at: Instant) -> None:
    place = get_live(connection, place_id)
    if _is_top(place) and row.level >= Role.OWNER and not members.count_owners(connection, place_id, at, but=row.user_id):
        raise Forbidden("Forbidden - A group keeps at least one owner")


def _is_top(place: Place) -> bool:
    return place.kind == "group" and place.parent_id is None


async def remove(call: Call) -> Answer:
    """A member no more. Everybody may leave."""
    user_id = path_id(call, "user_id")
    if call.actor.user_id != user_id:
        authorize(call.access, Action.OWN if call.place.kind == "group" else Action.MANAGE)
    await call.house.database.write(_remove, _change(call), user_id)
    return empty_reply()


def _remove(connection: Connection, change: Change, user_id: int) -> None:
    at = begin(connection, change.place)
    row = _check_change(connection, change, user_id)
    _check_last_owner(connection, change.place, row, at)
    members.drop_member(connection, change.place, user_id)
    changes.add_event(connection, at, "member_remove", change.actor, project=change.place, detail={"user": row.username})


def routes() -> list[Route]:
    found: list[Route] = []
    kinds: tuple[tuple[Literal["project", "group"], str, Action], ...] = (("project", "projects", Action.MANAGE), ("group", "groups", Action.OWN))
    for kind, plural, manage in kinds:
        for method, tail, handler, action in (
            ("GET", "", list_direct, Action.SEE),
            ("GET", "/all", list_all, Action.SEE),
            ("GET", "/{user_id}", get_direct, Action.SEE),
            ("GET", "/all/{user_id}", get_inherited, Action.SEE),
            ("POST", "", writing(add), manage),
            ("PUT", "/{user_id}", writing(update), manage),
            ("DELETE", "/{user_id}", writing(remove), Action.SEE),
        ):
            path = f"api/v4/{plural}/{{id+}}/members{tail}"
            place_of = lambda params: params["id"]  # noqa: E731
            found.append(Route(method=method, path=path, handler=handler, action=action, reach=ROOT, place_of=place_of, place_kind=kind))
    return found
