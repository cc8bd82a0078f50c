"""Distributions, uploads and lists on a running server."""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pysequoia
import pytest
from sqlalchemy import Connection, update
from stand import DEVELOPER, Login, Stand, Team
from wire import Answer, basic

from packhouse.assemble import make_house
from packhouse.db.tables import shelf_state
from packhouse.packages.house import House
from packhouse.packages.shelves import renew_due
from packhouse.settings import Settings

from .samples import Sample, make_control, make_deb, sample

Json = dict[str, Any]


class Shop:
    """A project with a distribution."""

    def __init__(self, stand: Stand, team: Team) -> None:
        self.stand, self.team = stand, team
        self.project = team.project["id"]
        self.base = f"/api/v4/projects/{self.project}/packages/debian"
        self.distributions = f"/projects/{self.project}/debian_distributions"

    def create(self, login: Login | None = None, **values: Any) -> Answer:
        token = (login or self.team.developer).token
        return self.stand.api("POST", self.distributions, {"codename": "bookworm", **values}, token=token)

    def get(self, tail: str, login: Login | None = None, base: str = "") -> Answer:
        login = login or self.team.reader
        return self.stand.http.get(f"{base or self.base}/{tail}", basic(login.user, login.token))

    def put(self, name: str, content: bytes, query: str = "distribution=bookworm&component=main", login: Login | None = None) -> Answer:
        login = login or self.team.writer
        return self.stand.http.put(f"{self.base}/{quote(name)}?{query}", content, basic(login.user, login.token))

    def publish(self, name: str = "toy", version: str = "1.0", query: str = "distribution=bookworm&component=main", **more: str) -> None:
        one = sample(name, version, **more)
        self.put(one.filename, one.content, query).expect(201)


@pytest.fixture(name="shop")
def open_shop(stand: Stand, team: Team) -> Shop:
    shop = Shop(stand, team)
    shop.create().expect(201)
    return shop


def digests_in(release: bytes) -> list[tuple[str, int, str]]:
    return [(digest, int(size), path) for digest, size, path in re.findall(r"^ ([0-9a-f]{64}) (\d+) (\S+)$", release.decode(), re.MULTILINE)]


# -- distributions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["projects", "groups"])
def test_a_distribution_from_end_to_end(stand: Stand, team: Team, where: str) -> None:
    """A distribution could not be made, listed, changed or removed, or look other than GitLab's."""
    place = team.project["id"] if where == "projects" else f"{team.group['id']}/-"
    base, token = f"/{where}/{place}/debian_distributions", team.developer.token
    sent = {"codename": "sid", "suite": "unstable", "origin": "Shop", "components": ["main", "contrib"], "valid_time_duration_seconds": 86400}
    made = stand.want(201, "POST", base, sent, token=token)
    rest = {"label": None, "version": None, "description": None, "architectures": ["all", "amd64"]}
    assert made == {"id": made["id"], **sent, **rest}
    assert stand.want(200, "GET", base) == [made] == stand.want(200, "GET", f"{base}?suite=unstable")
    assert stand.want(200, "GET", f"{base}?codename=other") == []
    changed = stand.want(200, "PUT", f"{base}/sid", {"label": "New", "architectures": ["arm64"]}, token=token)
    assert changed == {**made, "label": "New", "architectures": ["all", "arm64"]} == stand.want(200, "GET", f"{base}/sid")
    assert stand.api("GET", f"{base}/sid/key.asc").expect(200).text.startswith("-----BEGIN PGP PUBLIC KEY BLOCK-----")
    stand.want(403, "DELETE", f"{base}/sid", token=token)
    stand.want(202, "DELETE", f"{base}/sid", token=team.maintainer.token)
    for tail in ("sid", "sid/key.asc"):
        assert stand.want(404, "GET", f"{base}/{tail}")["message"] == "404 Distribution Not Found"


