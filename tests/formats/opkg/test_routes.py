"""Uploads, downloads and feeds on a running server."""

from __future__ import annotations

import gzip
import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from threading import Barrier
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pysequoia import Cert, Sig, verify
from stand import Login, Stand, Team
from wire import Answer, Client, basic

from packhouse.db.engine import now
from packhouse.model import write_time

from .samples import FIELDS, Sample, make_ipk, make_members, make_yocto, sample
from .test_index import read_usign

FEED = "22.03/x86_64/base"


class Shop:
    """A project."""

    def __init__(self, stand: Stand, team: Team) -> None:
        self.stand, self.team = stand, team
        self.base = f"/api/v4/projects/{team.project['id']}/packages/opkg"
        self.group = f"/api/v4/groups/{team.group['id']}/-/packages/opkg"

    def ask(self, method: str, tail: str, login: Login | None = None, base: str = "", content: bytes | None = None) -> Answer:
        login = login or self.team.reader
        return self.stand.http.request(method, f"{base or self.base}/{tail}", content, basic(login.user, login.token))

    def get(self, tail: str, base: str = "", login: Login | None = None) -> Answer:
        return self.ask("GET", tail, login, base)

    def put(self, tail: str, content: bytes, login: Login | None = None) -> Answer:
        return self.ask("PUT", tail, login or self.team.writer, "", content)

    def delete(self, tail: str, login: Login | None = None) -> Answer:
        return self.ask("DELETE", tail, login or self.team.maintainer)

    def publish(self, name: str = "toy", version: str = "1.0-1", feed: str = FEED, variant: int = 0, architecture: str = "x86_64") -> Sample:
        one = sample(name, version, variant, architecture, feed)
        self.put(f"{feed}/{one.filename}", one.content).expect(201)
        return one

    def listed(self, feed: str = FEED, base: str = "", login: Login | None = None) -> set[str]:
        """The digests of the packages of a feed."""
        return set(re.findall(r"^SHA256sum: ([0-9a-f]{64})$", self.get(f"{feed}/Packages", base, login).expect(200).text, re.MULTILINE))


@pytest.fixture(name="shop")
def open_shop(stand: Stand, team: Team) -> Shop:
    return Shop(stand, team)


def check_feed(shop: Shop, base: str = "", feed: str = FEED) -> bytes:
    """The list, which the packed one equals and both signatures are good for."""
    body = {
        name: shop.get(f"{feed}/{name}", base).expect(200).body for name in ("Packages", "Packages.gz", "Packages.sig", "Packages.asc", "key.pub")
    }
    packages = body["Packages"]
    assert gzip.decompress(body["Packages.gz"]) == packages
    key_id, key = read_usign(body["key.pub"])
    signed_by, signature = read_usign(body["Packages.sig"])
    assert signed_by == key_id
    Ed25519PublicKey.from_public_bytes(key).verify(signature, packages)
    certificate = Cert.from_bytes(shop.get(f"{feed}/key.asc", base).expect(200).body)
    assert verify(packages, lambda _: [certificate], signature=Sig.from_bytes(body["Packages.asc"])).valid_sigs
    return packages


# -- uploads ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tail", ["base/toy.ipk", "base/upload", "22.03/x86_64/base/other_name.ipk", "22.03%2Fx86_64/upload"])
def test_ways_to_publish(shop: Shop, tail: str) -> None:
    """A package could be refused for the address it comes to, or be listed where that does not say."""
    one = sample(version="1.0-1", architecture="x86_64")
    assert shop.put(tail, one.content).expect(201).json() == {"message": "201 Created"}
    feed = tail.rpartition("/")[0].replace("%2F", "/")
    assert shop.listed(feed) == {one.sha256}
    assert shop.get(f"{feed}/toy_1.0-1_x86_64.ipk").expect(200).body == one.content
    [package] = shop.stand.list_packages(shop.team.project)
    assert (package["name"], package["version"], package["package_type"]) == ("toy", "1.0-1", "opkg")


