"""One run of `git upload-pack` or `git receive-pack` over HTTP: streamed both ways, bounded in size and time, ended with the client.

The protocol is Git's own (gitprotocol-http, gitprotocol-v2): the program speaks it, we carry the bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Literal

from packhouse.errors import Invalid, RequestTimeout, TooLarge, Unavailable, Unsupported
from packhouse.git.program import MISSING, command, environment, kill

Service = Literal["git-upload-pack", "git-receive-pack"]

CHUNK = 64 * 1024
MOST_WAITING = 4 * 1024 * 1024  # of an answer, while the request still comes
SILENT_SECONDS = 120.0
WHOLE_SECONDS = 3600.0
WAIT_SECONDS = 30.0
AT_ONCE = 8
LARGEST_ASK = 16 * 1024 * 1024  # a request to fetch: what is wanted and what is there
LARGEST_BEGINNING = 32 * 1024 * 1024
LARGEST_PIECE = 65_000  # of an answer, as one line of the protocol
# memory is bounded for a hostile pack too; what is stored is checked and on disk before the answer
SERVING = (
    "pack.threads=1",
    "pack.windowMemory=64m",
    "index.threads=1",
    "core.deltaBaseCacheLimit=64m",
    "core.bigFileThreshold=32m",
    "core.fsync=all",
    "uploadpack.allowFilter=true",
    "transfer.fsckObjects=true",
    "receive.fsckObjects=true",
    "receive.autogc=false",
    "receive.denyDeleteCurrent=refuse",
    "receive.denyCurrentBranch=ignore",
    "receive.advertisePushOptions=false",
    "receive.hideRefs=refs",
    "receive.hideRefs=!refs/heads",
    "receive.hideRefs=!refs/tags",
    "receive.hideRefs=!refs/notes",
)
_PROTOCOL = re.compile(r"version=[0-2]")
MOST_COMMANDS = 100_000
LENGTH = re.compile(rb"[0-9a-fA-F]{4}")
_COMMAND = re.compile(rb"([0-9a-fA-F]{40}) ([0-9a-fA-F]{40}) ([^\0\n]+)\n?(?:\0([^\n]*)\n?)?")
_SHALLOW = re.compile(rb"shallow [0-9a-fA-F]{40}\n?")

_last: set[asyncio.Future[None]] = set()  # held, so that they are not collected while they run
_slots: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = {}


def read_protocol(header: str) -> str:
    """The version that a client asks for, as the program takes it; "" for what we do not know."""
    return header if _PROTOCOL.fullmatch(header) else ""


class Commands:
    """What a push wants to change, read as it passes: name → new id, and what the client can do. Only the beginning of a push is kept.

    Whatever the program might read otherwise than we do is refused: rules about branches hang on it.
    """

    def __init__(self) -> None:
        self.wanted: dict[str, str] = {}
        self.abilities: frozenset[str] = frozenset()
        self.complete = False
        self._held = bytearray()
        self._size = 0

    def feed(self, data: bytes) -> None:
        """The next bytes of the request. Raises `Invalid`, `Unsupported`, `TooLarge`."""
        if self.complete:
            return
        self._size += len(data)
        self._held += data
        start = 0
        while not self.complete and len(self._held) - start >= 4:
            head = bytes(self._held[start : start + 4])
            if not LENGTH.fullmatch(head):
                raise Invalid("The push does not begin as the protocol says: no length in front of a line")
            length = int(head, 16)
            if length < 4:
                self.complete = True
            elif len(self._held) - start < length:
                break
            else:
                self._read(bytes(self._held[start + 4 : start + length]))
                start += length
        del self._held[:start]
        if not self.complete and self._size > LARGEST_BEGINNING:
            raise TooLarge(f"The push names refs in more than {LARGEST_BEGINNING} bytes: push them in parts", limit=LARGEST_BEGINNING)

    def _read(self, line: bytes) -> None:
        found = _COMMAND.fullmatch(line)
        if found is None:
            if line.startswith(b"push-cert"):
                raise Unsupported("Signed pushes are not taken here: push without --signed")
            if not _SHALLOW.fullmatch(line):
                raise Invalid("The push holds a line that is no command of the protocol")
            return
        if len(self.wanted) >= MOST_COMMANDS:
            raise TooLarge(f"The push changes more than {MOST_COMMANDS} refs: push them in parts", limit=MOST_COMMANDS)
        if found[4] is not None:
            self.abilities = frozenset(found[4].decode("utf-8", "replace").split())
        self.wanted[found[3].decode("utf-8", "surrogateescape")] = found[2].decode().lower()


def write_refusal(commands: Commands, reasons: Mapping[str, str]) -> bytes:
    """The answer to a push of which nothing is done: ref → why, as the program would write it; what else it wanted is refused with it."""
    lines = [b"unpack ok\n"]
    for ref in commands.wanted:
        reason = " ".join(reasons.get(ref, "another ref of this push was refused").split())
        lines.append(f"ng {ref} {reason}".encode("utf-8", "surrogateescape")[:LARGEST_PIECE] + b"\n")
    report = b"".join(map(_packet, lines)) + b"0000"
    if "side-band-64k" not in commands.abilities:
        return report
    said = "".join(f"{reason}\n" for reason in dict.fromkeys(reasons.values()))
    pieces = (report[at : at + LARGEST_PIECE] for at in range(0, len(report), LARGEST_PIECE))
    return _packet(b"\2" + said.encode()[:LARGEST_PIECE]) + b"".join(_packet(b"\1" + piece) for piece in pieces) + b"0000"


def _packet(line: bytes) -> bytes:
    return f"{len(line) + 4:04x}".encode() + line


class Inflater:
    """A gzip body, as it comes. Raises `Invalid` for bytes that are not gzip."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(31)

    def feed(self, data: bytes) -> list[bytes]:
        """The plain bytes, in pieces of bounded size."""
        pieces = []
        try:
            while data:
                pieces.append(self._inner.decompress(data, 1024 * 1024))
                data = self._inner.unconsumed_tail
        except zlib.error as error:
            raise Invalid("The body is not gzip, although its Content-Encoding says so") from error
        return pieces


