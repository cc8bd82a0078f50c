"""Who asks, and does not read the answer: it is kept for them for a while, and no processor is kept busy."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import uvicorn
import uvloop
from uvicorn.server import ServerState

from packhouse.model import Blob
from packhouse.responses import FileReply
from packhouse.web import protocol
from packhouse.web.answer import CHUNK, Sent, send_file
from packhouse.web.protocol import STALL_BYTES, STALL_SECONDS, Protocol

from .test_protocol import Answers, Wire
from .test_refusals import MIB, Clock

LARGE = bytes(64 * MIB)  # more than any buffer between server and client holds
ASK = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
LAST = b"GET / HTTP/1.0\r\nhost: x\r\n\r\n"


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """Answer with a lot."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(LARGE))]})
    await send({"type": "http.response.body", "body": LARGE})


class Served:
    """A connection to a server on a real socket, whose clock the test holds."""

    def __init__(self, client: socket.socket) -> None:
        self.client = client
        self.loop = asyncio.get_running_loop()
        self.clock = Clock(self.loop)
        self.paused = asyncio.Event()
        self.ended = asyncio.Event()

    async def read(self, size: int) -> None:
        """So many bytes of the answer are taken."""
        while size:
            size -= len(await self.loop.sock_recv(self.client, min(size, 65536)))

    async def settle(self) -> None:
        """What the client has room for has left."""
        for _ in range(100):
            await asyncio.sleep(0)


def serve(work: Callable[[Served], Awaitable[None]]) -> None:
    """Do this with a client that is connected to a server."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            client.setblocking(False)
            served = Served(client)

            class Watched(Protocol):
                answers = Answers()  # type: ignore[assignment]

                def pause_writing(self) -> None:
                    super().pause_writing()
                    served.paused.set()

                def connection_lost(self, exc: Exception | None) -> None:
                    super().connection_lost(exc)
                    served.ended.set()

            config = uvicorn.Config(answer, lifespan="off", ws="none", timeout_keep_alive=75)
            making = lambda: Watched(config, ServerState(), {}, served.clock)  # type: ignore[arg-type]  # noqa: E731
            async with await loop.create_server(making, "127.0.0.1", 0) as serving:
                await loop.sock_connect(client, serving.sockets[0].getsockname())
                await work(served)
                client.close()
                await asyncio.wait_for(served.ended.wait(), 30)

    uvloop.run(run())


@pytest.mark.parametrize("request_", [ASK, LAST], ids=["kept alive", "closed by the answer"])
def test_an_answer_that_nobody_reads(request_: bytes) -> None:
    """A stranger could fill the memory with answers, each of which waits for ever."""

    async def work(served: Served) -> None:
        await served.loop.sock_sendall(served.client, request_)
        await served.paused.wait()
        await served.settle()
        served.clock.advance(STALL_SECONDS)
        assert not served.ended.is_set()
        served.clock.advance(STALL_SECONDS)
        await asyncio.wait_for(served.ended.wait(), 30)

    serve(work)


def test_a_slow_reader_is_served() -> None:
    """Who has a slow line could never get a large document, though they read all the time."""

    async def work(served: Served) -> None:
        await served.loop.sock_sendall(served.client, LAST)
        await served.paused.wait()
        for _ in range(6):
            await served.read(4 * STALL_BYTES + MIB)
            await served.settle()
            served.clock.advance(STALL_SECONDS)
            await served.settle()
        assert not served.ended.is_set()

    serve(work)


class StuckWire(Wire):
    """A connection whose client takes nothing: what was written before stays."""

    def __init__(self, out: socket.socket) -> None:
        super().__init__()
        self.out = out
        self.looked = 0
        self.aborted = False

    def get_write_buffer_size(self) -> int:
        self.looked += 1
        return 1000

    def abort(self) -> None:
        self.aborted = True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self.out if name == "socket" else super().get_extra_info(name, default)


def test_a_file_behind_an_answer_that_nobody_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that asks for a file after an answer that it does not read could keep a processor busy for ever."""
    (tmp_path / "file").write_bytes(b"x" * 1000)
    monkeypatch.setattr(protocol, "WAIT_SECONDS", STALL_SECONDS / 50)
    slept: list[float] = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await real(0)

    monkeypatch.setattr(asyncio, "sleep", sleep)

    async def run() -> StuckWire:
        fd = os.open(tmp_path / "file", os.O_RDONLY)

        message: dict[str, Any] = {"type": "http.response.zerocopysend", "file": fd, "offset": 0, "count": 1000}

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})
            await send(message)

        with socket.socket() as out:
            wire = StuckWire(out)
            one = Protocol(uvicorn.Config(app, lifespan="off", ws="none"), ServerState(), {}, asyncio.get_running_loop())
            one.answers = Answers()  # type: ignore[assignment]
            one.connection_made(wire)
            one.data_received(ASK)
            await asyncio.wait_for(asyncio.gather(*one.tasks), 30)
            one.connection_lost(None)
        os.close(fd)
        assert message["packhouse.unsent"] == 1000
        return wire

    wire = asyncio.run(run())
    assert wire.aborted and wire.looked < 100
    assert sum(slept) >= STALL_SECONDS / 2