def test_form(shop: Shop) -> None:
    """A package that comes in a form could be refused."""
    one = sample()
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.ipk"\r\n\r\n' + one.content + b"\r\n--b--\r\n"
    headers = {**basic(shop.team.writer.user, shop.team.writer.token), "Content-Type": "multipart/form-data; boundary=b"}
    shop.stand.http.request("PUT", f"{shop.base}/{FEED}/upload", body, headers).expect(201)
    assert shop.listed() == {one.sha256}


def test_containers_are_listed_alike(shop: Shop) -> None:
    """A package for Yocto could be listed with less than one for OpenWrt."""
    for feed, content in (("a", make_ipk()), ("b", make_yocto(make_members(FIELDS)))):
        shop.put(f"{feed}/toy.ipk", content).expect(201)
    said = [re.sub("Size: .*|SHA256sum: .*", "", shop.get(f"{feed}/Packages").expect(200).text) for feed in "ab"]
    assert said[0] == said[1] and "toy_1.0-r1_x86_64.ipk" in said[0]


def test_twice(shop: Shop) -> None:
    """A retry could fail, or other bytes take the place of what was published; one feed stand in the way of another."""
    one, other = sample(), sample(variant=1)
    for feed in ("a", "a/b", FEED):
        for _ in range(2):
            shop.put(f"{feed}/{one.filename}", one.content).expect(201)
        said = shop.put(f"{feed}/{other.filename}", other.content).expect(409).json()["message"]
        assert one.sha256 in said and other.sha256 in said
    shop.put(f"c/{other.filename}", other.content).expect(201)
    assert shop.listed("c") == {other.sha256} and shop.listed("a") == {one.sha256} == shop.listed(FEED)


def test_epoch_of_zero(shop: Shop) -> None:
    """One version could be there twice, in two spellings."""
    shop.publish(version="1.0")
    shop.put(f"{FEED}/upload", sample(version="0:1.0", architecture="x86_64").content).expect(409)


def test_refused(shop: Shop) -> None:
    """Something that is no package, or has no place to go, could be published or end in an error of the server's."""
    good = sample()
    for content in (b"", b"garbage" * 99, good.content[:100], make_ipk(FIELDS | {"Package": "../x"}), make_ipk(b"")):
        shop.put(f"{FEED}/toy.ipk", content).expect(400)
    assert "upload" in shop.put(f"{FEED}/toy", good.content).expect(400).text
    for feed in ("a%20b", "keys", "a/keys", "feed/a", "a/b/c/d/e/f/g", "%C3%A4", "Packages", "x.ipk"):
        assert "feed is invalid" in shop.put(f"{feed}/toy.ipk", good.content).expect(400).text
    answer = shop.stand.http.request("PUT", f"{shop.base}/{FEED}/toy.ipk", good.content, {}).expect(401)
    assert answer.headers["www-authenticate"].startswith("Basic ")
    shop.put(f"{FEED}/toy.ipk", good.content, shop.team.reporter).expect(403)
    assert shop.stand.list_packages(shop.team.project) == []
    shop.get(f"{FEED}/Packages").expect(404)


def test_refused_by_a_rule(shop: Shop) -> None:
    """An upload that is refused after it was read could leave a feed behind, with a key that nobody asked for."""
    rule = {"package_name_pattern": "toy*", "package_type": "opkg", "minimum_access_level_for_push": "owner"}
    shop.stand.want(201, "POST", f"/projects/{shop.team.project['id']}/packages/protection/rules", rule)
    one = sample()
    shop.put(f"{FEED}/{one.filename}", one.content, shop.team.developer).expect(403)
    assert shop.get(f"{FEED}/Packages").expect(404).json() == {"message": "404 Feed Not Found"}


def test_at_the_same_time(database_stand: Stand) -> None:
    """Packages that come at the same time, the first of their feed, could be lost, or open it twice."""
    shop = Shop(database_stand, database_stand.make_team())
    some = [sample(f"toy{number}") for number in range(8)]
    login = basic(shop.team.writer.user, shop.team.writer.token)

    def send(path: str, content: bytes) -> Answer:
        with closing(Client(shop.stand.url)) as client:
            return client.put(path, content, login)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda one: send(f"{shop.base}/{FEED}/{one.filename}", one.content), some))
    assert [answer.status for answer in answers] == [201] * 8, [answer.text for answer in answers]
    assert shop.listed() == {one.sha256 for one in some}