@pytest.mark.parametrize(
    "values",
    [{"codename": ""}, {"codename": "../x"}, {"codename": "a/b"}, {"codename": "ä"}, {"codename": "x" * 101}, {"suite": "a b"},
     {"origin": "a\nCodename: b"}, {"description": "a\rb"}, {"components": ["../x"]}, {"components": ["a/b"]}, {"architectures": ["AMD64"]},
     {"valid_time_duration_seconds": 60}, {"valid_time_duration_seconds": "soon"}, {"components": [f"c{n}" for n in range(101)]}],
)  # fmt: skip
def test_bad_distributions(stand: Stand, team: Team, values: Json) -> None:
    """A name could leave its folder, or a value put a line of its own into a Release."""
    answer = Shop(stand, team).create(**{"codename": "sid", **values})
    assert answer.status == 400, answer.text


def test_names_are_taken_once(shop: Shop) -> None:
    """Two distributions could answer under one name."""
    shop.create().expect(400)
    shop.create(codename="other", suite="bookworm").expect(400)
    shop.create(codename="other", suite="stable").expect(201)
    shop.create(codename="stable").expect(400)


def test_who_manages_distributions(shop: Shop) -> None:
    """A reader could make a distribution, or a stranger learn that there is one."""
    logins = {"reporter": shop.team.reporter, "stranger": shop.team.stranger, "developer": shop.team.developer}
    found = {who: shop.create(login, codename=who).status for who, login in logins.items()}
    assert found == {"reporter": 403, "stranger": 404, "developer": 201}
    assert shop.stand.api("GET", f"{shop.distributions}/bookworm", token=shop.team.stranger.token).status == 404


# -- uploads ---------------------------------------------------------------------------------------------------------


def test_refused_uploads(shop: Shop) -> None:
    """Something that is no package, or has no place to go, could be published or end in an error of the server's."""
    good = sample()
    wrong = "distribution=bookworm&component="
    shop.put("toy.deb%0a", b"x", "").expect(400)
    shop.put(".hidden", b"x", "").expect(400)
    assert shop.put("toy.txt", b"x").expect(400).json()["message"].endswith("Only debs, udebs and ddebs can be directly added to a distribution")
    assert shop.put(good.filename, good.content, "distribution=bookworm").expect(400).json() == {"error": "component is missing"}
    assert shop.put(good.filename, good.content, "component=main").expect(400).json() == {"error": "distribution is missing"}
    assert shop.put(good.filename, good.content, wrong + quote("../x")).expect(400).json()["error"].startswith("component is invalid")
    assert shop.put(good.filename, good.content, "distribution=sid&component=main").expect(404).json()["message"] == "404 Distribution Not Found"
    for content in (b"", b"no package", make_deb({"Package": "toy"})):
        shop.put(good.filename, content).expect(400)
    assert shop.stand.list_packages(shop.team.project) == []


def test_promoted_to_no_distribution(shop: Shop) -> None:
    """A package could be promoted to where no list names it, and nobody be told why."""
    target = Shop(shop.stand, replace(shop.team, project=shop.stand.make_project(shop.team.group)))
    shop.publish()
    [package] = shop.stand.list_packages(shop.team.project)
    path, to = f"/projects/{shop.project}/packages/{package['id']}/-/promote", {"to": target.project}
    token = shop.team.developer.token
    said = shop.stand.want(409, "POST", path, to, token=token)["message"]
    assert f"{target.team.project['path_with_namespace']} has no distribution bookworm" in said
    assert shop.stand.list_packages(target.team.project) == []
    target.create().expect(201)
    shop.stand.want(201, "POST", path, to, token=token)
    assert "Package: toy\n" in target.get("dists/bookworm/main/binary-amd64/Packages", shop.team.reporter).expect(200).text


def test_twice(shop: Shop) -> None:
    """A retry could fail, or other bytes take the place of what was published."""
    one, other = sample(), sample(variant=1)
    for _ in range(2):
        assert shop.put(one.filename, one.content).expect(201).json() == {"message": "201 Created"}
    said = shop.put(other.filename, other.content).expect(409).json()["message"]
    assert one.sha256 in said and other.sha256 in said


def test_multipart(shop: Shop) -> None:
    """A package that comes as the part of a form could be refused."""
    one = sample()
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.deb"\r\n\r\n' + one.content + b"\r\n--b--\r\n"
    login = basic(shop.team.writer.user, shop.team.writer.token)
    url = f"{shop.base}/{one.filename}?distribution=bookworm&component=main"
    shop.stand.http.put(url, body, {**login, "Content-Type": "multipart/form-data; boundary=b"}).expect(201)
    assert shop.get(f"pool/bookworm/t/toy/1.0.0/{one.filename}").expect(200).body == one.content


