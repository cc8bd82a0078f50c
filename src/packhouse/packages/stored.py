"""Sets of signed indexes and of what they digest, stored whole: one signature for every process, old generations by their digest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from packhouse.db import documents as documents_db
from packhouse.db.documents import NewSet
from packhouse.db.engine import now
from packhouse.model import Blob, Documents, Instant, NewDocument, Spooled, Struct
from packhouse.packages.house import House
from packhouse.packages.publish import discard, drop_losers, write_with_blobs

KEEP: Instant = 3600 * 1_000_000
"""How long a set stays after a newer one took its place: a client may take that long between an index and what it digests."""


class MadeSet(Struct):
    """A set as it was just made."""

    key: tuple[Any, ...]
    series: str
    projects: tuple[int, ...]
    documents: Documents


def digest_key(key: tuple[Any, ...]) -> str:
    """A cache key, or the part of one that names a series, as 64 characters."""
    return hashlib.sha256(msgspec.json.encode(key)).hexdigest()


async def load_set(house: House, key: tuple[Any, ...]) -> Documents | None:
    """The set stored under this key; None where there is none, or its bytes are not at hand."""
    found = await house.database.read(documents_db.find_set, digest_key(key))
    out = {}
    for one in found or ():
        body = await house.store.whole(one.stored, one.size)
        if body is None:
            return None
        out[one.path] = NewDocument(body=body, media_type=one.media_type)
    return out or None


async def load_document(house: House, series: str, sha256: str, projects: Sequence[int]) -> tuple[NewDocument, Instant] | None:
    """A stored document of any generation by its digest, and when it was made; only where every project it speaks of is among these."""
    found = await house.database.read(documents_db.find_by_digest, series, sha256, projects)
    if found is None:
        return None
    body = await house.store.whole(found.stored, found.size)
    return None if body is None else (NewDocument(body=body, media_type=found.media_type), found.made_at)


async def keep_sets(house: House, sets: Sequence[MadeSet]) -> None:
    """Store these sets, all of them durable when it returns; a set that another process stored first stays as it is. Raises `OutOfSpace`."""
    spooled: dict[bytes, Spooled] = {}
    try:
        for made in sets:
            for document in made.documents.values():
                if document.body not in spooled:
                    spooled[document.body] = await house.spool.keep(document.body)
        new = [
            NewSet(cache_key=digest_key(made.key), series=made.series, projects=made.projects, documents=_with_blobs(made.documents, spooled))
            for made in sets
        ]
        placed, names = await write_with_blobs(house, list(spooled.values()), _add_sets, new)
        await drop_losers(house, placed, names)
    finally:
        discard(spooled.values())


def _add_sets(connection: Connection, sets: Sequence[NewSet], placed: Mapping[str, str]) -> dict[str, str]:
    return documents_db.add_sets(connection, sets, placed, now())


def _with_blobs(documents: Documents, spooled: Mapping[bytes, Spooled]) -> Mapping[str, tuple[Blob, str]]:
    return {path: (spooled[document.body].blob, document.media_type) for path, document in documents.items()}


async def sweep_documents(house: House, at: Instant) -> None:
    """Forget sets that were replaced longer ago than they are kept. Looks first, without writing."""
    if await house.database.read(documents_db.has_superseded, at - KEEP):
        await house.database.write(documents_db.drop_superseded, at - KEEP)
