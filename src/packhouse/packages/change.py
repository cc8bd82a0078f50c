"""Tags, yanks and deletions: rows only, in one transaction with their generation and event. Bytes go later, by collection."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from packhouse.contract import Format
from packhouse.db import changes, containers
from packhouse.errors import FileNotFound, NotFound, PackageNotFound, VersionNotFound, VersionReferenced
from packhouse.model import Actor, Instant, Struct
from packhouse.packages.publish import roots_of


class Target(Struct):
    """A package that a change is about."""

    format: Format
    project: int
    actor: Actor
    name: str
    name_key: str


def target(format: Format, project: int, actor: Actor, name: str) -> Target:
    """Raises `InvalidName`."""
    return Target(format=format, project=project, actor=actor, name=name, name_key=format.coordinates.name_key(name))


def tag(connection: Connection, what: Target, name: str, version: str | None) -> None:
    """Move a tag, or remove it. Raises `PackageNotFound`, `VersionNotFound`, `NotFound`."""
    at, package_id = _begin(connection, what)
    version_row = None if version is None else _version(connection, what, package_id, version)[0]
    changed = changes.set_tag(connection, package_id, name, version_row, at)
    if not changed and version is None:
        raise NotFound(f"Tag {name!r} not found")
    if changed:
        _log(connection, what, at, "tag" if version is not None else "untag", package_id, version_row, {"tag": name, "version": version}, ())


def yank(connection: Connection, what: Target, version: str, reason: str | None) -> None:
    """Set or clear a yank. Raises `PackageNotFound`, `VersionNotFound`."""
    at, package_id = _begin(connection, what)
    version_row, text = _version(connection, what, package_id, version)
    if changes.set_mark(connection, version_row, "yank", reason, at):
        detail = {"version": text, "reason": reason}
        _log(
            connection, what, at, "unyank" if reason is None else "yank", package_id, version_row, detail, changes.shelves_of(connection, version_row)
        )


def delete(connection: Connection, what: Target, version: str | None, path: str | None) -> None:
    """Remove a file, a version or every version. Raises `PackageNotFound`, `VersionNotFound`, `FileNotFound`, `VersionReferenced`."""
    at, package_id = _begin(connection, what)
    if version is None:
        doomed = changes.live_versions(connection, package_id)
        if not doomed:
            raise PackageNotFound()
    else:
        doomed = [_version(connection, what, package_id, version)]
        if (parent := containers.parent_of(connection, package_id, doomed[0][0])) is not None:
            raise VersionReferenced(f"{parent} lists this one: delete that first", parent=parent)
    if path is not None:
        _delete_file(connection, what, at, package_id, doomed[0], path)
        return
    if version is None:
        changes.delete_package(connection, package_id, at)
    else:
        changes.delete_version(connection, doomed[0][0], at)
    for version_row, text in doomed:
        _log(connection, what, at, "delete", package_id, version_row, {"version": text}, (), move=False)
    shelves = {shelf for version_row, _ in doomed for shelf in changes.all_shelves_of(connection, version_row)} if _has_shelves(what.format) else ()
    changes.move_generations(connection, what.project, what.format.name, roots_of(what.format, what.name_key, shelves), at)


def _delete_file(connection: Connection, what: Target, at: Instant, package_id: int, version: tuple[int, str], path: str) -> None:
    files = changes.find_files(connection, version[0])
    # what we derived from a file goes with it
    if path.endswith("/"):
        gone = {key: value for key, value in files.items() if key[0].startswith(path)}
    else:
        gone = {key: value for key, value in files.items() if key[0] == path or key[0] in (f"{path}.metadata", f"{path}.provenance")}
    if not any(key[0] == path or path.endswith("/") for key in gone):
        raise FileNotFound()
    changes.delete_files(connection, [file_id for file_id, _ in gone.values()], at)
    shelves = {shelf for _, shelf in gone}
    if changes.is_bare(connection, version[0]):  # a version goes with its last file
        shelves |= changes.shelves_of(connection, version[0])
        changes.delete_version(connection, version[0], at)
    detail = {"version": version[1], "file": path}
    _log(connection, what, at, "delete_file", package_id, version[0], detail, shelves)


def _begin(connection: Connection, what: Target) -> tuple[Instant, int]:
    package_id = changes.find_package(connection, what.project, what.format.name, what.name_key)
    if package_id is None:
        raise PackageNotFound()
    shelves = changes.package_shelves(connection, package_id) if _has_shelves(what.format) else ()
    roots = roots_of(what.format, what.name_key, shelves)
    return changes.begin(connection, what.project, what.format.name, roots, locks=[what.name_key]), package_id


def _has_shelves(format: Format) -> bool:
    """Whether it matters which shelves a change is about: to find them is to read every file of a package."""
    return any(index.over == "shelf" for index in format.indexes.values())


def _version(connection: Connection, what: Target, package_id: int, version: str) -> tuple[int, str]:
    found = changes.find_version(connection, package_id, what.format.coordinates.version_id(version) if version else "")
    if found is None:
        raise VersionNotFound()
    return found


def _log(
    connection: Connection,
    what: Target,
    at: Instant,
    kind: str,
    package_id: int,
    version_row: int | None,
    detail: Mapping[str, str | None],
    shelves: set[str] | tuple[()],
    *,
    move: bool = True,
) -> None:
    if move:
        changes.move_generations(connection, what.project, what.format.name, roots_of(what.format, what.name_key, shelves), at)
    changes.add_event(
        connection,
        at,
        kind,
        what.actor,
        project=what.project,
        format=what.format.name,
        package_id=package_id,
        version_id=version_row,
        detail={"name": what.name, **detail},
    )
