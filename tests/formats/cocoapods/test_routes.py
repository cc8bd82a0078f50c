"""Uploads, the source, deprecation and deletion on a running server."""

from __future__ import annotations

import concurrent.futures
import hashlib
import itertools
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from stand import Login, Stand, Team
from wire import Answer, Client, basic

from .samples import Sample, describe, form, pack_zip, podspec, sample

VERSION_FILE = "CocoaPods-version.yml"


class Shop:
    """A project that pods are published to."""

    def __init__(self, stand: Stand, team: Team) -> None:
        self.stand, self.team = stand, team
        self.base = f"/api/v4/projects/{team.project['id']}/packages/cocoapods"
        self.group = f"/api/v4/groups/{team.group['id']}/-/packages/cocoapods"

    def ask(self, method: str, tail: str, body: bytes | None = None, login: Login | None = None, base: str = "", **headers: str) -> Answer:
        login = login or self.team.maintainer
        return self.stand.http.request(method, f"{base or self.base}/{tail}", body, {**basic(login.user, login.token), **headers})

    def get(self, tail: str, base: str = "", **headers: str) -> Answer:
        return self.ask("GET", tail, None, self.team.reporter, base, **headers)

    def put(self, one: Sample, body: bytes | None = None, headers: Mapping[str, str] | None = None, login: Login | None = None) -> Answer:
        return self.ask("PUT", f"pods/{one.name}/{one.version}", one.content if body is None else body, login or self.team.writer, **(headers or {}))

    def publish(self, *args: Any, **more: Any) -> Sample:
        one = sample(*args, **more)
        self.put(one).expect(201)
        return one

    def post(self, body: bytes, login: Login | None = None) -> Answer:
        return self.ask("POST", "podspecs", body, login or self.team.writer)

    def lines(self, one: Sample, base: str = "") -> list[str]:
        """The shard that a pod is in."""
        answer = self.get(one.list, base)
        return [] if answer.status == 404 else answer.expect(200).text.splitlines()

    def spec(self, one: Sample, base: str = "") -> Any:
        return self.get(one.spec, base).expect(200).json()


@pytest.fixture(name="shop")
def open_shop(stand: Stand, team: Team) -> Shop:
    return Shop(stand, team)


# -- publishing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["zip", "tgz", "tbz", "txz"])
def test_from_end_to_end(shop: Shop, kind: str) -> None:
    """A pod could come out with other bytes, under another digest, or where no client looks for it."""
    one = shop.publish("Foo", "1.0.0", kind=kind)
    assert shop.lines(one) == ["Foo/1.0.0"] and one.list == "all_pods_versions_1_3_5.txt"
    assert shop.get("all_pods.txt").expect(200).text == "Foo\n"
    spec = shop.get(one.spec).expect(200)
    assert spec.headers["content-type"] == "application/json"
    source = spec.json()["source"]
    assert source == {"http": f"{shop.stand.url}{shop.base}/pods/Foo/1.0.0/Foo-1.0.0.{kind}", "type": kind, "sha256": one.sha256}
    assert {**spec.json(), "source": None} == {**describe("Foo"), "source": None}
    answer = shop.get(f"pods/Foo/1.0.0/{one.filename}").expect(200)
    assert answer.body == one.content and answer.headers["content-encoding"] is None
    assert shop.ask("HEAD", f"pods/Foo/1.0.0/{one.filename}").expect(200).headers["content-length"] == str(len(one.content))
    for tail in (
        "pods/Foo/1.0.0/Foo-1.0.0.dmg",
        "pods/Foo/1.0.0/Foo-1.0.zip",
        "pods/Foo/2.0/Foo-2.0.zip",
        "pods/.x/1/.x-1.zip",
        "pods/foo/1.0.0/foo-1.0.0.zip",
    ):
        shop.get(tail).expect(404)


