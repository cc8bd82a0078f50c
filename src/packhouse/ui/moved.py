"""Old addresses of pages lead on to where the project or group is now, for who may know of it."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

from sqlalchemy import Connection

from packhouse.auth.policy import Access, can_see
from packhouse.auth.sessions import Session
from packhouse.db import places
from packhouse.errors import InvalidCredential
from packhouse.model import ANONYMOUS, Place
from packhouse.packages.house import House
from packhouse.ui import addresses

DEEPEST = 20


async def find_moved(house: House, session: Session | None, address: str) -> str:
    """The address that an old one leads to, its query kept; "" for none that this viewer may know of."""
    path, _, query = address.partition("?")
    found = await house.database.read(_find, path.removeprefix("/groups/").strip("/"))
    if found is None:
        return ""
    where, rest = found
    if not await _sees(house, session, where):
        return ""
    return f"{addresses.of_place(where)}{rest}{'?' if query else ''}{query}"


def _find(connection: Connection, path: str) -> tuple[Place, str] | None:
    for candidate, rest in _candidates(path):
        id_ = places.find_alias(connection, candidate)
        place = None if id_ is None else places.get_place(connection, id_)
        if place is not None:
            return place, rest
    return None


def _candidates(path: str) -> Iterator[tuple[str, str]]:
    """The paths of places that an address may begin with, the longest first, and what follows each."""
    segments = path.partition("/-/")[0].split("/")
    for count in range(min(len(segments), DEEPEST), 0, -1):
        begin = "/".join(segments[:count])
        yield unquote(begin), path[len(begin) :]


async def _sees(house: House, session: Session | None, where: Place) -> bool:
    if session is None:
        return can_see(Access(actor=ANONYMOUS, place=where), where)
    try:
        return can_see(await house.gate.as_user(session.user_id, "session", where.id), where)
    except InvalidCredential:
        return False
