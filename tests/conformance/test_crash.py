"""All or nothing: killed or out of space at each step of a publish, nothing is half visible, nothing acknowledged is lost, and a retry succeeds."""

from __future__ import annotations

import contextlib
import http.client
import signal
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, select
from wire import Client as Wire
from wire import basic

from packhouse.db.tables import blob, document, file
from packhouse.packages.crash import POINTS

from .conftest import Home, make_home
from .driver import ALL, Client, Sample
from .server import Server

COMMITTED = {"after commit"}
"""Points at which the publish has happened, though the client never hears of it."""


@pytest.fixture(scope="module", name="mortal")
def serve_to_be_killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all the crashes: each leaves it healthy to the next."""
    # one process for each format: each crash takes one, and the next request need not wait for its heir
    with Server(tmp_path_factory.mktemp("crash") / "data", workers=str(len(ALL))) as server:
        yield server


@pytest.fixture(name="homes")
def prepare_homes(mortal: Server) -> list[tuple[Home, Sample]]:
    """A project for each format, one version in it."""
    homes = [make_home(mortal, Client(format)) for format in ALL.values()]
    return [(home, home.publish_new(version="1.0.0")) for home in homes]


@pytest.mark.parametrize("how", ["kill", "enospc"])
@pytest.mark.parametrize("point", POINTS)
def test_crash(homes: list[tuple[Home, Sample]], point: str, how: str) -> None:
    """A publish that broke off could be listed without its bytes, block its name, or take an older version with it."""
    server = homes[0][0].server
    server.environment["PACKHOUSE_CRASH_AT"] = f"{point}:{how}"
    server.restart(signal.SIGKILL)
    second = {}
    fresh = 1 + POINTS.index(point) * 2 + (how == "kill")  # bytes that the store has not seen
    for home, _ in homes:
        sample = second[home.client.name] = home.client.sample(version="2.0.0", variant=fresh)
        try:
            answer = home.publish(sample)
            assert how != "kill", f"{home.client.name}: {answer.status}, though it was to be killed at {point!r}"
            assert answer.status == 507, (home.client.name, answer.text)
        except (http.client.HTTPException, ConnectionError):
            assert how == "kill", home.client.name
    del server.environment["PACKHOUSE_CRASH_AT"]
    server.restart(signal.SIGKILL)
    for home, first in homes:
        sample = second[home.client.name]
        happened = point in COMMITTED
        assert home.fetch(first).expect(200).body == first.content
        assert home.client.shows(home.listing(first).expect(200).body, first)
        fetched, listing = home.fetch(sample), home.listing(sample)
        assert (fetched.status == 200) is happened, (home.client.name, fetched.status)
        assert home.client.shows(listing.body, sample) is happened
        assert not happened or fetched.body == sample.content
        assert home.publish(sample).status in (200, 201), home.client.name
        assert home.fetch(sample).expect(200).body == sample.content
        assert home.client.shows(home.listing(sample).expect(200).body, sample)
    check_store(server)


def check_store(server: Server) -> None:
    """Every file and document row has its bytes."""
    for stored, size in server.furniture.read(list_stored):
        assert (server.data / "blobs" / stored[:2] / stored).stat().st_size == size


def list_stored(connection: Connection) -> list[tuple[str, int]]:
    used = select(file.c.blob_id).union(select(document.c.blob_id))
    return [(row.place, row.size) for row in connection.execute(select(blob.c.place, blob.c.size).where(blob.c.id.in_(used)))]


@pytest.mark.parametrize("after", [1, 7, 20, 40])
def test_killed_while_publishing(homes: list[tuple[Home, Sample]], after: int) -> None:
    """Something that was acknowledged could be lost, or something be listed that cannot be fetched."""
    server = homes[0][0].server
    ledger: list[tuple[Home, Sample]] = []
    tried: list[tuple[Home, Sample]] = []
    enough = threading.Event()

    def publish(home: Home, worker: int) -> None:
        headers = basic(home.maintainer.user, home.maintainer.secret)
        with contextlib.suppress(OSError, http.client.HTTPException), Wire(server.url) as wire:
            for n in range(1000):
                sample = home.client.sample(f"made-by-{worker}", f"{n}.0.0", variant=after)
                tried.append((home, sample))
                ask = home.client.publish(home.project, sample)
                if wire.request(ask.method, ask.path, ask.body, {**ask.headers, **headers}).status in (200, 201):
                    ledger.append((home, sample))
                if len(ledger) >= after:
                    enough.set()

    publishers = [threading.Thread(target=publish, args=(home, n)) for n in range(2) for home, _ in homes]
    for publisher in publishers:
        publisher.start()
    assert enough.wait(60)
    server.restart(signal.SIGKILL)
    for publisher in publishers:
        publisher.join(60)
    assert len(ledger) >= after
    for home, sample in ledger:
        assert home.fetch(sample).expect(200).body == sample.content, "acknowledged, and lost"
        assert home.client.shows(home.listing(sample).expect(200).body, sample)
    for home, sample in tried:
        listed = home.client.shows(home.listing(sample).body, sample)
        fetched = home.fetch(sample)
        assert (fetched.status == 200) is listed
        assert not listed or fetched.body == sample.content
        home.publish(sample).expect(200, 201)
    check_store(server)


def test_killed_while_reading(homes: list[tuple[Home, Sample]]) -> None:
    """A server that is killed could come back with another answer than before."""
    server = homes[0][0].server
    before = [(home.listing(sample).expect(200).body, home.fetch(sample).expect(200).body) for home, sample in homes]
    server.restart(signal.SIGKILL)
    assert [(home.listing(sample).expect(200).body, home.fetch(sample).expect(200).body) for home, sample in homes] == before
