"""Signed indexes of indexes, with the suite's own format: digests agree, one signature for all, old lists stay a while (notes, section 8)."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, func, select, update
from wire import Client as Wire
from wire import basic

from packhouse.db import documents as documents_db
from packhouse.db.engine import now
from packhouse.db.tables import document

from .conftest import BOTH, Home, make_home
from .driver import Ask, Client, write_moment
from .furniture import PRIVATE, PUBLIC, REPORTER, Login
from .sample import FORMAT
from .sample.driver import Sample, sample
from .serve import HEAD, TAIL, ToySigner
from .server import Server

AMD, ARM = ("stable", "main", "x1"), ("stable", "main", "y2")
HOUR = 3600 * 1_000_000


@pytest.fixture(name="home")
def give_shelved_home(server: Server) -> Home:
    """A private project for the suite's own format."""
    return make_home(server, Client(FORMAT))


def put(home: Home, one: Sample) -> Sample:
    home.publish(one).expect(201)
    return one


def get(
    home: Home, tail: str, status: int = 200, level: str = "projects", place: int | None = None, login: Login | None = None, time: str = ""
) -> bytes:
    """A document below the format's base."""
    base = home.client.base(level, home.project if place is None else place, time)
    return home.send(Ask("GET", base + tail), login).expect(status).body


def digests_in(release: bytes) -> Iterator[tuple[str, int, str]]:
    """(sha256, size, path) of each line."""
    for line in release.decode().split("SHA256:\n")[1].splitlines():
        digest, size, path = line.split()
        yield digest, int(size), path


def check_release(home: Home, release: bytes, **where: object) -> int:
    """Every list that a release names is there, under its digest; how many."""
    listed = list(digests_in(release))
    for digest, size, path in listed:
        shelf = path.rpartition("/")[0]
        body = get(home, f"lists/stable/{shelf}/by-hash/{digest}", **where)  # type: ignore[arg-type]
        assert (hashlib.sha256(body).hexdigest(), len(body)) == (digest, size), path
    return len(listed)


@BOTH
def test_release_digests_its_lists(home: Home) -> None:
    """A client could find a list with another digest than the release says, or a list that the release leaves out."""
    put(home, sample("one", shelf=AMD))
    put(home, sample("two", shelf=ARM))
    put(home, sample("other", shelf=("testing", "main", "x1")))
    release = get(home, "lists/stable/release")
    assert check_release(home, release) == 4
    for digest, _, path in digests_in(release):
        assert hashlib.sha256(get(home, f"lists/stable/{path}")).hexdigest() == digest
    assert b"testing" not in release and b"other" not in get(home, "lists/stable/main/x1/packages")


@BOTH
def test_signatures_check(home: Home) -> None:
    """A signature could be of other bytes than the release that is served, or by another project's key."""
    put(home, sample("one"))
    release, detached, clear = (get(home, f"lists/stable/{name}") for name in ("release", "release.sig", "release.signed"))
    signer = ToySigner(home.project)
    assert signer.checks(release, detached)
    body, _, tail = clear.removeprefix(HEAD).removesuffix(TAIL).rpartition(b"\n")[0].rpartition(b"\n")
    assert body + b"\n" == release and signer.checks(release, tail)
    assert not ToySigner(home.project + 1).checks(release, detached)


@BOTH
def test_one_signature_for_every_process(home: Home) -> None:
    """Two processes could sign the same release differently: a client would fetch a release of one and a signature of the other."""
    headers = basic(home.maintainer.user, home.maintainer.secret)
    release = home.client.base("projects", home.project) + "lists/stable/release"
    barrier = threading.Barrier(12)

    def read(_number: int) -> tuple[bytes, bytes]:
        with Wire(home.server.url) as wire:
            wire.get("/-/health")
            barrier.wait(30)
            return wire.get(release, headers).body, wire.get(f"{release}.sig", headers).body

    with ThreadPoolExecutor(12) as pool:
        for round_ in range(3):
            put(home, sample("one", f"1.{round_}"))
            [found] = set(pool.map(read, range(12)))
            assert ToySigner(home.project).checks(*found)


