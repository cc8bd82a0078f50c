"""Tags, yanks and deletions: rows only, in one transaction with their generation and event. Bytes go later, by collection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

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
        _move(connection, what, at, ())
        _log(connection, what, at, "tag" if version is not None else "untag", package_id, [(version_row, {"tag": name, "version": version})])


def yank(connection: Connection, what: Target, version: str, reason: str | None) -> None:
    """Set or clear a yank. Raises `PackageNotFound`, `VersionNotFound`."""
    at, package_id = _begin(connection, what)
    row, text = _version(connection, what, package_id, version)
    _set_yanks(connection, what, at, package_id, {row: (text, reason)})


def yank_all(connection: Connection, what: Target, reasons: Mapping[str, str | None]) -> None:
    """Set or clear the yanks of several versions, all or none; those that are gone are passed over. Raises `PackageNotFound`."""
    at, package_id = _begin(connection, what)
    wanted = {_version_id(what, version): reason for version, reason in reasons.items()}
    found = changes.find_versions(connection, package_id, wanted)
    _set_yanks(connection, what, at, package_id, {row: (text, wanted[id_]) for id_, (row, text) in found.items()})


def _set_yanks(connection: Connection, what: Target, at: Instant, package_id: int, wanted: Mapping[int, tuple[str, str | None]]) -> None:
    """Versions by their row ids, each with its text and the reason it is to have."""
    changed = changes.set_marks(connection, "yank", {row: reason for row, (_, reason) in wanted.items()}, at)
    if not changed:
        return
    _move(connection, what, at, changes.shelves_of(connection, *changed) if _has_shelves(what.format) else ())
    details = [(row, {"version": wanted[row][0], "reason": wanted[row][1]}) for row in changed]
    _log(connection, what, at, "yank", package_id, [one for one in details if one[1]["reason"] is not None])
    _log(connection, what, at, "unyank", package_id, [one for one in details if one[1]["reason"] is None])


def delete(connection: Connection, what: Target, version: str | None, path: str | None) -> None:
    """Remove a file, a version or every version. Raises `PackageNotFound`, `VersionNotFound`, `FileNotFound`, `VersionReferenced`."""
    at, package_id = _begin(connection, what)
    if version is None:
        doomed = changes.live_versions(connection, package_id)
        if not doomed:
            raise PackageNotFound()
    else:
        doomed = [_version(connection, what, package_id, version)]
        _check_parent(connection, package_id, doomed[0][0])
    if path is not None:
        if not _delete_files(connection, what, at, package_id, {doomed[0]: [path]}):
            raise FileNotFound()
        return
    if version is None:
        changes.delete_package(connection, package_id, at)
    else:
        changes.delete_version(connection, doomed[0][0], at)
    _log(connection, what, at, "delete", package_id, [(version_row, {"version": text}) for version_row, text in doomed])
    shelves = {shelf for version_row, _ in doomed for shelf in changes.all_shelves_of(connection, version_row)} if _has_shelves(what.format) else ()
    _move(connection, what, at, shelves)


def delete_files(connection: Connection, what: Target, files: Iterable[tuple[str, str]]) -> None:
    """Remove files of several versions, each by version and path, all or none; those that are gone are passed over.

    Raises `PackageNotFound`, `VersionReferenced`, and `FileNotFound` where all are gone.
    """
    at, package_id = _begin(connection, what)
    wanted: dict[str, list[str]] = {}
    for version, path in files:
        wanted.setdefault(_version_id(what, version), []).append(path)
    found = changes.find_versions(connection, package_id, wanted)
    for row, _ in found.values():
        _check_parent(connection, package_id, row)
    if not _delete_files(connection, what, at, package_id, {version: wanted[id_] for id_, version in found.items()}):
        raise FileNotFound()


def _delete_files(connection: Connection, what: Target, at: Instant, package_id: int, wanted: Mapping[tuple[int, str], Sequence[str]]) -> bool:
    """Remove these paths of versions, each by its row id and text; False where none of them is there."""
    files = changes.find_files_of(connection, [row for row, _ in wanted])
    gone: list[int] = []
    shelves: set[str] = set()
    details: list[tuple[int, Mapping[str, str | None]]] = []
    for (row, text), paths in wanted.items():
        for path in paths:
            found = _files_at(files[row], path)
            gone += [files[row].pop(place) for place in found]
            shelves |= {shelf for _, shelf in found}
            if found:
                details.append((row, {"version": text, "file": path}))
    if not details:
        return False
    changes.delete_files(connection, gone, at)
    if bare := sorted(changes.bare_of(connection, sorted({row for row, _ in details}))):  # a version goes with its last file
        shelves |= changes.shelves_of(connection, *bare)
        changes.delete_versions(connection, package_id, bare, at)
    _move(connection, what, at, shelves)
    _log(connection, what, at, "delete_file", package_id, details)
    return True


def _files_at(files: Iterable[tuple[str, str]], path: str) -> list[tuple[str, str]]:
    """What a path means of a version's files, each by path and shelf: a folder, or a file with what we derived from it."""
    if path.endswith("/"):
        return [place for place in files if place[0].startswith(path)]
    beside = (path, f"{path}.metadata", f"{path}.provenance")
    found = [place for place in files if place[0] in beside]
    return found if any(place[0] == path for place in found) else []


def _check_parent(connection: Connection, package_id: int, version_row: int) -> None:
    """Raises `VersionReferenced`."""
    if (parent := containers.parent_of(connection, package_id, version_row)) is not None:
        raise VersionReferenced(f"{parent} lists this one: delete that first", parent=parent)


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
    found = changes.find_version(connection, package_id, _version_id(what, version))
    if found is None:
        raise VersionNotFound()
    return found


def _version_id(what: Target, version: str) -> str:
    """Raises `InvalidVersion`."""
    return what.format.coordinates.version_id(version) if version else ""


def _move(connection: Connection, what: Target, at: Instant, shelves: Iterable[str]) -> None:
    changes.move_generations(connection, what.project, what.format.name, roots_of(what.format, what.name_key, shelves), at)


def _log(
    connection: Connection, what: Target, at: Instant, kind: str, package_id: int, details: Iterable[tuple[int | None, Mapping[str, str | None]]]
) -> None:
    """An event for each of these: a version's row id, where it is about one, and its detail."""
    lines = [(version_row, {"name": what.name, **detail}) for version_row, detail in details]
    changes.add_events(connection, at, kind, what.actor, lines, project=what.project, format=what.format.name, package_id=package_id)
