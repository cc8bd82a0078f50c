"""Uploads, trees, lists and the archive on a running server."""

from __future__ import annotations

import concurrent.futures
import gzip
import hashlib
import re
import threading
from dataclasses import replace

import pytest
from stand import Login, Stand, Team
from wire import Answer, Client, basic

from .samples import BUILT, Sample, built, describe, sample, source

WINDOWS = "bin?platform=windows&rversion=4.2"
MAC = "bin?platform=macosx/big-sur-arm64&rversion=4.2"
EMPTY = "src/contrib/PACKAGES"


class Shop:
    """A project that R packages are published to."""

    def __init__(self, stand: Stand, team: Team) -> None:
        self.stand, self.team = stand, team
        self.base = f"/api/v4/projects/{team.project['id']}/packages/cran"

    def get(self, tail: str, login: Login | None = None, base: str = "", method: str = "GET") -> Answer:
        login = login or self.team.reader
        return self.stand.http.request(method, f"{base or self.base}/{tail}", headers=basic(login.user, login.token))

    def put(self, content: bytes, tail: str = "src", login: Login | None = None, **headers: str) -> Answer:
        login = login or self.team.writer
        return self.stand.http.put(f"{self.base}/{tail}", content, {**basic(login.user, login.token), **headers})

    def publish(self, *args: str, tail: str = "src", **fields: str) -> Sample:
        one = sample(*args, **fields) if tail == "src" else built(*args, suffix="zip" if "windows" in tail else "tgz", **fields)
        self.put(one.content, tail).expect(201)
        return one

    def delete(self, tail: str, login: Login | None = None) -> Answer:
        return self.get(tail, login or self.team.maintainer, method="DELETE")

    def listed(self, tree: str = "src/contrib", base: str = "") -> dict[str, str]:
        body = self.get(f"{tree}/PACKAGES", base=base, login=self.team.reporter).expect(200).text
        return dict(re.findall(r"^Package: (.+)\nVersion: (.+)$", body, re.MULTILINE))


@pytest.fixture(name="shop")
def open_shop(stand: Stand, team: Team) -> Shop:
    return Shop(stand, team)


# -- publishing ------------------------------------------------------------------------------------------------------


def test_from_end_to_end(shop: Shop) -> None:
    """A package could come out with other bytes, under another digest, or as something that R unpacks on the way."""
    one = shop.publish("test.package", "1.0-2")
    plain, packed = shop.get("src/contrib/PACKAGES").expect(200), shop.get("src/contrib/PACKAGES.gz").expect(200)
    assert f"MD5sum: {hashlib.md5(one.content).hexdigest()}\n" in plain.text and plain.headers["content-type"] == "text/plain; charset=utf-8"
    assert gzip.decompress(packed.body) == plain.body and packed.headers["content-encoding"] is None
    for tail in (f"src/contrib/{one.filename}", f"src/contrib/Archive/test.package/{one.filename}"):
        answer = shop.get(tail).expect(200)
        assert answer.body == one.content and answer.headers["content-type"] == "application/gzip"
        assert answer.headers["content-encoding"] is None
        assert shop.get(tail, method="HEAD").expect(200).headers["content-length"] == str(len(one.content))
    for name in ("PACKAGES", "PACKAGES.gz", "PACKAGES.rds"):
        assert shop.get(f"src/contrib/{name}", method="HEAD").expect(200).body == b""
    for tail in ("src/contrib/PACKAGES.bz2", "src/contrib/PACKAGES.xz", "src/contrib/test.package_1.0.2.tar.gz"):
        shop.get(tail).expect(404)


def test_what_is_refused(shop: Shop) -> None:
    """An upload could be taken that no client can use, or be refused without a word about what is wrong."""
    for content, reason in (
        (b"", "empty"), (b"x", "tar archive"), (source({"toy/R/x.R": b""}), "DESCRIPTION"),
        (source({"1foo/DESCRIPTION": describe("1foo", "1.0")}), "1foo"),
        (sample("a", "1.0").content, "Package name"), (sample("toy", "1").content, "Version"), (built().content, "tar archive"),
        (built(suffix="tgz").content, "Built"), (sample(Depends="R (>= x)").content, "Depends"),
    ):  # fmt: skip
        answer = shop.put(content).expect(400)
        assert reason in answer.json()["message"], answer.text
    assert shop.stand.http.put(f"{shop.base}/src", sample().content).status == 401
    shop.put(sample().content, login=shop.team.reader).expect(403)
    assert shop.listed() == {}