# -- packages --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "version", "architecture"),
    [
        ("toy", "1.0-1", "x86_64"),
        ("lib+x", "1:2.0~rc1", "aarch64_cortex-a53"),
        ("a_b", "2007_365-4", "arm_cortex-a7_neon-vfpv4"),
        ("GeoIP", "1", "all"),
    ],
)
def test_every_name_is_found(shop: Shop, name: str, version: str, architecture: str) -> None:
    """A client could be told of a file that it does not find: it encodes some of its characters, and underscores part nothing for sure."""
    one = shop.publish(name, version, architecture=architecture)
    [told] = re.findall("^Filename: (.*)$", shop.get(f"{FEED}/Packages").expect(200).text, re.MULTILINE)
    assert told == one.filename
    for path in (told, quote(told), quote(told, safe="").replace("~", "%7E")):
        answer = shop.get(f"{FEED}/{path}").expect(200)
        assert (answer.body, answer.headers["content-type"]) == (one.content, "application/octet-stream")
    shop.delete(f"{FEED}/{quote(told)}").expect(204)
    shop.get(f"{FEED}/{told}").expect(404)


def test_two_packages_with_one_file(shop: Shop) -> None:
    """Two packages could be told to be in one file, and a client get the other one."""
    one = shop.publish("a_b", "1")
    assert "the package a_b" in shop.put(f"{FEED}/upload", sample("a", "b_1", architecture="x86_64").content).expect(409).text
    shop.put("other/upload", sample("a", "b_1", architecture="x86_64").content).expect(201)
    assert shop.listed() == {one.sha256}
    assert shop.get(f"{FEED}/{one.filename}").expect(200).body == one.content


def test_two_versions_with_one_file(shop: Shop) -> None:
    """Two versions of a package could be told to be in one file, and the older one's record lead to the other bytes."""
    one, other = sample("a", "1", architecture="x86_64"), sample("a", "1_x86", architecture="64")
    shop.put(f"{FEED}/upload", one.content).expect(201)
    assert "the package a" in shop.put(f"{FEED}/upload", other.content).expect(409).text
    shop.put(f"{FEED}/upload", one.content).expect(201)
    shop.put("other/upload", other.content).expect(201)
    assert shop.listed() == {one.sha256} and shop.get(f"{FEED}/{one.filename}").expect(200).body == one.content


def test_what_comes_back_beside_another(shop: Shop) -> None:
    """A package that is restored could have the file of another one, or be lost for good though that one is gone."""
    one = shop.publish("a_b", "1")
    shop.delete(f"{FEED}/{one.filename}").expect(204)
    other = shop.publish("a", "b_1")
    place, token = f"/projects/{shop.team.project['id']}", shop.team.maintainer.token
    [gone] = shop.stand.want(200, "GET", f"{place}/-/packages/deleted", token=token)
    said = shop.stand.want(409, "POST", f"{place}/packages/{gone['id']}/-/restore", token=token)["message"]
    assert said.startswith("409 Conflict - a_b 1 cannot be restored") and "the package a:" in said
    assert shop.listed() == {other.sha256} and shop.get(f"{FEED}/{other.filename}").expect(200).body == other.content
    shop.delete(f"{FEED}/{other.filename}").expect(204)
    shop.stand.want(201, "POST", f"{place}/packages/{gone['id']}/-/restore", token=token)
    assert shop.listed() == {one.sha256} and shop.get(f"{FEED}/{one.filename}").expect(200).body == one.content


def test_promoted_beside_another(shop: Shop) -> None:
    """A package that is promoted could have the file of another one, or come to a feed that nobody has opened, where no list names it."""
    target = Shop(shop.stand, replace(shop.team, project=shop.stand.make_project(shop.team.group)))
    one = shop.publish("a_b", "1")
    [package] = shop.stand.list_packages(shop.team.project)
    path, to = f"/projects/{shop.team.project['id']}/packages/{package['id']}/-/promote", {"to": target.team.project["id"]}
    reporter, developer = shop.team.reporter, shop.team.developer
    for status in (201, 200):
        shop.stand.want(status, "POST", path, to, token=developer.token)
        assert target.listed(login=reporter) == {one.sha256}
    target.delete(f"{FEED}/{one.filename}").expect(204)
    other = sample("a", "b_1", architecture="x86_64")
    target.put(f"{FEED}/upload", other.content, developer).expect(201)
    assert "the package a:" in shop.stand.want(409, "POST", path, to, token=developer.token)["message"]
    assert target.listed(login=reporter) == {other.sha256}


