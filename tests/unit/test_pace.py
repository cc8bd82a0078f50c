"""A body has to come at a pace; the work on it is not the client's."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from packhouse.errors import RequestTimeout
from packhouse.web import call
from packhouse.web.pace import LEAST, LONGEST, STRETCH, Pace


def seconds_until_refused(size: int, every: float, work: float = 0.0, limit: float = 2 * LONGEST) -> float | None:
    """When pieces of this size, each waited for so long and worked on for so long, are refused."""
    now, pace = 100.0, Pace(100.0)
    while now < limit:
        asked, now = now, now + every
        try:
            pace.note(size, asked, now)
        except RequestTimeout:
            return now - 100.0
        now += work
    return None


@pytest.mark.parametrize("every", [1.0, 59.0])
def test_trickle_ends(every: float) -> None:
    """One byte a minute could hold a connection and a file for ever."""
    refused = seconds_until_refused(1, every)
    assert refused is not None and STRETCH <= refused <= 2 * STRETCH


def test_slow_line_is_served() -> None:
    """Who has a slow line, or pauses between fast pieces, could never publish."""
    assert seconds_until_refused(2 * LEAST, 1.0, limit=3600) is None
    assert seconds_until_refused(100 * LEAST, 50.0, limit=3600) is None


def test_speed_does_not_excuse_what_follows() -> None:
    """A fast beginning could pay for hours of trickling."""
    pace = Pace(0.0)
    pace.note(10**9, 0.0, STRETCH + 1)
    with pytest.raises(RequestTimeout):
        pace.note(1, STRETCH + 1, 2 * STRETCH + 3)


def test_our_own_slowness_is_not_the_clients() -> None:
    """An upload could be refused because the disk is slow."""
    assert seconds_until_refused(4096, 0.1, work=50.0, limit=3600) is None


def test_no_upload_takes_for_ever() -> None:
    """An upload at just the least pace could go on for days."""
    refused = seconds_until_refused(2 * LEAST, 1.0)
    assert refused is not None and LONGEST < refused < LONGEST + 10


def test_bodies_are_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bodies could be read without a look at their pace; one that is whole is not refused for what it took."""
    clock = SimpleNamespace(now=0.0, left=0)
    monkeypatch.setattr(call, "time", SimpleNamespace(monotonic=lambda: clock.now))

    async def receive() -> Any:
        clock.now += 50.0
        clock.left -= 1
        return {"type": "http.request", "body": b"x", "more_body": clock.left > 0}

    async def read(pieces: int) -> bytes:
        clock.left = pieces
        one = call.Call.__new__(call.Call)
        one._receive = receive
        return b"".join([data async for data in one.stream()])

    assert asyncio.run(read(2)) == b"xx"
    with pytest.raises(RequestTimeout):
        asyncio.run(read(3))
