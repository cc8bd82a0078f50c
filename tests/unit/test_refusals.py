"""A refusal that comes while the body is still on its way: the client that sends first and reads then gets to read it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import Any

import pytest
import uvicorn
import uvloop
from uvicorn.server import ServerState

from packhouse.web import protocol
from packhouse.web.protocol import AROUND_BYTES, HEADER_SECONDS, Protocol

from .test_heads import FarWire
from .test_protocol import Answers

MIB = 1024 * 1024


async def refuse(scope: Any, receive: Any, send: Any) -> None:
    """Refuse with what the path says, after a look at the beginning of the body."""
    await receive()
    headers = [(b"content-length", b"7")] + ([(b"connection", b"close")] if scope["path"] == "/close" else [])
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": b"refused"})


def send_all(address: Any, pieces: Sequence[bytes]) -> bytes:
    """All that comes back to a client that reads when it has sent everything. Raises `OSError` where the connection is reset."""
    with socket.create_connection(address, timeout=30) as client:
        for piece in pieces:
            client.sendall(piece)
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while data := client.recv(65536):
            answer += data
        return answer


def ask(pieces: Sequence[bytes]) -> bytes:
    """What a server on a real socket answers to these bytes."""

    async def run() -> bytes:
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()

        class Watched(Protocol):
            answers = Answers()  # type: ignore[assignment]

            def connection_lost(self, exc: Exception | None) -> None:
                super().connection_lost(exc)
                ended.set()

        config = uvicorn.Config(refuse, lifespan="off", ws="none")
        async with await loop.create_server(lambda: Watched(config, ServerState(), {}, loop), "127.0.0.1", 0) as serving:
            try:
                return await asyncio.to_thread(send_all, serving.sockets[0].getsockname(), pieces)
            finally:
                await asyncio.wait_for(ended.wait(), 30)

    return uvloop.run(run())


def head(path: str, framing: bytes, version: bytes = b"1.1") -> bytes:
    return b"PUT " + path.encode() + b" HTTP/" + version + b"\r\nhost: x\r\n" + framing + b"\r\n\r\n"


LENGTH = b"content-length: %d" % (6 * MIB)
CASES = {
    "kept alive": [head("/keep", LENGTH), bytes(6 * MIB)],
    "closed by the answer": [head("/close", LENGTH), bytes(6 * MIB)],
    "closed by the client": [head("/keep", LENGTH + b"\r\nconnection: close"), bytes(6 * MIB)],
    "HTTP/1.0": [head("/keep", LENGTH, b"1.0"), bytes(6 * MIB)],
    "chunked": [head("/close", b"transfer-encoding: chunked"), *[b"100000\r\n" + bytes(MIB) + b"\r\n"] * 6, b"0\r\n\r\n"],
}


@pytest.mark.parametrize("case", CASES)
def test_refusal_of_a_large_body_is_read(case: str) -> None:
    """Who sends before it reads could be told that the connection is reset, and not why."""
    answer = ask(CASES[case])
    assert answer.startswith(b"HTTP/1.1 413 ") and answer.endswith(b"\r\n\r\nrefused")


def test_nothing_is_answered_after_the_last_answer() -> None:
    """What follows a refused body could be taken for a request, though the connection was said to end."""
    answer = ask([*CASES["closed by the answer"], head("/keep", b"content-length: 0")])
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("path", ["/close", "/keep"])
def test_an_endless_body_is_cut(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused client could go on sending for ever."""
    monkeypatch.setattr(protocol, "DRAIN", 8 * MIB)
    with pytest.raises(OSError):
        ask([head(path, b"content-length: %d" % (64 * MIB)), *[bytes(MIB)] * 64])


ENDLESS = [b"a" * MIB] * 4  # more than any buffer between client and server holds
HEADS = {
    "414": [b"GET /", *ENDLESS],
    "431": [b"GET / HTTP/1.1\r\nx: ", *ENDLESS],
    "400": [b"no request at all\r\n\r\n", *ENDLESS],
}