def test_two_packages_with_one_file_at_once(database_stand: Stand) -> None:
    """Of two packages with one file that come at the same time one could be acknowledged, and not be what is found there."""
    shop = Shop(database_stand, database_stand.make_team())
    login = basic(shop.team.writer.user, shop.team.writer.token)
    for feed in ("a", "b", "c", "d"):
        shop.put(f"{feed}/upload", sample().content).expect(201)
        some = [sample(name, version, architecture="x86_64") for name, version in (("a_b_c", "1"), ("a_b", "c_1"), ("a", "b_c_1"))]
        start = Barrier(len(some))

        def send(one: Sample, feed: str = feed, start: Barrier = start) -> int:
            with closing(Client(shop.stand.url)) as client:
                start.wait(30)
                return client.put(f"{shop.base}/{feed}/upload", one.content, login).status

        with ThreadPoolExecutor(len(some)) as pool:
            statuses = list(pool.map(send, some))
        assert sorted(statuses) == [201, 409, 409]
        kept = some[statuses.index(201)]
        assert shop.listed(feed) == {sample().sha256, kept.sha256}
        assert shop.get(f"{feed}/{kept.filename}").expect(200).body == kept.content


def test_ranges_and_head(shop: Shop) -> None:
    """A router could have to begin again after a broken line."""
    one = shop.publish()
    path, login = f"{shop.base}/{FEED}/{one.filename}", basic(shop.team.reader.user, shop.team.reader.token)
    head = shop.stand.http.request("HEAD", path, None, login).expect(200)
    assert (head.headers["content-length"], head.body) == (str(len(one.content)), b"")
    part = shop.stand.http.get(path, {**login, "Range": "bytes=10-"}).expect(206)
    assert part.body == one.content[10:]


def test_delete(shop: Shop) -> None:
    """A package could stay on a list, go from another feed too, or be deleted by whoever may publish."""
    one, other = shop.publish(), shop.publish(feed="b")
    shop.delete(f"{FEED}/{one.filename}", shop.team.reader).expect(403)
    shop.delete(f"{FEED}/{one.filename}").expect(204)
    shop.delete(f"{FEED}/{one.filename}").expect(404)
    assert shop.listed() == set() and shop.listed("b") == {other.sha256}
    assert check_feed(shop) == b""


# -- feeds -----------------------------------------------------------------------------------------------------------


def test_feed(shop: Shop) -> None:
    """A list could be missing, hold something else than is told, or be signed by another key than the one that is handed out."""
    one, other = shop.publish(), shop.publish("other", architecture="all")
    packages = check_feed(shop)
    assert packages.count(b"\n\n") == 2 and packages.endswith(b"\n\n") and packages.index(b"Package: other") < packages.index(b"Package: toy")
    assert shop.listed() == {one.sha256, other.sha256}
    answer = shop.get(f"{FEED}/Packages.gz").expect(200)
    assert answer.headers["content-type"] == "application/gzip" and "content-encoding" not in answer.headers
    assert answer.headers["content-length"] == str(len(answer.body)) and answer.headers["etag"]
    assert shop.get(f"{FEED}/Packages.manifest").expect(200).text.count("Package: ") == 2


def test_not_there(shop: Shop) -> None:
    """What no feed has could be answered with anything but 404, and a client take it."""
    assert shop.get(f"{FEED}/Packages").expect(404).json() == {"message": "404 Feed Not Found"}
    shop.publish()
    for tail in (
        "22.03/Packages", f"{FEED}/more/Packages", f"{FEED}/Packages.stamps", f"{FEED}/toy_1.0-2_x86_64.ipk", f"{FEED}/toy.ipk", f"{FEED}/toy",
        f"{FEED}/keys/x", "keys/Packages.gz", "a%20b/Packages", "Packages", "Packages.gz", "toy_1.0-1_x86_64.ipk", "x/key.pub", "x/key.asc",
        f"{FEED}/{'a_' * 100}all.ipk", f"{FEED}/toy_1%2F1_all.ipk",
    ):  # fmt: skip
        for method in ("GET", "HEAD"):
            assert shop.ask(method, tail).status == 404, tail
    shop.ask("HEAD", f"{FEED}/Packages").expect(200)


