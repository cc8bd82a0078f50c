"""Deleted versions while their bytes are kept: what there is, and how one comes back, as new rows that leave the past as it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, func, insert, literal, null, or_, select, update

from packhouse.db.tables import Id, Time, blob, build, file, mark, place, reference, tag, version
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
    chosen = (version.c.project_id == project, version.c.deleted > since, version.c.format.in_(formats), ~again.correlate(version).exists())
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


def lock_bytes(connection: Connection, old: BinRow, at: Instant) -> bool:
    """Hold the bytes of a deleted version against collection; False where some of them, or what it points at, are gone already."""
    held = select(file.c.blob_id).where(file.c.version_id == old.id, file.c.deleted == old.deleted)
    pointed = select(reference.c.blob_id).where(reference.c.version_id == old.id, reference.c.blob_id.is_not(None))
    chosen = or_(blob.c.id.in_(held), blob.c.id.in_(pointed))
    found = connection.execute(select(blob.c.id, blob.c.condemned, blob.c.place).where(chosen).order_by(blob.c.id).with_for_update()).all()
    if not found or any(row.condemned is not None or not row.place for row in found):
        return False
    connection.execute(update(blob).where(blob.c.id.in_([row.id for row in found])).values(touched=at))
    return True


def copy_rows(connection: Connection, old: BinRow, new: int, at: Instant) -> None:
    """The files of a deleted version, what it points at, its builds and its states, as those of a new version."""
    of_new, since = {"version_id": literal(new, Id)}, literal(at, Time)
    _copy(connection, file, {**of_new, "created": since, "deleted": null()}, _went(old))
    _copy(connection, reference, of_new, reference.c.version_id == old.id)
    _copy(connection, build, of_new, build.c.version_id == old.id)
    _copy(connection, mark, {**of_new, "since": since, "until": null()}, and_(mark.c.version_id == old.id, mark.c.until.is_(None)))


def tags_of(connection: Connection, old: BinRow) -> list[str]:
    """The tags that ended with a version."""
    return list(connection.scalars(select(tag.c.name).where(tag.c.version_id == old.id, tag.c.until == old.deleted).order_by(tag.c.name)))


def _went(old: BinRow) -> Any:
    return and_(file.c.version_id == old.id, file.c.deleted == old.deleted)


def _copy(connection: Connection, table: Any, changed: dict[str, Any], chosen: Any) -> None:
    names = [column.name for column in table.c if column.name != "id"]
    columns = [changed.get(name, table.c[name]) for name in names]
    connection.execute(insert(table).from_select(names, select(*columns).where(chosen)))
