"""Publish: checks, blob, rows, generation, event. Bytes first, then rows in one transaction, then the answer (threats, section 10)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection

from packhouse.auth.policy import EXCHANGED
from packhouse.blobs.store import Store, stored_names
from packhouse.contract import Format, Neighbours
from packhouse.db import changes, containers, pipelines
from packhouse.errors import AlreadyExists, BlobNotFound, Invalid, InvalidName, InvalidUpload, InvalidVersion, Protected
from packhouse.grammar.patterns import matches_inside
from packhouse.model import Actor, FileRow, Instant, NewFile, Place, Published, Reference, Spooled, Struct, Upload, VersionRow
from packhouse.packages.crash import crash_point
from packhouse.packages.house import House
from packhouse.packages.neighbours import Held
from packhouse.packages.shelves import Keys, add_missing, shelf_root

P = TypeVar("P")
T = TypeVar("T")

LONGEST_PATH = 1024
LONGEST_NAME = 255
# threads of their own: a service that hangs must not hold up what else needs a thread
_senders = ThreadPoolExecutor(16, "send")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Rules(Struct):
    """What the project and its groups say about publishing a name."""

    duplicates: bool = False
    keep_deleted_names: bool = False
    root: int = 0
    root_path: str = ""
    fixed_tags: tuple[str, ...] = ()  # patterns of tags that never move


class Claim(Struct):
    """What only one project under a root place may hold: a name, or with `version_id` one version of it."""

    root: int
    format: str
    name: str
    name_key: str
    version_id: str | None = None

    @property
    def lock(self) -> str:
        return f"{self.root}/{self.name_key}"


class Plan(Struct):
    """A publish ready for its transaction."""

    format: str
    project: int
    actor: Actor
    name: str
    name_key: str
    version: str
    version_id: str
    files: tuple[tuple[NewFile, Spooled], ...]
    tags: tuple[str, ...]
    status: str | None
    rules: Rules
    claim: Claim | None = None
    references: tuple[Reference, ...] = ()
    addressed: bool = False
    roots: Any = ()
    takes: tuple[str, str, tuple[str, ...]] | None = None
    check: Callable[[VersionRow, Neighbours], None] | None = None  # the format's own
    opens: Mapping[str, Keys] = {}  # shelves that are to be set up with it, where nobody was quicker


def plan_publish(
    format: Format,
    place: Place,
    actor: Actor,
    upload: Upload,
    files: Iterable[tuple[NewFile, Spooled]],
    rules: Rules,
    opens: Mapping[str, Keys],
) -> Plan:
    """Check names and derive keys. Raises `InvalidName`, `InvalidVersion`, `InvalidUpload`."""
    if not upload.name or len(upload.name) > LONGEST_NAME:
        raise InvalidName(f"Name must have 1 to {LONGEST_NAME} characters")
    if len(upload.version) > LONGEST_NAME:
        raise InvalidVersion(f"Version must have at most {LONGEST_NAME} characters")
    for new in upload.files:
        if not new.path or len(new.path) > LONGEST_PATH or CONTROL.search(new.path):
            raise InvalidUpload(f"File name {new.path[:80]!r} is empty, too long or holds control characters")
    files = tuple(files)
    key = format.coordinates.name_key(upload.name)
    return Plan(
        format=format.name,
        project=place.id,
        actor=actor,
        name=upload.name,
        name_key=key,
        version=upload.version,
        version_id=format.coordinates.version_id(upload.version) if upload.version else "",
        files=files,
        tags=tuple(dict.fromkeys(upload.tags)),
        status=upload.status,
        rules=rules,
        claim=claim_of(format, rules, upload.name, upload.version),
        references=upload.references,
        addressed=upload.addressed,
        takes=upload.takes,
        check=format.check_neighbours,
        opens=opens,
        roots=tuple(sorted(roots_of(format, key, (new.shelf for new, _ in files)))),
    )


def claim_of(format: Format, rules: Rules, name: str, version: str) -> Claim | None:
    """What a version of this name claims under the root place, if anything."""
    unique = format.unique_in_group is not None and format.unique_in_group(name, rules.root_path)
    if not (format.owned_names or unique):
        return None
    coordinates = format.coordinates
    wanted = None if format.owned_names else coordinates.version_id(version)
    return Claim(root=rules.root, format=format.name, name=name, name_key=coordinates.name_key(name), version_id=wanted)


def roots_of(format: Format, name_key: str, shelves: Iterable[str]) -> set[str]:
    """The generation roots that a change of this package on these shelves moves."""
    over = {index.over for index in format.indexes.values()}
    roots = {name_key} if "package" in over else set()
    if "shelf" in over:
        roots |= {shelf_root(shelf) for shelf in shelves}
    if "all" in over:
        roots.add("")
    return roots


async def publish(house: House, plan: Plan) -> Published:
    """Store and list it: all or nothing. Raises `AlreadyExists`, `Invalid`, `Protected`, `OutOfSpace`, and what the format's check does."""
    placed, (published, names) = await write_with_blobs(house, [spooled for _, spooled in plan.files], _commit, plan)
    crash_point("after commit")
    await drop_losers(house, placed, names)
    return published