def test_unchanged(shop: Shop) -> None:
    """A proxy could fetch again what has not changed, or be told so after a change."""
    shop.publish()
    login = basic(shop.team.reader.user, shop.team.reader.token)
    path = f"{shop.base}/{FEED}/Packages.gz"
    first = shop.stand.http.get(path, login).expect(200)
    shop.stand.http.get(path, {**login, "If-None-Match": first.headers["etag"]}).expect(304)
    shop.publish("other")
    assert shop.stand.http.get(path, {**login, "If-None-Match": first.headers["etag"]}).expect(200).body != first.body


def test_challenge(shop: Shop) -> None:
    """wget sends its credential only once it is asked for one."""
    shop.publish()
    for tail in ("Packages.gz", "Packages.sig", "toy_1.0-1_x86_64.ipk"):
        answer = shop.stand.http.get(f"{shop.base}/{FEED}/{tail}").expect(401)
        assert answer.headers["www-authenticate"].startswith("Basic ")


def test_open_and_close(shop: Shop) -> None:
    """A feed could not be had before its first package, keep its old key, or lose its packages with it."""
    shop.ask("PUT", f"{FEED}/feed", shop.team.writer).expect(201)
    assert check_feed(shop) == b""
    one = shop.publish()
    before, then = shop.get(f"{FEED}/key.pub").expect(200).body, write_time(now())
    shop.delete(f"{FEED}/feed", shop.team.reader).expect(403)
    shop.delete(f"{FEED}/feed").expect(204)
    shop.delete(f"{FEED}/feed").expect(404)
    shop.get(f"{FEED}/Packages").expect(404)
    shop.get(f"{FEED}/{one.filename}").expect(200)
    shop.publish("other")
    assert check_feed(shop).count(b"Package: ") == 2 and one.sha256 in shop.listed()
    assert shop.get(f"{FEED}/key.pub").expect(200).body != before
    earlier = shop.base.replace("/packages/", f"/-/at/{then}/packages/")
    assert shop.get(f"{FEED}/key.pub", earlier).expect(200).body == before
    assert check_feed(shop, earlier).count(b"Package: ") == 1


def test_group(shop: Shop) -> None:
    """A group could list what a reader may not see, lead to another project's file, or be signed by nobody."""
    shop.get(f"{FEED}/Packages", shop.group).expect(404)
    other = Shop(shop.stand, shop.team)
    project = shop.stand.make_project(shop.team.group)
    other.base = f"/api/v4/projects/{project['id']}/packages/opkg"
    owner = shop.team.maintainer
    one, two = shop.publish(), sample(version="1.0-1", variant=1, architecture="x86_64")
    other.put(f"{FEED}/upload", two.content, owner).expect(201)
    shop.ask("PUT", f"{FEED}/feed", owner, shop.group).expect(201)
    packages = shop.get(f"{FEED}/Packages", shop.group, owner).expect(200).text
    found = dict(zip(re.findall("Filename: (.*)", packages), re.findall("SHA256sum: (.*)", packages), strict=True))
    assert set(found.values()) == {one.sha256, two.sha256}
    for path, digest in found.items():
        assert hashlib.sha256(shop.get(f"{FEED}/{path}", shop.group, owner).expect(200).body).hexdigest() == digest
    shop.get(f"{FEED}/{one.filename}", shop.group, owner).expect(404)
    shop.get(f"{FEED}/0/{one.filename}", shop.group, owner).expect(404)


def test_tokens_stay_out(shop: Shop) -> None:
    """A document could repeat the credential of whoever asked."""
    shop.publish()
    for name in ("Packages", "Packages.manifest", "Packages.sig", "key.pub", "key.asc"):
        assert shop.team.reader.token not in shop.get(f"{FEED}/{name}").expect(200).text
