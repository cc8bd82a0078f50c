"""Taking deleted images out of the bin: tags, manifests with all that they point at, whole repositories. They come back as versions do, anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from packhouse.auth.policy import Access
from packhouse.db import bin as deleted
from packhouse.db import changes, image_bin
from packhouse.db.image_bin import Version
from packhouse.errors import Conflict, NotFound
from packhouse.model import Action, Instant, Struct
from packhouse.packages import change, restore, rules
from packhouse.packages.cleanup import CONTAINER
from packhouse.packages.house import House
from packhouse.packages.removal import format_of


class NothingDeleted(NotFound):
    default = "Nothing like this was deleted here, or longer ago than deleted images are kept"


class Repository(Struct):
    """A repository of a project, whether anything is in it or not, held against other changes since `at`."""

    id: int
    what: change.Target
    at: Instant
    since: Instant  # what ended before it is not kept


def restore_tags(connection: Connection, house: House, access: Access, id: int, names: Sequence[str]) -> None:
    """Tags point again at what they pointed at last. Raises `NotFound`, `Conflict`, `Protected`."""
    repository = _hold(connection, house, access, id)
    tags: dict[str, int] = {}
    roots: dict[int, Version] = {}
    for name in names:
        last = image_bin.last_tag(connection, id, name)
        if last is None or (last.until is not None and last.until <= repository.since):
            raise NothingDeleted()
        if last.until is None:
            raise Conflict(f"Tag {name} is set again: what was pushed since cannot be overwritten. Delete it first")
        tags[name], roots[last.version.id] = last.version.id, last.version
    _bring_back(connection, access, repository, list(roots.values()), tags, {"tag": ", ".join(names)})


def restore_manifest(connection: Connection, house: House, access: Access, id: int, digest: str) -> None:
    """A manifest is there again, with what it points at and the tags that it had. Raises `NotFound`, `Conflict`, `Protected`."""
    repository = _hold(connection, house, access, id)
    if image_bin.find_by_digest(connection, id, [digest]):
        raise Conflict(f"{digest} is there again")
    found = image_bin.find_by_digest(connection, id, [digest], repository.since).get(digest)
    if found is None:
        raise NothingDeleted()
    _bring_back(connection, access, repository, [found], deleted.free_tags(connection, id, [found.id]), {"version": digest, "from": str(found.id)})


def restore_repository(connection: Connection, house: House, access: Access, id: int) -> None:
    """All that went when the repository was deleted last is there again. Raises `NotFound`, `Conflict`, `Protected`."""
    repository = _hold(connection, house, access, id)
    at = image_bin.last_deletion(connection, repository.what.project, id, repository.since)
    if at is None:
        raise NothingDeleted()
    gone = image_bin.ended_at(connection, id, at)
    ids = [version.id for version in gone]
    tags = deleted.free_tags(connection, id, ids)
    if not tags and len(deleted.twins_of(connection, ids)) == len(ids):
        raise Conflict(f"Everything that was in {repository.what.name} is there again")
    _bring_back(connection, access, repository, gone, tags, {})


def _hold(connection: Connection, house: House, access: Access, id: int) -> Repository:
    assert access.place is not None
    name = image_bin.find_package(connection, access.place.id, CONTAINER, id)
    if name is None:
        raise NothingDeleted()
    path = access.place.full_path.lower()
    if name != path and not name.startswith(f"{path}/"):
        raise Conflict(f"{name} was deleted before the project came to {path}: nothing can be pulled by that name any more")
    what = change.target(format_of(house, CONTAINER), access.place.id, access.actor, name)
    at = changes.begin(connection, what.project, CONTAINER, (), locks=[what.name_key])
    return Repository(id=id, what=what, at=at, since=restore.kept_since(house))


def _bring_back(
    connection: Connection, access: Access, repository: Repository, roots: Sequence[Version], tags: Mapping[str, int], told: Mapping[str, str]
) -> None:
    """These versions are there, and the tags point at them. To come back is to be pushed: the same rules say who may."""
    what, at, ids = repository.what, repository.at, [root.id for root in roots]
    rules.read_rules(connection, access, what.format, what.name, what.name_key, "", Action.PUBLISH, tuple(tags))
    there = deleted.twins_of(connection, ids)
    lost = _with_children(connection, repository, [root for root in roots if root.id not in there])
    if lost:
        if not deleted.lock_bytes(connection, lost, at):
            raise _collected(what)
        deleted.copy_versions(connection, lost, at)
        there = deleted.twins_of(connection, ids)
    for name, version in tags.items():
        changes.set_tag(connection, repository.id, name, there[version], at)
    detail = {"name": what.name, **told, "tags": list(tags), "manifests": len(lost)}
    row = there[ids[0]] if told else None
    changes.add_event(
        connection, at, "restore", access.actor, project=what.project, format=CONTAINER, package_id=repository.id, version_id=row, detail=detail
    )


def _with_children(connection: Connection, repository: Repository, lost: Sequence[Version]) -> list[int]:
    """These versions, and those of what they list that is not there. Raises `Conflict` where some of it is not kept."""
    found = {version.digest: version.id for version in lost}
    while lost:
        digests = sorted(image_bin.points_at(connection, [version.id for version in lost]))
        there = image_bin.find_by_digest(connection, repository.id, digests)
        missing = [digest for digest in digests if digest not in there]
        ended = image_bin.find_by_digest(connection, repository.id, missing, repository.since)
        if len(ended) < len(missing):
            raise _collected(repository.what)
        lost = [version for version in dict.fromkeys(ended.values()) if version.digest not in found]
        found |= {version.digest: version.id for version in lost}
    return list(found.values())


def _collected(what: change.Target) -> Conflict:
    return Conflict(f"Some of what this image of {what.name} needs was collected: push it again")
