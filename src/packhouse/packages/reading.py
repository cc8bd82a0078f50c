"""Stored files as bytes in memory, for those that are small and looked into here."""

from __future__ import annotations

import asyncio
from pathlib import Path

from packhouse.errors import FileNotFound
from packhouse.packages.house import House


async def read_stored(house: House, stored: str, size: int) -> bytes | None:
    """The bytes under a stored name; None where they are gone, or not of this size. Raises `Unavailable`."""
    if house.far is not None:
        try:
            return b"".join([piece async for piece in house.far.read(stored, 0, size)])
        except FileNotFound:
            return None
    path = house.store.path(stored)
    body = None if path is None else await asyncio.to_thread(_read_file, path)
    return body if body is not None and len(body) == size else None


def _read_file(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