def test_again(shop: Shop) -> None:
    """Other bytes could take a place, the same ones be refused, or nobody say which were which."""
    one, other = shop.publish("toy", "1.0"), sample("toy", "1.0", 1)
    shop.put(one.content).expect(201)
    message = shop.put(other.content).expect(409).json()["message"]
    assert one.sha256 in message and other.sha256 in message and "toy_1.0.tar.gz" in message
    assert shop.get("src/contrib/toy_1.0.tar.gz").body == one.content


def test_other_spellings(shop: Shop) -> None:
    """A version that is another one's equal to R, or a package that is another one's twin on some disks, could be stored beside it."""
    shop.publish("toy", "1.0")
    for name, version in (("toy", "1.0.0"), ("toy", "1-0"), ("toy", "01.0"), ("Toy", "2.0")):
        assert "toy" in shop.put(sample(name, version).content).expect(409).json()["message"]
    shop.put(built("toy", "1.0.0").content, WINDOWS).expect(409)
    assert shop.listed() == {"toy": "1.0"}
    shop.get("src/contrib/Toy_1.0.tar.gz").expect(404)
    shop.get("src/contrib/Archive/Toy").expect(404)


def test_spellings_at_once(shop: Shop) -> None:
    """Of two spellings that come at the same time both could be stored, and one of them be in no list."""
    user = shop.team.writer
    for some in ([("toy", "1.0"), ("toy", "1.0.0"), ("toy", "1-0"), ("toy", "1.0-0")], [("Ball", "1.0"), ("ball", "2.0"), ("BALL", "3.0")]):
        contents, start = [sample(name, version).content for name, version in some], threading.Barrier(len(some))

        def put(content: bytes, start: threading.Barrier = start) -> int:
            with Client(shop.stand.url) as client:
                start.wait(30)
                return client.put(f"{shop.base}/src", content, basic(user.user, user.token)).status

        with concurrent.futures.ThreadPoolExecutor(len(some)) as pool:
            statuses = list(pool.map(put, contents))
        assert sorted(statuses) == [201, *[409] * (len(some) - 1)]
        name, version = some[statuses.index(201)]
        assert shop.listed()[name] == version
    assert len(shop.listed()) == 2


@pytest.mark.parametrize(("name", "version"), [("Toy", "2.0"), ("toy", "1.0.0")])
def test_what_comes_back_and_what_is_promoted(shop: Shop, name: str, version: str) -> None:
    """A package that is restored or promoted could be there in two spellings, of which R takes one for the other."""
    stand, boss = shop.stand, shop.team.maintainer
    target = Shop(stand, replace(shop.team, project=stand.make_project(shop.team.group)))
    shop.publish("toy", "1.0")
    other = sample(name, version).content
    target.put(other, login=shop.team.developer).expect(201)
    [package] = stand.list_packages(shop.team.project)
    place, to = f"/projects/{shop.team.project['id']}/packages/{package['id']}/-", {"to": target.team.project["id"]}
    assert f"{version if name == 'toy' else name}" in stand.want(409, "POST", f"{place}/promote", to, token=boss.token)["message"]
    assert target.listed() == {name: version}
    target.delete(f"src/{name}/{version}").expect(204)
    for status in (201, 200):
        stand.want(status, "POST", f"{place}/promote", to, token=boss.token)
    assert target.listed() == {"toy": "1.0"}
    shop.delete("src/toy/1.0").expect(204)
    shop.put(other).expect(201)
    said = stand.want(409, "POST", f"{place}/restore", token=boss.token)["message"]
    assert said.startswith("409 Conflict - toy 1.0 ") and shop.listed() == {name: version}
    shop.delete(f"src/{name}/{version}").expect(204)
    stand.want(201, "POST", f"{place}/restore", token=boss.token)
    assert shop.listed() == {"toy": "1.0"}


