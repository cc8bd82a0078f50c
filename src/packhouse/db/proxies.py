"""What the dependency proxies of groups keep: cached manifests and blobs, and their settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, func, literal, literal_column, or_, select, update

from packhouse.db.changes import bound, upsert
from packhouse.db.engine import BATCH, Hot
from packhouse.db.tables import Id, Time, blob, place, proxy_entry, proxy_setting
from packhouse.model import Instant, Struct

DAY: Instant = 86_400_000_000


# -- settings --------------------------------------------------------------------------------------------------------


class SettingRow(NamedTuple):
    """What a group says about its proxy; the defaults where it says nothing."""

    enabled: bool = True
    upstream_url: str | None = None
    identity: str | None = None
    secret: str | None = None
    identity_for: str | None = None
    auth_hosts: str = ""
    library_prefix: bool | None = None
    ttl_days: int | None = None
    purged_at: Instant | None = None


_SETTING = tuple(proxy_setting.c[name] for name in SettingRow._fields)
SETTING = Hot(select(*_SETTING).where(proxy_setting.c.group_id == bindparam("group", type_=Id)))


def read_row(row: Sequence[Any] | None) -> SettingRow:
    """The row of a hot read, or the defaults."""
    if row is None:
        return SettingRow()
    found = SettingRow(*row)
    library = found.library_prefix
    return found._replace(enabled=bool(found.enabled), library_prefix=None if library is None else bool(library))


def get_setting(connection: Connection, group: int) -> SettingRow:
    return read_row(SETTING.row(connection, group=group))


def put_setting(connection: Connection, group: int, row: SettingRow) -> None:
    values = row._asdict()
    made = upsert(connection)(proxy_setting).values(group_id=group, **values)
    connection.execute(made.on_conflict_do_update(index_elements=["group_id"], set_=values))


# -- entries ---------------------------------------------------------------------------------------------------------


class EntryRow(NamedTuple):
    """A manifest or blob that a group has cached, and where its bytes lie."""

    id: int
    digest: str
    content_type: str
    size: int
    sha256: str
    stored: str
    upstream_image: str
    created: Instant
    checked_at: Instant
    read_at: Instant


ENTRY = Hot(
    select(
        proxy_entry.c.id,
        proxy_entry.c.digest,
        proxy_entry.c.content_type,
        blob.c.size,
        blob.c.sha256,
        blob.c.place,
        proxy_entry.c.upstream_image,
        proxy_entry.c.created,
        proxy_entry.c.checked_at,
        proxy_entry.c.read_at,
    )
    .join(blob, blob.c.id == proxy_entry.c.blob_id)
    .where(
        proxy_entry.c.group_id == bindparam("group", type_=Id),
        *(proxy_entry.c[name] == bound(proxy_entry, name) for name in ("upstream", "kind", "image", "reference")),
        proxy_entry.c.expired.is_(None),
        blob.c.condemned.is_(None),
    )
)

NAME = Hot(
    select(proxy_entry.c.upstream_image)
    .where(
        proxy_entry.c.group_id == bindparam("group", type_=Id),
        proxy_entry.c.upstream == bound(proxy_entry, "upstream"),
        proxy_entry.c.kind == literal_column("'manifest'"),
        proxy_entry.c.image == bound(proxy_entry, "image"),
    )
    .order_by(proxy_entry.c.id.desc())
    .limit(literal_column("1"))
)
"""What the upstream calls an image that something is cached of."""


class NewEntry(Struct):
    """What was just fetched. Each reference gets an entry."""

    group: int
    upstream: str
    kind: str
    image: str
    references: tuple[str, ...]
    digest: str
    content_type: str
    size: int
    upstream_image: str


def put_entries(connection: Connection, new: NewEntry, blob_id: int, at: Instant) -> None:
    """Cached from now on, in place of what these references had before."""
    changed: dict[str, Any] = {
        "digest": new.digest,
        "content_type": new.content_type,
        "size": new.size,
        "blob_id": blob_id,
        "upstream_image": new.upstream_image,
        "created": at,
        "checked_at": at,
        "read_at": at,
        "expired": None,
    }
    for reference in new.references:
        key = {"group_id": new.group, "upstream": new.upstream, "kind": new.kind, "image": new.image, "reference": reference}
        made = upsert(connection)(proxy_entry).values(**key, **changed)
        connection.execute(made.on_conflict_do_update(index_elements=list(key), set_=changed))


def mark_entries(connection: Connection, checked: Mapping[int, Instant], read: Mapping[int, Instant]) -> None:
    """When these were last compared with their upstream, and last given to somebody."""
    for column, times in ((proxy_entry.c.checked_at, checked), (proxy_entry.c.read_at, read)):
        if times:
            connection.execute(
                update(proxy_entry).where(proxy_entry.c.id == bindparam("row", type_=Id)).values({column.name: bindparam("at")}),
                [{"row": id_, "at": at} for id_, at in sorted(times.items())],
            )


def expire_group(connection: Connection, group: int, at: Instant) -> int:
    """All that a group has cached is as good as gone; how many entries."""
    return connection.execute(update(proxy_entry).where(proxy_entry.c.group_id == group, proxy_entry.c.expired.is_(None)).values(expired=at)).rowcount


def groups_to_expire(connection: Connection, at: Instant) -> list[int]:
    """The groups that hold entries nobody has read for as long as the group keeps them, or that are deleted."""
    return list(connection.scalars(select(proxy_entry.c.group_id).select_from(_JOINED).where(_stale(at)).distinct().order_by(proxy_entry.c.group_id)))


def expire_stale(connection: Connection, group: int, at: Instant) -> int:
    """Mark those entries of one group; how many."""
    chosen = select(proxy_entry.c.id).select_from(_JOINED).where(_stale(at), proxy_entry.c.group_id == group)
    return connection.execute(update(proxy_entry).where(proxy_entry.c.id.in_(chosen)).values(expired=at)).rowcount


_JOINED = proxy_entry.join(place, place.c.id == proxy_entry.c.group_id).outerjoin(proxy_setting, proxy_setting.c.group_id == proxy_entry.c.group_id)


def _stale(at: Instant) -> ColumnElement[bool]:
    unread = and_(proxy_setting.c.ttl_days.is_not(None), proxy_entry.c.read_at < literal(at, Time) - proxy_setting.c.ttl_days * literal(DAY, Time))
    return and_(proxy_entry.c.expired.is_(None), or_(unread, place.c.deleted.is_not(None)))


def drop_expired(connection: Connection, limit: int = BATCH) -> int:
    """Remove a batch of what is expired: its bytes are then collection's business."""
    ids = list(connection.scalars(select(proxy_entry.c.id).where(proxy_entry.c.expired.is_not(None)).order_by(proxy_entry.c.id).limit(limit)))
    if ids:
        connection.execute(delete(proxy_entry).where(proxy_entry.c.id.in_(ids), proxy_entry.c.expired.is_not(None)))
    return len(ids)


