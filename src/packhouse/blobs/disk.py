"""Blobs as plain files: `ab/<digest>`, placed by a link and then synced to disk, the bytes and the name."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
from pathlib import Path

from packhouse.blobs.spool import full_disk
from packhouse.errors import OutOfSpace
from packhouse.model import Spooled


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    _sync(str(folder))


def _sync(path: str) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _move_to_new(source: str, target: str) -> None:
    """Rename, but never over what is there: a stored name belongs to whoever took it first. Raises `FileExistsError`."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
            raise
        if Path(target).exists():  # a file system without links: a look has to do
            raise FileExistsError(target) from error
        Path(source).rename(target)
    else:
        Path(source).unlink(missing_ok=True)  # whoever waited for this may have gone, and swept the spool


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
            sync_folder(self.folder)
            sync_folder(self.folder.parent)

    def path(self, name: str) -> Path:
        return Path(f"{self.folder}/{name[:2]}/{name}")

    async def put(self, content: Spooled, name: str) -> None:
        await asyncio.to_thread(self.place, content, name)

    def place(self, content: Spooled, name: str) -> None:
        folder = f"{self.folder}/{name[:2]}"
        target = f"{folder}/{name}"
        try:
            _move_to_new(content.path, target)
            try:
                if not content.synced:  # name and bytes in one commit of the file system: nobody trusts a name before its row
                    _sync(target)
                _sync(folder)
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
            with partial.open("rb") as file:
                os.fsync(file.fileno())
            partial.rename(target)
            sync_folder(target.parent)
        except OSError as error:
            partial.unlink(missing_ok=True)
            if full_disk(error):
                raise OutOfSpace() from error
            raise

    async def size(self, name: str) -> int | None:
        try:
            return self.path(name).stat().st_size
        except FileNotFoundError:
            return None

    async def delete(self, name: str) -> None:
        self.path(name).unlink(missing_ok=True)