def publish_held(connection: Connection, plan: Plan) -> Published:
    """List what the store holds already. Raises what `publish` raises, and `BlobGone`."""
    return _commit(connection, plan, {})[0]


async def write_with_blobs(
    house: House, contents: Sequence[Spooled], change: Callable[[Connection, P, Mapping[str, str]], T], what: P
) -> tuple[Mapping[str, str], T]:
    """Place these bytes, then make a change that takes them; again where collection took some in between. Raises `OutOfSpace`."""
    placed: dict[str, str] = {}  # digest → stored name of what was not there yet
    while True:
        absent = await find_absent(house, (spooled for spooled in contents if spooled.sha256 not in placed))
        place = partial(place_all, house.store, absent, placed)
        try:
            if house.store.near:
                return placed, await house.database.write_after(place, change, what, placed)
            await asyncio.get_running_loop().run_in_executor(_senders, place)
            return placed, await house.database.write(change, what, placed)
        except changes.BlobGone:
            continue


async def find_absent(house: House, contents: Iterable[Spooled]) -> list[Spooled]:
    """What the store has not; what it should have, and has not whole, is mended. Raises `OutOfSpace`."""
    unique = {spooled.sha256: spooled for spooled in contents}
    absent: list[Spooled] = []
    for sha256, spooled in unique.items():
        held = await house.database.point(changes.LIVE_BLOB, {"sha256": sha256})
        if held is None:
            absent.append(spooled)
            continue  # the temp of the others stays until the rows are in: the row may be condemned meanwhile
        stored, size = held
        if await house.store.size(stored) != size:
            await house.store.restore(spooled, stored)  # the same bytes again heal what was lost
    return absent


def place_all(store: Store, contents: Iterable[Spooled], placed: dict[str, str]) -> None:
    """Bytes into the store, each under a stored name of its own, told in `placed`. Raises `OutOfSpace`."""
    for spooled in contents:
        crash_point("before place")
        placed[spooled.sha256] = _place(store, spooled)
        crash_point("after place")


def _place(store: Store, spooled: Spooled) -> str:
    names = stored_names(spooled.sha256)
    while True:
        name = next(names)
        try:
            store.place(spooled, name)
        except FileExistsError:
            continue
        return name


async def drop_losers(house: House, placed: Mapping[str, str], names: Mapping[str, str]) -> None:
    """Remove what was placed where the same bytes came by another way at the same time and that copy counts. What is not surely a loser stays."""
    for sha256, name in placed.items():
        if names.get(sha256, name) != name:
            await house.store.delete(name)


def _commit(connection: Connection, plan: Plan, placed: Mapping[str, str]) -> tuple[Published, dict[str, str]]:
    at = _begin(connection, plan)
    check_claim(connection, plan.claim, plan.project)
    if plan.check is not None:
        plan.check(_coming(plan), Held(connection, plan.project, plan.format, plan.name_key))
    package_id, first = changes.ensure_package(connection, plan.project, plan.format, plan.name_key, plan.name)
    pointed = _find_pointed(connection, plan, package_id)
    found = None if first else changes.find_version(connection, package_id, plan.version_id)
    if found is None:
        if plan.rules.keep_deleted_names and not plan.addressed and changes.was_deleted(connection, package_id, plan.version_id):
            raise Protected(
                f"{plan.name} {plan.version} was deleted, and this project keeps the names of deleted versions taken: publish another version"
            )
        version_row = changes.add_version(connection, package_id, plan.project, plan.format, plan.name, plan.version, plan.version_id, plan.actor, at)
        version_text = plan.version
        containers.add_references(connection, version_row, package_id, pointed)
    else:
        version_row, version_text = found
        if any(one.kind == "other" for one in plan.references):  # what need not be there may have come since
            containers.add_references(connection, version_row, package_id, pointed)
    crash_point("in transaction")
    rows, names, changed = _put_files(connection, plan, placed, package_id, version_row, at, fresh=found is None)
    published = changed
    if plan.takes is not None:
        _drop_taken(connection, plan, plan.takes, at)
    changed |= _set_movables(connection, plan, package_id, version_row, at, first=first, fresh=found is None)
    origin = _origin_of(connection, plan.actor)
    if origin is not None:  # the same bytes again, from another pipeline: that one built it too
        pipelines.add_build(connection, version_row, origin.pipeline, at)
    if changed:
        changes.move_generations(connection, plan.project, plan.format, plan.roots, at)
        _log(connection, plan, at, package_id, version_row, version_text, origin, published=published)
    crash_point("before commit")
    return Published(package_id=package_id, version_id=version_row, version=version_text, files=tuple(rows), created=changed), names


