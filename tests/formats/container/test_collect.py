"""Garbage collection: what may go goes, what must stay stays, and pushes never notice (threats, section 11)."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.furniture import DEVELOPER, MAINTAINER, PUBLIC, REPORTER
from tests.conformance.server import Server
from wire import basic

from packhouse.db.engine import now
from packhouse.packages.collect import DAY, SECOND, ClockJumped, Clockwork, Horizon, Strays
from packhouse.proxy.jobs import forget

from .conftest import BOTH, Broom, Home, make_home
from .driver import Driver, Refused
from .samples import artifact, digest, image, index, layer


def has(home: Home, name: str, body: bytes) -> bool:
    """Whether a reader finds the blob: one who may not push, so that looking does not keep it."""
    reader = home.server.furniture.member(home.project, REPORTER)
    return home.send("HEAD", f"/v2/{name}/blobs/{digest(body)}", login=reader).status == 200


@BOTH
def test_bytes_of_a_deleted_image_go(home: Home, broom: Broom) -> None:
    """An image that was deleted takes space for ever, or takes a layer along that another image needs."""
    name, other, driver = home.name, home.name, home.driver()
    shared, own = layer({"base": os.urandom(2000)}), layer({"app": os.urandom(2000)})
    gone, kept = image(name, layers=[shared, own]), image(other, layers=[shared])
    driver.push(name, gone, "1")
    driver.push(other, kept, "1")
    driver.delete(name, gone.digest)

    broom.all()

    assert not broom.stored(own) and not broom.stored(gone.manifest) and len(broom.stored(shared)) == 1
    assert not has(home, name, own) and not has(home, name, shared) and has(home, other, shared)
    assert driver.pull(other, "1") == kept.manifest and driver.blob(other, digest(shared)) == shared
    driver.push(name, gone, "again")
    assert driver.pull(name, "again") == gone.manifest and driver.blob(name, digest(own)) == own


@BOTH
def test_what_names_a_manifest_keeps_it(home: Home, broom: Broom) -> None:
    """A manifest that an index or a tag names, or that refers to one, is collected; or one that lost them all is not."""
    name, driver = home.name, home.driver()
    one, two, three = image("one"), image("two"), image("three")
    multi = index(one, two)
    signature, alone = artifact(multi.descriptor(), text="signature"), artifact(None, text="never had a name")
    orphan = artifact(image("a subject that never came").descriptor(), text="early")
    moved = image("moved away from")
    driver.push(name, multi, "multi")
    for pushed in (signature, alone, orphan):
        driver.push(name, pushed)
    driver.push(name, moved, "moving")
    driver.push(name, three, "moving")

    broom.all()

    def alive(*which: Any) -> list[bool]:
        reader = home.driver(home.server.furniture.member(home.project, REPORTER))
        return [reader.http("GET", f"/v2/{name}/manifests/{each.digest}")[0] == 200 for each in which]

    assert alive(multi, one, two, signature, three, alone, orphan) == [True] * 7
    assert alive(moved) == [False] and not broom.stored(moved.manifest)
    driver.delete(name, "multi")
    broom.all()
    assert alive(multi, one, two, signature) == [False] * 4
    assert alive(three, alone, orphan) == [True] * 3
    assert not broom.stored(one.blobs[1]) and not broom.stored(signature.blobs[1])


def test_grace(home: Home, broom: Broom) -> None:
    """Something is collected that somebody was told of a moment ago: by a push, by looking for it, by a mount, or by losing its tag."""
    name, driver = home.name, home.driver()
    bodies = [os.urandom(500) for _ in range(5)]
    for body in bodies:
        driver.push_blob(name, body)
    pushed, later = image(os.urandom(8).hex()), image(os.urandom(8).hex())
    driver.push(name, pushed, "moving")
    before = now()
    assert broom.sweep(grace=before - 60 * SECOND).links == 0, "nothing is old yet"
    developer, reporter = (home.server.furniture.member(home.project, role) for role in (DEVELOPER, REPORTER))
    age(broom, bodies, 10 * DAY)
    old = now() - 5 * DAY

    home.send("HEAD", f"/v2/{name}/blobs/{digest(bodies[0])}", login=developer).expect(200)
    home.send("GET", f"/v2/{name}/blobs/{digest(bodies[1])}", login=developer).expect(200)
    home.send("HEAD", f"/v2/{name}/blobs/{digest(bodies[2])}", login=reporter).expect(200)
    home.send("POST", f"/v2/{home.name}/blobs/uploads/?mount={digest(bodies[3])}&from={name}").expect(201)
    driver.push(name, later, "moving")
    for _ in range(2):
        broom.sweep(grace=old)

    assert [len(broom.stored(body)) for body in bodies[:4]] == [1, 1, 0, 1]
    assert not broom.stored(bodies[4])
    assert driver.pull(name, pushed.digest) == pushed.manifest


def age(broom: Broom, bodies: list[bytes], by: int) -> None:
    """These blobs were pushed earlier."""
    from sqlalchemy import Connection, update

    from packhouse.db.tables import blob, blob_link

    def change(connection: Connection) -> None:
        digests = [hashlib.sha256(body).hexdigest() for body in bodies]
        ids = [row[0] for row in connection.execute(blob.select().with_only_columns(blob.c.id).where(blob.c.sha256.in_(digests)))]
        connection.execute(update(blob).where(blob.c.id.in_(ids)).values(touched=blob.c.touched - by))
        connection.execute(update(blob_link).where(blob_link.c.blob_id.in_(ids)).values(touched=blob_link.c.touched - by))

    broom.run(broom.house.database.write(change))


@BOTH
def test_condemned_is_absent_and_comes_back(home: Home, broom: Broom) -> None:
    """A condemned blob is offered to clients; or its bytes are removed from under a push that brings them again."""
    name, driver, body = home.name, home.driver(), os.urandom(700)
    driver.push_blob(name, body)
    [first] = broom.stored(body)
    assert broom.sweep(swept=1).condemned >= 1 and broom.stored(body) == [first]
    assert not has(home, name, body)
    forged = image(layers=[body])
    driver.push_blob(name, forged.blobs[0])
    with pytest.raises(Refused) as refused:
        driver.put(name, forged, "x")
    assert refused.value.code == "MANIFEST_BLOB_UNKNOWN"
    assert home.send("POST", f"/v2/{home.name}/blobs/uploads/?mount={digest(body)}&from={name}").status == 202

    driver.push_blob(name, body)
    driver.put(name, forged, "x")

    assert len(broom.stored(body)) == 2, "the bytes that come again have a name of their own"
    broom.all()
    assert [path.name for path in broom.stored(body)] == [f"{first.name}.2"] and driver.blob(name, digest(body)) == body


def test_deleted_is_kept_for_restoring(home: Home, broom: Broom) -> None:
    """What was deleted is collected before the time within which it can be restored is over."""
    name, driver, pushed = home.name, home.driver(), image(os.urandom(8).hex())
    driver.push(name, pushed, "1")
    driver.delete(name, pushed.digest)

    broom.sweep(retained=now() - DAY)

    assert all(len(broom.stored(body)) == 1 for body in (*pushed.blobs, pushed.manifest))
    broom.all()
    assert not any(broom.stored(body) for body in (*pushed.blobs, pushed.manifest))


def test_files_of_other_formats(home: Home, broom: Broom) -> None:
    """A package that is there loses its bytes; or one that was deleted keeps them for ever, or cannot be published again."""
    base = f"/api/v4/projects/{home.project}/packages/generic/tool"
    kept, gone = os.urandom(900), os.urandom(900)
    home.send("PUT", f"{base}/1.0/f", kept).expect(201)
    home.send("PUT", f"{base}/2.0/f", gone).expect(201)
    home.send("DELETE", f"{base}/2.0/f").expect(204)

    broom.all()

    assert len(broom.stored(kept)) == 1 and not broom.stored(gone)
    assert home.send("GET", f"{base}/1.0/f").expect(200).body == kept
    home.send("PUT", f"{base}/2.0/f", gone).expect(201)
    broom.all()
    assert home.send("GET", f"{base}/2.0/f").expect(200).body == gone


def test_deleted_project(home: Home, broom: Broom) -> None:
    """The images of a project that was deleted stay on disk."""
    name, pushed = home.name, image(os.urandom(8).hex())
    home.driver().push(name, pushed, "1")
    home.server.http.request("DELETE", f"/api/v4/projects/{home.project}", None, {"PRIVATE-TOKEN": "phpat-of-root-for-the-tests-only"}).expect(202)
    broom.all()
    assert not any(broom.stored(body) for body in (*pushed.blobs, pushed.manifest))


@BOTH
def test_dry_run_says_what_a_run_does(home: Home, broom: Broom) -> None:
    """A dry run changes something, or announces something else than what is done."""
    broom.all()
    name, driver = home.name, home.driver()
    driver.push(name, image(os.urandom(8).hex()), "1")
    driver.push(name, image(os.urandom(8).hex()), "1")
    shown = broom.sweep(dry_run=True)
    assert shown.versions == 1 and broom.sweep(dry_run=True).summary() == shown.summary()
    done = broom.sweep()
    assert (done.versions, done.links) == (shown.versions, shown.links)


def test_abandoned_upload(home: Home, broom: Broom) -> None:
    """An upload that nobody goes on with stays in the spool, or one that is under way is taken away."""
    from sqlalchemy import Connection, update

    from packhouse.db.tables import upload_session

    name, driver = home.name, home.driver()
    old, new = driver.start(name), driver.start(name)
    session = old.rpartition("/")[2]

    def change(connection: Connection) -> None:
        connection.execute(update(upload_session).where(upload_session.c.name == session).values(touched=now() - 2 * DAY))

    broom.run(broom.house.database.write(change))
    home.send("PATCH", old, b"too late").expect(404)
    broom.sweep()
    assert not (broom.house.spool.folder / f"upload-{session}").exists()
    home.send("PATCH", new, b"in time").expect(202)


def test_upload_that_takes_longer_than_a_day(home: Home, broom: Broom) -> None:
    """An upload is taken away from under a client that is still sending, because its last acknowledgement is old."""
    from sqlalchemy import Connection, update

    from packhouse.db.tables import upload_session

    name, driver, first, rest = home.name, home.driver(), os.urandom(2_000_000), os.urandom(1000)
    location = driver.start(name)
    session = location.rpartition("/")[2]
    file = broom.house.spool.folder / f"upload-{session}"

    def change(connection: Connection) -> None:
        connection.execute(update(upload_session).where(upload_session.c.name == session).values(touched=now() - 2 * DAY))

    def body() -> Iterator[bytes]:
        yield first
        wait_until(lambda: file.stat().st_size > 0, home.server, 30)
        broom.run(broom.house.database.write(change))
        broom.sweep()
        yield rest

    with home.wire() as wire:
        wire.request("PATCH", location, body()).expect(202)
    assert file.exists()
    driver.ask("PUT", f"{location}?digest={digest(first + rest)}")
    assert driver.blob(name, digest(first + rest)) == first + rest


def test_stray_files(home: Home, broom: Broom) -> None:
    """A file without a row is removed at first sight, or one with a row is put aside."""
    driver, name, body = home.driver(), home.name, os.urandom(300)
    driver.push_blob(name, body)
    stray = broom.house.store.path("ab" + "0" * 62)
    assert stray is not None
    stray.write_bytes(b"nobody knows me")
    strays, at = Strays(), now() + 60 * SECOND
    when = Horizon(now=at, grace=at, retained=at, sweep=at)
    assert broom.run(strays.look(broom.house, when, shards=256)) == 0 and stray.exists()
    later = Horizon(now=at + 1, grace=at, retained=at, sweep=at)
    assert broom.run(strays.look(broom.house, later, shards=256)) >= 1 and not stray.exists()
    put_aside = stray.parent.parent / "quarantine" / stray.name
    assert put_aside.read_bytes() == b"nobody knows me"
    much_later = Horizon(now=at + 8 * DAY, grace=at, retained=at, sweep=at)
    broom.run(strays.look(broom.house, much_later, shards=1))
    assert not put_aside.exists()
    assert driver.blob(name, digest(body)) == body


def test_clock_that_was_set() -> None:
    """Collection trusts a clock that has jumped, and takes everything for old."""
    clock, at = Clockwork(), now()
    clock.check(at)
    clock.check(at + 10 * SECOND)
    for jump in (2 * 3600 * SECOND, -2 * 3600 * SECOND):
        with pytest.raises(ClockJumped):
            clock.check(at + jump)
        clock.check(at + jump)
        with pytest.raises(ClockJumped):
            clock.check(at)


@BOTH
def test_looks_again_inside_of_the_change(home: Home, broom: Broom) -> None:
    """What was found idle, and is needed since, is removed all the same: the finding counts and not the state at the removal."""
    from packhouse.db import collection

    name, driver = home.name, home.driver()
    read, write = broom.house.database.read, broom.house.database.write
    retained = now() - DAY

    forgotten = image(os.urandom(8).hex())
    driver.push(name, forgotten, "moving")
    driver.push(name, image(os.urandom(8).hex()), "moving")
    at = now()
    found = [one for one in broom.run(read(collection.find_forgotten, "container", at)) if one.version == forgotten.digest]
    assert len(found) == 1
    driver.put(name, forgotten, "again")
    assert broom.run(write(collection.still_forgotten, "container", at, [found[0].id])) == []

    body = os.urandom(900)
    driver.push_blob(name, body)
    at = now()
    idle = broom.run(read(collection.find_idle_links, at, retained))
    needed = image(os.urandom(8).hex(), layers=[body])
    driver.push_blob(name, needed.blobs[0])
    driver.put(name, needed, "needing")
    broom.run(write(collection.drop_idle_links, at, retained, idle))
    assert driver.blob(name, digest(body)) == body

    loose = os.urandom(900)
    driver.push_blob(name, loose)
    home.send("DELETE", f"/v2/{name}/blobs/{digest(loose)}").expect(202)
    at = now()
    unkept = [id_ for id_, _ in broom.run(read(collection.find_unkept, at, retained))]
    driver.push_blob(name, loose)
    broom.run(write(collection.condemn, at, retained, unkept, at))
    assert driver.blob(name, digest(loose)) == loose

    home.send("DELETE", f"/v2/{name}/blobs/{digest(loose)}").expect(202)
    broom.sweep(swept=1)
    assert not has(home, name, loose)
    doomed = [one.id for one in broom.run(read(collection.find_doomed, now())) if one.sha256 == hashlib.sha256(loose).hexdigest()]
    assert len(doomed) == 1
    driver.push_blob(name, loose)
    assert broom.run(write(collection.give_up, now(), retained, doomed)) == []
    assert driver.blob(name, digest(loose)) == loose


# -- all at once -------------------------------------------------------------------------------------------------------

SOAK_SECONDS = 15
PUSHERS = 4


class Pusher:
    """A client that looks before it pushes, and deletes what it likes; it remembers what it was promised."""

    def __init__(self, home: Home, number: int) -> None:
        self.name, self.other = f"{home.path}/soak{number % 2}", f"{home.path}/soak{1 - number % 2}"
        self.random = random.Random(number)
        self.driver = self._make(home)
        self.promised: dict[str, tuple[Any, ...]] = {}
        self.pushes = self.skipped = self.mounted = self.deleted = 0
        self.failures: list[str] = []
        self.number = number
        self.sources = (f"&from={self.other}", "")
        self.base = [layer({f"base{n}": bytes([n]) * 20_000}) for n in range(3)]

    def _make(self, home: Home) -> Driver:
        self.wire = home.wire()
        headers = basic(home.maintainer.user, home.maintainer.secret)

        def http(method: str, path: str, body: bytes | None = None, more: Any = None) -> Any:
            answer = self.wire.request(method, path, body, {**headers, **(more or {})})
            return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.body

        return Driver(http)

    def turn(self) -> None:
        tag = f"t{self.number}-{self.random.randrange(6)}"
        own = layer({"own": self.random.randbytes(3000)}) if self.random.random() < 0.6 else layer({"own": bytes(self.random.randrange(4))})
        pushed = image(f"{self.number}-{self.pushes % 7}", layers=[self.random.choice(self.base), own])
        for body in pushed.blobs:
            if self.driver.http("HEAD", f"/v2/{self.name}/blobs/{digest(body)}")[0] == 200:
                self.skipped += 1
                continue
            headers = self.driver.headers("POST", f"/v2/{self.name}/blobs/uploads/?mount={digest(body)}{self.random.choice(self.sources)}")
            if "docker-content-digest" in headers:
                self.mounted += 1
            else:
                self.driver.ask("PUT", f"{headers['location']}?digest={digest(body)}", body)
        self.driver.put(self.name, pushed, tag)
        self.promised[tag] = (pushed.manifest, pushed.blobs)
        self.pushes += 1
        if self.random.random() < 0.4 and self.promised:
            doomed = self.random.choice(sorted(self.promised))
            del self.promised[doomed]
            self.driver.delete(self.name, doomed)
            self.deleted += 1

    def work(self, until: float) -> None:
        while time.monotonic() < until:
            try:
                self.turn()
            except Refused as refused:
                self.failures.append(str(refused))
                return


class Puller(Pusher):
    """A client of a dependency proxy whose upstream is this same server: what was pulled through stays when the upstream loses it."""

    def __init__(self, home: Home, number: int) -> None:
        super().__init__(home, number)
        self.source = f"{home.path}/upstream"
        self.name = f"{home.server.furniture.path_of(home.group)}/dependency_proxy/containers/{self.source}"

    def turn(self) -> None:
        tag = f"u{self.pushes}"
        pushed = image(tag, layers=[self.random.choice(self.base), layer({"own": self.random.randbytes(3000)})])
        self.driver.push(self.source, pushed, tag)
        self.pushes += 1
        assert self.driver.pull(self.name, tag) == pushed.manifest
        assert [self.driver.blob(self.name, digest(body)) for body in pushed.blobs] == list(pushed.blobs)
        self.promised[pushed.digest] = (pushed.manifest, pushed.blobs)
        self.driver.delete(self.source, pushed.digest)
        self.deleted += 1


@pytest.mark.slow
def test_pushes_never_notice(tmp_path: Path, database_url: str) -> None:
    """Something that was promised to a client is gone, a push fails because of collection, or the space of what was deleted does not come back."""
    settings = {"collect_seconds": "1", "collect_grace_seconds": "4", "collect_sweep_seconds": "1", "retention_days": "0"}
    with Server(tmp_path / "data", database_url, outbound_allow="127.0.0.1", **settings) as server, contextlib.ExitStack() as wires:
        home = make_home(server, PUBLIC)
        server.furniture.join(home.group, server.furniture.owner_of(home.maintainer), MAINTAINER)
        proxy, root = f"/api/v4/groups/{home.group}/dependency_proxy", {"PRIVATE-TOKEN": "phpat-of-root-for-the-tests-only"}
        json_type = {"Content-Type": "application/json"}
        server.http.request("PUT", proxy, json.dumps({"upstream_url": server.url}).encode(), {**root, **json_type}).expect(200)
        pushers = [*(Pusher(home, number) for number in range(PUSHERS)), Puller(home, PUSHERS)]
        for pusher in pushers:
            wires.callback(pusher.wire.close)
        until = time.monotonic() + SOAK_SECONDS
        threads = [threading.Thread(target=pusher.work, args=(until,)) for pusher in pushers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [pusher.failures for pusher in pushers] == [[]] * len(pushers)
        assert all(pusher.pushes and pusher.deleted for pusher in pushers)
        assert sum(pusher.skipped for pusher in pushers) and sum(pusher.mounted for pusher in pushers)

        def check(some: list[Pusher]) -> None:
            for pusher in some:
                for reference, (manifest, blobs) in pusher.promised.items():
                    assert pusher.driver.pull(pusher.name, reference) == manifest
                    assert [pusher.driver.blob(pusher.name, digest(body)) for body in blobs] == list(blobs)

        def size_of(some: list[Pusher]) -> int:
            return sum(map(len, {body for pusher in some for manifest, blobs in pusher.promised.values() for body in (manifest, *blobs)}))

        check(pushers)
        wait_until(lambda: held_bytes(server.data) <= size_of(pushers), server, 60)
        check(pushers)
        assert collected(server) > sum(pusher.deleted for pusher in pushers), "nothing was collected while clients pushed"

        server.http.request("DELETE", f"{proxy}/cache", None, root).expect(202)
        forget_expired(server)
        wait_until(lambda: held_bytes(server.data) <= size_of(pushers[:-1]), server, 60)
        check(pushers[:-1])


def collected(server: Server) -> int:
    """How many blobs the rounds of collection have removed so far."""
    from sqlalchemy import Connection, text

    def read(connection: Connection) -> int:
        rows = connection.execute(text("SELECT detail FROM event WHERE what = 'collect' AND project_id IS NULL")).scalars()
        return sum(json.loads(detail).get("removed", 0) for detail in rows)

    return server.furniture.read(read)


def forget_expired(server: Server) -> None:
    """What the proxies' own job does every few minutes."""
    broom = Broom(server)
    broom.run(forget(broom.house, "test"))
    broom.close()


