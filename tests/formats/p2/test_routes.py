"""Uploads, documents and artifacts on a running server."""

from __future__ import annotations

import concurrent.futures
import hashlib
import lzma
import re
from dataclasses import replace
from xml.etree.ElementTree import Element, fromstring

import pytest
from stand import Login, Stand, Team
from wire import Answer, Client, basic

from .samples import artifact, bundle, content_xml, feature, pack, site, unit

DOCUMENTS = [f"{kind}.{suffix}" for kind in ("content", "artifacts") for suffix in ("xml", "jar", "xml.xz")]


class Shop:
    """A project that repositories are published to."""

    def __init__(self, stand: Stand, team: Team) -> None:
        self.stand, self.team = stand, team
        self.base = f"/api/v4/projects/{team.project['id']}/packages/p2"

    def get(self, tail: str, login: Login | None = None, base: str = "", method: str = "GET", **headers: str) -> Answer:
        login = login or self.team.reader
        return self.stand.http.request(method, f"{base or self.base}/{tail}", headers={**basic(login.user, login.token), **headers})

    def put(self, content: bytes, tail: str = "toys/upload", login: Login | None = None, **headers: str) -> Answer:
        login = login or self.team.writer
        return self.stand.http.put(f"{self.base}/{tail}", content, {**basic(login.user, login.token), **headers})

    def delete(self, tail: str, login: Login | None = None) -> Answer:
        return self.get(tail, login or self.team.maintainer, method="DELETE")

    def document(self, name: str, repository: str = "toys", base: str = "", login: Login | None = None) -> Element:
        return fromstring(self.get(f"{repository}/{name}", login, base).expect(200).body)

    def units(self, repository: str = "toys", base: str = "", login: Login | None = None) -> list[str]:
        return [f"{one.get('id')} {one.get('version')}" for one in self.document("content.xml", repository, base, login).iter("unit")]

    def artifacts(self, repository: str = "toys", base: str = "", login: Login | None = None) -> list[str]:
        return [f"{one.get('id')} {one.get('version')}" for one in self.document("artifacts.xml", repository, base, login).iter("artifact")]

    def versions(self) -> list[str]:
        return sorted(package["version"] for package in self.stand.list_packages(self.team.project))


@pytest.fixture(name="shop")
def open_shop(stand: Stand, team: Team) -> Shop:
    return Shop(stand, team)


# -- publishing ------------------------------------------------------------------------------------------------------


def test_from_end_to_end(shop: Shop) -> None:
    """A repository could come out with other bytes or digests, without one of its documents, or with what was beside it."""
    jar = bundle(Extra="x")
    shop.put(site({"toy_1.0.0": jar}, others={"index.html": b"<html>", "binary/toy.exe_1.0.0": b"exe"})).expect(201)
    assert shop.units() == ["toy 1.0.0"] and shop.artifacts() == ["toy 1.0.0"] and shop.versions() == ["1.0.0"]
    told = {one.get("name"): one.get("value") for one in shop.document("artifacts.xml").iter("property")}
    assert told["download.checksum.sha-256"] == hashlib.sha256(jar).hexdigest() and told["download.size"] == told["artifact.size"] == str(len(jar))
    answer = shop.get("toys/plugins/toy_1.0.0.jar").expect(200)
    assert answer.body == jar and answer.headers["content-type"] == "application/java-archive"
    part = shop.get("toys/plugins/toy_1.0.0.jar", Range="bytes=10-19").expect(206)
    assert part.body == jar[10:20]
    for tail in (
        "toys/binary/toy.exe_1.0.0",
        "toys/index.html",
        "toys/site.xml",
        "toys/compositeContent.xml",
        "toys/digest.zip",
        "toys/plugins/x_1.jar",
    ):
        shop.get(tail).expect(404)


def test_documents_lead_to_each_other(shop: Shop) -> None:
    """What p2.index names could be missing, differ from the others, or HEAD say something else than GET."""
    shop.put(site()).expect(201)
    lead = shop.get("toys/p2.index").expect(200).text
    for kind in ("content", "artifacts"):
        assert f"factory.order={kind}.xml.xz,{kind}.xml,!" in lead
        assert lzma.decompress(shop.get(f"toys/{kind}.xml.xz").expect(200).body) == shop.get(f"toys/{kind}.xml").expect(200).body
    for name in ("p2.index", *DOCUMENTS):
        got, head = shop.get(f"toys/{name}").expect(200), shop.get(f"toys/{name}", method="HEAD").expect(200)
        assert head.headers["content-length"] == str(len(got.body)) and head.headers["etag"] == got.headers["etag"]
        shop.get(f"toys/{name}", **{"If-None-Match": got.headers["etag"] or ""}).expect(304)


