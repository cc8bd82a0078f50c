"""Time travel: a moment that has passed reads the same for ever, whatever happens later (notes, section 8)."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from wire import Client as Wire
from wire import basic

from packhouse.db.engine import now
from packhouse.model import write_time

from .conftest import BOTH, Home
from .driver import ACCEPTED, SIGNED, Ask, Sample, write_moment


def read_all(home: Home, sample: Sample, time: str, accepted: Sequence[str] = ACCEPTED) -> dict[tuple[str, str], tuple[int, bytes]]:
    """Every document at a moment, signatures apart: they are made anew each time."""
    found = {}
    for ask in home.client.documents("projects", home.project, sample, time, accepted):
        answer = home.send(ask)
        body = b"" if answer.status != 200 else answer.body
        if not ask.path.endswith(SIGNED):
            path, body = ask.path.replace(time, time.upper()), body.replace(time.encode(), time.upper().encode())
            found[path, ask.headers["Accept"]] = (answer.status, body)
    return found


@BOTH
def test_a_moment_stays(home: Home) -> None:
    """What a build of last week saw could have changed under it: by a publish, a yank, a tag or a deletion."""
    first, second = home.publish_new(version="1.0.0"), home.publish_new(version="2.0.0")
    gone = home.publish_new("gone-later")
    time = write_moment(now())
    before = {sample.filename: read_all(home, sample, time) for sample in (first, gone)}
    home.publish_new(version="3.0.0")
    home.publish_new("never-before")
    home.delete(gone).expect(200, 202, 204)
    home.delete(second).expect(200, 202, 204)
    yank(home, first)
    # the same moment in other letters: nothing that was made for the first reading is at hand
    after = {sample.filename: read_all(home, sample, time.lower()) for sample in (first, gone)}
    assert after == before
    assert any(status == 200 for status, _ in before[first.filename].values())
    at_that_time = home.client.at(home.client.listing(home.project, second), home.project, time)
    assert home.client.shows(home.send(at_that_time).expect(200).body, second)


def yank(home: Home, sample: Sample) -> None:
    """Keep the version back, where the format can."""
    for route in home.client.format.routes:
        if route.method == "PUT" and route.path.startswith(("yank/", "held/")):
            path = route.path.replace("{name}", sample.name).replace("{version}", sample.version)
            home.send(Ask("PUT", home.client.base("projects", home.project) + path, b"{}")).expect(200, 204)


@BOTH
def test_moment_is_what_was_shown_then(home: Home) -> None:
    """A document at a moment could differ from what was served at that moment by more than its links."""
    sample = home.publish_new()
    asks = [ask for ask in home.client.documents("projects", home.project, sample) if not ask.path.endswith(SIGNED)]
    then = {(ask.path, ask.headers["Accept"]): home.send(ask) for ask in asks}
    time = write_moment(now())
    home.publish_new(version="2.0.0")
    for ask in asks:
        answer = home.send(home.client.at(ask, home.project, time))
        shown = then[ask.path, ask.headers["Accept"]]
        if home.client.only_now(ask):
            assert answer.status == 404
            continue
        assert answer.status == shown.status
        if "application/json" not in ask.headers["Accept"] and shown.headers["etag"]:
            assert answer.body.replace(f"/-/at/{time}".encode(), b"") == home.client.timeless(shown.body), ask.path


@BOTH
def test_deleted_file_at_its_moment(home: Home) -> None:
    """A build could know from the index of its moment what to fetch, and then not get it."""
    sample = home.publish_new()
    time = write_moment(now())
    home.delete(sample).expect(200, 202, 204)
    home.publish(home.client.sample(variant=1)).expect(200, 201)
    there = home.client.at(home.client.fetch(home.project, sample), home.project, time)
    assert home.send(there).expect(200).body == sample.content
    home.send_bare(there).expect(401)
    assert home.send(Ask("HEAD", there.path)).expect(200).headers["content-length"] == str(len(sample.content))


def test_links_stay_in_their_moment(home: Home) -> None:
    """A link in a document of a moment could lead to the present."""
    sample = home.publish_new()
    time = write_moment(now())
    for ask in home.client.documents("projects", home.project, sample, time):
        answer = home.send(ask)
        if answer.status == 200:
            assert f"/projects/{home.project}/packages/{home.client.name}/".encode() not in answer.body, ask.path


def test_before_anything(home: Home) -> None:
    """A moment before a package was published could already show it."""
    time = write_moment(now())
    sample = home.publish_new()
    for ask in home.client.documents("projects", home.project, sample, time):
        answer = home.send(ask)
        assert answer.status < 500 and not home.client.shows(answer.body, sample), ask.path
    home.send(home.client.at(home.client.fetch(home.project, sample), home.project, time)).expect(404)


def test_moments_are_read_only(home: Home) -> None:
    """Something could be published into the past."""
    sample = home.publish_new()
    time = write_moment(now())
    ask = home.client.at(home.client.publish(home.project, home.client.sample(version="2.0.0")), home.project, time)
    home.send(ask).expect(404, 405)
    removal = home.client.removal(home.project, sample, home.listing(sample).body)
    home.send(home.client.at(removal, home.project, time)).expect(404, 405)


@pytest.mark.parametrize(
    "time",
    ["2999-01-01T00:00:00Z", "yesterday", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-01", "0", "%00", "9" * 400, "2026-01-01T00:00:00"],
)
def test_no_such_moment(home: Home, time: str) -> None:
    """A moment that has not come, or is none, could be answered with something that will change."""
    sample = home.publish_new()
    home.send(home.client.at(home.client.listing(home.project, sample), home.project, time)).expect(400)


@pytest.mark.parametrize("spelling", ["Z", "z", "+00:00", "-00:00", "%2B00:00", " 00:00".replace(" ", "%20")])
def test_spellings_of_a_moment(home: Home, spelling: str) -> None:
    """A moment could be refused for the way its zone is written."""
    sample = home.publish_new()
    time = write_time(now())[:-1]
    home.send(home.client.at(home.client.listing(home.project, sample), home.project, time + spelling)).expect(200, 404)


@BOTH
def test_nothing_slips_behind_a_moment(home: Home) -> None:
    """A publish that began before a moment and ended after it was read could change what it shows."""
    stop = threading.Event()
    headers = basic(home.maintainer.user, home.maintainer.secret)
    first = home.publish_new(version="0.0.1")
    failures: list[str] = []

    def write(number: int) -> None:
        with Wire(home.server.url) as wire:
            for n in range(1, 400):
                if stop.is_set():
                    return
                ask = home.client.publish(home.project, home.client.sample(f"writer-{number}", f"{n}.0.0"))
                answer = wire.request(ask.method, ask.path, ask.body, {**ask.headers, **headers})
                if answer.status not in (200, 201):
                    failures.append(answer.text)

    writers = [threading.Thread(target=write, args=(n,)) for n in range(3)]
    for writer in writers:
        writer.start()
    samples = [first, home.client.sample("writer-0")]
    seen = {}
    try:
        for _ in range(8):
            time = write_moment(now())
            seen[time] = [read_all(home, sample, time, ["*/*"]) for sample in samples]
    finally:
        stop.set()
        for writer in writers:
            writer.join(60)
    assert not failures, failures[:3]
    for time, documents in seen.items():
        assert [read_all(home, sample, time.lower(), ["*/*"]) for sample in samples] == documents, time