def _begin(connection: Connection, plan: Plan) -> Instant:
    """Lock all that is touched, set up the shelves that are missing, and take the time. Raises `Invalid` where there are too many shelves."""
    # at once and in order: one lock after another could wait for who waits for this one
    locks = [plan.name_key, "shelves"] if plan.opens else [plan.name_key]
    begin = partial(changes.begin, connection, plan.project, plan.format, plan.roots, locks=locks, claims=locks_of(plan.claim))
    if plan.opens:
        begin()
    for name, keys in plan.opens.items():
        add_missing(connection, plan.project, plan.format, name, keys, plan.actor)
    return begin()  # later than they were set up


def _coming(plan: Plan) -> VersionRow:
    """The version as it would be read if it were there."""
    files = tuple(
        FileRow(id=number, project=plan.project, path=new.path, blob=spooled.blob, facts=new.facts, shelf=new.shelf, derived=new.derived)
        for number, (new, spooled) in enumerate(plan.files)
    )
    return VersionRow(id=0, project=plan.project, name=plan.name, version=plan.version, files=files)


def _put_files(
    connection: Connection, plan: Plan, placed: Mapping[str, str], package_id: int, version_row: int, at: int, *, fresh: bool
) -> tuple[list[FileRow], dict[str, str], bool]:
    """The rows of the files, the stored names that count, and whether anything changed by them."""
    # a version may have thousands of files, and get one more
    only = plan.files[0][0].path if len(plan.files) == 1 else None
    existing = {} if fresh else changes.find_files(connection, version_row, only)
    # what is made from a file that comes now takes the place of what was made from one that was deleted
    anew = any((new.path, new.shelf) not in existing for new, _ in plan.files if not new.derived)
    rows: list[FileRow] = []
    blobs: dict[str, int] = {}
    names: dict[str, str] = {}
    changed = fresh
    for new, spooled in plan.files:
        file_id, stored = existing.get((new.path, new.shelf), (None, None))
        if stored is not None and stored != spooled.sha256:
            if new.derived and not new.movable and not anew:
                continue  # made from another file, which decides
            if not (plan.rules.duplicates or new.movable or new.derived):
                raise AlreadyExists(f"{new.path} already exists with other bytes", path=new.path, stored=stored, sent=spooled.sha256)
            assert file_id is not None
            changes.delete_files(connection, [file_id], at)
            file_id = None
        # where nothing has to be listed, it was published by somebody else since we looked: their copy counts;
        # or the blob was given up as damaged, and lives again
        if spooled.sha256 not in blobs and (file_id is None or spooled.sha256 in placed):
            blobs[spooled.sha256], names[spooled.sha256] = changes.take_blob(connection, spooled.blob, placed.get(spooled.sha256), at)
        if file_id is None:
            file_id = changes.add_file(connection, version_row, package_id, plan.project, new, blobs[spooled.sha256], at)
            changed = True
        rows.append(FileRow(id=file_id, project=plan.project, path=new.path, shelf=new.shelf, blob=spooled.blob, derived=new.derived, created=at))
    return rows, names, changed


def _drop_taken(connection: Connection, plan: Plan, takes: tuple[str, str, tuple[str, ...]], at: int) -> None:
    """The files that were taken over are in their old place no more."""
    name_key, version_id, paths = takes
    package_id = changes.find_package(connection, plan.project, plan.format, name_key)
    found = None if package_id is None else changes.find_version(connection, package_id, version_id)
    if found is not None:
        held = changes.find_files(connection, found[0])
        changes.delete_files(connection, [file_id for (path, _), (file_id, _) in held.items() if path in paths], at)


