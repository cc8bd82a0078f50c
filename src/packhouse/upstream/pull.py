"""Fetched once, whoever asks: one flight for each key, its bytes on disk while they come, read by everybody who waits for them (threats, 9.3)."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Hashable, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from packhouse.blobs.spool import BLOCK, Spool, SpoolWriter
from packhouse.errors import UpstreamFailed, UpstreamTimeout
from packhouse.model import Spooled
from packhouse.upstream.client import Incoming

T = TypeVar("T")

CHUNK = 256 * 1024
HELD = 64 * 1024  # the end of a file that nobody gets before all of it is checked
LARGE = 1024 * 1024  # what is smaller is checked before its first byte leaves
GRACE_SECONDS = 30.0
LEAST_RATE = 1024  # bytes a second, in the mean
SYNC_SECONDS = 1.0
LOOK_SECONDS = 0.05


def is_crawling(size: int, seconds: float) -> bool:
    """It comes so slowly that it will not be waited for."""
    return seconds > GRACE_SECONDS and size < LEAST_RATE * seconds


class Following:
    """Bytes on their way from an upstream to the spool, as those see them who wait for them."""

    def __init__(self) -> None:
        self.length: int | None = None
        self.begun = asyncio.Event()  # its length is known, and is worth streaming
        self._moved = asyncio.Event()
        self._fd = -1
        self._task: asyncio.Task[Any] | None = None
        self._note: Path | None = None

    def watch(self, task: asyncio.Task[Any]) -> None:
        """Readers hear of the end of this task, and of how it ended."""
        self._task = task
        task.add_done_callback(lambda _: self._end())

    def begin(self, path: str, length: int | None) -> None:
        """The answer is there. A file of unknown length is not streamed: its end could not be held back."""
        self.length = length
        if length is not None and length >= LARGE:
            self._fd = os.open(path, os.O_RDONLY)
            self.begun.set()
            if self._note is not None:
                partial = self._note.with_suffix(".new")
                partial.write_text(f"{length} {path}")
                partial.rename(self._note)

    def lead(self, note: Path) -> None:
        """What begins from now on is this process's own work: the note tells the others where it is."""
        note.unlink(missing_ok=True)
        self._note = note

    def peek(self, note: Path) -> None:
        """Look how far the process has come that does the work."""
        if self.begun.is_set():
            self.move()
            return
        with contextlib.suppress(OSError, ValueError):
            length, _, path = note.read_text().partition(" ")
            self.begin(path, int(length))

    def move(self) -> None:
        """There may be more to read."""
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def _end(self) -> None:
        self.move()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def open(self) -> Reader | None:
        """From the first byte; None where there is nothing to follow any more."""
        if self._fd < 0 or self.length is None or self._task is None:
            return None
        return Reader(os.dup(self._fd), self, self._task, self.length)

    @property
    def moved(self) -> asyncio.Event:
        """Set when there may be more than there was."""
        return self._moved