def test_signature_survives_a_restart(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A server that starts again could sign an unchanged release anew, and change what clients have seen."""
    server = Server(tmp_path_factory.mktemp("restart") / "data", workers="1")
    with server:
        home = make_home(server, Client(FORMAT))
        put(home, sample("one"))
        before = get(home, "lists/stable/release.signed")
        server.restart()
        assert get(home, "lists/stable/release.signed") == before


@BOTH
def test_old_lists_stay(home: Home) -> None:
    """A client between a release and its lists could be left with digests that nobody serves any more."""
    put(home, sample("one"))
    releases = [get(home, "lists/stable/release")]
    for n in range(3):
        put(home, sample(f"more-{n}"))
        releases.append(get(home, "lists/stable/release"))
    home.delete(sample("one")).expect(204)
    releases.append(get(home, "lists/stable/release"))
    assert len(set(releases)) == len(releases)
    for release in releases:
        assert check_release(home, release)


@BOTH
def test_digest_alone_opens_nothing(home: Home) -> None:
    """Whoever knows a digest could read a list of a project that they may not see (threats, P10)."""
    put(home, sample("one"))
    release = get(home, "lists/stable/release")
    [digest, *_] = [digest for digest, _, path in digests_in(release) if path.endswith("packages")]
    elsewhere = make_home(home.server, home.client, PUBLIC)
    put(elsewhere, sample("two"))
    get(elsewhere, f"lists/stable/main/x1/by-hash/{digest}", 404)
    get(home, f"lists/stable/main/y2/by-hash/{digest}", 404)
    get(home, f"lists/stable/main/x1/by-hash/{'0' * 64}", 404)
    get(home, f"lists/stable/main/x1/by-hash/{digest}", 404, login=home.server.furniture.token(home.server.furniture.user()))


@BOTH
def test_old_lists_of_a_group(server: Server) -> None:
    """A list made for somebody who sees more could be served, by its digest, to somebody who sees less."""
    group = server.furniture.group(PUBLIC)
    hidden, shown = (make_home(server, Client(FORMAT), visibility, group) for visibility in (PRIVATE, PUBLIC))
    put(hidden, sample("secret"))
    put(shown, sample("open"))
    member, stranger = server.furniture.member(group, REPORTER), server.furniture.token(server.furniture.user())
    full = get(shown, "lists/stable/release", level="groups", place=group, login=member)
    part = get(shown, "lists/stable/release", level="groups", place=group, login=stranger)
    assert full != part
    put(shown, sample("open", "2.0.0"))
    check_release(shown, full, level="groups", place=group, login=member)
    check_release(shown, part, level="groups", place=group, login=stranger)
    check_release(shown, part, level="groups", place=group, login=member)
    for digest, _, path in digests_in(full):
        get(shown, f"lists/stable/{path.rpartition('/')[0]}/by-hash/{digest}", 404, level="groups", place=group, login=stranger)


@BOTH
def test_a_moment_is_signed_too(home: Home) -> None:
    """A release of last week could come without a signature, or with one of today's release."""
    put(home, sample("one"))
    release = get(home, "lists/stable/release")
    time = write_moment(now())
    put(home, sample("two"))
    then = get(home, "lists/stable/release", time=time)
    assert then == release
    assert ToySigner(home.project).checks(then, get(home, "lists/stable/release.sig", time=time))
    check_release(home, then, time=time)
    assert b"two" not in get(home, "lists/stable/main/x1/packages", time=time)


@BOTH
def test_moments_do_not_fill_the_store(home: Home) -> None:
    """Whoever reads many moments could make the server keep a set of documents for each."""
    put(home, sample("one"))
    get(home, "lists/stable/release")
    before = home.server.furniture.read(count_stored)
    for _ in range(5):
        get(home, "lists/stable/release.signed", time=write_moment(now()))
    assert home.server.furniture.read(count_stored) == before


def count_stored(connection: Connection) -> int:
    return int(connection.execute(select(func.count()).select_from(document)).scalar_one())


@BOTH
def test_old_sets_go_in_time(home: Home) -> None:
    """Lists that nobody can ask for any more could be kept for ever, or the current ones be swept away."""
    put(home, sample("one"))
    first = get(home, "lists/stable/release")
    put(home, sample("two"))
    second = get(home, "lists/stable/release")
    furniture = home.server.furniture
    furniture.write(documents_db.drop_superseded, now() - HOUR)
    check_release(home, first)
    furniture.write(backdate, 2 * HOUR)
    assert furniture.write(documents_db.drop_superseded, now() - HOUR) > 0
    for digest, _, path in digests_in(first):
        if digest not in {other for other, _, _ in digests_in(second)}:
            get(home, f"lists/stable/{path.rpartition('/')[0]}/by-hash/{digest}", 404)
    check_release(home, second)


def backdate(connection: Connection, by: int) -> None:
    connection.execute(update(document).values(made_at=document.c.made_at - by))


def test_one_file_on_several_shelves(home: Home) -> None:
    """A file that belongs to several lists could be missing from one, or stay in one when it is deleted."""
    both = put(home, sample("both", shelf=AMD, Also="main/y2 extra/x1"))
    for shelf in ("main/x1", "main/y2", "extra/x1"):
        assert b"both" in get(home, f"lists/stable/{shelf}/packages")
    home.delete(both).expect(204)
    for shelf in ("main/x1", "main/y2", "extra/x1"):
        get(home, f"lists/stable/{shelf}/packages", 404)
    assert b"main" not in get(home, "lists/stable/release")


def test_empty_distribution(home: Home) -> None:
    """A distribution whose last package is gone could vanish, and fail the clients that use it."""
    one = put(home, sample("one"))
    get(home, "lists/nowhere/release", 404)
    home.delete(one).expect(204)
    release = get(home, "lists/stable/release")
    assert not list(digests_in(release))
    assert ToySigner(home.project).checks(release, get(home, "lists/stable/release.sig"))


@BOTH
def test_publishing_meanwhile(home: Home) -> None:
    """A release could be made from two generations at once, while others publish."""
    stop = threading.Event()
    headers = basic(home.maintainer.user, home.maintainer.secret)

    def write(arch: str) -> None:
        with Wire(home.server.url) as wire:
            for n in range(500):
                if stop.is_set():
                    return
                ask = home.client.publish(home.project, sample(f"by-{arch}", f"1.{n}", shelf=("stable", "main", arch)))
                assert wire.request(ask.method, ask.path, ask.body, {**ask.headers, **headers}).status == 201

    put(home, sample("first"))
    writers = [threading.Thread(target=write, args=(arch,)) for arch in ("x1", "y2")]
    for writer in writers:
        writer.start()
    try:
        releases = [get(home, "lists/stable/release") for _ in range(15)]
    finally:
        stop.set()
        for writer in writers:
            writer.join(60)
    for release in releases:
        assert check_release(home, release)