def test_podspec_alone(shop: Shop) -> None:
    """A pod whose sources are in Git could not be published, be sent elsewhere, or be taken under another's name."""
    one = sample("Foo", "1.0.0")
    shop.post(podspec("Foo", "1.0.0")).expect(201)
    shop.ask("PUT", sample("Foo", "1.1.0").spec, podspec("Foo", "1.1.0"), shop.team.writer).expect(201)
    assert shop.lines(one) == ["Foo/1.0.0/1.1.0"]
    assert shop.spec(one) == describe("Foo", "1.0.0")
    shop.get("pods/Foo/1.0.0/Foo-1.0.0.zip").expect(404)
    for tail, reason in ((sample("Foo", "1.2.0").spec, "1.2.0"), (one.spec.replace("1/3/5", "1/3/6"), "Specs/1/3/5"), (sample("Bar").spec, "Bar")):
        assert reason in shop.ask("PUT", tail, podspec("Foo", "1.1.0"), shop.team.writer).expect(400).json()["message"]
    assert "source" in shop.post(podspec("Foo", "2.0", source=None)).expect(400).json()["message"]
    body, headers = form(file=podspec("Foo", "3.0"))
    shop.ask("POST", "podspecs", body, shop.team.writer, **headers).expect(201)
    assert shop.ask("POST", "podspecs", podspec(x="x" * 1024**2), shop.team.writer).status == 413


def test_podspec_beside_the_archive(shop: Shop) -> None:
    """An archive without a podspec could not be published, or its podspec be changed by sending both again."""
    bare = pack_zip({"Sources/x.swift": b"x", "other.podspec.json": b"{"})
    one = Sample("Foo", "1.0.0", bare)
    body, headers = form(podspec=podspec("Foo", "1.0.0", source={"http": "https://x.example/x.zip", "flatten": True}), file=bare)
    shop.put(one, body, headers).expect(201)
    source = shop.spec(one)["source"]
    assert (source["sha256"], source["type"], source["flatten"]) == (one.sha256, "zip", True) and "x.example" not in source["http"]
    assert shop.get(f"pods/Foo/1.0.0/{one.filename}").expect(200).body == bare
    shop.put(one, body, headers).expect(201)
    other, headers = form(podspec=podspec("Foo", "1.0.0", summary="Another"), file=bare)
    message = shop.put(one, other, headers).expect(409).json()["message"]
    assert "podspec" in message and message.count("sha256") == 2
    assert shop.spec(one)["summary"] == "A toy"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"podspec": podspec()}, "file"),
        ({"file": b"x", "other": b"y"}, "podspec"),
        ({"file": b""}, "empty"),
        ({"file": b"x", "podspec": podspec()}, "zip"),
        ({"file": sample().content, "podspec": b"Pod::Spec"}, "pod ipc spec"),
        ({"file": sample().content, "podspec": podspec("other")}, "other"),
        ({"file": sample().content, "podspec": podspec(x="x" * 1024**2)}, "1048576"),
    ],
)
def test_bad_forms(shop: Shop, fields: Mapping[str, bytes], reason: str) -> None:
    """A form could be half taken, or be refused without a word about which part."""
    body, headers = form(**fields)
    answer = shop.put(sample(), body, headers)
    assert answer.status in (400, 413) and reason in answer.text, answer.text
    assert shop.lines(sample()) == []


def test_what_is_refused(shop: Shop) -> None:
    """An upload could be taken that no client can use, or be refused without a word about what is wrong."""
    for one, content, reason in (
        (sample(), b"", "empty"),
        (sample(), b"x", "zip"),
        (sample(), pack_zip({"x": b""}), "podspec.json"),
        (sample(), sample("other").content, "other"),
        (sample(), sample("toy", "1.0.1").content, "1.0.1"),
        (sample("toy", "1-x"), sample().content, "Version"),
        (sample(".toy"), sample().content, "name"),
    ):
        assert reason in shop.put(one, content).expect(400).json()["message"]
    for tail in ("pods/toy/1.0%20", "pods/toy/.1", "pods/to%20y/1.0"):
        shop.ask("PUT", tail, sample().content, shop.team.writer).expect(400)
    assert shop.stand.http.put(f"{shop.base}/pods/toy/1.0.0", sample().content).status == 401
    shop.put(sample(), login=shop.team.reader).expect(403)
    shop.post(podspec(), shop.team.reader).expect(403)
    assert shop.get("all_pods.txt").expect(200).text == ""


