"""Blobs as plain files: `ab/<digest>`, placed by a link and then synced to disk, the bytes and the name."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

from packhouse.blobs.spool import full_disk
from packhouse.blobs.store import ASIDE
from packhouse.durable import move_to_new, sync
from packhouse.errors import FileNotFound, OutOfSpace
from packhouse.model import Instant, Spooled

PIECE = 1024 * 1024


class DiskStore:
    """A folder with 256 folders, made and synced at the start."""

    near = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(self) -> None:
        made = [f for f in (self.folder / f"{n:02x}" for n in range(256)) if not f.exists()]
        for folder in made:
            folder.mkdir(parents=True, exist_ok=True)
        if made:
            sync(self.folder)
            sync(self.folder.parent)

    def path(self, name: str) -> Path:
        return Path(f"{self.folder}/{name[:2]}/{name}")

    def place(self, content: Spooled, name: str) -> None:
        folder = f"{self.folder}/{name[:2]}"
        target = f"{folder}/{name}"
        try:
            move_to_new(content.path, target)
            try:
                if not content.synced:  # name and bytes in one commit of the file system: nobody trusts a name before its row
                    sync(target)
                sync(folder)
            except OSError:
                os.unlink(target)  # noqa: PTH108 (this is called for every file that is published)
                raise
        except OSError as error:
            if full_disk(error):
                raise OutOfSpace() from error
            raise

    async def restore(self, content: Spooled, name: str) -> None:
        await asyncio.to_thread(self._restore, content.path, self.path(name))

    def _restore(self, source: str, target: Path) -> None:
        partial = target.with_name(f"{target.name}.restored")
        try:
            shutil.copyfile(source, partial)
            sync(partial)
            partial.rename(target)
            sync(target.parent)
        except OSError as error:
            partial.unlink(missing_ok=True)
            if full_disk(error):
                raise OutOfSpace() from error
            raise

    async def read(self, name: str, first: int, length: int) -> AsyncIterator[bytes]:
        path = self.path(name)
        for start in range(first, first + length, PIECE):
            yield await asyncio.to_thread(_read_piece, path, start, min(PIECE, first + length - start))

    async def whole(self, name: str, size: int) -> bytes | None:
        try:
            body = await asyncio.to_thread(self.path(name).read_bytes)
        except OSError:
            return None
        return body if len(body) == size else None

    async def size(self, name: str) -> int | None:
        try:
            return self.path(name).stat().st_size
        except FileNotFoundError:
            return None

    async def delete(self, name: str) -> None:
        self.path(name).unlink(missing_ok=True)

    # -- what no row speaks of ---------------------------------------------------------------------------------------

    def old_names(self, shard: int, before: Instant) -> Sequence[str]:
        folder = self.folder / f"{shard:02x}"
        if not folder.is_dir():
            return []
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if len(entry.name) >= 64 and _newest(Path(entry.path)) < before]

    def is_old(self, name: str, before: Instant) -> bool:
        try:
            return _newest(self.path(name)) < before
        except FileNotFoundError:
            return False

    def remove_old(self, name: str, before: Instant) -> None:
        if self.is_old(name, before):
            self.path(name).unlink(missing_ok=True)

    def put_aside(self, name: str) -> None:
        folder = self.folder / ASIDE
        folder.mkdir(exist_ok=True, mode=0o700)
        try:
            self.path(name).rename(folder / name)
            os.utime(folder / name)
        except FileNotFoundError:
            pass

    def empty_aside(self, before: Instant) -> int:
        folder, count = self.folder / ASIDE, 0
        if folder.is_dir():
            for path in folder.iterdir():
                if _newest(path) < before:
                    path.unlink(missing_ok=True)
                    count += 1
        return count

    def examine(self) -> Iterator[str]:
        return iter(())


def _read_piece(path: Path, start: int, length: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = os.pread(file.fileno(), length, start)
    except OSError as error:
        raise FileNotFound from error
    if len(data) != length:
        raise FileNotFound
    return data


def _newest(path: Path) -> Instant:
    """When the file was written, or given its name."""
    stat = path.stat()
    return int(max(stat.st_mtime, stat.st_ctime) * 1_000_000)