async def advertise(service: Service, folder: Path, protocol: str) -> bytes:
    """The answer to `info/refs`: what is here, or what the server can do (protocol 2)."""
    run = await _start(service, folder, protocol, "--stateless-rpc", "--http-backend-info-refs")
    try:
        async with asyncio.timeout(SILENT_SECONDS):
            out, _ = await run.communicate()
    except TimeoutError as error:
        raise Unavailable("The repository took too long to list its refs") from error
    finally:
        _kill(run)
    if run.returncode != 0:
        raise Unavailable("The repository cannot be read: an administrator can run the doctor")
    if protocol == "version=2" and service == "git-upload-pack":
        return out
    head = f"# service={service}\n".encode()
    return f"{len(head) + 4:04x}".encode() + head + b"0000" + out


class Conversation:
    """The answer to one POST, as an iterator of bytes. Make it with `converse`; `close` ends the program."""

    def __init__(self, run: asyncio.subprocess.Process, slot: asyncio.Semaphore, finished: Callable[[], Awaitable[None]] | None) -> None:
        assert run.stdout is not None
        self._run = run
        self._slot: asyncio.Semaphore | None = slot
        self._out = run.stdout
        self._waiting: list[bytes] = []
        self._ended = False
        self._finished = finished
        self._until = asyncio.get_running_loop().time() + WHOLE_SECONDS

    async def take(self, body: AsyncIterator[bytes]) -> None:
        """Give the whole request to the program, keeping what it answers meanwhile."""
        assert self._run.stdin is not None
        reading = asyncio.ensure_future(self._hold())
        try:
            async for data in body:
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it had enough: its answer says why
                    self._run.stdin.write(data)
                    async with asyncio.timeout(SILENT_SECONDS):
                        await self._run.stdin.drain()
                if reading.done():
                    break
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self._run.stdin.close()
        finally:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading

    async def _hold(self) -> None:
        size = 0
        while size < MOST_WAITING:
            data = await self._out.read(CHUNK)
            if not data:
                self._ended = True
                return
            self._waiting.append(data)
            size += len(data)

    async def begin(self) -> None:
        """Wait for the first bytes of the answer. Raises `Invalid` where there are none."""
        first = self._waiting[0] if self._waiting else await self._read()
        if not self._waiting and first:
            self._waiting.append(first)
        if not first and await self._run.wait() != 0:
            raise Invalid("Git did not understand the request, or the repository is damaged")

    async def _read(self) -> bytes:
        if self._ended:
            return b""
        try:
            left = self._until - asyncio.get_running_loop().time()
            async with asyncio.timeout(min(SILENT_SECONDS, left)):
                data = await self._out.read(CHUNK)
        except TimeoutError as error:
            raise RequestTimeout("Git took too long") from error
        self._ended = not data
        return data

    def __aiter__(self) -> Conversation:
        return self

    async def __anext__(self) -> bytes:
        data = self._waiting.pop(0) if self._waiting else await self._read()
        if data:
            return data
        await self._run.wait()
        if self._finished is not None:
            finished, self._finished = self._finished, None
            await finished()
        self.close()
        raise StopAsyncIteration

    def close(self) -> None:
        """End the program with all it started, and let the next one begin."""
        if self._slot is not None:
            _kill(self._run)
            self._slot.release()
            self._slot = None
        if self._finished is not None:
            # the client has gone, but what it asked for may have been done
            finished, self._finished = self._finished, None
            last = asyncio.ensure_future(finished())
            _last.add(last)
            last.add_done_callback(_forget)


