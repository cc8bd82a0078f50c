"""The edge of the wire: only a whole request at the start of a message is looked up among the remembered ones."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from packhouse.web.remembered import Given, Head
from packhouse.web.server import Protocol

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
