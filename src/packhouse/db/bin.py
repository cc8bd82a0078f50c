"""Deleted versions while their bytes are kept: what there is, and how one comes back, as new rows that leave the past as it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, and_, func, insert, literal, null, select, update

from packhouse.db.changes import upsert
from packhouse.db.engine import batches
from packhouse.db.tables import Time, blob, blob_link, build, file, mark, package, place, reference, tag, version
from packhouse.model import Instant


class BinRow(NamedTuple):
    """A deleted version."""

    id: int
    project: int
    project_path: str
    package_id: int
    format: str
    name: str
    version: str
    version_id: str
    creator_id: int | None
    created: Instant
    deleted: Instant


_COLUMNS = (
    version.c.id,
    version.c.project_id,
    place.c.full_path,
    version.c.package_id,
    version.c.format,
    version.c.name,
    version.c.version,
    version.c.version_id,
    version.c.creator_id,
    version.c.created,
    version.c.deleted,
)


def list_deleted(connection: Connection, project: int, since: Instant, formats: Sequence[str], offset: int, limit: int) -> tuple[list[BinRow], int]:
    """A page of what was deleted from a project since an instant and is not there again, the latest first; and how many there are."""
    live = version.alias("live")
    again = select(live.c.id).where(live.c.package_id == version.c.package_id, live.c.version_id == version.c.version_id, live.c.deleted.is_(None))
    # by their packages: only the versions that are there have an index by project
    mine = select(package.c.id).where(package.c.project_id == project, package.c.format.in_(formats))
    chosen = (version.c.package_id.in_(mine), version.c.deleted > since, ~again.correlate(version).exists())
    total = connection.execute(select(func.count()).select_from(version).where(*chosen)).scalar_one()
    joined = version.join(place, place.c.id == version.c.project_id)
    ordered = (version.c.deleted.desc(), version.c.id.desc())
    rows = connection.execute(select(*_COLUMNS).select_from(joined).where(*chosen).order_by(*ordered).offset(offset).limit(limit))
    return [BinRow(*row) for row in rows], total


def find_deleted(connection: Connection, project: int, id_: int) -> BinRow | None:
    """A deleted version of this project."""
    joined = version.join(place, place.c.id == version.c.project_id)
    row = connection.execute(
        select(*_COLUMNS).select_from(joined).where(version.c.id == id_, version.c.project_id == project, version.c.deleted.is_not(None))
    ).first()
    return None if row is None else BinRow(*row)


def shelves_of(connection: Connection, old: BinRow) -> set[str]:
    """The shelves of the files that went with a version."""
    return set(connection.scalars(select(file.c.shelf).where(file.c.version_id == old.id, file.c.deleted == old.deleted).distinct()))


def lock_bytes(connection: Connection, ids: Sequence[int], at: Instant) -> bool:
    """Hold the bytes of deleted versions against collection; False where some of them, or what they point at, are gone already."""
    wanted: set[int] = set()
    for some in batches(ids):
        went = file.join(version, and_(version.c.id == file.c.version_id, file.c.deleted == version.c.deleted))
        wanted |= set(connection.scalars(select(file.c.blob_id).select_from(went).where(version.c.id.in_(some))))
        wanted |= set(connection.scalars(select(reference.c.blob_id).where(reference.c.version_id.in_(some), reference.c.blob_id.is_not(None))))
    # in one order, as pushes and collection do
    for some in batches(sorted(wanted)):
        found = connection.execute(select(blob.c.condemned, blob.c.place).where(blob.c.id.in_(some)).order_by(blob.c.id).with_for_update()).all()
        if any(row.condemned is not None or not row.place for row in found):
            return False
        connection.execute(update(blob).where(blob.c.id.in_(some)).values(touched=at))
    return bool(wanted)


def copy_versions(connection: Connection, ids: Sequence[int], at: Instant) -> None:
    """Deleted versions as new ones of the same maker: their files, what they point at, their builds and their states. None of them is there again."""
    since = literal(at, Time)
    for some in batches(ids):
        chosen = select(*_columns(version, {"created": since, "deleted": null()})).where(version.c.id.in_(some))
        connection.execute(insert(version).from_select(_names(version), chosen))
        _copy(connection, some, file, {"created": since, "deleted": null()}, file.c.deleted == version.c.deleted)
        _copy(connection, some, reference, {})
        _copy(connection, some, build, {})
        _copy(connection, some, mark, {"since": since, "until": null()}, mark.c.until.is_(None))
        _link(connection, some, at)


_twin = version.alias("twin")
_SAME = and_(_twin.c.package_id == version.c.package_id, _twin.c.version_id == version.c.version_id, _twin.c.deleted.is_(None))


def twins_of(connection: Connection, ids: Sequence[int]) -> dict[int, int]:
    """The versions that are there now in place of these: itself, one published since, or the one it came back as."""
    found: dict[int, int] = {}
    for some in batches(ids):
        rows = connection.execute(select(version.c.id, _twin.c.id).select_from(version.join(_twin, _SAME)).where(version.c.id.in_(some)))
        found |= {row[0]: row[1] for row in rows}
    return found


def free_tags(connection: Connection, package_id: int, ids: Sequence[int]) -> dict[str, int]:
    """The tags that ended with these versions of a package and are set nowhere now: name → version."""
    other = tag.alias("other")
    taken = select(other.c.id).where(other.c.package_id == tag.c.package_id, other.c.name == tag.c.name, other.c.until.is_(None)).correlate(tag)
    found: dict[str, int] = {}
    for some in batches(ids):
        joined = tag.join(version, and_(version.c.id == tag.c.version_id, version.c.deleted == tag.c.until))
        # by their package: tags have no index by version
        chosen = (tag.c.package_id == package_id, tag.c.version_id.in_(some), ~taken.exists())
        found |= {row[0]: row[1] for row in connection.execute(select(tag.c.name, version.c.id).select_from(joined).where(*chosen))}
    return dict(sorted(found.items()))


def _names(table: Table) -> list[str]:
    return [column.name for column in table.c if column.name != "id"]


def _columns(table: Table, changed: Mapping[str, Any]) -> list[Any]:
    return [changed.get(name, table.c[name]) for name in _names(table)]


def _copy(connection: Connection, some: Sequence[int], table: Table, changed: Mapping[str, Any], *chosen: ColumnElement[bool]) -> None:
    """The rows of these versions, as those of their twins."""
    joined = table.join(version, version.c.id == table.c.version_id).join(_twin, _SAME)
    rows = select(*_columns(table, {"version_id": _twin.c.id, **changed})).select_from(joined).where(version.c.id.in_(some), *chosen)
    connection.execute(insert(table).from_select(_names(table), rows))


def _link(connection: Connection, some: Sequence[int], at: Instant) -> None:
    """What these versions point at can be read in their packages again."""
    since = literal(at, Time)
    pointed = select(reference.c.package_id, reference.c.blob_id, since, since).distinct()
    pointed = pointed.where(reference.c.version_id.in_(some), reference.c.blob_id.is_not(None))
    made = upsert(connection)(blob_link).from_select(["package_id", "blob_id", "created", "touched"], pointed)
    connection.execute(made.on_conflict_do_update(index_elements=["package_id", "blob_id"], set_={"touched": made.excluded.touched}))
