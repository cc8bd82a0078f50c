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
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from sqlalchemy.exc import DBAPIError

from packhouse import __version__
from packhouse.db import collection, gits
from packhouse.db.migrate import current_revision
from packhouse.db.snapshots import take_snapshot
from packhouse.durable import sync
from packhouse.errors import RegistryError
from packhouse.git.keeping import check_repository, copy_repository, read_refs, remove_repository
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
    list_sha256: str = ""  # of the list of blobs; "" before there was a digest of it
    key_sha256: Mapping[str, str] = {}  # of every key, by its path


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
        _check_apart(house, folder)
        with locked(folder):
            return await _take(house, folder, with_keys, keep, verify, say)
    except OSError as error:
        raise BackupError(_reason(error, folder)) from error
    except RegistryError as error:
        raise BackupError(error.message) from error
    except (sqlite3.Error, DBAPIError) as error:
        # the words of the database, without the statement
        raise BackupError(f"The database cannot be copied. {error.orig if isinstance(error, DBAPIError) else error}") from error


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One backup or restore at a time in a folder. Raises `BackupError`."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    with holding(fd, fcntl.LOCK_EX, f"Another backup or restore is at work in {folder}: wait for it"):
        yield


@contextlib.contextmanager
def holding(fd: int, how: int, busy: str) -> Iterator[None]:
    """A lock on an open file, which is closed in the end. Raises `BackupError` with these words where another process has it."""
    try:
        fcntl.flock(fd, how | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BackupError(busy) from error
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
    wrong: dict[str, str] = {}
    if not bucket:
        await _copy_blobs(house, folder, held, wrong, say, verify)
    # before the database: a number that is given out after the snapshot is given out again once it is brought back
    projects = list(await house.database.read(gits.list_repositories))
    try:
        database = await asyncio.to_thread(take_snapshot, house.settings.database_url, house.settings.data_path, partial)
    except RegistryError as error:
        raise BackupError(f"The database cannot be copied. {error.message}") from error
    if not bucket:
        await _copy_blobs(house, folder, held, wrong, say, verify)
    problems = list(wrong.values())
    repositories = await _copy_repositories(house, folder, projects, problems)
    keys = await asyncio.to_thread(_copy_keys, house.settings.data_path / "keys", partial / "keys", problems) if with_keys else {}
    listed = "".join(f"{one.stored} {one.sha256} {one.size}\n" for one in held.values()).encode()
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
        list_sha256=hashlib.sha256(listed).hexdigest(),
        key_sha256=keys,
    )
    await asyncio.to_thread(_finish, folder, partial, final, manifest, listed)
    say(f"{final.name}: {manifest.blobs} blobs with {manifest.bytes} bytes, {len(repositories)} repositories")
    if keep:
        try:
            await asyncio.to_thread(prune, folder, keep, final.name, say)
        except (OSError, BackupError) as error:
            problems.append(f"Older snapshots cannot be removed. {_reason(error, folder)}")
    ahead = [name for name in list_snapshots(folder) if name > final.name]
    if ahead:
        problems.append(f"Snapshot {ahead[-1]} lies in the future, and comes back as the newest: set the clock, or remove that snapshot")
    return problems


def list_snapshots(folder: Path) -> list[str]:
    """The snapshots that are whole, the oldest first."""
    return sorted(path.parent.name for path in folder.glob(f"snapshots/*/{MANIFEST}") if path.parent.suffix != ".partial")


def read_blobs(snapshot: Path) -> Iterable[Held]:
    """What a snapshot needs. Raises `BackupError`."""
    with (snapshot / BLOBS).open(encoding="ascii", errors="replace") as lines:
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


def check_parts(snapshot: Path, manifest: Manifest) -> None:
    """The list of blobs and the keys are those that the manifest speaks of. Raises `BackupError`."""
    check_list(snapshot, manifest)
    for name, sha256 in manifest.key_sha256.items():
        key = snapshot / "keys" / name
        if not key.is_file() or hash_file(key) != sha256:
            raise BackupError(f"{key} is damaged or missing: bring back another snapshot")


def check_list(snapshot: Path, manifest: Manifest) -> list[Held]:
    """What a snapshot needs, all of it. Raises `BackupError`."""
    listed = list(read_blobs(snapshot))
    if len(listed) != manifest.blobs or manifest.list_sha256 not in ("", hash_file(snapshot / BLOBS)):
        raise BackupError(f"{snapshot / BLOBS} is damaged: bring back another snapshot, and remove this one")
    return listed


def blob_path(folder: Path, stored: str) -> Path:
    """Where a backup keeps a blob."""
    return folder / "blobs" / stored[:2] / stored


def prune(folder: Path, keep: int, made: str, say: Say) -> None:
    """Remove all snapshots but the newest, of which the one just made is first, and what only they needed. Raises `BackupError`, `OSError`."""
    others = [name for name in list_snapshots(folder) if name != made]
    gone = others[: max(0, len(others) - keep + 1)]
    if not gone:
        return
    kept = {folder / "snapshots" / name: read_manifest(folder / "snapshots" / name) for name in (made, *others[len(gone) :])}
    needed = {held.stored for snapshot, manifest in kept.items() for held in check_list(snapshot, manifest)}
    for name in gone:
        path = folder / "snapshots" / name
        shutil.rmtree(path.rename(path.with_name(f"{name}.partial")))  # no snapshot any more, should this be cut
        say(f"removed {name}")
    for path in (folder / "blobs").glob("??/*"):
        if path.name not in needed:
            path.unlink()
    repositories = {repository_name(project) for manifest in kept.values() for project in manifest.repositories}
    for path in (folder / "repositories").glob("*.git"):
        if path.name not in repositories:
            shutil.rmtree(path)


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


