"""What precedes a request has bounds, and so have the connections of one address."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from packhouse.settings import read_networks
from packhouse.web.peers import Peers
from packhouse.web.protocol import CONNECTIONS, FIELDS, HEADER_BYTES, URL_BYTES, Protocol

from .test_protocol import Answers, Wire


class FarWire(Wire):
    """A connection from somewhere."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address
        self.ended = False
        self.closed = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return (self.address, 1) if name == "peername" else super().get_extra_info(name, default)

    def is_closing(self) -> bool:
        return self.closed

    def write_eof(self) -> None:
        self.ended = True

    def close(self) -> None:
        self.closed = True


async def answer(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def connect(wire: Wire) -> Protocol:
    protocol = Protocol(uvicorn.Config(answer, lifespan="off", ws="none"), ServerState(), {}, asyncio.get_running_loop())
    protocol.answers = Answers()  # type: ignore[assignment]
    protocol.connection_made(wire)
    return protocol


def ask(sent: bytes, size: int) -> bytes:
    """What these bytes are answered, when they come in pieces of this size."""

    async def run() -> bytes:
        wire = FarWire("127.0.0.1")
        protocol = connect(wire)
        for start in range(0, len(sent), size):
            if not wire.ended:
                protocol.data_received(sent[start : start + size])
        while protocol.tasks:
            await asyncio.gather(*protocol.tasks)
        protocol.connection_lost(None)
        return wire.sent

    return asyncio.run(run())


def head(target: bytes = b"/a", fields: bytes = b"host: x\r\n", version: bytes = b"1.1") -> bytes:
    return b"GET " + target + b" HTTP/" + version + b"\r\n" + fields + b"\r\n"


def fields(count: int, size: int = 1) -> bytes:
    return b"host: x\r\n" + b"".join(b"x-%d: %s\r\n" % (number, b"a" * size) for number in range(count - 1))


TRAILERS = head(fields=b"host: x\r\ntransfer-encoding: chunked\r\n") + b"0\r\n"
CASES = {
    "plain": (head(), 200),
    "long URL": (head(b"/" + b"a" * (URL_BYTES - 1)), 200),
    "longer URL": (head(b"/" + b"a" * URL_BYTES), 414),
    "endless URL": (b"GET /" + b"a" * 100_000, 414),
    "endless query": (b"GET /?" + b"a" * 100_000, 414),
    "many fields": (head(fields=fields(FIELDS)), 200),
    "more fields": (head(fields=fields(FIELDS + 1)), 431),
    "large fields": (head(fields=fields(31, 1000)), 200),
    "larger fields": (head(fields=fields(34, 1000)), 431),
    "endless field": (b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 100_000, 431),
    "no host": (head(fields=b"x: y\r\n"), 400),
    "no host in HTTP/1.0": (head(fields=b"x: y\r\n", version=b"1.0"), 200),
    "two hosts": (head(fields=b"host: x\r\nHost: y\r\n"), 400),
    "two hosts in HTTP/1.0": (head(fields=b"host: x\r\nHost: x\r\n", version=b"1.0"), 400),
}


@pytest.mark.parametrize("size", [1_000_000, 1000])
@pytest.mark.parametrize("case", CASES)
def test_bounds_of_a_head(case: str, size: int) -> None:
    """A request could take memory without a bound, or be for a host that a proxy before us does not see."""
    sent, status = CASES[case]
    answered = ask(sent, size)
    assert answered.count(b"HTTP/1.1 ") == 1
    assert int(answered.split()[1]) == status
    assert (b"connection: close" in answered) == (status != 200 or b"HTTP/1.0" in sent)


def test_trailers_are_bounded() -> None:
    """Fields after a body could be sent for ever."""
    answered = ask(TRAILERS + fields(10 * FIELDS) + b"\r\n", 1_000_000)
    assert b"HTTP/1.1 431" in answered


def test_head_bound_is_what_is_written() -> None:
    """The threats promise 8 KiB, 32 KiB and 100 fields."""
    assert (URL_BYTES, HEADER_BYTES, FIELDS) == (8192, 32768, 100)


@pytest.fixture(name="counted")
def count_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Connections counted from nothing, with a proxy that is trusted."""
    counted: Counter[str] = Counter()
    monkeypatch.setattr(Protocol, "from_address", counted)
    monkeypatch.setattr(Protocol, "peers", Peers(read_networks("trusted_proxies", "10.0.0.0/8")))
    yield counted


@pytest.mark.parametrize(("address", "most"), [("192.0.2.1", CONNECTIONS), ("2001:db8::1", CONNECTIONS), ("10.0.0.1", None), ("127.0.0.1", None)])
def test_connections_of_one_address(counted: Counter[str], address: str, most: int | None) -> None:
    """One address could hold every connection of a process; a proxy, which stands for many, must."""

    async def run() -> None:
        wires = [FarWire(address) for _ in range(2 * CONNECTIONS + 2)]
        protocols = [connect(wire) for wire in wires]
        assert [wire.closed for wire in wires] == [most is not None and number >= 2 * most for number in range(len(wires))]
        for number, wire in enumerate(wires):
            told = most is not None and most <= number < 2 * most
            assert wire.ended == told and wire.sent.startswith(b"HTTP/1.1 429 ") == told
        for protocol in protocols:
            protocol.connection_lost(None)
        again = FarWire(address)
        protocol = connect(again)
        assert not (again.ended or again.closed)
        protocol.connection_lost(None)
        assert not counted

    asyncio.run(run())