def test_again(shop: Shop) -> None:
    """Other bytes could take a place, the same ones be refused, or nobody say which were which."""
    one, other = shop.publish("Foo", "1.0"), sample("Foo", "1.0", 1)
    shop.put(one).expect(201)
    message = shop.put(other).expect(409).json()["message"]
    assert one.sha256 in message and other.sha256 in message and "Foo-1.0.zip" in message
    packed = sample("Foo", "1.0", kind="tgz")
    message = shop.put(packed).expect(409).json()["message"]
    assert one.sha256 in message and packed.sha256 in message
    assert one.sha256 in shop.post(podspec("Foo", "1.0")).expect(409).json()["message"]
    assert shop.get("pods/Foo/1.0/Foo-1.0.zip").body == one.content
    shop.post(podspec("Bar", "1.0")).expect(201)
    shop.post(podspec("Bar", "1.0")).expect(201)
    assert "sha256" in shop.post(podspec("Bar", "1.0", summary="Another")).expect(409).text
    assert "Bar.podspec.json" in shop.put(sample("Bar", "1.0")).expect(409).text


def test_other_spellings(shop: Shop) -> None:
    """A version that is another one's equal to the client, or a pod that is another one's twin on some disks, could be stored beside it."""
    shop.publish("Foo", "1.0")
    for name, version in (("Foo", "1.0.0"), ("Foo", "1"), ("Foo", "1.0+5"), ("Foo", "01.0"), ("foo", "2.0"), ("FOO", "1.0")):
        assert "there" in shop.put(sample(name, version)).expect(409).json()["message"]
        assert "there" in shop.post(podspec(name, version)).expect(409).json()["message"]
    assert shop.get("all_pods.txt").text == "Foo\n"


def put_at_once(shop: Shop, uploads: Sequence[tuple[Sample, bytes, Mapping[str, str]]]) -> list[int]:
    user, start = shop.team.writer, threading.Barrier(len(uploads))

    def put(upload: tuple[Sample, bytes, Mapping[str, str]]) -> int:
        one, body, headers = upload
        with Client(shop.stand.url) as client:
            start.wait(30)
            return client.request("PUT", f"{shop.base}/pods/{one.name}/{one.version}", body, {**basic(user.user, user.token), **headers}).status

    with concurrent.futures.ThreadPoolExecutor(len(uploads)) as pool:
        return list(pool.map(put, uploads))


def test_spellings_at_once(shop: Shop) -> None:
    """Of two spellings that come at the same time both could be listed, or one be acknowledged and lost."""
    spelled = [sample("Foo", version) for version in ("1.0", "1.0.0", "1", "1.0+1")]
    statuses = put_at_once(shop, [(one, one.content, {}) for one in spelled])
    assert sorted(statuses) == [201, 409, 409, 409]
    (kept,) = (one for one, status in zip(spelled, statuses, strict=True) if status == 201)
    assert shop.lines(kept) == [f"Foo/{kept.version}"]
    source = shop.spec(kept)["source"]
    assert hashlib.sha256(shop.get(source["http"].partition(shop.base + "/")[2]).expect(200).body).hexdigest() == source["sha256"] == kept.sha256


def test_kinds_and_podspecs_at_once(shop: Shop) -> None:
    """Of two kinds of archive, or two podspecs of one archive, that come at the same time one could be acknowledged and lost."""
    for number in range(4):
        one, other = sample(f"Foo{number}", summary="first"), sample(f"Foo{number}", summary="second", kind="tgz")
        said, headers = form(file=one.content, podspec=podspec(one.name, summary="third"))
        statuses = put_at_once(shop, [(one, one.content, {}), (other, other.content, {}), (one, said, headers)])
        assert sorted(statuses) == [201, 409, 409]
        assert shop.spec(one)["summary"] == ("first", "second", "third")[statuses.index(201)]


def test_names_at_once(shop: Shop) -> None:
    """Of two names that differ in case and come at the same time both could be there, with different versions."""
    for number in range(4):
        spelled = [sample(f"{name}{number}", version) for name, version in (("Foo", "1.0"), ("foo", "2.0"), ("FOO", "3.0"))]
        assert sorted(put_at_once(shop, [(one, one.content, {}) for one in spelled])) == [201, 409, 409]