# -- uploads of several files ----------------------------------------------------------------------------------------


def make_changes(one: Sample, **more: str) -> bytes:
    """The .changes of an upload of this package alone."""
    sha256, size = more.pop("sha256", one.sha256), more.pop("size", str(len(one.content)))
    name, section = more.pop("name", one.filename), more.pop("section", "utils")
    fields = {
        "Format": "1.8", "Source": one.name, "Version": one.version, "Distribution": "bookworm", **more,
        "Checksums-Sha256": f"\n {sha256} {size} {name}", "Files": f"\n {hashlib.md5(one.content).hexdigest()} {size} {section} optional {name}",
    }  # fmt: skip
    return make_control(fields)


def test_changes_publish_all_at_once(shop: Shop) -> None:
    """A file could be seen before its .changes, go into another component than its section says, or stay behind afterwards."""
    one, packages = sample(), "dists/bookworm/contrib/binary-amd64/Packages"
    shop.put(one.filename, one.content, "").expect(201)
    assert shop.stand.list_packages(shop.team.project) == [] and one.name.encode() not in shop.get("dists/bookworm/Release").body
    shop.get(f"pool/bookworm/t/toy/1.0.0/{one.filename}").expect(404)
    signed = b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n" + make_changes(one, section="contrib/utils")
    shop.put("toy_1.0.0_amd64.changes", signed + b"\n-----BEGIN PGP SIGNATURE-----\n\nxyz\n-----END PGP SIGNATURE-----\n", "").expect(201)
    assert one.sha256.encode() in shop.get(packages).expect(200).body
    assert shop.get(f"pool/bookworm/t/toy/1.0.0/{one.filename}").expect(200).body == one.content
    shop.get("pool/bookworm/t/toy/1.0.0/toy_1.0.0_amd64.changes").expect(200)
    shop.put("toy_1.0.0_amd64.changes", make_changes(one, Distribution="sid"), "").expect(404)
    shop.create(codename="sid").expect(201)
    assert "was not sent" in shop.put("toy_1.0.0_amd64.changes", make_changes(one, Distribution="sid"), "").expect(400).text


@pytest.mark.parametrize(
    ("more", "said"),
    [({"name": "other_1.0.0_amd64.deb"}, "was not sent"), ({"sha256": "0" * 64}, "was sent with sha256"), ({"size": "1"}, "the .changes says 1"),
     ({"name": "../toy_1.0.0_amd64.deb"}, "without a plain name"), ({"name": "a/b"}, "without a plain name"), ({"sha256": "x"}, "SHA-256"),
     ({"Source": "else"}, "the .changes is about else"), ({"Version": "2"}, "the .changes is about toy 2"), ({"Source": "../x"}, "invalid"),
     ({"Distribution": "bookworm sid"}, "one distribution"), ({"Distribution": "../x"}, "one distribution"), ({"section": "../x"}, "no component"),
     ({"section": "a b"}, "without a plain name")],
)  # fmt: skip
def test_bad_changes(shop: Shop, more: dict[str, str], said: str) -> None:
    """Something that is not what a .changes says could be published, or a part of it."""
    one = sample()
    shop.put(one.filename, one.content, "").expect(201)
    assert said in shop.put("toy_1.0.0_amd64.changes", make_changes(one, **more), "").expect(400).text
    assert shop.stand.list_packages(shop.team.project) == []


def test_sent_again_before_its_changes(shop: Shop) -> None:
    """A build that was made again could be refused because its first files still wait."""
    first, second = sample(), sample(variant=1)
    for one in (first, second):
        shop.put(one.filename, one.content, "").expect(201)
    shop.put("toy_1.0.0_amd64.changes", make_changes(first), "").expect(400)
    shop.put("toy_1.0.0_amd64.changes", make_changes(second), "").expect(201)
    assert shop.get(f"pool/bookworm/t/toy/1.0.0/{first.filename}").expect(200).body == second.content


# -- what apt reads --------------------------------------------------------------------------------------------------


