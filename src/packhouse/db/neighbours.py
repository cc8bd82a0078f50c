"""What a project has already of what comes to it: spellings of a package, and files by their paths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, select

from packhouse.db.bin import BinRow
from packhouse.db.changes import bound
from packhouse.db.engine import Hot, batches
from packhouse.db.tables import blob, file, package, version
from packhouse.model import Blob, FileRow, VersionRow

_VERSION = (version.c.id, version.c.name, version.c.version, version.c.created)
_VERSIONS = Hot(
    select(*_VERSION)
    .join(package, package.c.id == version.c.package_id)
    .where(
        package.c.project_id == bound(package, "project_id"),
        package.c.format == bound(package, "format"),
        package.c.name_key == bound(package, "name_key"),
        version.c.deleted.is_(None),
    )
    .order_by(version.c.created, version.c.id)
)


def list_versions(connection: Connection, project: int, format: str, name_key: str) -> list[VersionRow]:
    """The live versions of a package, oldest first, without their files."""
    rows = _VERSIONS.rows(connection, project_id=project, format=format, name_key=name_key)
    return [VersionRow(id=id_, project=project, name=name, version=text, created=created) for id_, name, text, created in rows]


_FILE = (file.c.id, file.c.path, file.c.shelf, file.c.derived, file.c.created, blob.c.sha256, blob.c.size)


def _file_row(project: int, row: Sequence[Any]) -> FileRow:
    id_, path, shelf, derived, created, sha256, size, *facts = row
    known = {"facts": facts[0].encode()} if facts else {}
    return FileRow(
        id=id_, project=project, path=path, blob=Blob(sha256=sha256, size=size), shelf=shelf, derived=bool(derived), created=created, **known
    )


def find_files(
    connection: Connection, project: int, format: str, name_keys: Sequence[str], paths: Sequence[str], *, facts: bool
) -> list[tuple[VersionRow, FileRow]]:
    """The live files of some packages at some paths, newest first, each with its version."""
    statement = (
        select(*_VERSION, *_FILE, *((file.c.facts,) if facts else ()))
        .select_from(package.join(file, file.c.package_id == package.c.id).join(version, version.c.id == file.c.version_id))
        .join(blob, blob.c.id == file.c.blob_id)
        .where(package.c.project_id == project, package.c.format == format, package.c.name_key.in_(name_keys), file.c.deleted.is_(None))
    )
    found = []
    for some in batches(paths):
        for id_, name, text, created, *of_file in connection.execute(statement.where(file.c.path.in_(some))):
            found.append((VersionRow(id=id_, project=project, name=name, version=text, created=created), _file_row(project, of_file)))
    return sorted(found, key=lambda one: one[1].id, reverse=True)


def files_of(connection: Connection, old: BinRow) -> Iterator[FileRow]:
    """The files that went with a deleted version."""
    went = (file.c.version_id == old.id, file.c.deleted == old.deleted)
    rows = connection.execute(select(*_FILE, file.c.facts).join(blob, blob.c.id == file.c.blob_id).where(*went).order_by(file.c.id))
    return (_file_row(old.project, row) for row in rows)