def _reason(error: OSError | BackupError, folder: Path) -> str:
    """What is wrong with which file."""
    return str(error) if isinstance(error, BackupError) or not error.strerror else f"{error.filename or folder}: {error.strerror}"


def _check_apart(house: House, folder: Path) -> None:
    """Nothing that a backup writes and removes is the installation's own. Raises `BackupError`."""
    data, blob = house.settings.data_path.resolve(), house.store.path("00")
    ours = [data / "keys", data / "repositories", data / "spool", *([] if blob is None else [blob.parent.parent.resolve()])]
    parts = [(folder / name).resolve() for name in ("blobs", "repositories", "snapshots")]
    for own in ours:
        if folder.resolve().is_relative_to(own) or any(own.is_relative_to(part) or part.is_relative_to(own) for part in parts):
            raise BackupError(f"A backup in {folder} would get in the way of the installation's own {own}: name another folder")


def _make_folders(folder: Path, partial: Path) -> None:
    for left in (*folder.glob("snapshots/*.partial"), *folder.glob("repositories/*.git.*")):
        shutil.rmtree(left)
    partial.mkdir(parents=True, mode=0o700)


async def _copy_blobs(house: House, folder: Path, held: dict[str, Held], wrong: dict[str, str], say: Say, verify: bool) -> None:
    """Copy what is not held yet, and say of it that it is, or what is wrong with it."""
    last = 0
    while page := await house.database.read(collection.list_stored, last):
        last = page[-1].id
        fresh = [one for one in page if one.stored not in held]
        for one in fresh:
            trouble = await asyncio.to_thread(_copy_blob, house, folder, Held(stored=one.stored, sha256=one.sha256, size=one.size), verify)
            if not trouble:
                held[one.stored] = Held(stored=one.stored, sha256=one.sha256, size=one.size)
                wrong.pop(one.stored, None)
            elif await house.database.read(collection.still_stored, one.id, one.stored):
                wrong[one.stored] = f"{trouble}: sha256:{one.sha256}"
        if fresh:
            say(f"{len(held)} blobs")


def _copy_blob(house: House, folder: Path, one: Held, verify: bool) -> str:
    """What is wrong with it, if anything."""
    source, target = house.store.path(one.stored), blob_path(folder, one.stored)
    assert source is not None
    try:
        if verify and hash_file(target) != one.sha256:
            target.unlink()  # else it would pass for a good one where it cannot be copied again
        if target.stat().st_size == one.size:
            return ""  # compared when it was copied
    except FileNotFoundError:
        pass
    try:
        return "" if copy_checked(source, target, one.sha256) else "Damaged bytes"
    except FileNotFoundError:
        return "Missing bytes"


async def _copy_repositories(house: House, folder: Path, projects: Iterable[int], problems: list[str]) -> tuple[int, ...]:
    """The projects whose repositories the backup has, of this run or, where one cannot be copied, of one before."""
    copied: list[int] = []
    for project in projects:
        row = await house.database.read(gits.get_repository, project)
        if row is None:
            continue  # deleted meanwhile
        source, target = repository_path(house, project), folder / "repositories" / repository_name(project)
        if not row.default_branch and not source.is_dir():
            continue
        wrong = await asyncio.to_thread(_copy_repository, source, target, bool(row.default_branch))
        if wrong:
            problems.append(f"The Git repository of project {project} ({source}) cannot be copied: {wrong}")
        if not wrong or len(await asyncio.to_thread(read_refs, target)) > 0:
            copied.append(project)
    return tuple(copied)


def _copy_repository(source: Path, target: Path, filled: bool) -> str:
    """What went wrong, if anything; then the copy is as it was. One that cannot be brought up to date is made anew."""
    if filled and not read_refs(source):
        trouble = check_repository(source) if source.is_dir() else "it is missing"
        return f"{trouble or 'its branches are gone'}; push it again, or restore it"
    wrong = copy_repository(source, target)
    if not wrong:
        return ""
    anew = target.with_name(f"{target.name}.anew")
    if copy_repository(source, anew):
        remove_repository(anew)
        return wrong
    remove_repository(target)
    anew.rename(target)
    return ""


def _copy_keys(keys: Path, target: Path, problems: list[str]) -> Mapping[str, str]:
    """The digest of every key that was copied, by its path."""
    if keys.is_dir():
        shutil.copytree(keys, target, ignore_dangling_symlinks=True)
        problems += [f"{path} is a link to nothing: remove it, or bring back what it led to" for path in keys.rglob("*") if not path.exists()]
    return {path.relative_to(target).as_posix(): hash_file(path) for path in sorted(target.rglob("*")) if path.is_file()}


def _finish(folder: Path, partial: Path, final: Path, manifest: Manifest, listed: bytes) -> None:
    """The snapshot appears when it is whole."""
    (partial / BLOBS).write_bytes(listed)
    (partial / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
    for path in (*(folder / "blobs").glob("??"), *partial.rglob("*"), partial):
        sync(path)
    partial.rename(final)
    sync(final.parent)