def test_a_file_that_is_read_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who takes a file slowly could be cut off while the kernel waits for room, or who takes none of it be waited for without an end."""
    monkeypatch.setattr(protocol, "STALL_SECONDS", 0)
    held = iter([9 * MIB, 9 * MIB - STALL_BYTES, 9 * MIB - 2 * STALL_BYTES, 9 * MIB - 3 * STALL_BYTES + 1])
    monkeypatch.setattr(protocol, "_held", lambda fd: next(held))

    async def run() -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            with pytest.raises(BlockingIOError):
                while True:
                    ours.send(bytes(MIB))
            with pytest.raises(TimeoutError):
                await protocol._writable(ours.fileno())

    asyncio.run(run())
    assert next(held, None) is None


class Source:
    """A file of three pieces, on another machine or on this one."""

    def __init__(self, folder: Path) -> None:
        self.content = os.urandom(3 * CHUNK)
        self.path = folder / "file"
        self.path.write_bytes(self.content)

    async def read(self, first: int, length: int) -> AsyncIterator[bytes]:
        for start in range(first, first + length, CHUNK):
            yield self.content[start : start + CHUNK]

    async def send(self, far: bool, send: Any, receive: Any) -> Sent:
        reply = FileReply(blob=Blob(sha256="a" * 64, size=len(self.content)), name="a")
        return await send_file(reply, self.read if far else self.path, "GET", {}, send, receive, True, b"x", False)


@pytest.mark.parametrize("far", [True, False], ids=["bucket", "disk"])
def test_an_answer_taken_slowly_in_pieces(far: bool, tmp_path: Path) -> None:
    """A piece that takes its client more than a minute, at more than 1 KiB/s, could end the answer."""
    got: list[bytes] = []

    async def run() -> Sent:
        loop, late = asyncio.get_running_loop(), 0.0
        real = loop.time
        loop.time = lambda: real() + late  # type: ignore[method-assign]

        async def send(message: Any) -> None:
            nonlocal late
            late += 4 * STALL_SECONDS
            for _ in range(3):
                await asyncio.sleep(0)
            got.append(message.get("body", b""))

        return await Source(tmp_path).send(far, send, asyncio.Event().wait)

    sent = asyncio.run(run())
    assert (sent.status, sent.bytes, len(b"".join(got))) == (200, 3 * CHUNK, 3 * CHUNK)


@pytest.mark.parametrize("far", [True, False], ids=["bucket", "disk"])
def test_an_answer_that_is_cut_in_the_log(far: bool, tmp_path: Path) -> None:
    """A download that its client gave up could pass for a whole one, in the log and in the count of downloads."""

    async def run() -> Sent:
        over, kinds = asyncio.Event(), iter(("head", "first piece", "second piece"))

        async def send(message: Any) -> None:
            if next(kinds) == "second piece":
                over.set()
                await asyncio.sleep(0)
                await asyncio.sleep(0)

        async def receive() -> Any:
            await over.wait()
            return {"type": "http.disconnect"}

        return await Source(tmp_path).send(far, send, receive)

    sent = asyncio.run(run())
    assert (sent.status, sent.bytes) == (499, CHUNK)