def test_composite(shop: Shop) -> None:
    """The address of the project could lead to other repositories than it has, or fail where it has none."""

    def children() -> list[str | None]:
        return [one.get("location") for one in fromstring(shop.get("compositeContent.xml").expect(200).body).iter("child")]

    assert children() == [] and "compositeContent.xml,!" in shop.get("p2.index").expect(200).text
    shop.put(site(), "b/upload").expect(201)
    shop.put(site(), "a/1.0.0.zip").expect(201)
    assert children() == ["a/", "b/"]
    for name in ("compositeArtifacts.xml", "compositeContent.jar", "compositeArtifacts.jar"):
        shop.get(name).expect(200)
    shop.delete("a/1.0.0").expect(204)
    assert children() == ["b/"]
    shop.get("a/p2.index").expect(404)


def test_again(shop: Shop) -> None:
    """Other bytes could take the place of an artifact, in this version or another, or the same ones be refused."""
    jar, other = bundle(), bundle(Extra="x")
    shop.put(site({"toy_1.0.0": jar})).expect(201)
    shop.put(site({"toy_1.0.0": jar})).expect(200)
    shop.put(site({"toy_1.0.0": jar, "more_1.0.0": bundle("more")}), "toys/2.0.0.zip").expect(201)
    for tail in ("toys/upload", "toys/1.0.0.zip", "toys/3.0.0.zip"):
        message = shop.put(site({"toy_1.0.0": other, "new_1.0.0": bundle("new")}), tail).expect(409).json()["message"]
        assert all(hashlib.sha256(each).hexdigest() in message for each in (jar, other)) and "plugins/toy_1.0.0.jar" in message
    shop.put(other, "toys/plugins/toy_1.0.0.jar").expect(409)
    assert shop.artifacts() == ["more 1.0.0", "toy 1.0.0"] and shop.versions() == ["1.0.0", "2.0.0"]
    assert shop.get("toys/plugins/toy_1.0.0.jar").body == jar


def test_again_with_more(shop: Shop) -> None:
    """Units that come later for an artifact of the same version could be dropped while the answer says that all is well."""
    jars = {"toy_1.0.0": bundle(), "other_1.0.0": bundle("other")}
    shop.put(site(jars, units=[unit()])).expect(201)
    more = site(jars, units=[unit(), unit("more", name="toy"), unit("group", artifact=None)])
    shop.put(more).expect(201)
    shop.put(more).expect(200)
    assert shop.units() == ["group 1.0.0", "more 1.0.0", "toy 1.0.0"]
    shop.delete("toys/plugins/toy_1.0.0.jar").expect(204)
    assert shop.units() == ["group 1.0.0"]


def test_at_once(shop: Shop) -> None:
    """Two archives with other bytes for one artifact that come at the same time could leave a list that no download fits."""
    contents = [site({"toy_1.0.0": bundle(Variant=str(number))}) for number in range(4)]
    user = shop.team.writer

    def put(number: int) -> int:
        with Client(shop.stand.url) as client:
            return client.put(f"{shop.base}/toys/{number}.0.0.zip", contents[number], basic(user.user, user.token)).status

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(put, range(4)))
    assert sorted(statuses) == [201, 409, 409, 409]
    (told,) = (one.get("value") for one in shop.document("artifacts.xml").iter("property") if one.get("name") == "download.checksum.sha-256")
    assert hashlib.sha256(shop.get("toys/plugins/toy_1.0.0.jar").body).hexdigest() == told


