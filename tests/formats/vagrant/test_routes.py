"""Uploads, catalogs and boxes on a running server."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest
from stand import Login, Stand, Team
from wire import Answer, basic

from .samples import Sample, box, sample, tar


class Shop:
    """A project that boxes are published to."""

    def __init__(self, stand: Stand, team: Team) -> None:
        self.stand, self.team = stand, team
        self.base = f"/api/v4/projects/{team.project['id']}/packages/vagrant"
        self.group = f"/api/v4/groups/{team.group['id']}/-/packages/vagrant"

    def ask(self, method: str, tail: str, login: Login | None = None, base: str = "", **headers: str) -> Answer:
        login = login or self.team.reader
        return self.stand.http.request(method, f"{base or self.base}/{tail}", headers={**basic(login.user, login.token), **headers})

    def put(self, tail: str, content: Any, login: Login | None = None, **headers: str) -> Answer:
        login = login or self.team.writer
        return self.stand.http.put(f"{self.base}/{tail}", content, {**basic(login.user, login.token), **headers})

    def publish(self, name: str, version: str, provider: str = "virtualbox", machine: str = "", **info: Any) -> Sample:
        one = sample(name, version, provider=provider, **info)
        self.put(f"{name}/{version}/{provider}{machine and '/'}{machine}.box", one.content).expect(201)
        return one

    def versions(self, name: str) -> dict[str, list[str]]:
        said = self.ask("GET", name).expect(200).json()
        return {version["version"]: [each["name"] for each in version["providers"]] for version in said["versions"]}


@pytest.fixture(name="shop")
def open_shop(stand: Stand, team: Team) -> Shop:
    return Shop(stand, team)


@pytest.mark.parametrize("name", ["toy", "acme/toy"])
def test_from_end_to_end(shop: Shop, name: str) -> None:
    """A box could come out with other bytes, under another name or digest, or its catalog be taken for the box itself."""
    shop.ask("HEAD", name).expect(404)
    one = shop.publish(name, "1.0.0", description="A toy")
    for path in (name, f"api/v2/vagrant/{name}"):
        head, got = shop.ask("HEAD", path).expect(200), shop.ask("GET", path).expect(200)
        assert head.headers["content-type"] == got.headers["content-type"] == "application/json" and head.body == b""
        assert (got.json()["name"], got.json()["description"]) == (name, "A toy")
    [entry] = got.json()["versions"][0]["providers"]
    assert entry == {"name": "virtualbox", "url": f"{shop.stand.url}{shop.base}/{name}/1.0.0/virtualbox.box", "checksum_type": "sha256",
                     "checksum": one.sha256}  # fmt: skip
    answer = shop.ask("GET", f"{name}/1.0.0/virtualbox.box").expect(200)
    assert answer.body == one.content and answer.headers["content-type"] == "application/octet-stream"
    part = shop.ask("GET", f"{name}/1.0.0/VirtualBox.box", None, "", Range="bytes=5-", **{"If-Range": answer.headers["etag"] or ""}).expect(206)
    assert part.body == one.content[5:]
    etag = shop.ask("GET", name).headers["etag"] or ""
    assert shop.ask("GET", name, None, "", **{"If-None-Match": etag}).status == 304


def test_what_is_refused(shop: Shop) -> None:
    """An upload could be taken that no client can use, or be refused without a word about what is wrong."""
    good = box()
    for tail, content, reason in (
        ("toy/1.0/virtualbox.box", b"", "empty"), ("toy/1.0/virtualbox.box", b"x" * 600, "no box"), ("toy/x/virtualbox.box", good, "Version"),
        ("toy/1..0/virtualbox.box", good, "Version"), ("toy/1.0/virtualbox.zip", good, ".box"), ("toy/1.0/3d.box", good, "provider"),
        ("toy/1.0/libvirt.box", good, "virtualbox"), ("search/1.0/virtualbox.box", good, "search"), ("a/b/1.0.box", good, "Version"),
        ("toy/1.0/virtualbox/64.box", good, "architecture"), ("a%2Fb/c/1.0/virtualbox.box", good, "name"),
    ):  # fmt: skip
        answer = shop.put(tail, content).expect(400)
        assert reason in answer.json()["errors"][0], answer.text
    assert shop.stand.http.put(f"{shop.base}/toy/1.0/virtualbox.box", good).status == 401
    shop.put("toy/1.0/virtualbox.box", good, shop.team.reader).expect(403)
    assert shop.stand.list_packages(shop.team.project) == []


def test_again(shop: Shop) -> None:
    """Other bytes could take a place, the same ones be refused, or nobody say which were which."""
    one, other = shop.publish("toy", "1.0"), box(variant=1)
    shop.put("toy/1.0/virtualbox.box", one.content).expect(201)
    message = shop.put("toy/1.0/VIRTUALBOX.box", other).expect(409).json()["errors"][0]
    assert one.sha256 in message and sample(variant=1).sha256 in message and "virtualbox.box" in message
    shop.publish("toy", "1.0", "libvirt")
    shop.publish("toy", "1.0", "libvirt", "arm64")
    assert shop.versions("toy") == {"1.0": ["libvirt", "libvirt", "virtualbox"]}


def test_unknown_length(shop: Shop) -> None:
    """A box that is sent while it is made could be refused."""

    def pieces() -> Iterator[bytes]:
        content = box()
        yield from (content[:100], content[100:])

    shop.put("toy/1.0/virtualbox.box", pieces()).expect(201)
    assert shop.ask("GET", "toy/1.0/virtualbox.box").expect(200).body == box()


def test_boxes_of_all_kinds(shop: Shop) -> None:
    """A box that is not packed, or of which nothing is known, could be refused."""
    sparse = tarfile.TarInfo("box.img")
    sparse.type = tarfile.GNUTYPE_SPARSE
    for version, content in (("1", tar({"metadata.json": b'{"provider":"virtualbox"}'})), ("2", tar({"x": b"y"})), ("3", tar({"x": b""}, sparse))):
        shop.put(f"toy/{version}/virtualbox.box", io.BytesIO(content).getvalue()).expect(201)
    assert list(shop.versions("toy")) == ["3", "2", "1"]


def test_deleting(shop: Shop) -> None:
    """A version could stay without a file, a box without a version, or somebody delete who may only publish."""
    for name in ("toy", "acme/toy"):
        for provider in ("virtualbox", "libvirt"):
            shop.publish(name, "1.0", provider)
        shop.publish(name, "2.0", "libvirt", "arm64")
        for login in (shop.team.writer, shop.team.developer, shop.team.reader):
            shop.ask("DELETE", f"{name}/1.0", login).expect(403)
        boss = shop.team.maintainer
        for tail in (f"{name}/3.0", f"{name}/x", f"{name}/1.0/hyperv.box", f"{name}/2.0/libvirt.box", f"{name}/1.0/a b.box", "toy/x/y"):
            shop.ask("DELETE", tail.replace(" ", "%20"), boss).expect(404)
        shop.ask("DELETE", f"{name}/1.0/virtualbox.box", boss).expect(204)
        assert shop.versions(name) == {"2.0": ["libvirt"], "1.0": ["libvirt"]}
        shop.ask("DELETE", f"{name}/1.0/libvirt.box", boss).expect(204)
        shop.ask("DELETE", f"{name}/2.0/libvirt/arm64.box", boss).expect(204)
        assert shop.ask("GET", name).expect(404).json() == {"errors": ["Package Not Found"]}
        shop.publish(name, "3.0")
        shop.ask("DELETE", f"{name}/3.0", boss).expect(204)
        shop.ask("HEAD", name).expect(404)


def test_token_is_checked(shop: Shop) -> None:
    """The client could take a wrong token for a good one, or the place of the check for a box."""
    for tail in ("authenticate", "api/v1/authenticate", "api/v2/authenticate"):
        shop.ask("GET", tail).expect(200)
        assert shop.stand.http.get(f"{shop.base}/{tail}").status == 401
        assert "errors" in shop.stand.http.get(f"{shop.base}/{tail}", {"Authorization": "Bearer glpat-wrong"}).expect(401).json()
    for tail in ("search", "boxes", "box", "api", "a%20b", "toy/1.0/x.zip", "toy/1.0/..box"):
        shop.ask("GET", tail).expect(404)
    shop.publish("toy", "1.0")
    token = shop.team.developer.token
    assert shop.stand.http.get(f"{shop.base}/toy?access_token={token}").status == 200
    assert shop.stand.http.get(f"{shop.base}/toy", {"Authorization": f"Bearer {shop.team.reader.token}"}).status == 200
    assert shop.stand.http.get(f"{shop.base}/toy").status == 401
    shop.ask("GET", "toy", shop.team.stranger).expect(404)


def test_group(shop: Shop) -> None:
    """A group could send another file than the one it lists."""
    one = shop.publish("acme/toy", "1.0")
    second = shop.stand.want(201, "POST", "/projects", {"name": "second", "namespace_id": shop.team.group["id"]})
    other = Shop(shop.stand, shop.team)
    other.base = f"/api/v4/projects/{second['id']}/packages/vagrant"
    later = box(variant=1)
    other.put("acme/toy/1.0/virtualbox.box", later, shop.team.developer).expect(201)
    reporter = shop.team.reporter
    [entry] = shop.ask("GET", "acme/toy", reporter, shop.group).expect(200).json()["versions"][0]["providers"]
    assert entry["checksum"] == one.sha256 and entry["url"].startswith(f"{shop.stand.url}{shop.group}/")
    assert shop.ask("GET", "acme/toy/1.0/virtualbox.box", reporter, shop.group).expect(200).body == one.content
    for tail in ("acme/toy/9.0/virtualbox.box", "acme/toy/1.0/libvirt.box", "none/1.0/libvirt.box"):
        shop.ask("GET", tail, reporter, shop.group).expect(404)
    shop.ask("DELETE", "acme/toy/1.0", shop.team.maintainer).expect(204)
    assert shop.ask("GET", "acme/toy/1.0/virtualbox.box", reporter, shop.group).expect(200).body == later
