"""An answer given again by the bytes that asked must be what a fresh one would be, and end with the right to it (design 008)."""

from __future__ import annotations

import secrets
import socket
from urllib.parse import urlsplit

import pytest
from wire import Client, basic

from .conftest import Home
from .driver import Ask, Sample
from .furniture import Login

AGED = 10  # seconds: old enough for a date to be a validator


def ask_hot(home: Home, sample: Sample, login: Login) -> list[Ask]:
    """The file and the listing, asked for so often that they are remembered in every process."""
    home.age(AGED)
    asks = [home.client.fetch(home.project, sample), home.client.listing(home.project, sample)]
    asks = [ask for ask in asks if home.send(ask, login).status == 200]
    for ask in asks:
        for _ in range(12):
            home.send(ask, login).expect(200)
    return asks


def read_raw(home: Home, data: bytes, answers: int) -> list[bytes]:
    """What comes back for these bytes on one connection, cut into so many answers."""
    parts = urlsplit(home.server.url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20) as wire, wire.makefile("rb") as reader:
        wire.sendall(data)
        found = []
        for _ in range(answers):
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                line = reader.readline()
                assert line, f"the connection ended after {len(found)} answers"
                head += line
            lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
            found.append(head + reader.read(lengths[0] if lengths else 0))
        return found


def head_of(home: Home, ask: Ask, login: Login) -> bytes:
    fields = {"host": "x", **ask.headers, **basic(login.user, login.secret)}
    return f"GET {ask.path} HTTP/1.1\r\n".encode() + b"".join(f"{k}: {v}\r\n".encode() for k, v in fields.items()) + b"\r\n"


def test_revoked_at_once(home: Home) -> None:
    """A revoked token could read on for as long as its answers are remembered."""
    sample = home.publish_new()
    login = home.server.furniture.member(home.project, 20)
    asks = ask_hot(home, sample, login)
    assert asks
    home.server.furniture.revoke(login)
    for ask in asks:
        home.send(ask, login).expect(401)


def test_ended_membership(home: Home) -> None:
    """Somebody who has left could read on."""
    sample = home.publish_new()
    login = home.server.furniture.member(home.project, 20)
    asks = ask_hot(home, sample, login)
    home.server.furniture.end_membership(home.project, home.server.furniture.owner_of(login))
    for ask in asks:
        home.send(ask, login).expect(401, 403, 404)


def test_deleted_at_once(home: Home) -> None:
    """A deleted file could still be downloaded."""
    sample = home.publish_new()
    ask_hot(home, sample, home.maintainer)
    home.delete(sample).expect(200, 202, 204)
    assert home.fetch(sample).status in (403, 404, 410)


def test_published_at_once(home: Home) -> None:
    """A listing could lack what was published after it was remembered."""
    first = home.publish_new()
    for ask in ask_hot(home, first, home.maintainer):
        home.publish_new("alpha", "1.1.0")
        # a header that nobody has sent before is a request that nobody remembers
        assert home.send(ask).body == home.send(once(ask)).body


def once(ask: Ask) -> Ask:
    """The same, asked as nobody has asked before."""
    return Ask(ask.method, ask.path, ask.body, {**ask.headers, "X-Once": secrets.token_hex(8)})


def test_same_but_for_its_name(home: Home) -> None:
    """A remembered answer could differ from the first one, or two requests could share an id in the log."""
    sample = home.publish_new()
    for ask in ask_hot(home, sample, home.maintainer):
        fresh = home.send(once(ask))
        kept, again = home.send(ask), home.send(ask)
        drop = {"date", "x-request-id"}
        wanted = {k.lower(): v for k, v in fresh.headers.items() if k.lower() not in drop}
        assert {k.lower(): v for k, v in kept.headers.items() if k.lower() not in drop} == wanted
        assert kept.body == again.body == fresh.body
        assert len({fresh.headers["x-request-id"], kept.headers["x-request-id"], again.headers["x-request-id"]}) == 3
        assert kept.headers["date"]


@pytest.mark.parametrize("count", [2, 40])
def test_pipelined(home: Home, count: int) -> None:
    """Requests sent without waiting could be answered out of turn, twice or never, when some are remembered and some are not."""
    sample = home.publish_new()
    ask = ask_hot(home, sample, home.maintainer)[0]
    hot = head_of(home, ask, home.maintainer)
    cold = head_of(home, Ask("GET", "/-/health", None, {}), home.maintainer)
    bodies = [answer.partition(b"\r\n\r\n")[2] for answer in read_raw(home, (hot + cold) * count, 2 * count)]
    assert bodies == [home.send(ask).body, home.send_bare(Ask("GET", "/-/health", None, {})).body] * count


def test_one_connection_for_both(home: Home) -> None:
    """A parser that did not see a remembered request could lose its place in the next one, which has a body."""
    sample = home.publish_new()
    ask = ask_hot(home, sample, home.maintainer)[0]
    with Client(home.server.url) as client:
        login = basic(home.maintainer.user, home.maintainer.secret)
        for number in range(6):
            assert client.get(ask.path, {**ask.headers, **login}).expect(200).body == home.send(ask).body
            refused = client.post("/api/v4/projects", b'{"name": 5' * number, {"Content-Type": "application/json", **login})
            assert refused.status in (400, 403, 422)
