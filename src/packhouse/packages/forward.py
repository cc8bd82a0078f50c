"""Forwarding: a client that asks for a name nobody here has is sent to the upstream that the administrator configured. Never for a name of ours."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection

from packhouse.db import packages, places
from packhouse.packages.house import House
from packhouse.packages.view import View


async def forward_url(house: House, view: View, name: str, tail: str) -> str | None:
    """The upstream's address of a package; None where forwarding is off, or the name is or ever was in this scope (threats, T20)."""
    base = house.settings.forward.get(view.format.name)
    if not base:
        return None
    key = view.format.coordinates.name_key(name)
    if not await house.database.read(_forwards, view.format.name, key, view.place):
        return None
    return f"{base.rstrip('/')}/{tail}"


def _forwards(connection: Connection, format: str, key: str, place: int | None) -> bool:
    if packages.is_claimed(connection, format, key, place):
        return False
    allowed = places.read_setting(connection, f"{format}_package_requests_forwarding") != "false"
    if place is None or place < 0:
        return allowed
    for ancestor in places.line_settings(connection, place):
        settings = msgspec.json.decode(ancestor, type=dict[str, Any])
        value = settings.get(f"{format}_package_requests_forwarding")
        if value is not None:
            allowed = bool(value)
            if settings.get(f"lock_{format}_package_requests_forwarding"):
                break  # decided here for everything below
    return allowed