class Reader:
    """The bytes of a flight as they come; the last of them when all are checked and stored. Raises what the flight raises."""

    def __init__(self, fd: int, following: Following, task: asyncio.Task[Any], length: int) -> None:
        self.length = length
        self._fd = fd
        self._following = following
        self._task = task
        self._at = 0

    def __aiter__(self) -> Reader:
        return self

    async def __anext__(self) -> bytes:
        while self._at < self.length:
            moved = self._following.moved  # before the look: what happens after it is heard
            checked = self._task.done()
            if checked:
                self._task.result()
            wanted = min(CHUNK, self.length - self._at - (0 if checked else HELD))
            data = os.pread(self._fd, wanted, self._at) if wanted > 0 else b""
            if data:
                self._at += len(data)
                return data
            if checked:
                raise UpstreamFailed("The file is shorter than the upstream said")
            await moved.wait()
        raise StopAsyncIteration

    def close(self) -> None:
        """Read no more."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __del__(self) -> None:
        self.close()


class Flight(Generic[T]):
    """One piece of work that several wait for. It goes on when they are gone."""

    def __init__(self, work: Callable[[Following], Coroutine[Any, Any, T]], landed: Callable[[], None]) -> None:
        self.following = Following()
        self.task: asyncio.Task[T] = asyncio.create_task(work(self.following))
        self.following.watch(self.task)
        self.task.add_done_callback(self._land)
        self._landed = landed

    def _land(self, task: asyncio.Task[T]) -> None:
        self._landed()
        if not task.cancelled():
            task.exception()  # looked at: nobody may be left to hear it

    async def result(self) -> T:
        """What the work answers or raises."""
        return await asyncio.shield(self.task)

    async def result_or_stream(self) -> T | Reader:
        """The result where it comes at once or the file is small; else the bytes as they come."""
        begun = asyncio.create_task(self.following.begun.wait())
        try:
            await asyncio.wait((self.task, begun), return_when=asyncio.FIRST_COMPLETED)
        finally:
            begun.cancel()
        if not self.task.done() and (stream := self.following.open()) is not None:
            return stream
        return await self.result()


class Flights:
    """Every flight of this process, and the lock that keeps two processes of a machine from flying the same way."""

    def __init__(self, lock: Path, notes: Path) -> None:
        self._lock = lock
        self._notes = notes
        self._fd = -1
        self._flying: dict[Hashable, Flight[Any]] = {}

    def board(self, key: Hashable, work: Callable[[Following], Coroutine[Any, Any, T]]) -> Flight[T]:
        """The flight for this key, started if there is none. The key must say which kind of work it is."""
        flight = self._flying.get(key)
        if flight is None:
            flight = self._flying[key] = Flight(work, lambda: self._forget(key))
        return flight

    def _forget(self, key: Hashable) -> None:
        self._flying.pop(key, None)

    @contextlib.asynccontextmanager
    async def alone(self, key: str, following: Following) -> AsyncIterator[None]:
        """Nobody else on this machine works on the key; until then, `following` sees what they do. The kernel frees it when a process dies."""
        digest = hashlib.sha256(key.encode())
        place, note = int.from_bytes(digest.digest()[:7], "big"), self._notes / f"pull-{digest.hexdigest()}"
        while not self._take(place):
            following.peek(note)
            await asyncio.sleep(LOOK_SECONDS)
        try:
            following.lead(note)
            yield
        finally:
            note.unlink(missing_ok=True)
            if self._fd >= 0:
                fcntl.lockf(self._fd, fcntl.LOCK_UN, 1, place)

    def _take(self, place: int) -> bool:
        if self._fd < 0:
            # one descriptor for the life of the process: closing any of a file would free all of its record locks
            self._fd = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except (BlockingIOError, PermissionError):
            return False
        return True

    async def close(self) -> None:
        """Cancel what is still on its way: nothing of it was promised to anybody."""
        flights = list(self._flying.values())
        for flight in flights:
            flight.task.cancel()
        await asyncio.gather(*(flight.task for flight in flights), return_exceptions=True)
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def declared_length(incoming: Incoming) -> int | None:
    """The length an upstream announces. Raises `UpstreamFailed` for what is no number."""
    text = incoming.headers.get("content-length")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise UpstreamFailed("The upstream sent a Content-Length that is no number")
    return int(text)


async def receive(incoming: Incoming, spool: Spool, limit: int, digests: Sequence[str], following: Following) -> Spooled:
    """An answer's body in the spool, complete and synced; not checked yet. Raises `UpstreamFailed`, `UpstreamTimeout`, `OutOfSpace`."""
    length = declared_length(incoming)
    if length is not None and length > limit:
        raise UpstreamFailed(f"The upstream wants to send {length} bytes, the most is {limit}")
    spool.check_space(length or 0)
    writer = spool.begin(limit, digests)
    try:
        following.begin(writer.path, length)
        await _fill(incoming, writer, limit, following)
        if length is not None and writer.size != length:
            raise UpstreamFailed(f"The upstream sent {writer.size} bytes and had announced {length}")
        return await writer.finish()
    except BaseException:
        writer.abort()
        raise


async def _fill(incoming: Incoming, writer: SpoolWriter, limit: int, following: Following) -> None:
    clock = asyncio.get_running_loop().time
    began = mark = clock()
    at_mark = 0
    async for data in incoming.chunks(limit):
        await writer.write(data)
        moment = clock()
        if is_crawling(writer.size, moment - began):
            raise UpstreamTimeout(f"The upstream sends less than {LEAST_RATE} bytes a second")
        if moment - mark >= SYNC_SECONDS:
            if writer.size - at_mark < BLOCK:
                await writer.sync()  # a trickle would wait in memory for its block to fill
            mark, at_mark = moment, writer.size
        following.move()