def test_two_cases_of_a_name(shop: Shop) -> None:
    """A pod could be there in two cases by a restore, or not come back though the other one is gone."""
    shop.post(podspec("Bin", "1.0")).expect(201)
    (package,) = shop.stand.list_packages(shop.team.project)
    shop.ask("DELETE", "pods/Bin/1.0").expect(204)
    shop.post(podspec("bin", "2.0")).expect(201)
    assert "case" in shop.post(podspec("Bin", "3.0")).expect(409).json()["message"]
    restore = f"/projects/{shop.team.project['id']}/packages/{package['id']}/-/restore"
    said = shop.stand.want(409, "POST", restore, token=shop.team.maintainer.token)["message"]
    assert "Bin 1.0 cannot be restored" in said and "Pod Bin differs from bin" in said
    assert shop.lines(sample("bin")) == ["bin/2.0"] and shop.lines(sample("Bin")) == []
    shop.ask("DELETE", "pods/bin/2.0").expect(204)
    shop.stand.want(201, "POST", restore, token=shop.team.maintainer.token)
    assert shop.lines(sample("Bin")) == ["Bin/1.0"]


@pytest.mark.parametrize(("name", "version", "beside"), [("foo", "2.0", ""), ("Foo", "1.0.0", ""), ("Foo", "1.0", "another")])
def test_promoted_beside_another(shop: Shop, name: str, version: str, beside: str) -> None:
    """A pod that is promoted could be there in two spellings, or be told to be there with its podspec and be there with another one."""
    one = shop.publish("Foo", "1.0", summary="x")
    (package,) = shop.stand.list_packages(shop.team.project)
    target = Shop(shop.stand, replace(shop.team, project=shop.stand.make_project(shop.team.group)))
    other = sample(name, version, summary="x")
    content, headers = form(file=one.content, podspec=podspec(name, version, summary=beside)) if beside else (other.content, {})
    target.put(other, content, headers, shop.team.developer).expect(201)
    path = f"/projects/{shop.team.project['id']}/packages/{package['id']}/-/promote"
    ask, developer = {"to": target.team.project["id"]}, shop.team.developer.token
    assert shop.stand.want(409, "POST", path, ask, token=developer)["message"].startswith("409 Conflict - ")
    assert target.ask("GET", other.list, None, shop.team.reporter).expect(200).text == f"{name}/{version}\n"
    target.ask("DELETE", f"pods/{name}/{version}").expect(204)
    for status in (201, 200):
        shop.stand.want(status, "POST", path, ask, token=developer)
    assert target.spec(one)["summary"] == "x"


def test_too_much_of_a_shard(shop: Shop) -> None:
    """The podspecs of some pods could fill the memory of the server, which keeps those of a shard together, and each reader make it do so."""
    names = ["Foo", next(name for name in map("Foo{}".format, itertools.count()) if sample(name).shard == sample("Foo").shard)]
    sent = [podspec(names[number % 2], f"{number}.0", x="x" * 1_000_000) for number in range(8)]
    for each in sent:
        shop.post(each).expect(201)
    for name in names:
        assert "8388608" in shop.post(podspec(name, "9.0", x="x" * 1_000_000)).expect(400).json()["message"]
        shop.post(podspec(name, "9.0")).expect(201)
    shop.post(sent[0]).expect(201)
    shop.post(podspec("Bar", "9.0", x="x" * 1_000_000)).expect(201)


# -- the source --------------------------------------------------------------------------------------------------------


def test_version_file(shop: Shop) -> None:
    """The client could take the source for a Git repository, or a page to sign in for a source."""
    answer = shop.get(VERSION_FILE).expect(200)
    assert answer.text.splitlines()[:2] == ["min: 1.0.0", "last: 1.16.2"]
    assert shop.get(VERSION_FILE, shop.group).expect(200).body == answer.body
    assert shop.ask("GET", VERSION_FILE, login=shop.team.stranger).status == 404
    anonymous = shop.stand.http.get(f"{shop.base}/{VERSION_FILE}")
    assert anonymous.status == 401 and (anonymous.headers["www-authenticate"] or "").startswith("Basic ")
    for tail in ("AlgoliaSearch.yml", "all_pods_versions.txt", "all_pods_versions_1_3.txt", "all_pods_versions_1_3_5", "all_pods_versions_x_y_z.txt"):
        shop.get(tail).expect(404)


