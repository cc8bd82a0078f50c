"""Backups of a running installation, each a snapshot in a folder that shares its blobs with those before (threats, section 13).

Blobs are copied first, then the database, then the blobs that came meanwhile: so every row of the snapshot has its bytes. Bytes are removed
long after nothing needs them, so that none of these can go in between.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from packhouse import __version__
from packhouse.db import collection, gits
from packhouse.db.migrate import current_revision
from packhouse.db.snapshots import take_snapshot
from packhouse.durable import sync
from packhouse.errors import RegistryError
from packhouse.git.keeping import copy_repository
from packhouse.model import Struct
from packhouse.packages.house import House
from packhouse.packages.repositories import repository_name, repository_path

FORMAT = 1
BLOCK = 1024 * 1024
MANIFEST, BLOBS = "manifest.json", "blobs.txt"

_LINE = re.compile(r"([0-9a-f]{64}(?:\.[0-9]{1,9})?) ([0-9a-f]{64}) ([0-9]{1,18})\n")

Say = Callable[[str], None]


class BackupError(Exception):
    """A backup that cannot be taken, or not be brought back."""


class Manifest(Struct):
    """What a snapshot says of itself; written last."""

    format: int
    version: str  # of the program
    revision: str  # of the schema
    taken: str
    database: str  # its file
    sha256: str  # of that file
    blobs: int
    bytes: int
    repositories: tuple[int, ...]  # by the numbers of their projects
    keys: bool
    bucket: bool  # the blobs are in a bucket and not here


class Held(Struct):
    """A blob that a snapshot needs."""

    stored: str
    sha256: str
    size: int


async def take_backup(
    house: House, folder: Path, *, with_keys: bool = True, keep: int = 0, verify: bool = False, say: Say = lambda line: None
) -> list[str]:
    """A new snapshot in this folder, of which `keep` stay, all of them where that is 0; what could not be copied. Raises `BackupError`.

    With `verify`, the bytes that are there already are read again, and copied again where they have changed.
    """
    try:
        with locked(folder):
            return await _take(house, folder, with_keys, keep, verify, say)
    except OSError as error:
        raise BackupError(f"{error.filename or folder}: {error.strerror}") from error


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One backup or restore at a time in a folder. Raises `BackupError`."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BackupError(f"Another backup or restore is at work in {folder}: wait for it") from error
    else:
        yield
    finally:
        os.close(fd)


async def _take(house: House, folder: Path, with_keys: bool, keep: int, verify: bool, say: Say) -> list[str]:
    taken = datetime.now(UTC)
    final = folder / "snapshots" / taken.strftime("%Y%m%dT%H%M%SZ")
    partial = final.with_name(f"{final.name}.partial")
    await asyncio.to_thread(_make_folders, folder, partial)
    bucket = not house.store.near
    held: dict[str, Held] = {}
    problems = [] if bucket else await _copy_blobs(house, folder, held, say, verify)
    # before the database: a number that is given out after the snapshot is given out again once it is brought back
    projects = list(await house.database.read(gits.list_repositories))
    try:
        database = await asyncio.to_thread(take_snapshot, house.settings.database_url, house.settings.data_path, partial)
    except RegistryError as error:
        raise BackupError(f"The database cannot be copied. {error.message}") from error
    problems += [] if bucket else await _copy_blobs(house, folder, held, say, verify)
    repositories = await _copy_repositories(house, folder, projects, problems)
    revision = await house.database.read(current_revision)
    manifest = Manifest(
        format=FORMAT,
        version=__version__,
        revision=revision or "",
        taken=taken.strftime("%Y-%m-%dT%H:%M:%SZ"),
        database=database.name,
        sha256=await asyncio.to_thread(hash_file, database),
        blobs=len(held),
        bytes=sum(one.size for one in held.values()),
        repositories=repositories,
        keys=with_keys,
        bucket=bucket,
    )
    await asyncio.to_thread(_finish, house.settings.data_path, folder, partial, final, manifest, held)
    say(f"{final.name}: {manifest.blobs} blobs with {manifest.bytes} bytes, {len(repositories)} repositories")
    if keep:
        for gone in await asyncio.to_thread(prune, folder, keep):
            say(f"removed {gone}")
    return problems


def list_snapshots(folder: Path) -> list[str]:
    """The snapshots that are whole, the oldest first."""
    return sorted(path.parent.name for path in folder.glob(f"snapshots/*/{MANIFEST}") if path.parent.suffix != ".partial")


def read_blobs(snapshot: Path) -> Iterable[Held]:
    """What a snapshot needs. Raises `BackupError`."""
    with (snapshot / BLOBS).open() as lines:
        for number, line in enumerate(lines, 1):
            found = _LINE.fullmatch(line)
            if found is None:
                raise BackupError(f"Line {number} of {snapshot / BLOBS} is not one of ours: the backup is damaged")
            yield Held(stored=found[1], sha256=found[2], size=int(found[3]))


def read_manifest(snapshot: Path) -> Manifest:
    """What a snapshot says of itself. Raises `BackupError`."""
    try:
        return msgspec.json.decode((snapshot / MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError as error:
        known = ", ".join(list_snapshots(snapshot.parent.parent)[-10:]) or "none"
        raise BackupError(f"There is no such snapshot in {snapshot.parent.parent}; there are: {known}") from error
    except msgspec.MsgspecError as error:
        raise BackupError(f"{snapshot / MANIFEST} is not the manifest of a backup: {error}") from error


def blob_path(folder: Path, stored: str) -> Path:
    """Where a backup keeps a blob."""
    return folder / "blobs" / stored[:2] / stored


def prune(folder: Path, keep: int) -> list[str]:
    """Remove all snapshots but the newest, and what only they needed; the names of those snapshots. Raises `BackupError`."""
    names = list_snapshots(folder)
    gone = names[:-keep]
    for name in gone:
        shutil.rmtree(folder / "snapshots" / name)
    if gone:
        kept = [folder / "snapshots" / name for name in names[-keep:]]
        needed = {held.stored for snapshot in kept for held in read_blobs(snapshot)}
        for path in (folder / "blobs").glob("??/*"):
            if path.name not in needed:
                path.unlink()
        repositories = {repository_name(project) for snapshot in kept for project in read_manifest(snapshot).repositories}
        for path in (folder / "repositories").glob("*.git"):
            if path.name not in repositories:
                shutil.rmtree(path)
    return gone


def copy_checked(source: Path, target: Path, sha256: str) -> bool:
    """A copy of a file with this digest, durable but for its name; False, and nothing, where it has another. Raises `OSError`."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = target.with_name(f"{target.name}.partial")
    sink = hashlib.sha256()
    with source.open("rb") as file, partial.open("wb") as copy:
        while data := file.read(BLOCK):
            sink.update(data)
            copy.write(data)
    if sink.hexdigest() != sha256:
        partial.unlink()
        return False
    sync(partial)
    partial.rename(target)
    return True


