"""The doctor: rows against bytes, both ways, while the registry runs (threats, section 12). Nothing it does loses anything that is listed."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

from sqlalchemy import Connection

from packhouse.db import collection, gits, uploads
from packhouse.db.collection import Doomed
from packhouse.db.engine import now
from packhouse.errors import FileNotFound, Unavailable
from packhouse.git.keeping import check_repository
from packhouse.model import Instant, Struct
from packhouse.packages.collect import SECOND, SHARDS
from packhouse.packages.house import House
from packhouse.packages.repositories import repository_path
from packhouse.packages.sessions import LIFE

CLEAN, REPAIRED, PROBLEMS, FAILED = 0, 1, 2, 3
"""How the command ends."""

BLOCK = 1024 * 1024


class Finding(Struct):
    """Something that is not as it should be. `check` is the number of the check in the operating guide."""

    check: str
    text: str
    repaired: bool = False


async def examine(house: House, *, deep: bool = False, fix: bool = False) -> AsyncIterator[Finding]:
    """Everything that is wrong, as it is found; with `deep` every byte is read, with `fix` what can be repaired safely is."""
    checks = (
        _database(house),
        _object_storage(house),
        _bytes(house, deep, fix),
        _given_up(house),
        _strays(house, fix),
        _spool(house, fix),
        _references(house),
        _repositories(house, deep),
    )
    for check in checks:
        try:
            async for finding in check:
                yield finding
        except Unavailable as error:
            yield Finding(check="D20", text=f"Not looked at to the end: {error.message}")


def status_of(findings: list[Finding]) -> int:
    """The exit status for what was found."""
    if any(not finding.repaired for finding in findings):
        return PROBLEMS
    return REPAIRED if findings else CLEAN


# -- the checks ------------------------------------------------------------------------------------------------------


async def _database(house: House) -> AsyncIterator[Finding]:
    for line in await house.database.read(_integrity):
        yield Finding(check="D01", text=f"The database says: {line}")


def _integrity(connection: Connection) -> list[str]:
    if connection.dialect.name != "sqlite":
        return []
    found = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check(20)") if row[0] != "ok"]
    return found + [f"row {row[1]} of {row[0]} points at nothing in {row[2]}" for row in connection.exec_driver_sql("PRAGMA foreign_key_check")]


async def _object_storage(house: House) -> AsyncIterator[Finding]:
    for line in await asyncio.to_thread(lambda: list(house.store.examine())):
        yield Finding(check="D20", text=line)


async def _bytes(house: House, deep: bool, fix: bool) -> AsyncIterator[Finding]:
    last = 0
    while page := await house.database.read(collection.list_stored, last):
        last = page[-1].id
        for one in page:
            trouble = await _look(house, one, deep)
            if trouble is None or not await house.database.read(collection.still_stored, one.id, one.stored):
                continue
            check, what = trouble
            whose = "; ".join(await house.database.read(collection.holders_of, one.id)) or "nothing that is listed"
            yield Finding(check=check, text=f"{what} sha256:{one.sha256}, needed by {whose}", repaired=fix and await _give_up(house, one))


async def _look(house: House, one: Doomed, deep: bool) -> tuple[str, str] | None:
    size = await house.store.size(one.stored)
    if size is None:
        return "D03", "Missing bytes:"
    if size != one.size:
        return "D04", f"{size} bytes in place of {one.size}:"
    if deep and await _digest(house, one) != one.sha256:
        return "D05", "Damaged bytes:"
    return None


async def _digest(house: House, one: Doomed) -> str:
    sink = hashlib.sha256()
    try:
        async for piece in house.store.read(one.stored, 0, one.size):
            sink.update(piece)
    except FileNotFound:
        return ""
    return sink.hexdigest()


async def _give_up(house: House, one: Doomed) -> bool:
    """Stop serving damaged bytes and stop saying that they are here; a client that sends them again heals everything that needs them."""
    if not await house.database.write(collection.give_up_damaged, one.id, one.stored, now()):
        return False
    await asyncio.to_thread(house.store.put_aside, one.stored)
    return False  # nothing wrong is served any more, but the bytes are still to come


async def _given_up(house: House) -> AsyncIterator[Finding]:
    last = 0
    while page := await house.database.read(collection.given_up, last):
        last = page[-1][0]
        for id_, sha256 in page:
            whose = "; ".join(await house.database.read(collection.holders_of, id_))
            if whose:
                yield Finding(check="D03", text=f"Waiting for the bytes of sha256:{sha256}: send them again to {whose}")


async def _strays(house: House, fix: bool) -> AsyncIterator[Finding]:
    before: Instant = now() - max(house.settings.collect_grace_seconds, 3600) * SECOND
    for shard in range(SHARDS):
        names = await asyncio.to_thread(house.store.old_names, shard, before)
        known = await house.database.read(collection.known_names, names) if names else set()
        for name in (name for name in names if name not in known):
            if fix:
                # since the shard was listed, somebody may have sent the same bytes
                if await house.database.read(collection.known_names, [name]) or not await asyncio.to_thread(house.store.is_old, name, before):
                    continue
                await asyncio.to_thread(house.store.put_aside, name)
            yield Finding(check="D06", text=f"Bytes without a row: {name}{', put into quarantine' if fix else ''}", repaired=fix)


async def _spool(house: House, fix: bool) -> AsyncIterator[Finding]:
    for path in await asyncio.to_thread(_old_spool_files, house.spool.folder, now() - LIFE):
        session = path.name.removeprefix("upload-")
        if path.name != session and await house.database.read(uploads.find_session, session) is not None:
            continue
        if fix:
            path.unlink(missing_ok=True)
        yield Finding(check="D07", text=f"Left over in the spool: {path.name}", repaired=fix)


def _old_spool_files(folder: Path, before: Instant) -> list[Path]:
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return [Path(entry.path) for entry in entries if entry.stat().st_mtime * SECOND < before]


async def _references(house: House) -> AsyncIterator[Finding]:
    for project, name, version, digest in await house.database.read(collection.lost_references):
        yield Finding(check="D08", text=f"{project}: {name} {version} points at {digest}, which is not there")


async def _repositories(house: House, deep: bool) -> AsyncIterator[Finding]:
    for project, branch in (await house.database.read(gits.list_repositories)).items():
        folder = repository_path(house, project)
        if not folder.is_dir():
            if branch:
                yield Finding(check="D09", text=f"The Git repository of project {project} is missing: push it again, or restore {folder.name}")
            continue
        trouble = await asyncio.to_thread(check_repository, folder, deep=deep)
        if trouble:
            yield Finding(check="D09", text=f"The Git repository of project {project} ({folder.name}) is damaged: {trouble}")
