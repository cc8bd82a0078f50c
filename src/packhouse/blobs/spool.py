"""A body to disk: bounded, hashed once with every digest we need, never blocking the event loop.

Blocks of 1 MiB go to a thread that writes and hashes while the next block is received; where there are cores to spare, half of the digests
run in a second one. What nobody reads from the disk next passes the page cache by, where the file system can do that.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import hashlib
import mmap
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from packhouse.blobs.memory import LARGEST, Memory, MemoryPool
from packhouse.contract import ALL_DIGESTS
from packhouse.errors import OutOfSpace, TooLarge
from packhouse.model import Spooled

BLOCK = 1024 * 1024
SMALL = 128 * 1024
ALIGNED = 4096  # offset and length of what passes the page cache by
IDLE_BLOCKS = 8  # kept for the next bodies: fresh memory has to be emptied first
NICE = 10
SPARE_CORES = (os.cpu_count() or 1) > 2  # of two, one is left to small requests, which wait half as long beside an upload
STALE_SECONDS = 24 * 3600


class Hasher(Protocol):
    """A digest in the making."""

    def update(self, data: bytes | memoryview, /) -> None: ...

    def hexdigest(self) -> str: ...

    def copy(self) -> Hasher: ...


def full_disk(error: OSError) -> bool:
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _step_back() -> None:
    """This thread lets others go first: a small request does not wait for a large body to be hashed."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


class Spool:
    """The folder that bodies arrive in: on the same file system as the blobs, so that placing one is a rename."""

    def __init__(self, folder: Path, min_free: int = 0, spare_cores: bool = SPARE_CORES) -> None:
        self.folder = folder
        self.min_free = min_free
        self.spare_cores = spare_cores
        self._threads = ThreadPoolExecutor(8, "spool", initializer=_step_back)
        self._hashers = ThreadPoolExecutor(4, "hash", initializer=_step_back)
        self._blocks: list[mmap.mmap] = []
        self.memories = MemoryPool()

    def start(self) -> None:
        """Make the folder, and sweep what a crash left a day ago."""
        self.folder.mkdir(parents=True, exist_ok=True)
        horizon = time.time() - STALE_SECONDS
        for entry in os.scandir(self.folder):
            if entry.stat(follow_symlinks=False).st_mtime < horizon:
                Path(entry.path).unlink(missing_ok=True)

    def check_space(self, wanted: int = 0) -> None:
        """Refuse early. Raises `OutOfSpace`."""
        if shutil.disk_usage(self.folder).free < self.min_free + wanted:
            raise OutOfSpace()

    def begin(self, limit: int, digests: Sequence[str] = ALL_DIGESTS, *, direct: bool = False, most: int | None = None) -> SpoolWriter:
        """A new file; `direct` where nobody reads it next. Raises `OutOfSpace`.

        One of `most` bytes that fit into memory stays there to be looked into, for as long as the writer holds it.
        """
        return SpoolWriter(self, limit, digests, direct=direct, held=most is not None and most <= LARGEST)

    def resume(self, name: str, start: int, limit: int, hashers: Mapping[str, Hasher]) -> SpoolWriter:
        """A file that was begun, cut to what is safe of it; the hashers go on, if there are any. Raises `FileNotFoundError`."""
        return SpoolWriter(self, limit, (), name=name, start=start, hashers=hashers, direct=True)

    async def keep(self, content: bytes) -> Spooled:
        """Bytes that are in memory already, in the spool."""
        writer = self.begin(len(content))
        try:
            await writer.write(content)
            return await writer.finish()
        except BaseException:
            writer.abort()
            raise

    def take_block(self) -> mmap.mmap:
        """Memory for `BLOCK` bytes, at the start of a page and shared, as direct writing wants it."""
        return self._blocks.pop() if self._blocks else mmap.mmap(-1, BLOCK)

    def give_back(self, block: mmap.mmap) -> None:
        if len(self._blocks) < IDLE_BLOCKS:
            self._blocks.append(block)

    def run(self, work: Callable[[], None]) -> Future[None]:
        return self._threads.submit(work)

    def run_hash(self, work: Callable[[], None]) -> Future[None]:
        return self._hashers.submit(work)


