"""What goes by itself: older states of a file where a project keeps some, and uploads that nobody finished. Bytes go by collection."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection

from packhouse.contract import Format
from packhouse.db import changes, upkeep
from packhouse.db.engine import now
from packhouse.db.upkeep import KeepPolicy, VersionAt
from packhouse.model import Actor, Instant, replace
from packhouse.packages.house import House
from packhouse.packages.publish import roots_of

KEEPS = (1, 10, 20, 30, 40, 50)
HOUR: Instant = 3_600_000_000
EVERY = 12 * HOUR
ABANDONED = 7 * 24 * HOUR

ACTOR = Actor(kind="policy", name="package upkeep")

Choose = Callable[[Connection, Format, VersionAt], Iterable[str]]
"""The paths of a version that go."""


def set_policy(connection: Connection, project: int, keep_n: int | None, actor: Actor, at: Instant) -> KeepPolicy:
    """Keep so many states of each file from now on, all with None; the first run comes after the usual time."""
    policy = KeepPolicy(project=project, keep_n=keep_n, next_run_at=0 if keep_n is None else at + EVERY)
    upkeep.put_policy(connection, policy)
    changes.add_event(connection, at, "keep_policy", actor, project=project, detail={"keep_n": keep_n})
    return policy


async def keep_newest(house: House) -> int:
    """Run every project's policy whose time has come; how many files went."""
    gone = 0
    for policy in await house.database.read(upkeep.due_policies, now()):
        # the next time is set first: what fails is not tried again in a circle
        await house.database.write(upkeep.put_policy, replace(policy, next_run_at=now() + EVERY))
        gone += await run_policy(house, policy)
    return gone


async def run_policy(house: House, policy: KeepPolicy) -> int:
    """Remove all but the newest states of each file of a project; how many files went."""
    keep_n = policy.keep_n
    if keep_n is None:
        return 0

    def older(connection: Connection, format: Format, where: VersionAt) -> list[str]:
        return older_states(format, where.version, upkeep.file_times(connection, where.id), keep_n)

    gone = 0
    for format in house.formats.values():
        if format.state_of is not None:
            for where in await house.database.read(upkeep.crowded_versions, policy.project, format.name, keep_n):
                gone += await house.database.write(_remove, format, where, older)
    return gone


def older_states(format: Format, version: str, paths: Iterable[str], keep_n: int) -> list[str]:
    """The paths of all but the newest states of each file."""
    assert format.state_of is not None
    states: dict[str, list[tuple[Any, str]]] = {}
    for path in paths:
        found = format.state_of(version, path)
        if found is not None:
            states.setdefault(found[0], []).append((found[1], path))
    return sorted(path for held in states.values() for _, path in sorted(held, reverse=True)[keep_n:])


async def sweep_unfinished(house: House, at: Instant) -> int:
    """Remove uploads whose last file came long ago and that were never completed, if it is time to; how many files went."""
    until = at - ABANDONED

    def abandoned(connection: Connection, format: Format, where: VersionAt) -> list[str]:
        assert format.unfinished is not None
        times = upkeep.file_times(connection, where.id)
        return [path for paths in format.unfinished(times) if max(times[path] for path in paths) <= until for path in paths]

    formats = {name: format for name, format in house.formats.items() if format.unfinished is not None}
    after = await house.database.read(upkeep.swept_until)
    if until - after < EVERY:
        return 0  # the last look was not long ago
    gone = 0
    for where, format in await house.database.read(_touched, formats, after, until):
        if await house.database.read(abandoned, format, where):
            gone += await house.database.write(_remove, format, where, abandoned)
    await house.database.write(upkeep.set_swept, until)
    return gone


def _touched(connection: Connection, formats: dict[str, Format], after: Instant, until: Instant) -> Sequence[tuple[VersionAt, Format]]:
    return [(where, format) for name, format in formats.items() for where in upkeep.versions_touched(connection, [name], after, until)]


def _remove(connection: Connection, format: Format, where: VersionAt, choose: Choose) -> int:
    key = format.coordinates.name_key(where.name)
    roots = roots_of(format, key, changes.shelves_of(connection, where.id))
    at = changes.begin(connection, where.project, format.name, roots, locks=[key])
    doomed = frozenset(choose(connection, format, where))  # chosen under the lock: somebody may have gone on meanwhile
    gone = {place: found for place, found in changes.find_files(connection, where.id).items() if place[0] in doomed}
    if not gone:
        return 0
    shelves = {shelf for _, shelf in gone}
    changes.delete_files(connection, [file_id for file_id, _ in gone.values()], at)
    if changes.is_bare(connection, where.id):  # a version goes with its last file
        shelves |= changes.shelves_of(connection, where.id)
        changes.delete_version(connection, where.id, at)
    changes.move_generations(connection, where.project, format.name, roots_of(format, key, shelves), at)
    detail = {"name": where.name, "version": where.version, "files": sorted(doomed)}
    changes.add_event(
        connection, at, "cleanup", ACTOR, project=where.project, format=format.name, package_id=where.package_id, version_id=where.id, detail=detail
    )
    return len(doomed)