def test_ways_to_send(shop: Shop) -> None:
    """curl adds the file's name to an address with a slash at its end, and forms have a part for it: neither could work."""
    one = sample("toy", "1.0")
    shop.put(one.content, "src/contrib/toy_1.0.tar.gz").expect(201)
    assert "toy_1.1.tar.gz" in shop.put(sample("toy", "1.1").content, "src/contrib/other_1.1.tar.gz").expect(400).text
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="y.tar.gz"\r\n\r\n' + sample("toy", "1.2").content + b"\r\n--x--\r\n"
    shop.put(body, **{"Content-Type": "multipart/form-data; boundary=x"}).expect(201)
    shop.put(built("toy", "1.2").content, "bin/windows/contrib/4.2/toy_1.2.zip").expect(201)
    shop.put(built("toy", "1.2", suffix="tgz").content, "bin/macosx/big-sur-arm64/contrib/4.2/toy_1.2.tgz").expect(201)
    assert shop.listed("bin/windows/contrib/4.2") == {"toy": "1.2"} == shop.listed("bin/macosx/big-sur-arm64/contrib/4.2")
    shop.put(built("toy", "1.2").content, "bin/windows/contrib/four/toy_1.2.zip").expect(404)


# -- lists -----------------------------------------------------------------------------------------------------------


def test_newest_is_listed(shop: Shop) -> None:
    """A list could offer what was published last in place of what is newest, or an earlier version be gone."""
    for version, newest in (("1.0.8", "1.0.8"), ("1.0-10", "1.0-10"), ("1.0-9", "1.0-10")):
        shop.publish("toy", version)
        assert shop.listed() == {"toy": newest}
    for version in ("1.0.8", "1.0-9", "1.0-10"):
        shop.get(f"src/contrib/toy_{version}.tar.gz").expect(200)
        shop.get(f"src/contrib/Archive/toy/toy_{version}.tar.gz").expect(200)
        assert f"toy_{version}.tar.gz</a>" in shop.get("src/contrib/Archive/toy/").expect(200).text
    shop.get("src/contrib/Archive/other/toy_1.0.8.tar.gz").expect(404)
    shop.delete("src/toy/1.0-10").expect(204)
    assert shop.listed() == {"toy": "1.0-9"}
    shop.delete("src/toy/1.0-10").expect(404)


def test_empty_trees(shop: Shop) -> None:
    """R warns of a repository without lists: one that is new, was emptied, or has nothing for a platform."""
    empty = {tail: shop.get(tail).expect(200).body for tail in (EMPTY, f"{EMPTY}.gz", f"{EMPTY}.rds", "src/contrib/Meta/archive.rds")}
    assert empty[EMPTY] == b"" == gzip.decompress(empty[f"{EMPTY}.gz"])
    for tree in ("bin/windows/contrib/4.2", "bin/macosx/contrib/3.6", "bin/macosx/big-sur-arm64/contrib/4.2"):
        assert shop.get(f"{tree}/PACKAGES").expect(200).body == b""
    for tree in ("bin/windows/contrib/4", "bin/windows/contrib/x.y", "bin/windows/contrib/4.2.2", "bin/a%3Ab/contrib/4.2"):
        shop.get(f"{tree}/PACKAGES").expect(404)
    shop.publish("toy", "1.0")
    shop.delete("src/toy/1.0").expect(204)
    assert {tail: shop.get(tail).expect(200).body for tail in empty} == empty
    assert shop.stand.http.get(f"{shop.base}/{EMPTY}").status == 401
    shop.get(EMPTY, shop.team.stranger).expect(404)


def test_latin1(shop: Shop) -> None:
    """Letters of another encoding could break a list, which is UTF-8."""
    content = describe("toy", "1.0", Encoding="latin1", Author="", License="file Größe").decode().encode("latin1")
    shop.put(source({"toy/DESCRIPTION": content})).expect(201)
    assert "License: file Größe\n" in shop.get("src/contrib/PACKAGES").body.decode()


def test_list_is_asked_for_again(shop: Shop) -> None:
    """A proxy could fetch a list again that has not changed, or keep one that has."""
    shop.publish("toy", "1.0")
    etag = shop.get("src/contrib/PACKAGES.rds").headers["etag"] or ""
    reader = shop.team.reader
    headers = {**basic(reader.user, reader.token), "If-None-Match": etag}
    assert shop.stand.http.get(f"{shop.base}/src/contrib/PACKAGES.rds", headers).status == 304
    shop.publish("toy", "1.1")
    assert shop.stand.http.get(f"{shop.base}/src/contrib/PACKAGES.rds", headers).status == 200


# -- what was built --------------------------------------------------------------------------------------------------


