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
from packhouse.web.protocol import Protocol

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
