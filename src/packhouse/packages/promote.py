"""A version of one project offered in another one too: rows only, the same bytes under the same digests, nothing sent."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection

from packhouse.auth.policy import Access
from packhouse.contract import Format
from packhouse.db import changes, packages
from packhouse.db import files as files_db
from packhouse.db.packages import Listed
from packhouse.errors import Conflict, PackageNotFound, Unsupported
from packhouse.model import About, Action, NewFile, Published, Spooled, Upload
from packhouse.packages import publish, rules
from packhouse.packages.house import House
from packhouse.packages.removal import format_of
from packhouse.packages.shelves import find_missing, make_missing


def promote(connection: Connection, house: House, source: Access, target: Access, version_id: int) -> tuple[Listed, Published]:
    """The version as it is in the source, and what was added to the target; both projects were authorised.

    Raises `PackageNotFound`, `Unsupported` for what is no package, `AlreadyExists`, `Conflict`, `Protected`, `Invalid`.
    """
    assert source.place is not None and target.place is not None
    found = packages.get_package(connection, source.place.id, version_id)
    if found is None:
        raise PackageNotFound()
    format_ = format_of(house, found.format)
    if not format_.listed:
        raise Unsupported(f"{format_.title} are copied with their own clients, from one repository to another")
    if source.place.id == target.place.id:
        raise Conflict("The version is in this project already: name another one")
    plan = _plan(connection, house, format_, found, target)
    try:
        published = publish.publish_held(connection, plan)
    except changes.BlobGone as error:
        raise Conflict("The bytes of this version are damaged or lost: publish it again") from error
    detail = {"name": found.name, "version": found.version or "", "to": target.place.full_path, "project": target.place.id}
    changes.add_event(
        connection,
        changes.begin(connection, source.place.id, found.format, ()),
        "promote",
        target.actor,
        project=source.place.id,
        format=found.format,
        package_id=found.package_id,
        version_id=found.id,
        detail=detail,
    )
    return found, published


def _missing(connection: Connection, format: Format, target: Access, files: Iterable[NewFile]) -> list[str]:
    """What no list would name is of no use there: its shelves are set up where an upload would do it. Raises `Conflict` where none would."""
    kept = [index for index in format.indexes.values() if index.set_up]
    if not kept:
        return []
    assert target.place is not None
    missing = find_missing(connection, target.place.id, format.name, files)
    if missing and not any(index.opened for index in kept):
        raise Conflict(f"{target.place.full_path} has no distribution {', '.join(missing)}: create it there, then promote the version again")
    if missing:
        rules.check_bounds(target.actor, format.name, set())
    return missing


def _plan(connection: Connection, house: House, format: Format, found: Listed, target: Access) -> publish.Plan:
    assert target.place is not None
    version = found.version or ""
    tags = tuple(name for _, name, _ in found.tags)
    key = format.coordinates.name_key(found.name)
    rule = rules.read_rules(connection, target, format, found.name, key, version, Action.PUBLISH, tags)
    files = [
        (
            NewFile(
                path=row.path,
                content=b"",
                facts=row.facts.encode(),
                about=None if row.about is None else msgspec.json.decode(row.about, type=About),
                shelf=row.shelf,
                derived=bool(row.derived),
                origin_at=row.origin_at,
            ),
            Spooled(path="", size=row.size, sha256=row.sha256, md5=row.md5 or "", sha1=row.sha1 or "", sha512=row.sha512 or ""),
        )
        for row in files_db.held_files(connection, found.id)
    ]
    upload = Upload(name=found.name, version=version, files=tuple(new for new, _ in files), tags=tags)
    missing = _missing(connection, format, target, upload.files)
    opens = make_missing(house, target.place.id, format.name, missing)
    return publish.plan_publish(format, target.place, target.actor, upload, files, rule, opens)
