"""Taking a version or a file away as people do it, over REST and on the pages: by its id, with every rule looked at."""

from __future__ import annotations

from sqlalchemy import Connection

from packhouse.auth.policy import Access
from packhouse.contract import Format
from packhouse.db import changes, packages
from packhouse.db import files as files_db
from packhouse.db.packages import Listed
from packhouse.errors import FileNotFound, PackageNotFound, PreconditionFailed, Unsupported
from packhouse.model import Action, FileRow
from packhouse.packages import change, rules
from packhouse.packages.house import House
from packhouse.packages.publish import roots_of

SECOND = 1_000_000


def remove(connection: Connection, house: House, access: Access, version_id: int, file_id: int | None = None, *, unless: int | None = None) -> None:
    """A version of this project is gone, or one file of it. `unless` it changed after this second.

    Raises `PackageNotFound`, `FileNotFound`, `PreconditionFailed`, `Protected`, `VersionReferenced`.
    """
    assert access.place is not None
    project = access.place.id
    found = packages.get_package(connection, project, version_id)
    if found is None:
        raise PackageNotFound()
    file = None if file_id is None else files_db.get_file(connection, project, version_id, file_id)
    if file_id is not None and (file is None or file[0].derived):
        raise FileNotFound()
    if unless is not None and _changed(connection, found) > unless:
        raise PreconditionFailed()
    what = change.target(format_of(house, found.format), project, access.actor, found.name)
    version = found.version or ""
    rules.read_rules(connection, access, what.format, found.name, what.name_key, version, Action.DELETE)
    if file is None:
        change.delete(connection, what, version, None)
    else:
        _delete_file(connection, what, found, file[0])


def _delete_file(connection: Connection, what: change.Target, found: Listed, file: FileRow) -> None:
    """Over REST a version stays when its last file goes (core API 4.7), so `change.delete`, which ends it too, is not asked."""
    format_ = what.format
    roots = roots_of(format_, what.name_key, [file.shelf])
    at = changes.begin(connection, what.project, format_.name, roots, locks=[what.name_key])
    beside = (file.path, f"{file.path}.metadata", f"{file.path}.provenance")
    held = changes.find_files(connection, found.id)
    changes.delete_files(connection, [held[path, file.shelf][0] for path in beside if (path, file.shelf) in held], at)
    changes.move_generations(connection, what.project, format_.name, roots, at)
    detail = {"name": what.name, "version": found.version, "file": file.path}
    changes.add_event(
        connection,
        at,
        "delete_file",
        what.actor,
        project=what.project,
        format=format_.name,
        package_id=found.package_id,
        version_id=found.id,
        detail=detail,
    )


def _changed(connection: Connection, found: Listed) -> int:
    """The second of the last change to a version: its birth, or that of a file or tag."""
    files, _ = files_db.list_files(connection, found.id)
    return max(found.created, *(row.created for row in files), *(since for _, _, since in found.tags), 0) // SECOND


def format_of(house: House, name: str) -> Format:
    """The format of this name. Raises `Unsupported`."""
    format_ = house.formats.get(name)
    if format_ is None:
        raise Unsupported(f"Packages of type {name} are not served by this instance")
    return format_
