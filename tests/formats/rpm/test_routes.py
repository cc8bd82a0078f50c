"""Uploads, downloads and repositories on a running server."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from types import SimpleNamespace
from typing import cast

import pytest
from pysequoia import Cert, Sig, verify
from stand import Login, Stand, Team
from wire import Answer, Client, basic

from packhouse.contract import Call
from packhouse.errors import FileNotFound
from packhouse.formats.rpm.parse.facts import LARGEST_LIST
from packhouse.formats.rpm.routes import get_package, unpack_list
from packhouse.model import Blob, FileRow, PackageRow, Rows, VersionRow
from packhouse.responses import Document, FileReply

from .samples import Sample, make_rpm, make_tags, sample

LISTS = ("primary", "filelists", "other")


class Shop:
    """A project."""

    def __init__(self, stand: Stand, team: Team) -> None:
        self.stand, self.team = stand, team
        self.base = f"/api/v4/projects/{team.project['id']}/packages/rpm"
        self.group = f"/api/v4/groups/{team.group['id']}/-/packages/rpm"

    def ask(self, method: str, tail: str, login: Login | None = None, base: str = "", content: bytes | None = None) -> Answer:
        login = login or self.team.reader
        return self.stand.http.request(method, f"{base or self.base}/{tail}", content, basic(login.user, login.token))

    def get(self, tail: str, base: str = "", login: Login | None = None) -> Answer:
        return self.ask("GET", tail, login, base)

    def put(self, tail: str, content: bytes, login: Login | None = None) -> Answer:
        return self.ask("PUT", tail, login or self.team.writer, "", content)

    def publish(self, name: str = "toy", version: str = "1.0-1", group: str = "", variant: int = 0, **more: str) -> Sample:
        one = sample(name, version, variant, **more)
        self.put(f"{group}{one.filename}", one.content).expect(201)
        return one

    def listed(self, group: str = "", base: str = "", login: Login | None = None) -> set[str]:
        """The digests of the packages of a group."""
        body = self.get(f"{group}repodata/primary.xml", base, login).expect(200).text
        return set(re.findall(r'pkgid="YES">([0-9a-f]{64})<', body))


@pytest.fixture(name="shop")
def open_shop(stand: Stand, team: Team) -> Shop:
    return Shop(stand, team)


# -- uploads ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tail", ["toy.rpm", "upload", "el9/upload", "el9/stable/other-name.rpm"])
def test_ways_to_publish(shop: Shop, tail: str) -> None:
    """A package could be refused for the address it comes to, or be listed where that does not say."""
    one = sample(version="1.0-1")
    assert shop.put(tail, one.content).expect(201).json() == {"message": "201 Created"}
    group = tail.rpartition("/")[0]
    assert shop.listed(f"{group}/" if group else "") == {one.sha256}
    [package] = shop.stand.list_packages(shop.team.project)
    assert (package["name"], package["version"]) == ("toy", "1.0-1")


def test_form(shop: Shop) -> None:
    """A package that comes as GitLab's form has it could be refused."""
    one = sample()
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.rpm"\r\n\r\n' + one.content + b"\r\n--b--\r\n"
    login = basic(shop.team.writer.user, shop.team.writer.token)
    headers = {**login, "Content-Type": "multipart/form-data; boundary=b"}
    for path in (shop.base, f"{shop.base}/"):
        assert shop.stand.http.request("POST", path, body, headers).expect(201).json() == {"message": "201 Created"}
    assert shop.listed() == {one.sha256}


def test_twice(shop: Shop) -> None:
    """A retry could fail, or other bytes take the place of what was published; one group stand in the way of another."""
    one, other = sample(), sample(variant=1)
    for group in ("", "el9/", "el9/stable/"):
        for _ in range(2):
            shop.put(f"{group}{one.filename}", one.content).expect(201)
        said = shop.put(f"{group}{other.filename}", other.content).expect(409).json()["message"]
        assert one.sha256 in said and other.sha256 in said
    shop.put(f"el8/{other.filename}", other.content).expect(201)
    assert shop.listed("el8/") == {other.sha256} and shop.listed("el9/") == {one.sha256} == shop.listed()


