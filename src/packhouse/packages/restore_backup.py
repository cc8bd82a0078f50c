"""An installation from a backup, in an empty folder: a mark, then bytes, keys and repositories, the database last, and the mark goes.

While the mark is there nothing else opens the folder, and the same snapshot can be brought back once more.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from packhouse.db import backups
from packhouse.db.engine import now
from packhouse.db.migrate import current_revision, migrate
from packhouse.db.migrations import HEAD
from packhouse.db.snapshots import DUMP, RESTORING, UNKNOWN, bring_back, check_free, sqlite_file, unfinished_restore
from packhouse.durable import sync
from packhouse.errors import RegistryError
from packhouse.model import Instant, Struct
from packhouse.packages import backup
from packhouse.packages.backup import BackupError, Held, Manifest
from packhouse.packages.house import House
from packhouse.packages.publish import discard
from packhouse.packages.repositories import repository_path

HOLD: Instant = 7 * 86_400 * 1_000_000  # bytes that are newer than the rows are not removed for so long

Say = Callable[[str], None]


class _Origin(Struct):
    """What a manifest of any format says."""

    format: int = backup.FORMAT
    version: str = "?"
    revision: str = ""


async def restore_backup(house: House, folder: Path, name: str = "", *, say: Say = lambda line: None) -> list[str]:
    """Bring back a snapshot, the newest without a name; the blobs that the backup has lost. Raises `BackupError`."""
    try:
        with _locked(folder):
            return await _restore(house, folder, name, say)
    except RegistryError as error:
        raise BackupError(error.message) from error
    except SQLAlchemyError as error:
        raise BackupError(f"The database cannot be brought back. {getattr(error, 'orig', None) or error}") from error
    except OSError as error:
        raise BackupError(f"{error.filename or folder}: {error.strerror or error}") from error


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """No backup into this folder meanwhile, which may be on a medium that cannot be written to. Raises `BackupError`."""
    if not folder.is_dir():
        raise BackupError(f"There is no folder {folder}: name the one that backups were made into")
    try:
        fd = os.open(folder / "lock", os.O_RDONLY | os.O_CREAT, 0o600)
    except OSError as error:
        if error.errno != errno.EROFS:
            raise
        fd = os.open(folder, os.O_RDONLY)
    with backup.holding(fd, fcntl.LOCK_SH, f"A backup is at work in {folder}: wait for it"):
        yield


async def _restore(house: House, folder: Path, name: str, say: Say) -> list[str]:
    snapshot = folder / "snapshots" / (name or next(reversed(backup.list_snapshots(folder)), ""))
    manifest = await asyncio.to_thread(_check_snapshot, snapshot)
    _check_settings(house, manifest)
    data = house.settings.data_path
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    done = await _check_empty(house, snapshot.name, manifest)
    with _marked(data, snapshot.name):
        house.store.start()
        house.spool.start()
        say(f"{snapshot.name}: {manifest.blobs} blobs with {manifest.bytes} bytes")
        lost = await _put_blobs(house, folder, snapshot, say)
        await asyncio.to_thread(_put_rest, house, folder, snapshot, manifest)
        if not done:
            await _put_database(house, snapshot, manifest)
    return lost


@contextlib.contextmanager
def _marked(data: Path, snapshot: str) -> Iterator[None]:
    """The mark is there, and goes when all is done: where that fails it stays. Raises `BackupError`."""
    mark = data / RESTORING
    fd = os.open(mark, os.O_RDWR | os.O_CREAT, 0o600)
    with backup.holding(fd, fcntl.LOCK_EX, f"Another restore is at work in {data}: wait for it"):
        os.pwrite(fd, f"{snapshot}\n".encode(), 0)
        os.fsync(fd)
        sync(data)
        yield
        mark.unlink()
        sync(data)


async def _put_blobs(house: House, folder: Path, snapshot: Path, say: Say) -> list[str]:
    """The blobs that the backup has lost."""
    lost: list[str] = []
    for number, held in enumerate(backup.read_blobs(snapshot), 1):
        wrong = await _put_blob(house, backup.blob_path(folder, held.stored), held)
        if wrong:
            lost.append(f"{wrong}: sha256:{held.sha256}")
        if number % 1000 == 0:
            say(f"{number} blobs")
    return lost


async def _put_database(house: House, snapshot: Path, manifest: Manifest) -> None:
    data, url = house.settings.data_path, house.settings.database_url

    def change(connection: Connection) -> None:
        migrate(connection)
        backups.mark_restored(connection, manifest.taken, now() + HOLD)

    try:
        await asyncio.to_thread(bring_back, url, data, snapshot / manifest.database, change)
        if sqlite_file(url, data) is None:
            async with _open_database(house):
                await house.database.write(change)
    except RegistryError as error:
        raise BackupError(f"The database cannot be brought back. {error.message}") from error


@contextlib.asynccontextmanager
async def _open_database(house: House) -> AsyncIterator[None]:
    await house.database.start()
    try:
        yield
    finally:
        await house.database.close()


def _check_snapshot(snapshot: Path) -> Manifest:
    _check_origin(snapshot / backup.MANIFEST)
    manifest = backup.read_manifest(snapshot)
    database = snapshot / Path(manifest.database).name
    if not database.is_file() or backup.hash_file(database) != manifest.sha256:
        raise BackupError(f"{database} is damaged: bring back another snapshot")
    backup.check_parts(snapshot, manifest)
    return manifest


def _check_origin(file: Path) -> None:
    """A manifest of a later format may lack what ours have. Raises `BackupError`."""
    with contextlib.suppress(FileNotFoundError, msgspec.MsgspecError):  # told by who reads the whole
        origin = msgspec.json.decode(file.read_bytes(), type=_Origin)
        if origin.format > backup.FORMAT or origin.revision > HEAD:
            raise BackupError(f"The backup was taken by version {origin.version}, which is newer than this one: install that, or a later one")


def _check_settings(house: House, manifest: Manifest) -> None:
    if manifest.bucket and house.store.near:
        raise BackupError("The bytes of this backup are in a bucket: say with the setting blobs in which")
    postgres = sqlite_file(house.settings.database_url, house.settings.data_path) is None
    if postgres != (manifest.database == DUMP):
        kind, other = ("SQLite", "PostgreSQL") if postgres else ("PostgreSQL", "SQLite")
        raise BackupError(f"The backup is of a database on {kind}, and the setting database_url names one on {other}: name one on {kind}")


async def _check_empty(house: House, snapshot: str, manifest: Manifest) -> bool:
    """Whether a restore of this snapshot was cut when its database was there already, which goes last.

    Raises `BackupError` where something is that such a restore has not put there.
    """
    data = house.settings.data_path
    before = unfinished_restore(data)
    if before not in ("", UNKNOWN, snapshot):
        raise BackupError(f"{data / RESTORING} says that a restore of {before} was cut: bring back that one, or another into an empty data folder")
    if await _is_taken(house):
        if before != snapshot:
            raise BackupError(f"There is an installation already in {_name_database(house)}: bring a backup back where there is none")
        if await _restored_from(house) != manifest.taken:
            raise BackupError(f"The restore that was cut has filled {_name_database(house)} already: make it empty, and run this again")
        return True
    for path in () if before == snapshot else _find_taken(house):
        raise BackupError(f"There is something already in {path}: bring a backup back into an empty data folder, or move that away first")
    return False


async def _restored_from(house: House) -> str:
    async with _open_database(house):
        return await house.database.read(backups.restored_from)


async def _is_taken(house: House) -> bool:
    file = sqlite_file(house.settings.database_url, house.settings.data_path)
    if file is not None:
        taken = file.exists()
        if not taken:
            check_free(file)  # nor is anything beside it
        return taken
    async with _open_database(house):
        return await house.database.read(current_revision) is not None


def _name_database(house: House) -> str:
    return str(sqlite_file(house.settings.database_url, house.settings.data_path) or "this database")


def _find_taken(house: House) -> Iterator[Path]:
    """Folders of an installation in which there is a file already."""
    data, blob = house.settings.data_path, house.store.path("0" * 64)
    for folder in (data / "repositories", data / "keys", *(() if blob is None else (blob.parent.parent,))):
        if any(not path.is_dir() or path.is_symlink() for path in folder.rglob("*")):
            yield folder


async def _put_blob(house: House, source: Path, held: Held) -> str:
    """What is wrong with the backup's copy, if anything."""
    target = house.store.path(held.stored)
    if await house.store.size(held.stored) == held.size and (target is None or await asyncio.to_thread(backup.hash_file, target) == held.sha256):
        return ""
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
    data = house.settings.data_path
    keys, repositories = data / "keys", data / "repositories"
    if (snapshot / "keys").is_dir():
        shutil.copytree(snapshot / "keys", keys, dirs_exist_ok=True)
    for project in manifest.repositories:
        target = repository_path(house, project)
        if target.exists():
            shutil.rmtree(target)  # half of it, of a restore that was cut
        with contextlib.suppress(FileNotFoundError):  # the doctor says so
            shutil.copytree(folder / "repositories" / target.name, target)
    folders = {path.parent for held in backup.read_blobs(snapshot) if (path := house.store.path(held.stored)) is not None}
    for path in (*keys.rglob("*"), *repositories.rglob("*"), *(one for one in (keys, repositories) if one.exists()), *folders, data):
        sync(path)