def locks_of(claim: Claim | None) -> list[str]:
    """What keeps two projects from making the same claim at once."""
    return [] if claim is None else [claim.lock]


def check_claim(connection: Connection, claim: Claim | None, project: int) -> None:
    """Raises `Invalid` where another project holds what this one claims."""
    if claim is None:
        return
    if claim.version_id is not None:
        other = changes.find_sibling(connection, claim.root, project, claim.format, claim.name_key, claim.version_id)
        if other is not None:
            raise Invalid(f"Validation failed: Package already exists in project {other} of the same group: {claim.name} {claim.version_id}")
        return
    owner = changes.find_owner(connection, claim.root, claim.format, claim.name_key)
    if owner not in (None, project):
        raise Invalid(
            f"Validation failed: Name is already taken by another project: {claim.name} belongs to project {owner} of the same group; "
            "publish it there, take another name, or delete its versions there first"
        )


def _origin_of(connection: Connection, actor: Actor) -> pipelines.Origin | None:
    """The build that this actor belongs to."""
    built = actor.kind == "job" or EXCHANGED in actor.scopes
    return pipelines.origin_of(connection, actor.token_id) if built and actor.token_id is not None else None


def _log(
    connection: Connection,
    plan: Plan,
    at: int,
    package_id: int,
    version_row: int,
    version: str,
    origin: pipelines.Origin | None = None,
    *,
    published: bool,
) -> None:
    detail: dict[str, Any] = {"name": plan.name, "version": version}
    if origin is not None:
        detail["build"] = origin._asdict()
    only_tagged = plan.addressed and not published
    if not only_tagged:
        detail["files"] = {new.path: s.sha256 for new, s in plan.files if not new.derived}
    if plan.addressed and plan.tags:
        detail["tag"] = plan.tags[0] if len(plan.tags) == 1 else list(plan.tags)
    changes.add_event(
        connection,
        at,
        "tag" if only_tagged else "publish",
        plan.actor,
        project=plan.project,
        format=plan.format,
        package_id=package_id,
        version_id=version_row,
        detail=detail,
    )


def _set_movables(connection: Connection, plan: Plan, package_id: int, version_row: int, at: int, *, first: bool, fresh: bool) -> bool:
    changed = False
    # a publish of the same bytes again is a retry: it does not move tags that went elsewhere meanwhile
    if fresh or plan.addressed:
        for name in plan.tags:
            if any(matches_inside(pattern, name) for pattern in plan.rules.fixed_tags):
                _check_fixed(connection, package_id, name, version_row)
            changed |= changes.set_tag(connection, package_id, name, version_row, at, first=first)
    if plan.status is not None:
        changed |= changes.set_mark(connection, version_row, "status", None if plan.status == "default" else plan.status, at)
    return changed


def _check_fixed(connection: Connection, package_id: int, tag: str, version_row: int) -> None:
    held = changes.tagged_version(connection, package_id, tag)
    if held is not None and held != version_row:
        raise Protected(f"Tag {tag} is immutable: it stays where it was set first, use another tag")


def _find_pointed(connection: Connection, plan: Plan, package_id: int) -> list[tuple[str, str, int | None]]:
    """What the version points at, as rows; blobs are locked against collection. Raises `BlobNotFound` for what must be there and is not."""
    blobs = [one.digest for one in plan.references if one.kind in ("blob", "either", "other")]
    versions = [one.digest for one in plan.references if one.kind in ("version", "either", "other")]
    held = containers.lock_blobs(connection, package_id, blobs) if blobs else {}
    known = containers.find_versions(connection, package_id, plan.files[0][0].path, versions) if versions else set()
    rows: list[tuple[str, str, int | None]] = []
    for one in plan.references:
        digest, blob_id = one.digest, held.get(one.digest)
        if one.kind == "subject":
            rows.append((one.kind, digest, None))
        elif blob_id is not None and one.kind != "version":
            rows.append(("blob", digest, blob_id))
        elif digest in known and one.kind != "blob":
            rows.append(("version", digest, None))
        elif one.kind != "other":
            raise BlobNotFound(f"{plan.name} has no {digest}: push it first", digest=digest)
    return rows


def discard(files: Iterable[Spooled]) -> None:
    """Forget what is still in the spool."""
    for spooled in files:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(spooled.path)  # noqa: PTH108 (this is called with every body)