async def converse(
    service: Service,
    folder: Path,
    protocol: str,
    body: AsyncIterator[bytes],
    *,
    limit: int = 0,
    keep_history: bool = False,
    finished: Callable[[], Awaitable[None]] | None = None,
) -> Conversation:
    """Give the request to the program; its answer is ready to be sent. `finished` runs before it ends. Raises `TooLarge`, `Unavailable`."""
    slot = _slots.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE))
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            await slot.acquire()
    except TimeoutError as error:
        raise Unavailable("Too many Git requests at once: try again") from error
    try:
        settings: tuple[str, ...] = (f"receive.maxInputSize={limit}",) if limit else ()
        settings += ("receive.denyNonFastForwards=true",) if keep_history else ()
        run = await _start(service, folder, protocol, "--stateless-rpc", settings=settings)
    except BaseException:
        slot.release()
        raise
    conversation = Conversation(run, slot, finished)
    try:
        # what a fetch asks for is small: whoever sends it slowly keeps others waiting
        async with asyncio.timeout(WHOLE_SECONDS if service == "git-receive-pack" else SILENT_SECONDS):
            await conversation.take(body)
        await conversation.begin()
    except BaseException as error:
        conversation.close()
        if isinstance(error, TimeoutError):
            raise RequestTimeout("The request came too slowly, or Git took too long") from error
        raise
    return conversation


async def bounded(body: AsyncIterator[bytes], limit: int, *, gzip: bool, watch: Callable[[bytes], None] | None = None) -> AsyncIterator[bytes]:
    """The plain bytes of a request, counted. Raises `TooLarge`."""
    inflater = Inflater() if gzip else None
    size = 0
    async for data in body:
        for piece in inflater.feed(data) if inflater is not None else (data,):
            size += len(piece)
            if size > limit:
                raise TooLarge(f"The request is larger than {limit} bytes, which this server takes at once", limit=limit)
            if watch is not None:
                watch(piece)
            if piece:
                yield piece


async def _start(service: Service, folder: Path, protocol: str, *options: str, settings: tuple[str, ...] = ()) -> asyncio.subprocess.Process:
    more = {"GIT_PROTOCOL": protocol} if protocol else {}
    arguments = command(None, service.removeprefix("git-"), *options, str(folder), settings=(*SERVING, *settings))
    try:
        return await asyncio.create_subprocess_exec(
            *arguments,
            env=environment(**more),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            limit=CHUNK,
        )
    except FileNotFoundError as error:
        raise Unavailable(MISSING) from error


def _forget(done: asyncio.Future[None]) -> None:
    _last.discard(done)
    if not done.cancelled():
        done.exception()  # nobody is left to be told


def _kill(run: asyncio.subprocess.Process) -> None:
    if run.returncode is None:
        kill(run.pid)