def test_release_leads_to_its_lists(shop: Shop) -> None:
    """A list could not be had under its path or its digest, or the signature be of something else."""
    shop.publish()
    shop.publish("other", architecture="arm64", query="distribution=bookworm&component=extra")
    release = shop.get("dists/bookworm/Release").expect(200).body
    assert b"\nArchitectures: all amd64 arm64\n" in release and b"\nComponents: extra main\n" in release
    for digest, size, path in digests_in(release):
        body = shop.get(f"dists/bookworm/{path}").expect(200).body
        assert (hashlib.sha256(body).hexdigest(), len(body)) == (digest, size)
        assert shop.get(f"dists/bookworm/{path.rpartition('/')[0]}/by-hash/SHA256/{digest}").expect(200).body == body
    for path in ("InRelease", "main/binary-amd64/Packages"):
        assert shop.get(f"dists/bookworm/{path}").headers["content-type"] == "text/plain; charset=utf-8"
    cert = pysequoia.Cert.from_bytes(shop.stand.api("GET", f"{shop.distributions}/bookworm/key.asc").expect(200).body)
    clear = pysequoia.verify(shop.get("dists/bookworm/InRelease").expect(200).body, store=lambda _: [cert])
    assert clear.bytes == release and len(clear.valid_sigs) == 1
    detached = pysequoia.Sig.from_bytes(shop.get("dists/bookworm/Release.gpg").expect(200).body)
    assert len(pysequoia.verify(release, store=lambda _: [cert], signature=detached).valid_sigs) == 1


def test_old_lists_stay(shop: Shop) -> None:
    """A machine between a Release and its lists could be left with digests that nobody serves any more."""
    shop.publish()
    releases = []
    for number in range(3):
        releases.append(shop.get("dists/bookworm/Release").expect(200).body)
        shop.publish("toy", f"2.{number}")
    for release in releases:
        for digest, _, path in digests_in(release):
            shop.get(f"dists/bookworm/{path.rpartition('/')[0]}/by-hash/SHA256/{digest}").expect(200)


def test_unknown_paths(shop: Shop) -> None:
    """A path that names nothing could end in something else than that."""
    shop.publish()
    for path in (
        "dists/sid/Release", "dists/sid/main/binary-amd64/Packages", "dists/bookworm/nope/binary-amd64/Packages", "dists/bookworm/Contents-amd64",
        "dists/bookworm/main/binary-amd64/Packages.bz2", f"dists/bookworm/main/binary-amd64/by-hash/SHA256/{'0' * 64}",
        "dists/bookworm/main/binary-amd64/by-hash/SHA256/x", "pool/bookworm/t/toy/9.9/toy_9.9_amd64.deb", "pool/sid/t/toy/1.0/toy_1.0_amd64.deb",
        "pool/bookworm/x/toy/1.0/toy_1.0_amd64.deb", "dists/a%2Fb/Release", "dists/bookworm%2Fupdates/main/binary-amd64/Packages",
    ):  # fmt: skip
        shop.get(path).expect(404)


def test_distributions_are_apart(shop: Shop) -> None:
    """A package of one distribution could be in another, or one's build be served as the other's."""
    shop.create(codename="sid").expect(201)
    first, second = sample(), sample(variant=1)
    shop.put(first.filename, first.content).expect(201)
    shop.put(second.filename, second.content, "distribution=sid&component=main").expect(201)
    for codename, one in (("bookworm", first), ("sid", second)):
        assert shop.get(f"pool/{codename}/t/toy/1.0.0/{one.filename}").expect(200).body == one.content
        assert one.sha256.encode() in shop.get(f"dists/{codename}/main/binary-amd64/Packages").expect(200).body


def test_escaped_names(shop: Shop) -> None:
    """apt escapes plus and tilde in its own way, and could not find the file."""
    shop.publish("g++", "1:1.0~rc1+b1-1")
    body = shop.get("dists/bookworm/main/binary-amd64/Packages").expect(200).body.decode()
    [path] = re.findall(r"Filename: (.*)", body)
    assert path == "pool/bookworm/g/g++/1:1.0~rc1+b1-1/g++_1.0~rc1+b1-1_amd64.deb"
    for spelt in (path, path.replace("+", "%2b").replace("~", "%7e"), path.replace(":", "%3a")):
        assert shop.get(spelt).expect(200).headers["content-type"] == "application/vnd.debian.binary-package"