def test_trees_are_apart(shop: Shop) -> None:
    """A package for one platform and version of R could be offered to another, or as a source."""
    windows, mac = shop.publish("toy", "1.0", tail=WINDOWS), shop.publish("toy", "1.0", tail=MAC)
    older = built("toy", "1.0", Built=BUILT.replace("4.2.2", "4.1.3").format("windows"))
    shop.put(older.content, "bin?platform=windows&rversion=4.1").expect(201)
    assert shop.listed() == {} == shop.listed("bin/macosx/contrib/4.2") == shop.listed("bin/windows/contrib/4.0")
    for tree, one in (("windows/contrib/4.2", windows), ("windows/contrib/4.1", older), ("macosx/big-sur-arm64/contrib/4.2", mac)):
        assert shop.listed(f"bin/{tree}") == {"toy": "1.0"}
        assert f"MD5sum: {one.md5}\n" in shop.get(f"bin/{tree}/PACKAGES").text
        assert shop.get(f"bin/{tree}/{one.filename}").expect(200).body == one.content
    shop.get("src/contrib/toy_1.0.tar.gz").expect(404)
    shop.get("bin/windows/contrib/4.0/toy_1.0.zip").expect(404)
    shop.publish("toy", "1.0")
    assert shop.listed() == {"toy": "1.0"}
    shop.delete("bin/windows/4.2/toy/1.0").expect(204)
    shop.delete("bin/macosx/big-sur-arm64/4.2/toy/1.0").expect(204)
    assert shop.listed("bin/windows/contrib/4.2") == {} == shop.listed("bin/macosx/big-sur-arm64/contrib/4.2")
    assert shop.listed("bin/windows/contrib/4.1") == {"toy": "1.0"} == shop.listed()


@pytest.mark.parametrize(
    "query", ["", "?platform=windows", "?rversion=4.2", "?platform=&rversion=4.2", "?platform=windows&rversion=", "?platform=a/b/c&rversion=4.2"]
)
def test_platform_must_be_said(shop: Shop, query: str) -> None:
    """A package could be in a tree that nobody asks for."""
    answer = shop.put(built().content, f"bin{query}").expect(400)
    assert "platform" in answer.text or "rversion" in answer.text


# -- who may ---------------------------------------------------------------------------------------------------------


def test_deleting_takes_its_right(shop: Shop) -> None:
    """Who may publish could delete."""
    shop.publish("toy", "1.0")
    for login in (shop.team.writer, shop.team.developer, shop.team.reader):
        shop.delete("src/toy/1.0", login).expect(403)
    for tail in ("src/toy/1", "src/t/1.0", "src/toy/1.0.0", "src/Toy/1.0", "bin/windows/4.2/toy/1.0", "bin/windows/x/toy/1.0"):
        shop.delete(tail).expect(404)
    assert shop.listed() == {"toy": "1.0"}


def test_group(shop: Shop) -> None:
    """A group could miss a project's packages, or send another file than the one it lists."""
    one = shop.publish("toy", "1.0")
    second = shop.stand.want(201, "POST", "/projects", {"name": "second", "namespace_id": shop.team.group["id"]})
    other = Shop(shop.stand, shop.team)
    other.base = f"/api/v4/projects/{second['id']}/packages/cran"
    later = sample("toy", "1.0", 1)
    other.put(later.content, login=shop.team.developer).expect(201)
    other.put(sample("more", "2.0").content, login=shop.team.developer).expect(201)
    group = f"/api/v4/groups/{shop.team.group['id']}/-/packages/cran"
    assert shop.listed(base=group) == {"toy": "1.0", "more": "2.0"}
    assert one.md5 in shop.get("src/contrib/PACKAGES", shop.team.reporter, group).text
    assert shop.get("src/contrib/toy_1.0.tar.gz", shop.team.reporter, group).expect(200).body == one.content
    assert shop.get("src/contrib/Archive/toy/toy_1.0.tar.gz", shop.team.reporter, group).expect(200).body == one.content
    for tail in ("src/contrib/toy_9.0.tar.gz", "src/contrib/none_1.0.tar.gz", "src/contrib/x.tar.gz"):
        shop.get(tail, shop.team.reporter, group).expect(404)
    shop.delete("src/toy/1.0").expect(204)
    assert shop.get("src/contrib/toy_1.0.tar.gz", shop.team.reporter, group).expect(200).body == later.content