def test_refused(shop: Shop) -> None:
    """Something that is no package, or has no place to go, could be published or end in an error of the server's."""
    good = sample()
    for content in (b"", b"garbage" * 99, good.content[:300], make_rpm(make_tags() | {1000: "../x"}), make_rpm(make_tags())[:-1]):
        shop.put("toy.rpm", content).expect(400)
    assert "must" not in shop.put("toy.rpm", b"").text
    assert "upload" in shop.put("el9", good.content).expect(400).text
    for tail in ("a%20b/toy.rpm", "repodata/toy.rpm", "a/package/toy.rpm", "a/b/c/d/toy.rpm", "%C3%A4/toy.rpm"):
        shop.put(tail, good.content).expect(400)
    shop.stand.http.request("PUT", f"{shop.base}/toy.rpm", good.content, {}).expect(401)
    shop.put("toy.rpm", good.content, shop.team.reporter).expect(403)
    assert shop.stand.list_packages(shop.team.project) == []
    shop.get("repodata/repomd.xml").expect(404)


def test_refused_by_a_rule(shop: Shop) -> None:
    """An upload that is refused after it was read could leave a repository behind, with a key that nobody asked for."""
    rule = {"package_name_pattern": "toy*", "package_type": "rpm", "minimum_access_level_for_push": "owner"}
    shop.stand.want(201, "POST", f"/projects/{shop.team.project['id']}/packages/protection/rules", rule)
    one = sample()
    shop.put(one.filename, one.content, shop.team.developer).expect(403)
    assert shop.get("repodata/repomd.xml").expect(404).json() == {"message": "404 Repository Not Found"}


def test_at_the_same_time(database_stand: Stand) -> None:
    """Packages that come at the same time, the first of their group, could be lost, or open it twice."""
    shop = Shop(database_stand, database_stand.make_team())
    some = [sample(f"toy{number}") for number in range(8)]
    login = basic(shop.team.writer.user, shop.team.writer.token)

    def send(path: str, content: bytes) -> Answer:
        with closing(Client(shop.stand.url)) as client:
            return client.put(path, content, login)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda one: send(f"{shop.base}/el9/{one.filename}", one.content), some))
    assert [answer.status for answer in answers] == [201] * 8, [answer.text for answer in answers]
    assert shop.listed("el9/") == {one.sha256 for one in some}


# -- repositories ----------------------------------------------------------------------------------------------------


def test_repository(shop: Shop) -> None:
    """A list could be missing, hold something else than is told, or be signed by another key than the one that is handed out."""
    shop.publish()
    repomd = shop.get("repodata/repomd.xml").expect(200)
    assert repomd.headers["content-type"].startswith("application/xml") and repomd.headers["etag"]
    for kind in LISTS:
        [digest] = re.findall(rf'href="repodata/([0-9a-f]{{64}})-{kind}\.xml\.gz"', repomd.text)
        packed = shop.get(f"repodata/{digest}-{kind}.xml.gz").expect(200)
        assert hashlib.sha256(packed.body).hexdigest() == digest
        assert gzip.decompress(packed.body) == shop.get(f"repodata/{kind}.xml").expect(200).body
    key = shop.get("repodata/repomd.xml.key").expect(200)
    assert key.headers["content-type"] == "application/pgp-keys"
    signature = Sig.from_bytes(shop.get("repodata/repomd.xml.asc").expect(200).body)
    certificate = Cert.from_bytes(key.body)
    assert verify(repomd.body, lambda _: [certificate], signature=signature).valid_sigs


def test_not_there(shop: Shop) -> None:
    """What no repository has could be answered with anything but 404, and a client take it."""
    assert shop.get("repodata/repomd.xml").expect(404).json() == {"message": "404 Repository Not Found"}
    shop.publish(group="el9/")
    for tail in (
        "repodata/repomd.xml", "el8/repodata/repomd.xml", "el9/repodata/dummy.xml", "el9/repodata/primary", "el9/repodata/.xml",
        "el9/repodata/x.repo", f"el9/repodata/{'0' * 64}-primary.xml.gz", "el8/repodata/repository.repo", "",
        "package/toy/1.0-1/noarch", "el9/package/toy/1.0/noarch",
        "el9/package/to%20y/1.0-1/noarch", "1/toy-1.0-1.noarch.rpm", "x/toy-1.0-1.noarch.rpm", "1/toy.rpm",
    ):  # fmt: skip
        for method in ("GET", "HEAD"):
            assert shop.ask(method, tail).status == 404, tail
    shop.ask("HEAD", "el9/repodata/repomd.xml").expect(200)


