"""An installation from a backup, in an empty folder: bytes first, then keys, and the database last, so that it can be begun again."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from sqlalchemy import Connection

from packhouse.db import backups
from packhouse.db.engine import now
from packhouse.db.migrate import current_revision, migrate
from packhouse.db.migrations import HEAD
from packhouse.db.snapshots import bring_back, sqlite_file
from packhouse.durable import sync
from packhouse.errors import RegistryError
from packhouse.model import Instant
from packhouse.packages import backup
from packhouse.packages.backup import BackupError, Held, Manifest
from packhouse.packages.house import House
from packhouse.packages.publish import discard
from packhouse.packages.repositories import repository_path

HOLD: Instant = 7 * 86_400 * 1_000_000  # bytes that are newer than the rows are not removed for so long

Say = Callable[[str], None]


async def restore_backup(house: House, folder: Path, name: str = "", *, say: Say = lambda line: None) -> list[str]:
    """Bring back a snapshot, the newest without a name; the blobs that the backup has lost. Raises `BackupError`."""
    try:
        with backup.locked(folder):
            return await _restore(house, folder, name, say)
    except OSError as error:
        raise BackupError(f"{error.filename or folder}: {error.strerror}") from error


async def _restore(house: House, folder: Path, name: str, say: Say) -> list[str]:
    snapshot = folder / "snapshots" / (name or next(reversed(backup.list_snapshots(folder)), ""))
    manifest = await asyncio.to_thread(_check_snapshot, snapshot)
    data, url = house.settings.data_path, house.settings.database_url
    if manifest.bucket and house.store.near:
        raise BackupError("The bytes of this backup are in a bucket: say with the setting blobs in which")
    await _check_empty(house)
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    house.store.start()
    house.spool.start()
    say(f"{snapshot.name}: {manifest.blobs} blobs with {manifest.bytes} bytes")
    lost: list[str] = []
    for number, held in enumerate(backup.read_blobs(snapshot), 1):
        wrong = await _put_blob(house, backup.blob_path(folder, held.stored), held)
        if wrong:
            lost.append(f"{wrong}: sha256:{held.sha256}")
        if number % 1000 == 0:
            say(f"{number} blobs")
    await asyncio.to_thread(_put_rest, house, folder, snapshot, manifest)

    def change(connection: Connection) -> None:
        migrate(connection)
        backups.mark_restored(connection, manifest.taken, now() + HOLD)

    try:
        await asyncio.to_thread(bring_back, url, data, snapshot / manifest.database, change)
    except RegistryError as error:
        raise BackupError(f"The database cannot be brought back. {error.message}") from error
    if sqlite_file(url, data) is None:
        async with _open_database(house):
            await house.database.write(change)
    return lost


@contextlib.asynccontextmanager
async def _open_database(house: House) -> AsyncIterator[None]:
    await house.database.start()
    try:
        yield
    finally:
        await house.database.close()


def _check_snapshot(snapshot: Path) -> Manifest:
    manifest = backup.read_manifest(snapshot)
    if manifest.format != backup.FORMAT or manifest.revision > HEAD:
        raise BackupError(f"The backup was taken by version {manifest.version}, which is newer than this one: install that, or a later one")
    database = snapshot / Path(manifest.database).name
    if not database.is_file() or backup.hash_file(database) != manifest.sha256:
        raise BackupError(f"{database} is damaged: bring back another snapshot")
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


async def _put_blob(house: House, source: Path, held: Held) -> str:
    """What is wrong with the backup's copy, if anything."""
    if await house.store.size(held.stored) == held.size:
        return ""
    target = house.store.path(held.stored)
    try:
        whole = await asyncio.to_thread(backup.copy_checked, source, target, held.sha256) if target is not None else await _send(house, source, held)
    except FileNotFoundError:
        return "Missing in the backup"
    return "" if whole else "Damaged in the backup"


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


def _put_rest(house: House, folder: Path, snapshot: Path, manifest: Manifest) -> None:
    """Keys and repositories, and the names of all that was put down so far, made durable."""
    keys = house.settings.data_path / "keys"
    if (snapshot / "keys").is_dir():
        shutil.copytree(snapshot / "keys", keys, dirs_exist_ok=True)
    for project in manifest.repositories:
        target = repository_path(house, project)
        with contextlib.suppress(FileNotFoundError):  # the doctor says so
            shutil.copytree(folder / "repositories" / target.name, target, dirs_exist_ok=True)
    folders = {path.parent for held in backup.read_blobs(snapshot) if (path := house.store.path(held.stored)) is not None}
    for path in (*keys.rglob("*"), *folders, house.settings.data_path):
        sync(path)