def test_what_comes_back_and_what_is_promoted(shop: Shop) -> None:
    """A version that is restored or promoted could bring other bytes for an artifact, and a client get another one than it has read of."""
    jar, other = bundle(), bundle(Extra="x")
    shop.put(site({"toy_1.0.0": jar}), "toys/1.0.0.zip").expect(201)
    [package] = shop.stand.list_packages(shop.team.project)
    place, token = f"/projects/{shop.team.project['id']}/packages/{package['id']}/-", shop.team.maintainer.token
    target = Shop(shop.stand, replace(shop.team, project=shop.stand.make_project(shop.team.group)))
    target.put(site({"toy_1.0.0": other}), "toys/2.0.0.zip", shop.team.developer).expect(201)
    said = shop.stand.want(409, "POST", f"{place}/promote", {"to": target.team.project["id"]}, token=token)["message"]
    assert "plugins/toy_1.0.0.jar already exists" in said and target.versions() == ["2.0.0"]
    shop.delete("toys/1.0.0").expect(204)
    shop.put(site({"toy_1.0.0": other}), "toys/2.0.0.zip").expect(201)
    said = shop.stand.want(409, "POST", f"{place}/restore", token=token)["message"]
    assert "toys 1.0.0 cannot be restored" in said and "plugins/toy_1.0.0.jar already exists" in said
    assert shop.versions() == ["2.0.0"] and shop.get("toys/plugins/toy_1.0.0.jar").body == other
    shop.delete("toys/2.0.0").expect(204)
    shop.put(site({"toy_1.0.0": jar}), "toys/3.0.0.zip").expect(201)
    shop.stand.want(201, "POST", f"{place}/restore", token=token)
    assert shop.versions() == ["1.0.0", "3.0.0"] and shop.get("toys/plugins/toy_1.0.0.jar").body == jar


def test_what_is_refused(shop: Shop) -> None:
    """An archive could be taken that no client can use, in part, or be refused without a word about what is wrong."""
    for content, reason in (
        (b"", "zip"), (b"PK nothing", "zip"), (pack({"a": b""}), "content.xml"), (pack({"content.xml": content_xml([unit()])}), "artifacts.xml"),
        (site({}, artifacts=[artifact()], units=[unit()]), "not in the archive"), (site(units=[]), "no unit"),
        (site(others={"../x": b""}), "leaves"), (site(artifacts=[artifact(download__checksum__sha_256="0" * 64)]), "sha256"),
        (site(artifacts=[artifact(download__size="1")]), "bytes"), (site(artifacts=[artifact(format="packed")]), "pack200"),
    ):  # fmt: skip
        answer = shop.put(content).expect(400)
        assert reason in answer.json()["message"], answer.text
    for tail, status in (("toys/x.zip", 400), ("toys/1.0.0.jar", 400), ("-x/upload", 400), ("toys/1.0.0-SNAPSHOT.zip", 400)):
        shop.put(site(), tail).expect(status)
    assert shop.stand.http.put(f"{shop.base}/toys/upload", site()).status == 401
    shop.put(site(), login=shop.team.reader).expect(403)
    assert shop.versions() == []


def test_ways_to_send(shop: Shop) -> None:
    """The version of an archive could be another than its features', or than the address says."""
    shop.put(site({"toy_1.0.0": bundle()}), "a/2.0.zip").expect(201)
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="y.zip"\r\n\r\n' + site() + b"\r\n--x--\r\n"
    shop.put(body, "b/upload", **{"Content-Type": "multipart/form-data; boundary=x"}).expect(201)
    assert shop.versions() == ["1.0.0", "2.0.0"]


# -- single bundles and features -------------------------------------------------------------------------------------


def test_bundles_and_features_alone(shop: Shop) -> None:
    """A bundle or feature that comes alone could be listed without units, under another name, or not be installable."""
    shop.put(bundle("a", "1.0"), "toys/plugins/a_1.0.0.jar").expect(201)
    shop.put(bundle("a", "1.0"), "toys/plugins/a_1.0.0.jar").expect(200)
    shop.put(feature("f", "2.0.0", "<plugin id='a' version='1.0.0'/>"), "toys/features/f_2.0.0.jar").expect(201)
    assert shop.units() == ["a 1.0.0", "f.feature.group 2.0.0", "f.feature.jar 2.0.0"] and shop.artifacts() == ["f 2.0.0", "a 1.0.0"]
    for tail in ("toys/plugins/b_1.0.0.jar", "toys/plugins/a_1.0.jar", "toys/plugins/f_2.0.0.jar"):
        assert "address" in shop.put(bundle("a", "1.0"), tail).expect(400).text
    shop.put(bundle("f"), "toys/features/f_1.0.0.jar").expect(400)
    shop.put(b"", "toys/plugins/a_1.0.0.jar").expect(400)
    shop.put(site({"a_1.0.0": bundle("a", "1.0"), "b_1.0.0": bundle("b")}), "toys/3.0.0.zip").expect(201)
    assert shop.artifacts() == ["f 2.0.0", "a 1.0.0", "b 1.0.0"]


