"""Images at an earlier moment: the tags and bytes of then, for clients by a name and for REST below `/-/at/` (design 009)."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime

import pytest
from tests.conformance.furniture import GUEST, PUBLIC, REPORTER
from wire import basic, bearer

from packhouse.db.engine import now
from packhouse.errors import InvalidName
from packhouse.formats.container import names
from packhouse.packages.collect import DAY

from .conftest import BOTH, Broom, Home, ask_token, make_home
from .driver import Driver
from .samples import Image, artifact, digest, image, index, layer


def moment() -> tuple[str, str]:
    """This instant as a name of an image has it, and as REST does."""
    at = datetime.fromtimestamp(now() / 1_000_000, UTC)
    return at.strftime("%Y%m%dt%H%M%S.%fz"), at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def fresh() -> Image:
    return image(os.urandom(8).hex(), layers=[layer({"own": os.urandom(300)})])


def is_whole(driver: Driver, name: str, reference: str, pushed: Image) -> bool:
    """The manifest and everything below it is there, byte for byte."""
    assert driver.pull(name, reference) == pushed.manifest
    for child in pushed.children:
        is_whole(driver, name, child.digest, child)
    return [driver.blob(name, digest(body)) for body in pushed.blobs] == list(pushed.blobs)


@BOTH
def test_a_moment_stays(home: Home) -> None:
    """What a build of last week pulled by a tag could have changed under it: by a push, a deletion, or a cleanup of the whole repository."""
    name, driver = home.name, home.driver()
    first, second, multi = fresh(), fresh(), index(fresh(), fresh())
    driver.push(name, first, "moving")
    driver.push(name, first, "gone")
    driver.push(name, multi, "multi")
    signature = artifact(first.descriptor(), text=name)
    driver.push(name, signature)
    then, rest = moment()
    at = f"{name}/at/{then}"
    driver.push(name, second, "moving")
    driver.push(name, second, "new")
    driver.delete(name, "gone")
    driver.push(name, artifact(first.descriptor(), text="later"))
    for reference in (signature.digest, first.digest, multi.digest):
        driver.delete(name, reference)

    def check() -> None:
        assert driver.tags(at) == ["gone", "moving", "multi"]
        assert is_whole(driver, at, "moving", first) and is_whole(driver, at, "gone", first) and is_whole(driver, at, "multi", multi)
        assert is_whole(driver, at, first.digest, first)
        found = home.send("GET", f"/v2/{at}/referrers/{first.digest}").expect(200).json()["manifests"]
        assert [entry["digest"] for entry in found] == [signature.digest]
        home.send("GET", f"/v2/{at}/manifests/new").expect(404)
        home.send("GET", f"/v2/{at}/manifests/{second.digest}").expect(404)
        home.send("GET", f"/v2/{at}/blobs/{digest(second.blobs[1])}").expect(404)

    check()
    assert driver.tags(name) == ["moving", "new"] and is_whole(driver, name, "moving", second)
    base = f"/api/v4/projects/{home.project}"
    [found] = home.send("GET", f"{base}/registry/repositories").expect(200).json()
    home.send("DELETE", f"{base}/registry/repositories/{found['id']}").expect(202)
    check()
    assert home.send("GET", f"{base}/registry/repositories").expect(200).json() == []

    [listed] = home.send("GET", f"{base}/-/at/{rest}/registry/repositories?tags=true").expect(200).json()
    assert (listed["id"], listed["path"], listed["tags_count"]) == (found["id"], name, 3)
    assert [tag["name"] for tag in listed["tags"]] == ["gone", "moving", "multi"]
    for path in (home.path.replace("/", "%2F"), home.path.replace("/", "%2f"), home.path):
        [same] = home.send("GET", f"/api/v4/projects/{path}/-/at/{rest}/registry/repositories").expect(200).json()
        assert same["id"] == found["id"]
    [grouped] = home.send("GET", f"/api/v4/groups/{home.group}/-/at/{rest}/registry/repositories").expect(200).json()
    assert grouped["id"] == found["id"]
    tags = f"{base}/-/at/{rest}/registry/repositories/{found['id']}/tags"
    paged = home.send("GET", f"{tags}?per_page=2").expect(200)
    assert [tag["name"] for tag in paged.json()] == ["gone", "moving"] and paged.headers["x-total"] == "3"
    keyed = home.send("GET", f"{tags}?pagination=keyset&per_page=2&last=gone").expect(200).json()
    assert [tag["name"] for tag in keyed] == ["moving", "multi"]
    assert home.send("GET", f"{tags}/moving").expect(200).json()["digest"] == first.digest
    home.send("GET", f"{tags}/new").expect(404)


@BOTH
def test_nothing_slips_behind_a_moment(home: Home) -> None:
    """A push that began before a moment and ended after it was read could change what it shows."""
    name, driver, stop, failures = home.name, home.driver(), threading.Event(), list[int]()
    images = [fresh() for _ in range(3)]
    for pushed in images:
        driver.push(name, pushed, "first")
    headers = basic(home.maintainer.user, home.maintainer.secret)

    def write(number: int) -> None:
        with home.wire() as wire:
            for n in range(400):
                if stop.is_set():
                    return
                pushed = images[n % 3]
                for tag in (f"w{number}", f"w{number}-{n}"):
                    answer = wire.request("PUT", f"/v2/{name}/manifests/{tag}", pushed.manifest, {**headers, "Content-Type": pushed.media_type})
                    failures.extend([answer.status] if answer.status != 201 else [])

    def look(at: str) -> list[tuple[str, bytes]]:
        return [(tag, driver.pull(at, tag)) for tag in driver.tags(at) if "-" not in tag] + [(tag, b"") for tag in driver.tags(at)]

    writers = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for writer in writers:
        writer.start()
    seen = {}
    try:
        for _ in range(6):
            at = f"{name}/at/{moment()[0]}"
            seen[at] = look(at)
    finally:
        stop.set()
        for writer in writers:
            writer.join(60)
    assert not failures and len({tuple(shown) for shown in seen.values()}) > 1
    assert {at: look(at) for at in seen} == seen


@BOTH
def test_kept_for_a_while_only(home: Home, broom: Broom) -> None:
    """What was deleted cannot be pulled from its moment while it is kept; or afterwards, a half of it can."""
    name, driver, pushed = home.name, home.driver(), fresh()
    driver.push(name, pushed, "1")
    at = f"{name}/at/{moment()[0]}"
    driver.delete(name, pushed.digest)
    home.send("DELETE", f"/v2/{name}/blobs/{digest(pushed.blobs[1])}")
    for _ in range(3):
        broom.sweep(retained=now() - DAY)
    assert is_whole(driver, at, "1", pushed)

    broom.all()

    gone = home.send("GET", f"/v2/{at}/manifests/1").expect(404)
    assert "collected" in gone.text
    for body in pushed.blobs:
        home.send("GET", f"/v2/{at}/blobs/{digest(body)}").expect(404)


def test_nothing_is_pushed_to_a_moment(home: Home) -> None:
    """Something could be pushed into the past, or deleted from it, or linked out of it."""
    name, driver, pushed = home.name, home.driver(), fresh()
    driver.push(name, pushed, "1")
    at = f"{name}/at/{moment()[0]}"
    refused = home.send("PUT", f"/v2/{at}/manifests/2", pushed.manifest, {"Content-Type": pushed.media_type}).expect(400)
    assert refused.json()["errors"][0]["code"] == "NAME_INVALID" and "earlier moment" in refused.text
    for query in ("", f"?mount={digest(pushed.blobs[0])}&from={name}", f"?digest={digest(b'x')}"):
        home.send("POST", f"/v2/{at}/blobs/uploads/{query}", b"x").expect(400)
    home.send("DELETE", f"/v2/{at}/manifests/1").expect(404)
    home.send("DELETE", f"/v2/{at}/manifests/{pushed.digest}").expect(404)
    home.send("DELETE", f"/v2/{at}/blobs/{digest(pushed.blobs[0])}").expect(404)
    home.send("POST", f"/v2/{home.name}/blobs/uploads/?mount={digest(pushed.blobs[0])}&from={at}").expect(202)
    assert driver.tags(name) == ["1"]


def test_tokens_of_a_moment(home: Home) -> None:
    """A client that follows the challenge could not pull from a moment, somebody could who may not pull, or a moment could open what is private."""
    open_home = make_home(home.server, PUBLIC)
    for each, allowed in ((open_home, True), (home, False)):
        name, pushed = each.name, fresh()
        each.driver().push(name, pushed, "1")
        at = f"{name}/at/{moment()[0]}"
        bare = each.server.http.request("GET", f"/v2/{at}/manifests/1")
        assert bare.status == (200 if allowed else 401)
        assert allowed or f'scope="repository:{at}:pull"' in bare.headers["WWW-Authenticate"]
        answer = ask_token(each.server, [f"repository:{at}:pull"])
        assert answer.status == (200 if allowed else 403)
        assert is_whole(each.driver_of([f"repository:{at}:pull"]), at, "1", pushed)
        if allowed:
            assert is_whole(each.driver_with(bearer(answer.json()["token"])), at, "1", pushed)


def test_moments_are_as_hidden_as_now(home: Home) -> None:
    """Somebody who may not see a project now could see it at a moment, or learn that it was there."""
    name = home.name
    home.driver().push(name, fresh(), "1")
    at, rest = moment()
    furniture = home.server.furniture
    stranger, guest, reporter = furniture.token(furniture.user()), furniture.member(home.project, GUEST), furniture.member(home.project, REPORTER)
    path, absent = f"/v2/{name}/at/{at}/manifests/1", f"/v2/{home.path}-not/img/at/{at}/manifests/1"
    assert [home.send("GET", path, login=login).status for login in (stranger, guest, reporter)] == [404, 403, 200]
    assert home.send("GET", path, login=stranger).body == home.send("GET", absent, login=stranger).body
    for tail in ("", "/1/tags", "/1/tags/1"):
        url = f"/api/v4/projects/{home.project}/-/at/{rest}/registry/repositories{tail}"
        assert home.server.http.request("GET", url).status == 404
        assert [home.send("GET", url, login=login).status for login in (stranger, guest)] == [404, 403]
    home.send("POST", f"/api/v4/projects/{home.project}/-/at/{rest}/registry/repositories").expect(404, 405)


@pytest.mark.parametrize("time", ["29990101t000000z", "20261301t000000z", "20260230t000000z"])
def test_no_such_moment(home: Home, time: str) -> None:
    """A moment that has not come, or is none, could be answered with something that will change."""
    name = home.name
    home.driver().push(name, fresh(), "1")
    home.send("GET", f"/v2/{name}/at/{time}/manifests/1").expect(400)


def test_before_anything(home: Home) -> None:
    """A moment before an image was pushed could already show it."""
    name = home.name
    at, rest = moment()
    home.driver().push(name, fresh(), "1")
    home.send("GET", f"/v2/{name}/at/{at}/manifests/1").expect(404)
    home.send("GET", f"/v2/{name}/at/{at}/tags/list").expect(404)
    assert home.send("GET", f"/api/v4/projects/{home.project}/-/at/{rest}/registry/repositories").expect(200).json() == []


def test_names_of_moments() -> None:
    """A repository that only looks a little like one would be read at a moment, or a moment be read wrongly."""
    assert names.repository_of("g/p/at/20260131t120000z") == "g/p"
    assert names.moment_of({"name": "g/p/a/at/20260131t120000.25z"}) == "2026-01-31T12:00:00.25Z"
    for plain in ("g/p", "g/p/at", "g/p/at/1", "g/p/at/20260131", "g/at/20260131t120000z", "g/p/at/20260131t120000z/x", "at/20260131t120000z"):
        assert names.repository_of(plain) == plain and names.moment_of({"name": plain}) is None
        assert names.new_name(plain) == plain
    with pytest.raises(InvalidName):
        names.new_name("g/p/at/20260131t120000z")