def test_emptied(shop: Shop) -> None:
    """A distribution could vanish with its last package, or go on listing it."""
    shop.publish()
    login = basic(shop.team.maintainer.user, shop.team.maintainer.token)
    shop.stand.http.request("DELETE", f"{shop.base}/pool/bookworm/t/toy/1.0/toy_1.0_amd64.deb", None, login).expect(204)
    assert shop.get("dists/bookworm/main/binary-amd64/Packages").expect(200).body == b""
    assert b"main/binary-amd64/Packages" in shop.get("dists/bookworm/InRelease").expect(200).body


def test_what_is_set_moves_the_release(shop: Shop) -> None:
    """A machine could go on reading what a distribution said before, or see its time go back."""
    before = shop.get("dists/bookworm/Release").expect(200).text
    shop.stand.want(200, "PUT", f"{shop.distributions}/bookworm", {"description": "New"}, token=shop.team.developer.token)
    after = shop.get("dists/bookworm/Release").expect(200).text
    assert "Description: New\n" in after and "Description" not in before


def test_group_shows_what_its_reader_may_see(shop: Shop) -> None:
    """A group could show a private project's packages to others, or one project's file as another's."""
    stand, group = shop.stand, shop.team.group["id"]
    second = Shop(stand, Team(**{**{name: getattr(shop.team, name) for name in Team.__slots__}, "project": stand.make_project(shop.team.group)}))
    second.create().expect(201)
    first, other = sample(), sample(variant=1)
    for one, where in ((first, shop), (other, second)):
        where.put(one.filename, one.content, login=shop.team.developer).expect(201)
    stand.want(201, "POST", f"/groups/{group}/-/debian_distributions", {"codename": "bookworm"}, token=shop.team.developer.token)
    base = f"/api/v4/groups/{group}/-/packages/debian"
    body = shop.get("dists/bookworm/main/binary-amd64/Packages", shop.team.reporter, base).expect(200).body.decode()
    paths = re.findall(r"Filename: (.*)", body)
    assert {path.split("/")[2] for path in paths} == {str(shop.project), str(second.project)}
    found = {path.split("/")[2]: shop.get(path, shop.team.reporter, base).expect(200).body for path in paths}
    assert found == {str(shop.project): first.content, str(second.project): other.content}
    narrow = stand.make_member(shop.team.project, DEVELOPER, "projects")
    seen = shop.get("dists/bookworm/main/binary-amd64/Packages", narrow, base).expect(200).text
    assert f"/{shop.project}/" in seen and f"/{second.project}/" not in seen
    assert shop.get("dists/bookworm/Release", shop.team.stranger, base).status == 404


def test_renewed_in_time(fresh_stand: Stand) -> None:
    """A distribution that nobody publishes to could run out, and every machine refuse it; or be signed anew for each that reads it."""
    shop = Shop(fresh_stand, fresh_stand.make_team())
    shop.create(valid_time_duration_seconds=2 * 86_400).expect(201)
    house = make_house(Settings(data=str(fresh_stand.data)))
    asyncio.run(renew(house, 3600))
    before = shop.get("dists/bookworm/Release").expect(200).text
    assert shop.get("dists/bookworm/Release").expect(200).text == before
    asyncio.run(renew(house, 86_400))
    after = shop.get("dists/bookworm/Release").expect(200).text
    changed = [one.partition(":")[0] for one, other in zip(after.splitlines(), before.splitlines(), strict=True) if one != other]
    assert changed == ["Date", "Valid-Until"]


async def renew(house: House, age: int) -> None:
    """Renew what is due in a house whose distributions are older by so many seconds."""
    await house.database.start()
    try:
        await house.database.write(backdate, age * 1_000_000)
        await renew_due(house)
    finally:
        await house.database.close()


def backdate(connection: Connection, by: int) -> None:
    connection.execute(update(shelf_state).values(since=shelf_state.c.since - by, renew_at=shelf_state.c.renew_at - by))
