"""Forwarding: a client that asks for a name nobody here has is sent to the upstream that the administrator configured. Never for a name of ours."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection

from packhouse.db import names, places
from packhouse.packages.house import House
from packhouse.packages.view import View


async def forward_url(house: House, view: View, name: str, tail: str, anonymous: bool) -> str | None:
    """The upstream's address of a package; None where forwarding is off, or the name is or ever was ours (threats, T20).

    Ours is what any project under the same root group holds, and on the instance's address any project. Who has not signed in is sent on by a
    project alone, for names that it does not hold: whether others hold them is not for strangers to know, and a client that lost its token must
    not get an upstream's package of the same name.
    """
    base = house.settings.forward.get(view.format.name)
    if not base or (anonymous and view.level != "project"):
        return None
    key = view.format.coordinates.name_key(name)
    place = None if view.level == "instance" else view.place
    if not await house.database.read(_forwards, view.format.name, key, place, anonymous):
        return None
    return f"{base.rstrip('/')}/{tail}"


def _forwards(connection: Connection, format: str, key: str, place: int | None, anonymous: bool) -> bool:
    scope = place if place is None or anonymous else places.root_of(connection, place).id
    if names.is_claimed(connection, format, key, scope):
        return False
    allowed = places.read_setting(connection, f"{format}_package_requests_forwarding") != "false"
    if place is None:
        return allowed
    for ancestor in places.line_settings(connection, place):
        settings = msgspec.json.decode(ancestor, type=dict[str, Any])
        value = settings.get(f"{format}_package_requests_forwarding")
        if value is not None:
            allowed = bool(value)
            if settings.get(f"lock_{format}_package_requests_forwarding"):
                break  # decided here for everything below
    return allowed