@pytest.mark.parametrize("status", HEADS)
def test_refusal_of_a_head_is_read(status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose head is too large could see a reset, and never the reason."""
    monkeypatch.setattr(protocol, "REFUSED_BYTES", 8 * MIB)
    answer = ask(HEADS[status])
    assert answer.startswith(b"HTTP/1.1 " + status.encode()) and answer.count(b"HTTP/1.1") == 1


def test_an_endless_head_is_cut() -> None:
    """Whose head is refused could go on sending for ever."""
    with pytest.raises(OSError):
        ask([b"GET /", *ENDLESS * 8])


# -- in time -------------------------------------------------------------------------------------------------------------


class Clock:
    """The loop, with timers that go when a test says so."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._now = 0.0
        self._timers: list[tuple[float, asyncio.Handle]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    def call_later(self, delay: float, callback: Any, *args: Any) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self._loop)
        self._timers.append((self._now + delay, handle))
        return handle

    def advance(self, seconds: float) -> None:
        """So much later, with all that was due till then."""
        until = self._now + seconds
        while due := [timer for timer in self._timers if timer[0] <= until]:
            timer = min(due, key=lambda timer: timer[0])
            self._timers.remove(timer)
            self._now, handle = timer
            if not handle.cancelled():
                handle._run()
        self._now = until


class Watch:
    """A connection whose clock the test holds."""

    def __init__(self) -> None:
        self.wire = FarWire("192.0.2.7")
        self.clock = Clock(asyncio.get_running_loop())
        config = uvicorn.Config(refuse, lifespan="off", ws="none", timeout_keep_alive=75)
        self._protocol = Protocol(config, ServerState(), {}, self.clock)  # type: ignore[arg-type]
        self._protocol.answers = Answers()  # type: ignore[assignment]
        self._protocol.connection_made(self.wire)

    async def send(self, *pieces: bytes, every: float = 0.0) -> None:
        """These pieces, with so many seconds before each, while the connection stands."""
        for piece in pieces:
            self.clock.advance(every)
            if not self.wire.closed:
                self._protocol.data_received(piece)
            for _ in range(10):
                await asyncio.sleep(0)


CHUNK = b"1\r\nx\r\n"
DRIPS = {
    "chunked": ([head("/keep", b"transfer-encoding: chunked"), CHUNK], CHUNK),
    "short": ([head("/keep", b"content-length: 1000"), b"x"], b"x"),
    "large": ([head("/keep", LENGTH), b"x"], b"x"),
    "closed by the answer": ([head("/close", LENGTH), b"x"], b"x"),
    "trailers": ([head("/keep", b"transfer-encoding: chunked"), CHUNK + b"0\r\n"], b"x: y\r\n"),
}


@pytest.mark.parametrize("case", DRIPS)
def test_a_refused_body_has_its_time(case: str) -> None:
    """Who is refused could hold the connection for ever, by a byte of the body now and then."""

    async def run() -> None:
        watch, (start, drip) = Watch(), DRIPS[case]
        await watch.send(*start)
        assert watch.wire.sent.endswith(b"refused") and not watch.wire.closed
        await watch.send(*[drip] * 5, every=10)
        assert not watch.wire.closed
        await watch.send(*[drip] * 3, every=10)
        assert watch.wire.ended and watch.wire.closed
        assert watch.wire.sent.count(b"HTTP/1.1") == 1

    asyncio.run(run())


def test_a_refused_body_that_ends_in_time() -> None:
    """A connection whose refused body was read away could be of no more use, or be held for ever by who sends nothing more."""

    async def run() -> None:
        watch = Watch()
        for _ in range(3):
            await watch.send(head("/keep", b"content-length: 2"), b"x", b"x")
            watch.clock.advance(70)
            assert not (watch.wire.ended or watch.wire.closed)
        assert watch.wire.sent.count(b"413") == 3
        watch.clock.advance(10)
        assert watch.wire.closed

    asyncio.run(run())


def test_a_slow_request_in_the_same_piece_as_the_end_of_a_refused_body() -> None:
    """The time in which the next request must begin could end the one that has begun."""

    async def run() -> None:
        watch = Watch()
        await watch.send(head("/keep", b"content-length: 2"), b"x", b"x" + head("/keep", b"content-length: 2"))
        watch.clock.advance(80)
        await watch.send(b"xx")
        assert watch.wire.sent.count(b"413") == 2 and not watch.wire.closed

    asyncio.run(run())


@pytest.mark.parametrize("sent", [b"GET / HT", b"GET / HTTP/1.1\r\nno field\r\n\r\n"])
def test_a_refused_head_has_its_time(sent: bytes) -> None:
    """A connection that was told 408 or 400 could be held open by the client."""

    async def run() -> None:
        watch = Watch()
        await watch.send(sent)
        watch.clock.advance(HEADER_SECONDS)
        assert watch.wire.ended and watch.wire.sent.count(b"HTTP/1.1 40") == 1
        await watch.send(b"x", b"x", b"x", every=2)
        assert watch.wire.closed

    asyncio.run(run())


AROUND = {
    "trailer": b"1\r\nx\r\n0\r\nx: ",
    "trailer name": b"1\r\nx\r\n0\r\n",
    "chunk extension": b"1;a=",
    "extension of the last chunk": b"1\r\nx\r\n0;",
    "size": b"00000",
}


@pytest.mark.parametrize("case", AROUND)
def test_what_surrounds_a_chunked_body_is_bounded(case: str) -> None:
    """One trailer field could fill the memory, and one chunk without a byte of body last for ever."""

    async def run() -> None:
        watch = Watch()
        await watch.send(head("/keep", b"transfer-encoding: chunked"), AROUND[case], *[b"0" * 4096] * (AROUND_BYTES // 4096 + 2))
        assert watch.wire.ended
        assert watch.wire.sent.count(b"HTTP/1.1") == 1
        assert (b"431" in watch.wire.sent) != (b"413" in watch.wire.sent)

    asyncio.run(run())


def test_fields_after_the_body_are_none_of_the_request() -> None:
    """A client could say for whom it asks where the proxy before us does not look."""
    seen: list[bytes] = []

    async def look(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        seen.extend(name for name, _ in scope["headers"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def run() -> None:
        watch = Watch()
        watch._protocol.app = look
        await watch.send(head("/", b"transfer-encoding: chunked") + b"1\r\nx\r\n0\r\nx-forwarded-for: 192.0.2.1\r\n\r\n")
        assert watch.wire.sent.startswith(b"HTTP/1.1 204")

    asyncio.run(run())
    assert seen == [b"host", b"transfer-encoding"]