def hash_file(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _make_folders(folder: Path, partial: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in folder.glob("snapshots/*.partial"):
        shutil.rmtree(left)
    partial.mkdir(parents=True, mode=0o700)


async def _copy_blobs(house: House, folder: Path, held: dict[str, Held], say: Say, verify: bool) -> list[str]:
    """Copy what is not held yet, and say of it that it is; what could not be copied."""
    problems: list[str] = []
    last = 0
    while page := await house.database.read(collection.list_stored, last):
        last = page[-1].id
        fresh = [one for one in page if one.stored not in held]
        for one in fresh:
            wrong = await asyncio.to_thread(_copy_blob, house, folder, Held(stored=one.stored, sha256=one.sha256, size=one.size), verify)
            if not wrong:
                held[one.stored] = Held(stored=one.stored, sha256=one.sha256, size=one.size)
            elif await house.database.read(collection.still_stored, one.id, one.stored):
                problems.append(f"{wrong}: sha256:{one.sha256}")
        if fresh:
            say(f"{len(held)} blobs")
    return problems


def _copy_blob(house: House, folder: Path, one: Held, verify: bool) -> str:
    """What is wrong with it, if anything."""
    source, target = house.store.path(one.stored), blob_path(folder, one.stored)
    assert source is not None
    try:
        if target.stat().st_size == one.size and not (verify and hash_file(target) != one.sha256):
            return ""  # else compared when it was copied
    except FileNotFoundError:
        pass
    try:
        return "" if copy_checked(source, target, one.sha256) else "Damaged bytes"
    except FileNotFoundError:
        return "Missing bytes"


async def _copy_repositories(house: House, folder: Path, projects: Iterable[int], problems: list[str]) -> tuple[int, ...]:
    copied: list[int] = []
    for project in projects:
        source = repository_path(house, project)
        if not source.is_dir():
            continue
        wrong = await asyncio.to_thread(copy_repository, source, folder / "repositories" / repository_name(project))
        if wrong:
            problems.append(f"The Git repository of project {project}: {wrong}")
        else:
            copied.append(project)
    return tuple(copied)


def _finish(data: Path, folder: Path, partial: Path, final: Path, manifest: Manifest, held: Mapping[str, Held]) -> None:
    """The snapshot appears when it is whole."""
    if manifest.keys and (data / "keys").is_dir():
        shutil.copytree(data / "keys", partial / "keys")
    (partial / BLOBS).write_text("".join(f"{one.stored} {one.sha256} {one.size}\n" for one in held.values()))
    (partial / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
    for path in (*(folder / "blobs").glob("??"), *partial.rglob("*"), partial):
        sync(path)
    partial.rename(final)
    sync(final.parent)