# -- deleting --------------------------------------------------------------------------------------------------------


def test_deleting_a_version(shop: Shop) -> None:
    """What another version brought too could go, or what only this one brought stay."""
    shop.put(site({"shared_1.0.0": bundle("shared"), "old_1.0.0": bundle("old")}), "toys/1.0.0.zip").expect(201)
    shop.put(site({"shared_1.0.0": bundle("shared"), "new_1.0.0": bundle("new")}), "toys/2.0.0.zip").expect(201)
    shop.delete("toys/1.0").expect(204)
    assert shop.units() == ["new 1.0.0", "shared 1.0.0"] == shop.artifacts()
    shop.get("toys/plugins/old_1.0.0.jar").expect(404)
    shop.get("toys/plugins/shared_1.0.0.jar").expect(200)
    shop.put(site({"old_1.0.0": bundle("old", Other="x")}), "toys/1.0.0.zip").expect(201)
    for tail in ("toys/9.0.0", "toys/x", "none/1.0.0", "-/1.0.0"):
        shop.delete(tail).expect(404)


def test_deleting_an_artifact(shop: Shop) -> None:
    """An artifact could stay in one of its versions, or a unit be offered without it."""
    for version in ("1.0.0", "2.0.0"):
        shop.put(site({"a_1.0.0": bundle("a"), "b_1.0.0": bundle("b")}), f"toys/{version}.zip").expect(201)
    shop.delete("toys/plugins/a_1.0.0.jar").expect(204)
    assert shop.units() == ["b 1.0.0"] == shop.artifacts()
    shop.get("toys/plugins/a_1.0.0.jar").expect(404)
    shop.delete("toys/plugins/a_1.0.0.jar").expect(404)
    for login in (shop.team.writer, shop.team.developer, shop.team.reader):
        shop.delete("toys/plugins/b_1.0.0.jar", login).expect(403)
        shop.delete("toys/1.0.0", login).expect(403)


# -- who may ---------------------------------------------------------------------------------------------------------


def test_private(shop: Shop) -> None:
    """Eclipse asks for a login after a challenge only: a document of a private project could be not found instead, or told."""
    shop.put(site()).expect(201)
    for tail in (
        "p2.index",
        "toys/p2.index",
        "toys/content.xml.xz",
        "toys/content.jar",
        "toys/plugins/toy_1.0.0.jar",
        "none/p2.index",
        "toys/site.xml",
    ):
        answer = shop.stand.http.get(f"{shop.base}/{tail}")
        assert answer.status == 401 and re.match("Basic realm=", answer.headers["www-authenticate"] or "")
        if tail not in ("none/p2.index", "toys/site.xml"):
            shop.get(tail).expect(200)


def test_group(shop: Shop) -> None:
    """A group could miss a project's bundles, or send another file than the one it lists."""
    jar = bundle()
    shop.put(site({"toy_1.0.0": jar})).expect(201)
    second = shop.stand.want(201, "POST", "/projects", {"name": "second", "namespace_id": shop.team.group["id"]})
    other = Shop(shop.stand, shop.team)
    other.base = f"/api/v4/projects/{second['id']}/packages/p2"
    other.put(site({"toy_1.0.0": bundle(Extra="x"), "more_1.0.0": bundle("more")}), login=shop.team.developer).expect(201)
    other.put(site(), "tools/upload", login=shop.team.developer).expect(201)
    group, reader = f"/api/v4/groups/{shop.team.group['id']}/-/packages/p2", shop.team.reporter
    assert shop.artifacts(base=group, login=reader) == ["more 1.0.0", "toy 1.0.0"] == shop.units(base=group, login=reader)
    assert [one.get("location") for one in fromstring(shop.get("compositeContent.xml", reader, group).expect(200).body).iter("child")] == [
        "tools/",
        "toys/",
    ]
    assert shop.get("toys/plugins/toy_1.0.0.jar", reader, group).expect(200).body == jar
    for tail in ("toys/plugins/toy_2.0.0.jar", "none/plugins/toy_1.0.0.jar", "none/p2.index"):
        shop.get(tail, reader, group).expect(404)