class SpoolWriter:
    """One file on its way in. Ends with `finish` or `abort`."""

    def __init__(
        self,
        spool: Spool,
        limit: int,
        digests: Sequence[str] = ALL_DIGESTS,
        *,
        name: str = "",
        start: int | None = None,
        hashers: Mapping[str, Hasher] | None = None,
        direct: bool = False,
        held: bool = False,
    ) -> None:
        self._spool = spool
        self._limit = limit
        self._pending: list[bytes] = []  # until there is too much of it to be small
        self._block: mmap.mmap | None = None  # what is being filled; the other one is being stored
        self._spare: mmap.mmap | None = None
        self._waiting = 0
        self._held = held
        self._memory: Memory | None = None
        self._filled = 0  # of the memory
        self._flight: Future[None] | None = None
        self.hashers: dict[str, Hasher] = {n: hashlib.new(n, usedforsecurity=False) for n in digests} | dict(hashers or {})
        slow = {"md5", "sha1"} if "sha512" in self.hashers else {"md5"}  # about half of the work
        self._first = [name for name in self.hashers if name not in slow]
        self._second = [name for name in self.hashers if name in slow]
        self.size = start or 0
        self._direct = (direct or held) and self.size % ALIGNED == 0
        self.path = f"{spool.folder}/{name or secrets.token_hex(16)}"
        try:
            if start is None:
                self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            else:
                self._fd = os.open(self.path, os.O_WRONLY | os.O_NOFOLLOW)
        except OSError as error:
            if full_disk(error):
                raise OutOfSpace() from error
            raise
        if start is not None:
            os.ftruncate(self._fd, start)
            os.lseek(self._fd, start, os.SEEK_SET)

    async def write(self, data: bytes) -> None:
        """Take the next bytes. Raises `TooLarge`, `OutOfSpace`."""
        self.size += len(data)
        if self.size > self._limit:
            raise TooLarge(limit=self._limit)
        if self._block is not None:
            await self._fill(data)
        elif self._memory is not None:
            await self._hold(self._memory.map, data)
        else:
            self._pending.append(data)
            self._waiting += len(data)
            if self._waiting > SMALL:
                await self._outgrow(b"".join(self._pending))

    async def _outgrow(self, data: bytes) -> None:
        self._pending = []
        self._memory = self._spool.memories.take() if self._held else None
        if self._memory is not None:
            self._waiting = 0
            await self._hold(self._memory.map, data)
        else:
            self._direct = self._direct and not self._held  # it is read from the disk at once
            await self._fill(data)

    async def _hold(self, room: mmap.mmap, data: bytes) -> None:
        room[self._filled : self._filled + len(data)] = data
        self._filled += len(data)
        self._waiting += len(data)
        while self._waiting > BLOCK:
            await self._settle()
            self._launch()

    async def _fill(self, data: bytes) -> None:
        if self._block is None:
            self._block, self._waiting = self._spool.take_block(), 0
        left = memoryview(data)
        while left:
            if self._waiting == BLOCK:  # not before there is more: the last block is stored and synced in one go
                await self._settle()
                self._launch()
            taken = left[: BLOCK - self._waiting]
            self._block[self._waiting : self._waiting + len(taken)] = taken
            self._waiting += len(taken)
            left = left[len(taken) :]

    async def finish(self) -> Spooled:
        """All of it, hashed, and synced to disk unless it is small: then the store does that, on its way. Raises `OutOfSpace`."""
        synced = self.size > SMALL
        if synced:
            await self.sync()
        else:
            self._store(b"".join(self._pending), last=False)  # quicker than the way to a thread and back
        os.close(self._fd)
        self._fd = -1
        digests = {name: self.hashers[name].hexdigest() if name in self.hashers else "" for name in ALL_DIGESTS}
        if self._memory is not None:
            self._memory.fit(self.size)
        return Spooled(path=self.path, size=self.size, synced=synced, memory="" if self._memory is None else self._memory.path, **digests)

    async def sync(self) -> None:
        """What was taken so far is hashed and safe on disk. Raises `OutOfSpace`."""
        await self._settle()
        self._launch(last=True)
        await self._settle()

    def close(self) -> None:
        """Leave the file as it is."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def abort(self) -> None:
        """Forget it: nothing stays behind."""
        if self._flight is not None:
            self._flight.cancel()
            self._flight.add_done_callback(lambda _: self._drop())
        else:
            self._drop()

    def release(self) -> None:
        """Let go of the memory: what was finished is read from its path from now on."""
        memory, self._memory = self._memory, None
        if memory is not None:
            self._spool.memories.give_back(memory)

    def _drop(self) -> None:
        self.release()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        Path(self.path).unlink(missing_ok=True)

    def _launch(self, last: bool = False) -> None:
        if self._memory is not None:
            start = self._filled - self._waiting
            size = self._waiting if last else BLOCK
            full = memoryview(self._memory.map)[start : start + size]
            self._waiting -= size
            self._flight = self._spool.run(lambda: self._store(full, last))
            return
        if self._block is None:
            full = memoryview(b"".join(self._pending))
            self._pending = []
        else:
            full = memoryview(self._block)[: self._waiting]
            idle, self._spare = self._spare, self._block
            self._block = None if last else idle or self._spool.take_block()
            if last and idle is not None:
                self._spool.give_back(idle)
        self._waiting = 0
        self._flight = self._spool.run(lambda: self._store(full, last))

    async def _settle(self) -> None:
        if self._flight is not None:
            flight = self._flight
            await asyncio.wrap_future(flight)
            self._flight = None
            if self._block is None and self._spare is not None:
                self._spool.give_back(self._spare)
                self._spare = None

    def _store(self, data: bytes | memoryview, last: bool) -> None:
        # in a thread: large blocks are hashed by two threads at once, as hashing frees the interpreter lock
        several = self._spool.spare_cores and len(self.hashers) > 2 and len(data) >= BLOCK // 4
        second = self._spool.run_hash(lambda: self._hash(data, self._second)) if several else None
        self._hash(data, self._first)
        if second is None:
            self._hash(data, self._second)
        try:
            self._write(memoryview(data))
            if last:
                os.fsync(self._fd)  # an error here is never retried: the kernel may have dropped the pages
        except OSError as error:
            if full_disk(error):
                raise OutOfSpace() from error
            raise
        finally:
            if second is not None:
                second.result()

    def _write(self, left: memoryview) -> None:
        aligned = len(left) - len(left) % ALIGNED if self._direct and isinstance(left.obj, mmap.mmap) else 0
        if aligned:
            left = left[self._write_directly(left[:aligned]) :]
        while left:
            left = left[os.write(self._fd, left) :]

    def _write_directly(self, left: memoryview) -> int:
        """How much was written: less than all where the file system cannot do it, or stopped inside of a page."""
        whole = len(left)
        flags = fcntl.fcntl(self._fd, fcntl.F_GETFL)
        try:
            fcntl.fcntl(self._fd, fcntl.F_SETFL, flags | os.O_DIRECT)
            while left and self._direct:
                done = os.write(self._fd, left)
                left = left[done:]
                self._direct = done % ALIGNED == 0
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            self._direct = False
        finally:
            fcntl.fcntl(self._fd, fcntl.F_SETFL, flags)
        return whole - len(left)

    def _hash(self, data: bytes | memoryview, names: Sequence[str]) -> None:
        for name in names:
            self.hashers[name].update(data)
