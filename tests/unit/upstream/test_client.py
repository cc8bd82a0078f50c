"""What is asked is what was checked: no spelling of a host gets past the guard."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from urllib.parse import unquote

import pytest
from loopback import Loopback, send

from packhouse.errors import RegistryError
from packhouse.upstream.client import Outbound, literal_address
from packhouse.upstream.guard import Guard


class Inside(Loopback):
    """A service that nobody outside may reach."""

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        if request.path.startswith("/to/"):
            send(request, 302, b"secret", {"Location": unquote(request.path.removeprefix("/to/")).encode().decode("latin-1")})
        else:
            send(request, 200, b"secret")


@pytest.fixture(scope="module", name="port")
def serve_inside() -> Iterator[int]:
    """The port of such a service."""
    with Inside() as inside:
        yield inside.port


def ask(url: str, allow: str) -> bytes:
    async def run() -> bytes:
        outbound = Outbound(Guard(allow))
        try:
            async with outbound.request("GET", url) as answer:
                return await answer.read(100)
        finally:
            await outbound.close()

    return asyncio.run(run())


SPELLINGS = [
    "127.0.0.1", "①②⑦.0.0.1", "127。0。0。1", "127．0．0．1", "%31%32%37.0.0.1", "2130706433", "127.1", "0x7f.0.0.1", "017700000001", "127.0.0.1.",
    "localhost", "LOCALHOST.", "ｌocalhost", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0", "0.0.0.0", "[::]",
]  # fmt: skip


@pytest.mark.parametrize("host", SPELLINGS)
def test_no_spelling_of_a_private_host_is_reached(host: str, port: int) -> None:
    """A service behind the registry could be read through it."""
    with pytest.raises(RegistryError):
        ask(f"http://{host}:{port}/", "")


@pytest.mark.parametrize("host", [host for host in SPELLINGS if "ocalhost" not in host.lower()])
def test_no_redirect_leads_to_one(host: str, port: int) -> None:
    """An upstream that is allowed could send the registry on to a neighbour that is not."""
    with pytest.raises(RegistryError):
        ask(f"http://localhost:{port}/to/http://{host}:{port}/", "localhost")


@pytest.mark.parametrize("location", ["http://[::1", "http://a:b:c/", "http://a:99999999/", "http://"])
def test_a_redirect_to_nothing(location: str, port: int) -> None:
    """A broken answer of an upstream could end in a traceback."""
    with pytest.raises(RegistryError):
        ask(f"http://localhost:{port}/to/{location}", "localhost")


def test_what_is_allowed_is_reached(port: int) -> None:
    """The refusals above could come from a server that does not answer."""
    assert ask(f"http://127.0.0.1:{port}/", "127.0.0.0/8") == b"secret"
    assert ask(f"http://localhost:{port}/to/http://localhost:{port}/", "localhost") == b"secret"


@pytest.mark.parametrize(("url", "address"), [("http://①②⑦.0.0.1/", "127.0.0.1"), ("http://[::1]/", "::1"), ("http://a.example/", None)])
def test_literals(url: str, address: str | None) -> None:
    """A rule for addresses could be passed by, since the client reads an address where the rule saw a name."""
    assert str(literal_address(url)) == str(address)
