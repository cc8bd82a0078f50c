"""Garbage collection: what nothing points at goes, in small steps, while pushes go on (threats, section 11).

Versions that lost their last name, then links that no version needs, then blobs that nothing keeps are found by reading. Each is looked at
again in the transaction that ends it. A blob is first condemned, which makes it absent; its bytes go after a second delay.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import Connection

from packhouse.db import backups, changes, collection, uploads
from packhouse.db.collection import Forgotten, Link
from packhouse.db.engine import batches, now
from packhouse.errors import Unavailable
from packhouse.model import Actor, Instant, Struct
from packhouse.packages.cleanup import CONTAINER
from packhouse.packages.house import House
from packhouse.packages.sessions import LIFE, file_name, try_lock

T = TypeVar("T")

SECOND: Instant = 1_000_000
DAY: Instant = 86_400 * SECOND
COLLECTOR = Actor(kind="collector", name="garbage collection")
QUARANTINE_DAYS = 7
LARGEST_JUMP: Instant = 3600 * SECOND
SHARDS = 256


class Horizon(Struct):
    """The instants of one round: what happened before them may be collected."""

    now: Instant
    grace: Instant  # nothing pointed at it, and nobody was told of it, since
    retained: Instant  # deleted before this, nobody restores it any more
    sweep: Instant  # condemned before this


@dataclass(slots=True)
class Collected:
    """What one round did, or would do."""

    uploads: int = 0
    versions: int = 0
    links: int = 0
    condemned: int = 0
    bytes_condemned: int = 0
    removed: int = 0
    bytes_removed: int = 0
    quarantined: int = 0
    lines: list[str] = field(default_factory=list)

    @property
    def anything(self) -> bool:
        return any((self.uploads, self.versions, self.links, self.condemned, self.removed, self.quarantined))

    def summary(self) -> dict[str, int]:
        names = ("uploads", "versions", "links", "condemned", "bytes_condemned", "removed", "bytes_removed", "quarantined")
        return {name: getattr(self, name) for name in names}


class ClockJumped(Exception):
    """The clock does not go on from where it was: nothing is old enough to be sure."""


class Clockwork:
    """Notices a clock that was set: by comparing it with one that cannot be."""

    def __init__(self) -> None:
        self._seen: tuple[Instant, float] | None = None

    def check(self, at: Instant) -> None:
        """Raises `ClockJumped`, once for each jump."""
        steady = time.monotonic()
        before, self._seen = self._seen, (at, steady)
        if before is not None and abs((at - before[0]) - (steady - before[1]) * SECOND) > LARGEST_JUMP:
            raise ClockJumped("The clock was set by more than an hour: collection waits for the next round")


def horizon(house: House, at: Instant) -> Horizon:
    """The instants of a round that begins now, by the settings."""
    settings = house.settings
    return Horizon(
        now=at,
        grace=at - settings.collect_grace_seconds * SECOND,
        retained=at - settings.retention_days * DAY,
        sweep=at - settings.collect_sweep_seconds * SECOND,
    )


async def collect(house: House, when: Horizon, *, dry_run: bool = False) -> Collected:
    """One round. With `dry_run` nothing changes, and `lines` say what would."""
    done = Collected()
    await _end_uploads(house, when, done, dry_run)
    if house.settings.collect_untagged:
        await _end_versions(house, when, done, dry_run)
    if not dry_run:
        dropped = 1
        while dropped:
            dropped = await house.database.write(collection.drop_old_references, when.retained)
    await _end_links(house, when, done, dry_run)
    await _condemn(house, when, done, dry_run)
    if await is_held(house, when.now):
        done.lines.append("bytes are kept: a backup was brought back less than a week ago")
    else:
        await _sweep(house, when, done, dry_run)
    if done.anything and not dry_run:
        await house.database.write(_log, done)
    return done


def _log(connection: Connection, done: Collected) -> None:
    at = changes.begin(connection, 0, "", (), locks=("collect",))
    changes.add_event(connection, at, "collect", COLLECTOR, detail=done.summary())


async def is_held(house: House, at: Instant) -> bool:
    """Bytes are not removed: after a backup was brought back, some are newer than the rows."""
    return await house.database.read(backups.held_until) > at


async def _end_uploads(house: House, when: Horizon, done: Collected, dry_run: bool) -> None:
    async def read(last: str) -> list[str]:
        return await house.database.read(uploads.stale_sessions, when.now - LIFE, last)

    names = await _pages(read, "")
    if dry_run:
        done.uploads = len(names)
        return
    for name in names:
        with try_lock(house, name) as locked:
            if locked and await house.database.write(uploads.drop_stale_session, name, when.now - LIFE):
                (house.spool.folder / file_name(name)).unlink(missing_ok=True)
                done.uploads += 1


async def _pages(read: Callable[[T], Awaitable[list[T]]], first: T) -> list[T]:
    """Everything that is found, a page at a time: writers get their turn between the pages."""
    found: list[T] = []
    while page := await read(found[-1] if found else first):
        found += page
        await asyncio.sleep(0)
    return found


# -- versions and links ----------------------------------------------------------------------------------------------


async def _end_versions(house: House, when: Horizon, done: Collected, dry_run: bool) -> None:
    async def read(last: Forgotten) -> list[Forgotten]:
        return await house.database.read(collection.find_forgotten, CONTAINER, when.grace, last.id)

    found = await _pages(read, Forgotten(0, "", 0, 0, "", ""))
    if dry_run:
        done.versions = len(found)
        done.lines += [f"version {one.name} {one.version}" for one in found]
        return
    by_package: dict[int, list[Forgotten]] = {}
    for one in found:
        by_package.setdefault(one.package_id, []).append(one)
    for some in by_package.values():
        for few in batches(some, 100):
            done.versions += await house.database.write(_end_some, when, few)


def _end_some(connection: Connection, when: Horizon, some: Sequence[Forgotten]) -> int:
    first = some[0]
    at = changes.begin(connection, first.project, CONTAINER, (), locks=[first.name_key])
    still = collection.still_forgotten(connection, CONTAINER, when.grace, [one.id for one in some])
    for one in still:
        changes.delete_version(connection, one.id, at)
    if still:
        detail = {"name": first.name, "versions": [one.version for one in still]}
        changes.add_event(connection, at, "collect", COLLECTOR, project=first.project, format=CONTAINER, package_id=first.package_id, detail=detail)
    return len(still)


async def _end_links(house: House, when: Horizon, done: Collected, dry_run: bool) -> None:
    async def read(last: Link) -> list[Link]:
        return await house.database.read(collection.find_idle_links, when.grace, when.retained, last)

    found = await _pages(read, Link(0, 0))
    if dry_run:
        done.links = len(found)
        return
    for some in batches(found, collection.BATCH):
        done.links += await house.database.write(collection.drop_idle_links, when.grace, when.retained, some)


# -- blobs -----------------------------------------------------------------------------------------------------------


async def _condemn(house: House, when: Horizon, done: Collected, dry_run: bool) -> None:
    async def read(last: tuple[int, int]) -> list[tuple[int, int]]:
        return await house.database.read(collection.find_unkept, when.grace, when.retained, last[0])

    found = await _pages(read, (0, 0))
    done.bytes_condemned = sum(size for _, size in found)
    if dry_run:
        done.condemned = len(found)
        return
    for some in batches(found, collection.BATCH):
        ids = [id_ for id_, _ in some]
        done.condemned += await house.database.write(collection.condemn, when.grace, when.retained, ids, now())


async def _sweep(house: House, when: Horizon, done: Collected, dry_run: bool) -> None:
    while found := await house.database.read(collection.find_doomed, when.sweep):
        if dry_run:
            done.removed, done.bytes_removed = len(found), sum(one.size for one in found)
            return
        gone = await house.database.write(collection.give_up, when.sweep, when.retained, [one.id for one in found])
        await asyncio.to_thread(_remove_all, house, [(one.stored, one.condemned) for one in gone])
        done.removed += len(gone)
        done.bytes_removed += sum(one.size for one in gone)
    while not dry_run and await house.database.read(collection.has_leftovers, when.sweep):
        left = await house.database.write(collection.take_leftovers, when.sweep)
        await asyncio.to_thread(_remove_all, house, left)
        done.removed += len(left)


def _remove_all(house: House, doomed: Sequence[tuple[str, Instant]]) -> None:
    """Bytes that no row speaks of any more; never those that a push has put under the same name since."""
    for stored, since in doomed:
        with contextlib.suppress(Unavailable):  # it is in the log; what stays is found again as a stray
            house.store.remove_old(stored, since)


# -- files that no row speaks of -------------------------------------------------------------------------------------


class Strays:
    """Files of the store without a row: put aside when two looks have found them, removed a week after. One shard of the store at a time."""

    def __init__(self) -> None:
        self._shard = 0
        self._seen: dict[str, Instant] = {}

    async def look(self, house: House, when: Horizon, shards: int = 16) -> int:
        """Look at the next shards; how many files were put aside."""
        count = 0
        for _ in range(shards):
            names = await asyncio.to_thread(house.store.old_names, self._shard, when.grace)
            self._shard = (self._shard + 1) % SHARDS
            known = await house.database.read(collection.known_names, names) if names else set()
            strays = [name for name in names if name not in known]
            ripe = [name for name in strays if self._seen.get(name, when.now) < when.now]
            self._seen |= {name: when.now for name in strays if name not in self._seen}
            known = await house.database.read(collection.known_names, ripe) if ripe else set()
            for name in ripe:
                if name not in known:
                    await asyncio.to_thread(house.store.put_aside, name)
                    self._seen.pop(name, None)
                    count += 1
        await asyncio.to_thread(house.store.empty_aside, when.now - QUARANTINE_DAYS * DAY)
        return count