def test_shards_are_apart(shop: Shop) -> None:
    """A client could fetch a shard again that has not changed, keep one that has, or be told that an empty one is broken."""
    foo, bar = shop.publish("Foo", "1.0"), shop.publish("Bar", "1.0")
    tags = {one.name: shop.get(one.list).expect(200).headers["etag"] or "" for one in (foo, bar)}
    shop.publish("Foo", "1.1")
    answer = shop.get(bar.list, **{"If-None-Match": tags["Bar"]}).expect(304)
    assert answer.headers["etag"] == tags["Bar"] and answer.body == b""
    assert shop.get(foo.list, **{"If-None-Match": tags["Foo"]}).expect(200).text == "Foo/1.0/1.1\n"
    shop.ask("DELETE", "pods/Foo/1.1").expect(204)
    assert shop.get(foo.list).expect(200).text == "Foo/1.0\n"
    shop.ask("DELETE", "pods/Foo/1.0").expect(204)
    shop.get(foo.list).expect(404)
    shop.get(foo.spec).expect(404)
    assert shop.get("all_pods.txt").text == "Bar\n"


def test_odd_names(shop: Shop) -> None:
    """The client asks for names as they stand, a plus among them, and for others percent-encoded: neither could be found."""
    for name, asked in (("Foo+Bar", "Foo+Bar"), ("Ünicode", "%C3%9Cnicode"), ("!Proto", "!Proto")):
        one = sample(name, "1.0.0+5")
        shop.ask("PUT", f"pods/{asked}/1.0.0+5", one.content, shop.team.writer).expect(201)
        assert shop.lines(one) == [f"{name}/1.0.0+5"]
        source = shop.get(one.spec.replace(name, asked)).expect(200).json()["source"]
        assert shop.get(source["http"].partition(shop.base + "/")[2]).expect(200).body == one.content


def test_many_versions(shop: Shop) -> None:
    """A client asks for every podspec of a pod at once: some could be refused, or be another's."""
    versions = [f"1.{number}.0" for number in range(40)]
    for version in versions:
        shop.post(podspec("Foo", version)).expect(201)
    assert shop.lines(sample("Foo")) == ["/".join(("Foo", *versions))]
    login = shop.team.reporter

    def get(version: str) -> Any:
        with Client(shop.stand.url) as client:
            return client.get(f"{shop.base}/{sample('Foo', version).spec}", basic(login.user, login.token)).expect(200).json()["version"]

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        assert list(pool.map(get, versions)) == versions


# -- deprecating and deleting ------------------------------------------------------------------------------------------


def test_deprecate(shop: Shop) -> None:
    """A deprecation could be in no podspec, in no list of what to fetch again, or stay when it is taken back."""
    one, two = shop.publish("Foo", "1.0"), shop.publish("Foo", "1.1")
    assert shop.get("deprecated_podspecs.txt").expect(200).text == ""
    etag = shop.get(one.spec).headers["etag"]
    said = shop.ask("PATCH", "pods/Foo", b'{"deprecated":true,"in_favor_of":"Bar+2"}').expect(200).json()
    assert said == {"deprecated": True, "in_favor_of": "Bar+2", "versions": ["1.0", "1.1"]}
    assert shop.get("deprecated_podspecs.txt").text.splitlines() == [one.spec, two.spec]
    assert (shop.spec(two)["deprecated"], shop.spec(two)["deprecated_in_favor_of"]) == (True, "Bar+2")
    assert shop.get(one.spec).headers["etag"] != etag
    shop.ask("PATCH", "pods/Foo/1.0", b'{"deprecated":false}').expect(200)
    assert "deprecated" not in shop.spec(one) and shop.get(one.spec).headers["etag"] == etag
    assert shop.get("deprecated_podspecs.txt").text.splitlines() == [two.spec]
    assert shop.lines(one) == ["Foo/1.0/1.1"]