def test_unchanged(shop: Shop) -> None:
    """A machine could fetch again what has not changed, or be told so after a change."""
    shop.publish()
    login = basic(shop.team.reader.user, shop.team.reader.token)
    path = f"{shop.base}/repodata/repomd.xml"
    first = shop.stand.http.get(path, login).expect(200)
    shop.stand.http.get(path, {**login, "If-None-Match": first.headers["etag"]}).expect(304)
    shop.publish("other")
    assert shop.stand.http.get(path, {**login, "If-None-Match": first.headers["etag"]}).expect(200).body != first.body


def test_replaced_lists(shop: Shop) -> None:
    """A machine that read repomd.xml before a publish could find none of its lists, or one of another group."""
    shop.publish()
    old = re.findall(r'href="(repodata/[^"]+)"', shop.get("repodata/repomd.xml").expect(200).text)
    shop.publish("other")
    new = re.findall(r'href="(repodata/[^"]+)"', shop.get("repodata/repomd.xml").expect(200).text)
    assert len({*old, *new}) == 6
    for href in (*old, *new):
        assert hashlib.sha256(shop.get(href).expect(200).body).hexdigest() == href[9:73]
    shop.publish("else", group="el9/")
    shop.get(f"el9/{old[0]}").expect(404)


def test_repo_file(shop: Shop) -> None:
    """The file for dnf could have an address where no repository is, or the credential of whoever asked."""
    shop.publish(group="el9/stable/")
    base = f"{shop.stand.url}{shop.base}/el9/stable"
    lines = shop.get("el9/stable/repodata/repository.repo").expect(200).text.splitlines()
    assert lines[0] == f"[packhouse-project-{shop.team.project['id']}-el9-stable]"
    assert {f"baseurl={base}", f"gpgkey={base}/repodata/repomd.xml.key", "repo_gpgcheck=1"} < set(lines)
    shop.publish()
    assert shop.get("").expect(200).text == shop.get("repodata/repository.repo").expect(200).text


def test_open_before_publish(shop: Shop) -> None:
    """A machine could not be set up for a repository before its first package, or be broken by the key of a second opening."""
    for login, status in ((shop.team.reporter, 403), (shop.team.stranger, 404), (shop.team.developer, 201)):
        shop.ask("PUT", "el9/repository", login).expect(status)
    key = shop.get("el9/repodata/repomd.xml.key").expect(200).body
    assert shop.listed("el9/") == set()
    shop.ask("PUT", "el9/repository", shop.team.developer).expect(201)
    one = shop.publish(group="el9/")
    assert shop.listed("el9/") == {one.sha256}
    assert shop.get("el9/repodata/repomd.xml.key").expect(200).body == key


def test_close(shop: Shop) -> None:
    """A repository could be closed by whoever may publish, take its packages with it, or come back with the key that was thrown away."""
    one = shop.publish(group="el9/")
    key = shop.get("el9/repodata/repomd.xml.key").expect(200).body
    shop.ask("DELETE", "el9/repository", shop.team.developer).expect(403)
    shop.ask("DELETE", "el9/repository", shop.team.maintainer).expect(204)
    shop.ask("DELETE", "el9/repository", shop.team.maintainer).expect(404)
    for name in ("repomd.xml", "repomd.xml.key", "primary.xml", "repository.repo"):
        shop.get(f"el9/repodata/{name}").expect(404)
    assert shop.get("el9/package/toy/1.0-1/noarch").expect(200).body == one.content
    other = shop.publish("other", group="el9/")
    assert shop.listed("el9/") == {one.sha256, other.sha256}
    assert shop.get("el9/repodata/repomd.xml.key").expect(200).body != key


def test_group_of_projects(shop: Shop) -> None:
    """A group could miss what its projects have, show it to whom may not see it, or serve another package than it lists."""
    one = shop.publish(group="el9/")
    assert shop.get("el9/repodata/repomd.xml", shop.group, shop.team.reporter).status == 404
    shop.ask("PUT", "el9/repository", shop.team.developer, shop.group).expect(201)
    assert shop.listed("el9/", shop.group, shop.team.reporter) == {one.sha256}
    body = shop.get("el9/repodata/primary.xml", shop.group, shop.team.reporter).text
    [href] = re.findall(r'<location href="([^"]+)"', body)
    assert shop.get(f"el9/{href}", shop.group, shop.team.reporter).expect(200).body == one.content
    shop.get(f"el9/{href.replace('package/', 'package/9')}", shop.group, shop.team.reporter).expect(404)
    shop.get("el9/repodata/primary.xml", shop.group, shop.team.stranger).expect(404)


