"""An installation from a backup, in an empty folder: bytes first, then keys, and the database last, so that it can be begun again."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec

from packhouse.db import backups
from packhouse.db.engine import now
from packhouse.db.migrate import current_revision, migrate
from packhouse.db.migrations import HEAD
from packhouse.db.snapshots import bring_back, sqlite_file
from packhouse.errors import RegistryError
from packhouse.model import Instant
from packhouse.packages import backup
from packhouse.packages.backup import BackupError, Held, Manifest
from packhouse.packages.house import House
from packhouse.packages.publish import discard

HOLD: Instant = 7 * 86_400 * 1_000_000  # bytes that are newer than the rows are not removed for so long

Say = Callable[[str], None]


async def restore_backup(house: House, folder: Path, name: str = "", *, say: Say = lambda line: None) -> Manifest:
    """Bring back a snapshot, the newest without a name; the house's database is closed before and after. Raises `BackupError`."""
    snapshot = folder / "snapshots" / (name or next(reversed(backup.list_snapshots(folder)), ""))
    manifest = await asyncio.to_thread(_check_snapshot, snapshot)
    data, url = house.settings.data_path, house.settings.database_url
    await _check_empty(house)
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    house.store.start()  # type: ignore[attr-defined]
    house.spool.start()
    say(f"{snapshot.name}: {manifest.blobs} blobs with {manifest.bytes} bytes")
    for number, held in enumerate(backup.read_blobs(snapshot), 1):
        await _put_blob(house, backup.blob_path(folder, held.stored), held)
        if number % 1000 == 0:
            say(f"{number} blobs")
    await asyncio.to_thread(_put_rest, folder, snapshot, data)
    try:
        await asyncio.to_thread(bring_back, url, data, snapshot / manifest.database)
    except RegistryError as error:
        raise BackupError(f"The database cannot be brought back. {error.message}") from error
    async with _open_database(house):
        await house.database.write(migrate)
        await house.database.write(backups.mark_restored, manifest.taken, now() + HOLD)
    return manifest


@contextlib.asynccontextmanager
async def _open_database(house: House) -> AsyncIterator[None]:
    await house.database.start()
    try:
        yield
    finally:
        await house.database.close()


def _check_snapshot(snapshot: Path) -> Manifest:
    try:
        manifest = msgspec.json.decode((snapshot / backup.MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError as error:
        known = ", ".join(backup.list_snapshots(snapshot.parent.parent)[-10:]) or "none"
        raise BackupError(f"There is no such snapshot in {snapshot.parent.parent}; there are: {known}") from error
    except msgspec.MsgspecError as error:
        raise BackupError(f"{snapshot / backup.MANIFEST} is not the manifest of a backup: {error}") from error
    if manifest.format != backup.FORMAT or manifest.revision > HEAD:
        raise BackupError(f"The backup was taken by version {manifest.version}, which is newer than this one: install that, or a later one")
    database = snapshot / Path(manifest.database).name
    if not database.is_file() or backup.hash_file(database) != manifest.sha256:
        raise BackupError(f"{database} is damaged: take another snapshot")
    return manifest


async def _check_empty(house: House) -> None:
    data = house.settings.data_path
    file = sqlite_file(house.settings.database_url, data)
    if file is None:
        async with _open_database(house):
            taken = await house.database.read(current_revision) is not None
    else:
        taken = file.exists()
    if taken:
        raise BackupError(f"There is an installation already in {file or 'this database'}: bring a backup back where there is none")


async def _put_blob(house: House, source: Path, held: Held) -> None:
    """Raises `BackupError` where the backup has lost it."""
    if await house.store.size(held.stored) == held.size:
        return
    target = house.store.path(held.stored)
    try:
        whole = await asyncio.to_thread(backup.copy_checked, source, target, held.sha256) if target is not None else await _send(house, source, held)
    except FileNotFoundError as error:
        raise BackupError(f"{source} is missing: the backup is not whole") from error
    if not whole:
        raise BackupError(f"{source} is damaged: it has not the digest {held.sha256}")


async def _send(house: House, source: Path, held: Held) -> bool:
    """Over a network, by way of the spool."""
    writer = house.spool.begin(held.size, ("sha256",), direct=True)
    try:
        with source.open("rb") as file:
            while data := await asyncio.to_thread(file.read, backup.BLOCK):
                await writer.write(data)
        spooled = await writer.finish()
    except BaseException:
        writer.abort()
        raise
    try:
        if spooled.sha256 != held.sha256:
            return False
        await house.store.restore(spooled, held.stored)
    finally:
        discard([spooled])
    return True


def _put_rest(folder: Path, snapshot: Path, data: Path) -> None:
    if (snapshot / "keys").is_dir():
        shutil.copytree(snapshot / "keys", data / "keys", dirs_exist_ok=True)
    for repository in (folder / "repositories").glob("*.git"):
        name = repository.name
        shutil.copytree(repository, data / "repositories" / name[:2] / name[2:4] / name, dirs_exist_ok=True)