def has_expired(connection: Connection) -> bool:
    return connection.execute(select(proxy_entry.c.id).where(proxy_entry.c.expired.is_not(None)).limit(1)).first() is not None


class Usage(NamedTuple):
    """What a group has cached: blobs, images, and their bytes, each counted once."""

    blobs: int
    images: int
    size: int


def usage_of(connection: Connection, group: int) -> Usage:
    mine = and_(proxy_entry.c.group_id == group, proxy_entry.c.expired.is_(None))
    blobs = connection.scalar(select(func.count()).where(mine, proxy_entry.c.kind == "blob")) or 0
    images = connection.scalar(select(func.count(proxy_entry.c.image.distinct())).where(mine, proxy_entry.c.kind == "manifest")) or 0
    held = select(blob.c.id, blob.c.size).join(proxy_entry, proxy_entry.c.blob_id == blob.c.id).where(mine).distinct().subquery()
    return Usage(blobs, images, int(connection.scalar(select(func.coalesce(func.sum(held.c.size), 0))) or 0))


class Listed(NamedTuple):
    """A cached manifest as pages list it."""

    id: int
    image: str
    reference: str
    digest: str
    size: int
    created: Instant
    read_at: Instant


def list_manifests(connection: Connection, group: int, offset: int, limit: int) -> list[Listed]:
    """A page of a group's cached manifests, newest first."""
    rows = connection.execute(
        select(*(proxy_entry.c[name] for name in Listed._fields))
        .where(proxy_entry.c.group_id == group, proxy_entry.c.kind == "manifest", proxy_entry.c.expired.is_(None))
        .order_by(proxy_entry.c.created.desc(), proxy_entry.c.id.desc())
        .offset(offset)
        .limit(limit)
    )
    return [Listed(*row) for row in rows]
