"""Stored documents: sets of signed indexes and of what they digest, for as long as a client may ask for them. The first set of a key wins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, exists, select

from packhouse.db.changes import take_blob, upsert
from packhouse.db.tables import blob, document
from packhouse.model import Blob, Instant, Struct


class StoredDocument(NamedTuple):
    """A document of a set, and where its bytes lie."""

    path: str
    media_type: str
    stored: str
    size: int
    made_at: Instant


class NewSet(Struct):
    """A set to be stored: its key, the series of generations it belongs to, the projects it was made from, and documents by path."""

    cache_key: str
    series: str
    projects: tuple[int, ...]
    documents: Mapping[str, tuple[Blob, str]]  # path → bytes, media type


_COLUMNS = (document.c.path, document.c.media_type, blob.c.place, blob.c.size, document.c.made_at)


def find_set(connection: Connection, cache_key: str) -> list[StoredDocument]:
    """The documents of a set; none where it was not stored."""
    rows = connection.execute(
        select(*_COLUMNS).join(blob, blob.c.id == document.c.blob_id).where(document.c.cache_key == cache_key).order_by(document.c.path)
    )
    return [StoredDocument(*row) for row in rows]


def find_by_digest(connection: Connection, series: str, sha256: str, projects: Iterable[int]) -> StoredDocument | None:
    """A document of this series, of whatever generation, with these bytes; only of sets made from nothing but these projects."""
    rows = connection.execute(
        select(*_COLUMNS, document.c.projects)
        .join(blob, blob.c.id == document.c.blob_id)
        .where(document.c.series == series, blob.c.sha256 == sha256)
        .order_by(document.c.id.desc())
    )
    allowed = set(projects)
    for row in rows:
        if allowed.issuperset(msgspec.json.decode(row[-1], type=list[int])):
            return StoredDocument(*row[:-1])
    return None


def add_sets(connection: Connection, sets: Sequence[NewSet], placed: Mapping[str, str], at: Instant) -> dict[str, str]:
    """Store these sets, each whole or, where another process was first, not at all; digest → the stored name that counts."""
    names: dict[str, str] = {}
    for new in sets:
        if find_set(connection, new.cache_key):
            continue
        for path, (content, media_type) in sorted(new.documents.items()):
            blob_id, names[content.sha256] = take_blob(connection, content, placed.get(content.sha256), at)
            values = {
                "cache_key": new.cache_key,
                "series": new.series,
                "projects": msgspec.json.encode(new.projects).decode(),
                "path": path,
                "blob_id": blob_id,
                "media_type": media_type,
                "made_at": at,
            }
            # two processes at once: the second waits here for the first to commit, and leaves its set alone
            connection.execute(upsert(connection)(document).values(**values).on_conflict_do_nothing())
    return names


def _superseded(before: Instant) -> ColumnElement[bool]:
    newer = document.alias("newer")
    return exists(
        select(newer.c.id).where(
            newer.c.series == document.c.series,
            newer.c.projects == document.c.projects,
            newer.c.cache_key != document.c.cache_key,
            newer.c.made_at > document.c.made_at,
            newer.c.made_at <= before,
        )
    )


def has_superseded(connection: Connection, before: Instant) -> bool:
    """Some set was replaced by a newer one at or before this instant."""
    return connection.execute(select(document.c.id).where(_superseded(before)).limit(1)).first() is not None


def drop_superseded(connection: Connection, before: Instant) -> int:
    """Forget the sets that were replaced at or before this instant; how many documents that were. Bytes go later, by collection."""
    return connection.execute(delete(document).where(_superseded(before))).rowcount