def test_bad_deprecations(shop: Shop) -> None:
    """A deprecation could be taken that says nothing, or from who may not."""
    shop.publish("Foo", "1.0")
    for body in (b"", b"{", b"[]", b'{"deprecated":"yes"}', b'{"in_favor_of":"Bar"}', b'{"deprecated":true,"in_favor_of":"a/b"}', b"[" * 5000):
        shop.ask("PATCH", "pods/Foo", body).expect(400)
    body = b'{"deprecated":true}'
    for tail in ("pods/foo", "pods/None", "pods/Foo/2.0", "pods/Foo/1.0.0", "pods/.x", "pods/Foo/x"):
        shop.ask("PATCH", tail, body).expect(404)
    for login in (shop.team.writer, shop.team.developer, shop.team.reader):
        shop.ask("PATCH", "pods/Foo", body, login).expect(403)
    assert shop.get("deprecated_podspecs.txt").text == ""


def test_deleting_takes_its_right(shop: Shop) -> None:
    """Who may publish could delete, or another version go than the one that is named."""
    one = shop.publish("Foo", "1.0")
    for login in (shop.team.writer, shop.team.developer, shop.team.reader):
        shop.ask("DELETE", "pods/Foo/1.0", login=login).expect(403)
    for tail in ("pods/Foo/1.0.0", "pods/foo/1.0", "pods/Foo/1.1", "pods/Foo/x", "pods/.x/1.0"):
        shop.ask("DELETE", tail).expect(404)
    assert shop.lines(one) == ["Foo/1.0"]
    shop.ask("DELETE", "pods/Foo/1.0").expect(204)
    shop.ask("DELETE", "pods/Foo/1.0").expect(404)
    other = sample("Foo", "1.0", 1)
    shop.put(other).expect(201)
    assert shop.spec(other)["source"]["sha256"] == other.sha256


def test_archive_deleted_over_rest(shop: Shop) -> None:
    """A version whose archive is gone could still be offered."""
    bare = Sample("Foo", "1.0", pack_zip({"x": b""}))
    body, headers = form(podspec=podspec("Foo", "1.0"), file=bare.content)
    shop.put(bare, body, headers).expect(201)
    (package,) = shop.stand.list_packages(shop.team.project)
    files = shop.stand.list_files(shop.team.project, package)
    assert sorted(file["file_name"] for file in files) == ["Foo-1.0.zip", "Foo.podspec.json"]
    (archive,) = (file["id"] for file in files if file["file_name"] == "Foo-1.0.zip")
    path = f"/projects/{shop.team.project['id']}/packages/{package['id']}/package_files/{archive}"
    shop.stand.api("DELETE", path, token=shop.team.maintainer.token).expect(204)
    assert shop.lines(bare) == []
    shop.get(bare.spec).expect(404)


# -- groups ------------------------------------------------------------------------------------------------------------


def test_group(shop: Shop) -> None:
    """A group could miss a project's pods, or send another archive than the one it lists."""
    one = shop.publish("Foo", "1.0")
    second = shop.stand.want(201, "POST", "/projects", {"name": "second", "namespace_id": shop.team.group["id"]})
    other = Shop(shop.stand, shop.team)
    other.base = f"/api/v4/projects/{second['id']}/packages/cocoapods"
    later, more = sample("Foo", "1.0", 1), sample("Foo", "2.0")
    for each in (later, more, sample("Bar")):
        other.put(each, login=shop.team.developer).expect(201)
    assert shop.lines(one, shop.group) == ["Foo/1.0/2.0"]
    assert shop.get("all_pods.txt", shop.group).expect(200).text == "Bar\nFoo\n"
    for each in (one, more):
        source = shop.spec(each, shop.group)["source"]
        assert source["sha256"] == each.sha256
        assert shop.get(source["http"].partition(shop.group + "/")[2], shop.group).expect(200).body == each.content
    for tail in ("pods/Foo/9.0/Foo-9.0.zip", "pods/None/1.0/None-1.0.zip", "pods/Foo/1.0/Foo-1.0.tgz"):
        shop.get(tail, shop.group).expect(404)
    shop.ask("DELETE", "pods/Foo/1.0").expect(204)
    assert shop.spec(one, shop.group)["source"]["sha256"] == later.sha256
    assert json.dumps(shop.spec(sample("Bar"), shop.group)["source"]).count("/groups/") == 1
