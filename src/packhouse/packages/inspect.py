"""Archives are looked into in another process with limits on memory, time and open files: what breaks it is a refused upload."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Concatenate, ParamSpec, TypeVar, get_type_hints

import msgspec

from packhouse import errors
from packhouse.errors import InvalidUpload, RegistryError, Unavailable
from packhouse.packages.nursery import HEAD, HELLO, REFUSED, Nursery, Request, can_open

P = ParamSpec("P")
T = TypeVar("T")

WALL_SECONDS = 60
LARGEST_ANSWER = 16 * 1024**2
USES = 5000  # a reader is replaced after so many

_LENGTH = struct.Struct(">I")


class _Reader(asyncio.Protocol):
    """One reader: it answers one request at a time."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: Any = None
        self.lost = False
        self._pid = 0
        self.uses = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._settle()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        self._fail(ConnectionResetError())

    def _settle(self) -> None:
        if self._waiting is None or len(self._received) < HEAD.size:
            return
        kind, size = HEAD.unpack_from(self._received)
        if size > LARGEST_ANSWER:
            self._fail(InvalidUpload("The package describes itself with more than 16 MiB of metadata: publish one that says less"))
        elif len(self._received) >= HEAD.size + size:
            answer = bytes(self._received[HEAD.size : HEAD.size + size])
            self._received.clear()
            if not self._waiting.done():
                self._waiting.set_result((kind, answer))

    def _fail(self, error: Exception) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)

    async def greet(self) -> None:
        """Wait until it is there. Raises `ConnectionResetError`, `TimeoutError`."""
        kind, pid = await self._next()
        assert kind == HELLO
        (self._pid,) = _LENGTH.unpack(pid)

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Whether it answers or refuses, and with what. Raises `ConnectionResetError`, `TimeoutError`, `InvalidUpload`."""
        self._transport.write(_LENGTH.pack(len(request)) + request)
        self.uses += 1
        return await self._next()

    async def _next(self) -> tuple[int, bytes]:
        if self.lost:
            raise ConnectionResetError
        self._waiting = self._loop.create_future()
        late = self._loop.call_later(WALL_SECONDS, self._fail, TimeoutError())
        self._settle()
        try:
            return await self._waiting
        finally:
            late.cancel()
            self._waiting = None

    def end(self) -> None:
        if not self.lost and self._pid:  # as long as the socket is open, the number is its own
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
        self._transport.close()


class Inspector:
    """Readers of archives, forked when first needed and used again."""

    def __init__(self, nursery: Nursery | None = None, size: int = 2) -> None:
        self._nursery = nursery
        self._free: list[_Reader] = []
        self._places = asyncio.Semaphore(size)
        self._starting = asyncio.Lock()
        self._sees = False

    async def run(self, read: Callable[Concatenate[str, P], T], path: str, *args: P.args, **kwargs: P.kwargs) -> T:
        """`read(path, ...)` in a reader. Raises what it raises, `InvalidUpload` where it crashes or takes too long, `Unavailable` without one."""
        request = msgspec.msgpack.encode(Request(read.__module__, read.__qualname__, [path, *args], dict(kwargs)))
        async with self._places:
            reader = await self._take(read.__module__)
            try:
                kind, answer = await reader.ask(request)
            except (TimeoutError, ConnectionResetError) as error:
                reader.end()
                raise InvalidUpload("The package cannot be inspected: it takes too much time or memory to read") from error
            except BaseException:
                reader.end()
                raise
            if reader.uses < USES:
                self._free.append(reader)
            else:
                reader.end()
        if kind == REFUSED:
            raise _revive(answer)
        result: T = _decoder(read).decode(answer)
        return result

    async def sees(self, path: str) -> bool:
        """Whether readers can open this file of another process, which systems may forbid; asked until they can. Raises `Unavailable`."""
        if not self._sees:
            with contextlib.suppress(InvalidUpload):
                self._sees = await self.run(can_open, path)
        return self._sees

    async def _take(self, module: str) -> _Reader:
        """A reader that waits, or a new one. Raises `Unavailable`."""
        while self._free:
            reader = self._free.pop()
            if not reader.lost:
                return reader
        async with self._starting:
            for fresh in (self._nursery is None, self._nursery is None, True):  # it may have had a bad moment, or be gone
                with contextlib.suppress(OSError, TimeoutError):
                    return await self._start(module, fresh=fresh)
        raise Unavailable("The package cannot be inspected now, as no process can be started for it: try again later")

    async def _start(self, module: str, *, fresh: bool) -> _Reader:
        if fresh:
            await self._drop_nursery()
            self._nursery = await asyncio.to_thread(Nursery.start)
        assert self._nursery is not None
        near = self._nursery.ask(module)
        near.setblocking(False)
        _, reader = await asyncio.get_running_loop().create_unix_connection(_Reader, sock=near)
        try:
            await reader.greet()
        except BaseException:
            reader.end()
            raise
        return reader

    async def _drop_nursery(self) -> None:
        nursery, self._nursery = self._nursery, None
        if nursery is not None:
            await asyncio.to_thread(nursery.close)

    async def close(self) -> None:
        """End the readers, and the nursery."""
        while self._free:
            self._free.pop().end()
        await self._drop_nursery()


@lru_cache
def _decoder(read: Callable[..., Any]) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(get_type_hints(read)["return"])


def _revive(answer: bytes) -> RegistryError:
    name, message, detail = msgspec.msgpack.decode(answer, type=tuple[str, str, dict[str, Any]])
    kind = getattr(errors, name, InvalidUpload)
    revived: RegistryError = kind(message, **detail)
    return revived