def test_address_without_digest() -> None:
    """What is found by its digest, behind an address that has none, could be kept for a year, and what came in its place never be seen."""
    files = [FileRow(id=n, project=n, path="toy-1.0-1.noarch.rpm", blob=Blob(sha256=str(n) * 64, size=1), facts=b"") for n in (7, 8)]
    versions = tuple(VersionRow(id=file.id, project=file.project, name="toy", version="1.0-1", files=(file,)) for file in files)
    rows = Rows(packages=(PackageRow(id=1, project=7, name="toy", key="toy", versions=versions),))

    async def find_file(_name: str, _version: str, path: str, sha256: str | None = None) -> FileReply:
        file = next(file for file in files if sha256 in (None, file.blob.sha256))
        return FileReply(blob=file.blob, name=path, project=file.project, immutable=sha256 is not None)

    async def find_rows(_name: str, _version: str | None) -> Rows:
        return rows

    packages = SimpleNamespace(file=find_file, rows=find_rows)
    for project in (7, 8):
        params = {"package_name": "toy", "package_version": "1.0-1", "architecture": "noarch", "project_id": str(project)}
        reply = asyncio.run(get_package(cast(Call, SimpleNamespace(params=params, packages=packages))))
        assert isinstance(reply, FileReply) and reply.project == project and not reply.immutable


def test_enormous_list() -> None:
    """Whoever looks at a list could make the server take as much memory as its packer has saved."""
    packed = Document(gzip.compress(b" " * (LARGEST_LIST + 1), 1), "application/gzip", "etag")
    with pytest.raises(FileNotFound, match="take the packed one"):
        asyncio.run(unpack_list(packed))


# -- packages --------------------------------------------------------------------------------------------------------


def test_download(shop: Shop) -> None:
    """A package could be other bytes at one of its addresses, or not be found by a name that needs encoding."""
    one = shop.publish("lib++", "1:1.0^git~x-1%", group="el9/")
    for tail in ("", "/any", "/lib++-1.0.rpm"):
        for version in ("1:1.0^git~x-1%25", "1%3A1.0%5Egit%7Ex-1%25"):
            answer = shop.get(f"el9/package/lib%2B%2B/{version}/noarch{tail}").expect(200)
            assert answer.body == one.content and answer.headers["content-type"] == "application/x-rpm"
    [package] = shop.stand.list_packages(shop.team.project)
    [file] = shop.stand.want(200, "GET", f"/projects/{shop.team.project['id']}/packages/{package['id']}/package_files")
    name = "lib%2B%2B-1.0%5Egit~x-1%25.noarch.rpm"
    assert shop.get(f"{file['id']}/{name}").expect(200).body == one.content
    shop.get(f"{file['id'] + 1}/{name}").expect(404)
    login = basic(shop.team.reader.user, shop.team.reader.token)
    part = shop.stand.http.get(f"{shop.base}/{file['id']}/{name}", {**login, "Range": "bytes=0-3"}).expect(206)
    assert part.body == b"\xed\xab\xee\xdb"


def test_epochs(shop: Shop) -> None:
    """Of two packages that differ in nothing but their epochs, which names of files do not have, one could hide the other."""
    some = [shop.publish(version=f"{epoch}1.0-1") for epoch in ("", "1:", "2:")]
    assert shop.listed() == {one.sha256 for one in some} and len({one.filename for one in some}) == 1
    for one in some:
        assert shop.get(f"package/toy/{one.version}/noarch/{one.filename}").expect(200).body == one.content


def test_delete(shop: Shop) -> None:
    """Something could be deleted by whoever may publish, in another group too, or leave the repository broken."""
    one = shop.publish()
    shop.publish(group="el9/")
    shop.ask("DELETE", "package/toy/1.0-1/noarch", shop.team.developer).expect(403)
    shop.ask("DELETE", "package/toy/1.0-1/noarch", shop.team.maintainer).expect(204)
    shop.ask("DELETE", "package/toy/1.0-1/noarch", shop.team.maintainer).expect(404)
    assert shop.listed() == set() and shop.listed("el9/") == {one.sha256}
    assert 'packages="0"' in shop.get("repodata/filelists.xml").expect(200).text
    shop.ask("DELETE", "el9/package/toy/1.0-1/noarch", shop.team.maintainer).expect(204)
    assert shop.stand.list_packages(shop.team.project) == []


def test_what_people_see(shop: Shop) -> None:
    """The page of a package could show nothing of it."""
    shop.publish()
    [package] = shop.stand.list_packages(shop.team.project)
    assert package["package_type"] == "rpm" and json.dumps(package)
