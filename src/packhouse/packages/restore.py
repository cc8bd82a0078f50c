"""Taking a deleted version out of the bin. It comes back as a new version of the same bytes: what an earlier moment saw stays as it was."""

from __future__ import annotations

from sqlalchemy import Connection

from packhouse.auth.policy import Access
from packhouse.db import bin as deleted
from packhouse.db import changes, neighbours
from packhouse.db.bin import BinRow
from packhouse.db.engine import now
from packhouse.errors import AlreadyExists, Conflict, PackageNotFound
from packhouse.model import Action, Instant, VersionRow
from packhouse.packages import change, publish, rules
from packhouse.packages.house import House
from packhouse.packages.neighbours import Held
from packhouse.packages.removal import format_of

DAY: Instant = 86_400_000_000


def kept_since(house: House) -> Instant:
    """What was deleted after this instant can be restored."""
    return now() - house.settings.retention_days * DAY


def restorable(house: House) -> list[str]:
    """The formats whose versions can be restored one by one: images have a bin of their own."""
    return [name for name in house.formats if name != "container"]


def restore(connection: Connection, house: House, access: Access, id: int) -> int:
    """The id of the restored version of this project. Raises `PackageNotFound`, `Conflict`, `Protected`, `Invalid`."""
    assert access.place is not None
    old = deleted.find_deleted(connection, access.place.id, id)
    if old is None or old.deleted <= kept_since(house) or old.format not in restorable(house):
        raise PackageNotFound("This version was deleted longer ago than deleted versions are kept, or never was here")
    what = change.target(format_of(house, old.format), old.project, access.actor, old.name)
    rules.read_rules(connection, access, what.format, old.name, what.name_key, old.version, Action.DELETE)
    rule = rules.read_rules(connection, access, what.format, old.name, what.name_key, old.version, Action.PUBLISH)  # to come back is to be pushed
    claim = publish.claim_of(what.format, rule, old.name, old.version)
    roots = publish.roots_of(what.format, what.name_key, deleted.shelves_of(connection, old))
    at = changes.begin(connection, old.project, old.format, roots, locks=[what.name_key], claims=publish.locks_of(claim))
    publish.check_claim(connection, claim, old.project)
    if changes.find_version(connection, old.package_id, old.version_id) is not None:
        raise Conflict(f"{old.name} {old.version} is there again: what was published since cannot be overwritten. Delete it first")
    _check_neighbours(connection, what, old)
    if not deleted.lock_bytes(connection, [old.id], at):
        raise Conflict(f"The bytes of {old.name} {old.version} were collected: publish it again")
    new = _bring_back(connection, old, at)
    changes.move_generations(connection, old.project, old.format, roots, at)
    detail = {"name": old.name, "version": old.version, "from": str(old.id)}
    changes.add_event(
        connection, at, "restore", access.actor, project=old.project, format=old.format, package_id=old.package_id, version_id=new, detail=detail
    )
    return new


def _check_neighbours(connection: Connection, what: change.Target, old: BinRow) -> None:
    """Raises `Conflict` where what was published since is too much like it."""
    check = what.format.check_neighbours
    if check is None:
        return
    coming = VersionRow(
        id=0, project=old.project, name=old.name, version=old.version, created=old.created, files=tuple(neighbours.files_of(connection, old))
    )
    try:
        check(coming, Held(connection, old.project, old.format, what.name_key))
    except AlreadyExists as error:
        raise Conflict(f"{old.name} {old.version} cannot be restored beside what was published since: {error.message}") from error


def _bring_back(connection: Connection, old: BinRow, at: Instant) -> int:
    tags = deleted.free_tags(connection, old.package_id, [old.id])  # who moved one since meant it
    deleted.copy_versions(connection, [old.id], at)
    new = deleted.twins_of(connection, [old.id])[old.id]
    for name in tags:
        changes.set_tag(connection, old.package_id, name, new, at)
    return new
