"""Archives are looked into in a child process with limits on memory, time and open files: what breaks it is a refused upload."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import resource
import struct
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Concatenate, ParamSpec, TypeVar, get_type_hints

import msgspec

from packhouse import errors
from packhouse.errors import InvalidUpload, RegistryError

P = ParamSpec("P")
T = TypeVar("T")

MEMORY = 1024**3
CPU_SECONDS = 30
OPEN_FILES = 64
WALL_SECONDS = 60
LARGEST_ANSWER = 16 * 1024**2
USES = 5000  # a child is replaced after so many

_HEAD = struct.Struct(">BI")
OK, REFUSED = 0, 1


class _Request(msgspec.Struct, frozen=True):
    module: str
    function: str
    args: list[Any]
    kwargs: dict[str, Any]


class _Child:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.uses = 0

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(struct.pack(">I", len(request)) + request)
        await self.process.stdin.drain()
        kind, size = _HEAD.unpack(await self.process.stdout.readexactly(_HEAD.size))
        if size > LARGEST_ANSWER:
            raise InvalidUpload("The package describes itself with more than 16 MiB of metadata: publish one that says less")
        return kind, await self.process.stdout.readexactly(size)

    async def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()


class Inspector:
    """Children that read archives, started when first needed and used again."""

    def __init__(self, size: int = 2) -> None:
        self._free: list[_Child] = []
        self._places = asyncio.Semaphore(size)

    async def run(self, read: Callable[Concatenate[str, P], T], path: str, *args: P.args, **kwargs: P.kwargs) -> T:
        """`read(path, ...)` in a child. Raises what it raises, and `InvalidUpload` where it crashes or takes too long."""
        request = msgspec.msgpack.encode(_Request(read.__module__, read.__qualname__, [path, *args], dict(kwargs)))
        async with self._places:
            child = self._free.pop() if self._free else await self._start()
            try:
                async with asyncio.timeout(WALL_SECONDS):
                    kind, answer = await child.ask(request)
            except (TimeoutError, asyncio.IncompleteReadError, BrokenPipeError, ConnectionResetError) as error:
                await child.end()
                raise InvalidUpload("The package cannot be inspected: it takes too much time or memory to read") from error
            except BaseException:
                await child.end()
                raise
            child.uses += 1
            if child.uses < USES:
                self._free.append(child)
            else:
                await child.end()
        if kind == REFUSED:
            raise _revive(answer)
        result: T = _decoder(read).decode(answer)
        return result

    async def _start(self) -> _Child:
        environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "LANG": "C.UTF-8"}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "packhouse.packages.inspect",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
            cwd="/",
        )
        return _Child(process)

    async def close(self) -> None:
        while self._free:
            await self._free.pop().end()


@lru_cache
def _decoder(read: Callable[..., Any]) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(get_type_hints(read)["return"])


def _revive(answer: bytes) -> RegistryError:
    name, message, detail = msgspec.msgpack.decode(answer, type=tuple[str, str, dict[str, Any]])
    kind = getattr(errors, name, InvalidUpload)
    revived: RegistryError = kind(message, **detail)
    return revived


def _serve() -> None:
    for limit, value in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_NOFILE, OPEN_FILES), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(limit, (value, value))
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # nothing a parser prints may reach the pipe
    while len(head := source.read(4)) == 4:
        request = msgspec.msgpack.decode(source.read(struct.unpack(">I", head)[0]), type=_Request)
        used = resource.getrusage(resource.RUSAGE_SELF)
        allowance = int(used.ru_utime + used.ru_stime) + CPU_SECONDS
        resource.setrlimit(resource.RLIMIT_CPU, (allowance, resource.RLIM_INFINITY))
        kind, answer = _answer(request)
        sink.write(_HEAD.pack(kind, len(answer)) + answer)
        sink.flush()


def _answer(request: _Request) -> tuple[int, bytes]:
    read = getattr(importlib.import_module(request.module), request.function)
    try:
        return OK, msgspec.msgpack.encode(read(*request.args, **request.kwargs))
    except RegistryError as error:
        detail = {k: v for k, v in error.detail.items() if isinstance(v, str | int | float | None)}
        return REFUSED, msgspec.msgpack.encode((type(error).__name__, error.message, detail))
    except (MemoryError, RecursionError):
        return REFUSED, msgspec.msgpack.encode(("InvalidUpload", "The package cannot be inspected: it takes too much memory to read", {}))


if __name__ == "__main__":
    _serve()
