"""The files of versions: the one that a download asks for, those of a version, and what they say of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, literal_column, or_, select

from packhouse.db.engine import Hot
from packhouse.db.intervals import visible
from packhouse.db.scopes import readable, within
from packhouse.db.tables import Id, Time, blob, file, package, place, version
from packhouse.model import About, Blob, FileRow, Instant

_NUMBERS = re.compile(r"[0-9]+")

ON_A_SHELF = file.c.shelf != literal_column("''")
"""The condition of the index that finds files by their shelf."""


def on_shelf(shelf: str) -> ColumnElement[bool]:
    """The file stands on this shelf."""
    return and_(file.c.shelf == shelf, ON_A_SHELF)


FILE_COLUMNS = (
    file.c.id,
    file.c.version_id,
    file.c.project_id,
    file.c.path,
    file.c.facts,
    file.c.shelf,
    file.c.derived,
    file.c.created,
    file.c.origin_at,
    file.c.source,
    blob.c.sha256,
    blob.c.size,
    blob.c.md5,
    blob.c.sha1,
    blob.c.sha512,
)


def file_row(row: Any) -> FileRow:
    """The file of a row of `FILE_COLUMNS`."""
    id_, _version, project, path, facts, shelf, derived, created, origin_at, source, sha256, size, md5, sha1, sha512 = row
    return FileRow(
        id=id_,
        project=project,
        path=path,
        facts=facts.encode(),
        shelf=shelf,
        derived=bool(derived),
        created=created,
        origin_at=origin_at,
        source=source,
        blob=Blob(sha256=sha256, size=size, md5=md5, sha1=sha1, sha512=sha512),
    )


# -- one file, hot --------------------------------------------------------------------------------------------------


class FoundFile(NamedTuple):
    id: int
    project: int
    version_id: int
    path: str
    created: Instant
    sha256: str
    size: int
    md5: str | None
    sha1: str | None
    sha512: str | None
    stored: str


_FOUND = (
    file.c.id,
    file.c.project_id,
    file.c.version_id,
    file.c.path,
    file.c.created,
    blob.c.sha256,
    blob.c.size,
    blob.c.md5,
    blob.c.sha1,
    blob.c.sha512,
    blob.c.place,
)


@cache
def newest_file(level: str, by_version: bool, by_digest: bool, at: bool) -> Hot:
    """The read of a `FoundFile`: the newest at a path of a package, in one project, a group or the instance."""
    joined = (
        package.join(file, file.c.package_id == package.c.id).join(version, version.c.id == file.c.version_id).join(blob, blob.c.id == file.c.blob_id)
    )
    conditions = [package.c.format == bindparam("format"), package.c.name_key == bindparam("name_key"), file.c.path == bindparam("path")]
    if level == "project":
        conditions.append(package.c.project_id == bindparam("project", type_=Id))
    else:
        joined = joined.join(place, place.c.id == package.c.project_id)
        conditions.append(readable())
        if level == "group":
            conditions.append(within(bindparam("group", type_=Id)))
    if by_version:
        conditions.append(version.c.version_id == bindparam("version_id"))
    if by_digest:
        conditions.append(blob.c.sha256 == bindparam("sha256"))
    for table in (file, version):
        if at:
            moment = bindparam("at", type_=Time)
            conditions += [table.c.created <= moment, or_(table.c.deleted.is_(None), table.c.deleted > moment)]
        else:
            conditions.append(table.c.deleted.is_(None))
    return Hot(select(*_FOUND).select_from(joined).where(*conditions).order_by(file.c.id.desc()).limit(literal_column("1")))


def find_open(connection: Connection, format: str, above: int, shelf: str, path: str, at: Instant | None = None) -> FoundFile | None:
    """The newest file on a shelf under this path in a project, or in any project of a group, whoever may read there."""
    joined = (
        file.join(package, package.c.id == file.c.package_id)
        .join(version, version.c.id == file.c.version_id)
        .join(place, place.c.id == file.c.project_id)
        .join(blob, blob.c.id == file.c.blob_id)
    )
    statement = (
        select(*_FOUND)
        .select_from(joined)
        .where(
            within(bindparam("above", above, type_=Id)),
            place.c.kind == "project",
            place.c.deleted.is_(None),
            place.c.packages_access != "disabled",
            package.c.format == format,
            on_shelf(shelf),
            file.c.path == path,
            visible(file, at),
            visible(version, at),
        )
        .order_by(file.c.id.desc())
        .limit(1)
    )
    row = connection.execute(statement).first()
    return None if row is None else FoundFile(*row)


# -- of a version ---------------------------------------------------------------------------------------------------


def list_files(connection: Connection, version_id: int, offset: int = 0, limit: int | None = None) -> tuple[list[FileRow], int]:
    """The files of a version that a client uploaded, by id, and how many there are."""
    chosen = (file.c.version_id == version_id, file.c.deleted.is_(None), file.c.derived.is_(False))
    total = connection.execute(select(func.count()).select_from(file).where(*chosen)).scalar_one()
    statement = select(*FILE_COLUMNS).join(blob, blob.c.id == file.c.blob_id).where(*chosen).order_by(file.c.id).offset(offset)
    if limit is not None:
        statement = statement.limit(limit)
    return [file_row(row) for row in connection.execute(statement)], total


def held_files(connection: Connection, version_id: int) -> Sequence[Any]:
    """Every file of a version with all that was read out of it, and the digests of its bytes."""
    return connection.execute(
        select(
            file.c.path,
            file.c.shelf,
            file.c.facts,
            file.c.about,
            file.c.derived,
            file.c.origin_at,
            blob.c.size,
            blob.c.sha256,
            blob.c.md5,
            blob.c.sha1,
            blob.c.sha512,
        )
        .join(blob, blob.c.id == file.c.blob_id)
        .where(file.c.version_id == version_id, file.c.deleted.is_(None))
        .order_by(file.c.id)
    ).all()


def get_file(connection: Connection, project: int, version_id: int | None, file_id: int) -> tuple[FileRow, int, str] | None:
    """A live file of this project, its version's id and its stored name."""
    statement = (
        select(*FILE_COLUMNS, blob.c.place)
        .join(blob, blob.c.id == file.c.blob_id)
        .join(version, version.c.id == file.c.version_id)
        .where(file.c.id == file_id, file.c.project_id == project, file.c.deleted.is_(None), version.c.deleted.is_(None))
    )
    if version_id is not None:
        statement = statement.where(file.c.version_id == version_id)
    row = connection.execute(statement).first()
    return None if row is None else (file_row(row[:-1]), row[1], row[-1])


def read_about(connection: Connection, version_id: int, at: Instant | None = None) -> About:
    """What a version's files say about it, merged: the newest that says something wins. Warnings are those of each file's newest state."""
    merged: dict[str, Any] = {}
    warnings: list[str] = []
    seen: set[str] = set()
    chosen = (file.c.version_id == version_id, visible(file, at), file.c.about.is_not(None))
    for path, text in connection.execute(select(file.c.path, file.c.about).where(*chosen).order_by(file.c.id.desc())):
        said = msgspec.json.decode(text, type=dict[str, Any])
        # names that differ in numbers alone are states of one file: builds of a snapshot, revisions of a recipe
        state = _NUMBERS.sub("", path.rpartition("/")[2])
        of_this = said.pop("warnings", ())
        if state not in seen:
            warnings += (one for one in of_this if one not in warnings)
        seen.add(state)
        for name, value in said.items():
            merged.setdefault(name, value)
    return msgspec.convert(merged | ({"warnings": warnings} if warnings else {}), About)
