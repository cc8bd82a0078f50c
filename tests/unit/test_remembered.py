"""What is remembered, and for how long: the store of answers by itself."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from packhouse.model import ANONYMOUS
from packhouse.packages.house import Counters
from packhouse.web import remembered
from packhouse.web.peers import Peers
from packhouse.web.remembered import BODY_BYTES, DAY, SECONDS, TOTAL_BYTES, Answers, Given, Head

HEAD = b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n"
NOON = 20_000 * DAY + DAY // 2


class Clock:
    now = NOON
    state: int | None = 1


@pytest.fixture(name="clock")
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(remembered, "now", lambda: clock.now)
    return clock


@pytest.fixture(name="answers")
def make_answers(clock: Clock) -> Answers:
    house: Any = SimpleNamespace(database=SimpleNamespace(state=lambda: clock.state), counters=Counters())
    log: Any = SimpleNamespace(add=lambda record: None)
    return Answers(house, log, lambda: "id", Peers())


def given(until: int = 1 << 62, body: bytes = b"body") -> Given:
    entry: Any = None
    start = {"status": 200, "headers": [(b"etag", b'"x"'), (b"x-request-id", b"first")]}
    return Given(entry, "/a", start, body, None, ANONYMOUS, until)


def ask(answers: Answers, data: bytes = HEAD) -> Head:
    assert answers.find(data) is None
    head = answers.head(data)
    assert head is not None
    return head


def test_kept_until_a_commit(answers: Answers, clock: Clock) -> None:
    """An answer from before a commit could be given after it."""
    ask(answers)
    answers.keep(ask(answers), given())
    assert answers.find(HEAD) is not None
    clock.state = 2
    assert answers.find(HEAD) is None
    clock.state = 1
    assert answers.find(HEAD) is None


def test_commit_while_it_was_made(answers: Answers, clock: Clock) -> None:
    """An answer made of rows from before a commit could be kept as if it came after it."""
    ask(answers)
    head = ask(answers)
    clock.state = 2
    ask(answers)
    answers.keep(head, given())
    assert answers.find(HEAD) is None


@pytest.mark.parametrize(("until", "ends"), [(NOON + 5, NOON + 5), (1 << 62, NOON + SECONDS)])
def test_ends_by_the_clock(answers: Answers, clock: Clock, until: int, ends: int) -> None:
    """A credential could outlive its end."""
    ask(answers)
    answers.keep(ask(answers), given(until))
    clock.now = ends - 1
    assert answers.find(HEAD) is not None
    clock.now = ends
    assert answers.find(HEAD) is None


def test_ends_at_midnight(answers: Answers, clock: Clock) -> None:
    """A membership that ends with the day could go on into the next."""
    clock.now = 20_001 * DAY - 10
    ask(answers)
    answers.keep(ask(answers), given())
    clock.now += 10
    assert answers.find(HEAD) is None


def test_whole_heads_only(answers: Answers) -> None:
    """Part of a request, or one and a half, could be taken for a request."""
    answers.find(HEAD)
    for data in (HEAD[:-1], HEAD + HEAD, HEAD + b"x", b"GET /" + b"a" * remembered.HEAD_BYTES + HEAD):
        assert answers.head(data) is None


def test_nothing_without_a_state(answers: Answers, clock: Clock) -> None:
    """On a database that cannot say whether it has changed, an answer could be kept for ever."""
    clock.state = None
    answers.find(HEAD)
    assert answers.head(HEAD) is None


def test_bounded(answers: Answers) -> None:
    """A client that asks for ever new things could fill the memory."""
    body = b"x" * BODY_BYTES
    most = TOTAL_BYTES // BODY_BYTES
    heads = [b"GET /%d HTTP/1.1\r\n\r\n" % number for number in range(most + 5)]
    answers.find(HEAD)
    for head in heads:
        answers.keep(ask(answers, head), given(body=body))
    kept = [head for head in heads if answers.find(head) is not None]
    assert kept == heads[-len(kept) :]
    assert 0 < len(kept) <= most
    answers.keep(ask(answers), given(body=body + b"x"))
    assert answers.find(HEAD) is None


def test_given_again(answers: Answers) -> None:
    """An answer could go out with the id of another request, or without a date."""
    assert answers.give(given(), "::1", [(b"date", b"now")]) == b'HTTP/1.1 200 OK\r\ndate: now\r\netag: "x"\r\nx-request-id: id\r\n\r\n'