def held_bytes(data: Path) -> int:
    """The size of everything in the store."""
    return sum(path.stat().st_size for path in (data / "blobs").glob("??/*") if path.exists())


def wait_until(true: Callable[[], bool], server: Server, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s:\n{server.tail()}"
        pause.wait(0.5)


# -- on a schedule, and after a crash ----------------------------------------------------------------------------------


@BOTH
def test_policy_runs_when_its_time_has_come(home: Home, broom: Broom) -> None:
    """A cleanup policy does not run, runs too early or twice, removes a tag that a rule protects, or is not written down."""
    from packhouse.db import containers, repositories
    from packhouse.db.repositories import Policy
    from packhouse.packages.cleanup import run_policies

    name, driver = home.name, home.driver()
    for number, tag in enumerate(["v1", "v2", "v3", "fixed", "latest"]):
        driver.push(name, image(tag, created=f"2025-01-0{number + 1}T00:00:00Z"), tag)
    write = broom.house.database.write
    broom.run(write(containers.add_tag_rule, home.project, "container", "^fixed$", None, None))
    policy = Policy(project=home.project, enabled=True, keep_n=1, older_than="7d", next_run_at=now() + DAY)
    broom.run(write(repositories.put_policy, policy))
    broom.run(run_policies(broom.house))
    assert len(driver.tags(name)) == 5, "not yet"
    broom.run(write(repositories.put_policy, Policy(project=home.project, enabled=True, keep_n=1, older_than="7d", next_run_at=1)))
    home.server.furniture.change_place(home.project, archived=True)
    broom.run(run_policies(broom.house))
    assert len(driver.tags(name)) == 5, "what is archived can only be read"
    home.server.furniture.change_place(home.project, archived=False)

    broom.run(run_policies(broom.house))

    assert driver.tags(name) == ["fixed", "latest"]
    path = f"/api/v4/projects/{home.project}/-/registry/cleanup/runs"
    [run] = home.send("GET", path).expect(200).json()
    assert run["trigger"] == "policy" and run["tags_removed"] == 3 and run["finished_at"]
    assert run["repositories"] == [{"path": name, "tags": ["v1", "v2", "v3"]}]
    broom.run(run_policies(broom.house))
    assert len(home.send("GET", path).expect(200).json()) == 1


def test_upload_survives_a_crash(tmp_path: Path) -> None:
    """What was acknowledged of an upload is lost when the server dies, or what was not is counted; or the whole cannot be finished."""
    import signal

    with Server(tmp_path / "data") as server:
        home = make_home(server)
        name, driver, body = home.name, home.driver(), os.urandom(300_000)
        location = driver.start(name)
        driver.ask("PATCH", location, body[:200_000])
        login = home.maintainer
        with (server.data / "spool" / f"upload-{location.rpartition('/')[2]}").open("ab") as file:
            file.write(b"came, but was never acknowledged")
        server.stop(signal.SIGKILL)
        server.start()
        headers = basic(login.user, login.secret)
        assert server.send("GET", location, None, headers).expect(204).headers["Range"] == "0-199999"
        server.send("PATCH", location, body[200_000:], {**headers, "Content-Range": "200000-299999"}).expect(202)
        server.send("PUT", f"{location}?digest={digest(body)}", b"", headers).expect(201)
        assert server.send("GET", f"/v2/{name}/blobs/{digest(body)}", None, headers).expect(200).body == body
