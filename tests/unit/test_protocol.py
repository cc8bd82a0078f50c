"""The edge of the wire: only a whole request at the start of a message is looked up among the remembered ones."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from packhouse.web.protocol import LARGE_BODY, Protocol
from packhouse.web.remembered import Given, Head

HEAD = b"GET /a HTTP/1.1\r\nhost: x\r\nauthorization: Bearer secret\r\n\r\n"


class Answers:
    """Notes what it is asked for, and knows nothing."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    def find(self, data: bytes) -> Given | None:
        self.asked.append(data)
        return None

    def head(self, data: bytes) -> Head | None:
        return Head(data, 1)


class Wire(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.sent = b""

    def write(self, data: Any) -> None:
        self.sent += bytes(data)

    def writelines(self, list_of_data: Any) -> None:
        self.sent += b"".join(list_of_data)

    def is_closing(self) -> bool:
        return False

    def write_eof(self) -> None: ...

    def close(self) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 1) if name in ("peername", "sockname") else default


async def talk(pieces: list[bytes]) -> tuple[Answers, list[bytes], bytes]:
    """What was looked up, the heads under which answers would be kept, and what was sent, for these pieces one after the other."""
    kept: list[bytes] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if "packhouse.head" in scope:
            kept.append(scope["packhouse.head"].bytes)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    answers, wire = Answers(), Wire()
    protocol = Protocol(uvicorn.Config(app, lifespan="off", ws="none"), ServerState(), {}, asyncio.get_running_loop())
    protocol.answers = answers  # type: ignore[assignment]
    protocol.connection_made(wire)
    for piece in pieces:
        protocol.data_received(piece)
        while protocol.tasks:
            await asyncio.gather(*protocol.tasks)
    protocol.connection_lost(None)
    return answers, kept, wire.sent


@pytest.mark.parametrize("cut", range(1, len(HEAD)))
def test_a_request_in_two_pieces(cut: int) -> None:
    """The end of somebody's request could be kept as a request, and whoever sends the same end get the answer."""
    answers, kept, sent = asyncio.run(talk([HEAD[:cut], HEAD[cut:]]))
    assert answers.asked == [HEAD[:cut]]
    assert kept == []
    assert sent.count(b"HTTP/1.1 200") == 1


def test_whole_requests() -> None:
    """A whole request could be overlooked, or what follows half of one be taken for whole."""
    answers, kept, sent = asyncio.run(talk([HEAD, HEAD, HEAD[:20], HEAD[20:], HEAD]))
    assert answers.asked == [HEAD, HEAD, HEAD[:20], HEAD]
    assert kept == [HEAD, HEAD, HEAD]
    assert sent.count(b"HTTP/1.1 200") == 4


def test_a_body_that_looks_like_a_request() -> None:
    """Bytes of an upload could be answered as a request."""
    post = b"POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(HEAD)
    answers, kept, _ = asyncio.run(talk([post, HEAD, HEAD]))
    assert answers.asked == [post, HEAD]
    assert kept == [HEAD]


class Reader:
    """An application that reads bodies, and answers how long each was."""

    def __init__(self, read: bool = True) -> None:
        self.read = read
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", self.read
        while more:
            message = await receive()
            assert message["type"] == "http.request"
            body, more = body + message["body"], message["more_body"]
        self.bodies.append(body)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


async def send(app: Reader, sent: bytes, size: int) -> bytes:
    """What was answered to these bytes, which came in pieces of this size."""
    wire = Wire()
    protocol = Protocol(uvicorn.Config(app, lifespan="off", ws="none"), ServerState(), {}, asyncio.get_running_loop())
    protocol.answers = Answers()  # type: ignore[assignment]
    protocol.connection_made(wire)
    for start in range(0, len(sent), size):
        protocol.data_received(sent[start : start + size])
        await asyncio.sleep(0)
    while protocol.tasks:
        await asyncio.wait_for(asyncio.gather(*protocol.tasks), 5)
    protocol.connection_lost(None)
    return wire.sent


def put(body: bytes, *more: bytes) -> bytes:
    return b"\r\n".join([b"PUT /a HTTP/1.1", b"host: x", b"content-length: %d" % len(body), *more, b"", body])


BODIES = [bytes([n]) * (LARGE_BODY + n) for n in range(3)]


@pytest.mark.parametrize("size", [997, 65_536, 262_144, 262_215, 262_216, 10_000_000])
def test_large_bodies_one_after_the_other(size: int) -> None:
    """A body that passes the parser by could lose its end, or swallow the request that follows it in the same piece."""
    app = Reader()
    answered = asyncio.run(send(app, b"".join(map(put, BODIES)) + HEAD, size))
    assert app.bodies == [*BODIES, b""]
    assert answered.count(b"200 OK") == 4


@pytest.mark.parametrize("size", [997, 262_144, 10_000_000])
def test_a_large_body_that_nobody_reads(size: int) -> None:
    """The rest of a refused upload could be taken for a request, or the next request for the rest."""
    app = Reader(read=False)
    trap = HEAD * (LARGE_BODY // len(HEAD) + 1)
    answered = asyncio.run(send(app, put(trap) + HEAD, size))
    assert app.bodies == [b"", b""]
    assert answered.count(b"200 OK") == 2


@pytest.mark.parametrize("read", [True, False])
def test_a_body_that_was_not_asked_for(read: bool) -> None:
    """A client that waits to be asked for its body, and is refused, may send none: its next request could be taken for that body."""
    app = Reader(read=read)
    announced = put(b"x" * 1000, b"expect: 100-continue")
    answered = asyncio.run(send(app, announced if read else announced[:-1000], 10_000_000))
    assert app.bodies == [b"x" * 1000 if read else b""]
    assert (b"connection: close" in answered) is not read


@pytest.mark.parametrize("more", [b"transfer-encoding: chunked", b"content-length: 3"])
def test_lengths_that_disagree(more: bytes) -> None:
    """A body of two lengths could be read by one of them, and a request be smuggled in by the other."""
    app = Reader()
    answered = asyncio.run(send(app, put(BODIES[0], more), 10_000_000))
    assert app.bodies == []
    assert b"400 Bad Request" in answered


def test_a_tunnel_has_no_body() -> None:
    """The length of a request that cannot have a body could make what follows pass as one."""
    app = Reader()
    asyncio.run(send(app, b"CONNECT a:1 HTTP/1.1\r\nhost: x\r\ncontent-length: 9999999\r\n\r\n" + b"x" * 1_000_000, 65_536))
    assert app.bodies in ([], [b""])
