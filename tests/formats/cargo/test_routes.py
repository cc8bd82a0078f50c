"""What the routes answer, and what they refuse, on the wire."""

from __future__ import annotations

import json
import struct
import tomllib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from urllib.parse import quote

import pytest
from stand import ADMIN_TOKEN, DEVELOPER, Login, Stand, Team, new_name
from wire import Answer, Client, basic, bearer

from packhouse.formats.cargo.snippets import snippets
from packhouse.model import Moment, PackageRow, VersionRow, replace

from . import samples
from .samples import Sample, dep, frame, sample

Json = dict[str, Any]
CRATES = "api/v1/crates"


class Wire:
    """Requests below the index of a project or group, with the bare token of a maintainer, or what `token` says."""

    def __init__(self, stand: Stand, base: str, token: str) -> None:
        self.stand, self.base, self.token = stand, base, token

    def ask(self, method: str, path: str, body: bytes | None = None, *, token: str | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        token = self.token if token is None else token
        given = {**({"Authorization": token} if token else {}), **(headers or {})}
        return self.stand.http.request(method, f"{self.base}/{path}", body, given)

    def get(self, path: str, **more: Any) -> Answer:
        return self.ask("GET", path, **more)

    def publish(self, new: Sample, **more: Any) -> Answer:
        return self.ask("PUT", f"{CRATES}/new", new.frame(), **more)

    def lines(self, path: str) -> list[Json]:
        return [json.loads(line) for line in self.get(path).expect(200).text.splitlines()]


@pytest.fixture(name="wire")
def make_wire(stand: Stand, team: Team) -> Wire:
    """The index of a private project."""
    return Wire(stand, f"/api/v4/projects/{team.project['id']}/packages/cargo", team.maintainer.token)


def in_group(wire: Wire, team: Team, token: str = "") -> Wire:
    return Wire(wire.stand, f"/api/v4/groups/{team.group['id']}/-/packages/cargo", token or wire.token)


def detail(answer: Answer) -> str:
    """What Cargo prints of a refusal."""
    assert answer.headers["Content-Type"].startswith("application/json")
    said = answer.json()
    assert set(said) == {"errors"} and all(set(each) == {"detail"} for each in said["errors"])
    return str(said["errors"][0]["detail"])


# -- the index ---------------------------------------------------------------------------------------------------------


def test_config(stand: Stand, wire: Wire, team: Team) -> None:
    """Cargo could look for crates elsewhere, or bring its token where it need not, or not where it must."""
    base = stand.url + wire.base
    assert wire.get("config.json").expect(200).json() == {"dl": f"{base}/{CRATES}", "api": base, "auth-required": True}
    grouped = in_group(wire, team)
    there = stand.url + grouped.base
    assert grouped.get("config.json").expect(200).json() == {
        "dl": f"{there}/{CRATES}/{{crate}}/{{version}}/download/{{sha256-checksum}}", "api": there, "auth-required": True,
    }  # fmt: skip
    for visibility, access, required in (
        ("public", "enabled", False),
        ("private", "public", False),
        ("public", "private", True),
        ("internal", "enabled", True),
    ):
        project = stand.make_project(stand.make_group(visibility=visibility), visibility=visibility, package_registry_access_level=access)
        open_ = Wire(stand, f"/api/v4/projects/{project['id']}/packages/cargo", ADMIN_TOKEN)
        assert open_.get("config.json").expect(200).json()["auth-required"] is required, (visibility, access)
        assert open_.get("config.json", token="").status == (401 if required else 200)


def test_anonymous(wire: Wire) -> None:
    """Cargo could give up on a private registry instead of asking for a token, or not say where to get one."""
    wire.publish(sample()).expect(200)
    for path in ("config.json", "3/t/toy", f"{CRATES}?q=", f"{CRATES}/toy/1.0.0/download", f"{CRATES}/toy/owners"):
        refused = wire.get(path, token="").expect(401)
        assert refused.headers["WWW-Authenticate"] == f'Cargo login_url="{wire.stand.url}/-/user_settings/personal_access_tokens"'
        assert detail(refused)
    assert wire.get("me", token="").expect(302).headers["Location"] == f"{wire.stand.url}/-/user_settings/personal_access_tokens"


def test_carriers(wire: Wire, team: Team) -> None:
    """A token could count in one way of sending it alone, or one that is wrong pass for none."""
    login: Login = team.developer
    for headers in (bearer(login.token), basic(login.user, login.token), {"PRIVATE-TOKEN": login.token}):
        wire.get("config.json", token="", headers=headers).expect(200)
    wire.get("config.json", token=f"  {login.token} ").expect(200)
    for wrong in ("phpat_wrong", "Token", "Bearer", f"Token {login.token}", f"{login.token}x"):
        wire.get("config.json", token=wrong).expect(401)


def test_places_of_the_index(wire: Wire) -> None:
    """A crate could be found where it is not, or not where it is."""
    for name in ("a", "Bc", "def", "Foo-Bar"):
        wire.publish(sample(name)).expect(200)
    assert [wire.lines(path)[0]["name"] for path in ("1/a", "2/bc", "3/d/def", "fo/o-/foo-bar")] == ["a", "Bc", "def", "Foo-Bar"]
    for path in (
        "fo/xx/foo-bar",
        "fo/o_/foo_bar",
        "Fo/o-/Foo-Bar",
        "fo/o-/Foo-Bar",
        "2/a",
        "3/x/def",
        "1/z",
        "fo/o-/foo%2fbar",
        "7/foo-bar",
    ):
        assert detail(wire.get(path).expect(404)), path


def test_what_is_cached(wire: Wire) -> None:
    """Cargo could go on with the lines of before a yank, or fetch them anew each time."""
    wire.publish(sample()).expect(200)
    first = wire.get("3/t/toy").expect(200)
    assert first.headers["Content-Type"] == "text/plain; charset=utf-8"
    seen = {first.headers["ETag"]}
    for method, way, yanked in (("DELETE", "yank", True), ("PUT", "unyank", False)):
        before = {"If-None-Match": wire.get("3/t/toy").headers["ETag"]}
        assert wire.get("3/t/toy", headers=before).expect(304).body == b""
        assert wire.ask(method, f"{CRATES}/toy/1.0.0/{way}").expect(200).json() == {"ok": True}
        after = wire.get("3/t/toy", headers=before).expect(200)
        assert json.loads(after.body)["yanked"] is yanked
        seen.add(after.headers["ETag"])
    assert len(seen) >= 2


# -- publishing --------------------------------------------------------------------------------------------------------


def test_publish(wire: Wire, team: Team) -> None:
    """An answer could be none that Cargo takes for a success, or the version not be there with it."""
    new = sample(deps=[dep("bar", kind="dev", registry=f"sparse+{wire.stand.url}/api/v4/projects/{team.encoded_path}/packages/cargo/")])
    assert wire.publish(new).expect(200).json() == {"warnings": {"invalid_categories": [], "invalid_badges": [], "other": []}}
    [line] = wire.lines("3/t/toy")
    assert (line["cksum"], line["yanked"], line["deps"][0]["registry"]) == (new.sha256, False, None)
    fetched = wire.get(f"{CRATES}/toy/1.0.0/download").expect(200)
    assert fetched.body == new.content
    wire.publish(new).expect(200)
    assert len(wire.lines("3/t/toy")) == 1


def test_duplicates(wire: Wire) -> None:
    """A version could be replaced: by other bytes, under another build, or under another spelling of the name."""
    first = sample("foo-bar")
    wire.publish(first).expect(200)
    for other in (sample("foo-bar", variant=1), sample("foo-bar", "1.0.0+a")):
        said = detail(wire.publish(other).expect(409))
        assert first.sha256 in said and other.sha256 in said
    for name in ("foo_bar", "Foo-Bar"):
        assert "foo-bar" in detail(wire.publish(sample(name, "2.0.0")).expect(409))
    assert [line["cksum"] for line in wire.lines("fo/o-/foo-bar")] == [first.sha256]
    wire.publish(sample("foo-bar", "1.0.0-a")).expect(200)


def test_spellings_at_once(wire: Wire) -> None:
    """Of two spellings that come at the same time both could be there, and clients of the one never see the other."""
    for number in range(4):
        spelled = [sample(name.format(number), version) for name, version in (("a-{}-b", "1.0.0"), ("a_{}_b", "2.0.0"), ("A-{}-b", "3.0.0"))]
        start = Barrier(len(spelled))

        def publish(new: Sample, start: Barrier = start) -> int:
            with Client(wire.stand.url) as client:
                start.wait(30)
                return client.put(f"{wire.base}/{CRATES}/new", new.frame(), {"Authorization": wire.token}).status

        with ThreadPoolExecutor(len(spelled)) as pool:
            statuses = list(pool.map(publish, spelled))
        assert sorted(statuses) == [200, 409, 409]
        kept = spelled[statuses.index(200)]
        found = wire.get(f"{CRATES}?q={number}").expect(200).json()["crates"]
        assert [(each["name"], each["max_version"]) for each in found] == [(kept.name, kept.version)]


def test_what_comes_back_and_what_is_promoted(wire: Wire, team: Team) -> None:
    """A crate that is restored or promoted could be there in two spellings, of which clients of the one never see the other."""
    stand, second = wire.stand, wire.stand.make_project(team.group)
    target = Wire(stand, f"/api/v4/projects/{second['id']}/packages/cargo", wire.token)
    one = sample("foo-bar")
    wire.publish(one).expect(200)
    target.publish(sample("foo_bar", "2.0.0")).expect(200)
    [package], [beside] = stand.list_packages(team.project), stand.list_packages(second)
    place, ask = f"/projects/{team.project['id']}/packages", {"to": second["id"]}
    said = stand.want(409, "POST", f"{place}/{package['id']}/-/promote", ask, token=wire.token)["message"]
    assert "Crate foo-bar is too much like foo_bar" in said
    target.get("fo/o-/foo-bar").expect(404)
    stand.want(204, "DELETE", f"/projects/{second['id']}/packages/{beside['id']}")
    for status in (201, 200):
        stand.want(status, "POST", f"{place}/{package['id']}/-/promote", ask, token=wire.token)
    assert target.lines("fo/o-/foo-bar")[0]["cksum"] == one.sha256
    stand.want(204, "DELETE", f"{place}/{package['id']}")
    wire.publish(sample("Foo_bar", "2.0.0")).expect(200)
    said = stand.want(409, "POST", f"{place}/{package['id']}/-/restore", token=wire.token)["message"]
    assert "foo-bar 1.0.0 cannot be restored" in said and "too much like Foo_bar" in said
    [beside] = stand.list_packages(team.project)
    stand.want(204, "DELETE", f"{place}/{beside['id']}")
    stand.want(201, "POST", f"{place}/{package['id']}/-/restore", token=wire.token)
    assert wire.lines("fo/o-/foo-bar")[0]["cksum"] == one.sha256


def test_build_metadata(wire: Wire) -> None:
    """A version with build metadata could be published and then not be found by the name that its line has."""
    new = sample(version="1.0.0+build.5")
    wire.publish(new).expect(200)
    assert wire.lines("3/t/toy")[0]["vers"] == "1.0.0+build.5"
    for version in ("1.0.0+build.5", "1.0.0%2Bbuild.5", "1.0.0"):
        assert wire.get(f"{CRATES}/toy/{version}/download").expect(200).body == new.content
    wire.ask("DELETE", f"{CRATES}/toy/1.0.0+build.5/yank").expect(200)
    assert wire.lines("3/t/toy")[0]["yanked"] is True


GOOD = sample()
BAD: Mapping[str, tuple[bytes, int]] = {
    "nothing": (b"", 400),
    "no frame": (b"{}", 400),
    "cut short": (GOOD.frame()[:-1], 400),
    "cut in the document": (GOOD.frame()[:40], 400),
    "bytes behind": (GOOD.frame() + b"x", 400),
    "document too long": (struct.pack("<I", 1024**2 + 1), 413),
    "crate too long": (struct.pack("<I", 2) + b"{}" + b"\xff\xff\xff\xff", 413),
    "no UTF-8": (frame(b'{"name":"\xff"}', GOOD.content), 400),
    "no JSON": (frame(b"name = toy", GOOD.content), 400),
    "name": (sample("0test").frame(), 400),
    "version": (sample(version="-1.0.0").frame(), 400),
    "other name inside": (GOOD.frame(name="other"), 400),
    "other version inside": (GOOD.frame(vers="1.0.1"), 400),
    "other name in the manifest": (
        frame(json.dumps(GOOD.document).encode(), samples.crate({"Cargo.toml": b'[package]\nname="x"\nversion="1.0.0"'}, "toy-1.0.0")),
        400,
    ),
    "no crate": (frame(json.dumps(GOOD.document).encode(), b""), 400),
    "crate cut short": (frame(json.dumps(GOOD.document).encode(), GOOD.content[:-40]), 400),
    "crate that is text": (frame(json.dumps(GOOD.document).encode(), b"test"), 400),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_uploads(what: str, wire: Wire) -> None:
    """An upload that is none could be published, or be an error of ours."""
    body, status = BAD[what]
    assert detail(wire.ask("PUT", f"{CRATES}/new", body).expect(status))
    wire.get("3/t/toy").expect(404)


def test_who_may(wire: Wire, team: Team) -> None:
    """Somebody could publish or yank who may not, or not see the reason."""
    wire.publish(sample(), token="").expect(401)
    for login in (team.reader, team.reporter):
        assert detail(wire.publish(sample(), token=login.token).expect(403))
    wire.publish(sample(), token=team.writer.token).expect(200)
    for login in (team.reporter, team.developer, team.writer):
        assert detail(wire.ask("DELETE", f"{CRATES}/toy/1.0.0/yank", token=login.token).expect(403))
    assert wire.lines("3/t/toy")[0]["yanked"] is False
    for path in ("toy/2.0.0/yank", "toy/x/yank", "none/1.0.0/yank", "0/1.0.0/yank"):
        assert detail(wire.ask("DELETE", f"{CRATES}/{path}").expect(404))


# -- downloads ---------------------------------------------------------------------------------------------------------


def test_downloads(wire: Wire, team: Team) -> None:
    """A yanked crate could be lost, or a download be counted twice, or for a look at its head."""
    new = sample()
    wire.publish(new).expect(200)
    wire.ask("DELETE", f"{CRATES}/toy/1.0.0/yank").expect(200)
    assert wire.get(f"{CRATES}/toy/1.0.0/download").expect(200).body == new.content
    assert wire.get(f"{CRATES}/toy/1.0.0/download/{new.sha256}").expect(200).body == new.content
    assert wire.ask("HEAD", f"{CRATES}/toy/1.0.0/download").expect(200).body == b""
    for path in ("toy/1.0.1/download", "toy/x/download", "0/1.0.0/download", f"toy/1.0.0/download/{'0' * 64}", "toy/1.0.0/download/x"):
        assert detail(wire.get(f"{CRATES}/{path}").expect(404))


def test_the_bytes_of_the_line(wire: Wire, team: Team) -> None:
    """A group could serve the bytes of one project under the checksum of another."""
    other = wire.stand.make_project(team.group)
    there = Wire(wire.stand, f"/api/v4/projects/{other['id']}/packages/cargo", team.maintainer.token)
    mine, theirs = sample(variant=1), sample(variant=2)
    wire.publish(mine).expect(200)
    there.publish(theirs).expect(200)
    grouped = in_group(wire, team)
    [line] = grouped.lines("3/t/toy")
    assert line["cksum"] == mine.sha256
    for each in (mine, theirs):
        assert grouped.get(f"{CRATES}/toy/1.0.0/download/{each.sha256}").expect(200).body == each.content
    owners = grouped.get(f"{CRATES}/toy/owners").expect(200).json()["users"]
    assert {each["login"] for each in owners} == {team.project["path_with_namespace"], other["path_with_namespace"]}


# -- people ------------------------------------------------------------------------------------------------------------


def test_search(wire: Wire, team: Team) -> None:
    """A search could lose crates between its pages, count another number, or offer what is yanked."""
    for number in range(12):
        wire.publish(sample(f"crate-{number:02}", description=f"Number {number}")).expect(200)
    wire.publish(sample("crate-00", "2.0.0")).expect(200)
    wire.ask("DELETE", f"{CRATES}/crate-00/2.0.0/yank").expect(200)
    for where in (wire, in_group(wire, team)):
        first = where.get(CRATES).expect(200).json()
        assert (len(first["crates"]), first["meta"]) == (10, {"total": 12})
        assert first["crates"][0] == {"name": "crate-00", "max_version": "1.0.0", "description": "Number 0"}
        second = where.get(f"{CRATES}?q=&page=2").expect(200).json()
        assert [each["name"] for each in second["crates"]] == ["crate-10", "crate-11"]
        assert where.get(f"{CRATES}?q=&page=3&per_page=100").expect(200).json() == {"crates": [], "meta": {"total": 12}}
        assert where.get(f"{CRATES}?q=E-11").expect(200).json()["meta"] == {"total": 1}
        assert len(where.get(f"{CRATES}?per_page=3").expect(200).json()["crates"]) == 3
        for odd in ("per_page=0", "per_page=-1", "per_page=x", "page=0", "page=" + "9" * 40, "q=" + quote("%_\\'\x00")):
            assert where.get(f"{CRATES}?{odd}").status == 200


def test_owners(wire: Wire, team: Team, stand: Stand) -> None:
    """Owners could be asked for in vain, or be set without anything having changed."""
    wire.publish(sample()).expect(200)
    path = team.project["path_with_namespace"]
    assert wire.get(f"{CRATES}/toy/owners").expect(200).json() == {"users": [{"id": team.project["id"], "login": path, "name": f"members of {path}"}]}
    assert detail(wire.get(f"{CRATES}/none/owners").expect(404))
    body = json.dumps({"users": [new_name("somebody")]}).encode()
    for method in ("PUT", "DELETE"):
        assert "members of the project" in detail(wire.ask(method, f"{CRATES}/toy/owners", body).expect(405))
    guest = stand.make_member(team.group, DEVELOPER)
    wire.ask("PUT", f"{CRATES}/toy/owners", body, token="").expect(401)
    assert guest.token


def test_deleted(wire: Wire, team: Team, stand: Stand) -> None:
    """A deleted version could stay in the index, or its crate be found still."""
    for version in ("1.0.0", "1.1.0"):
        wire.publish(sample(version=version)).expect(200)
    [found] = stand.list_packages(team.project, package_version="1.0.0")
    assert (found["package_type"], found["name"]) == ("cargo", "toy")
    stand.want(204, "DELETE", f"/projects/{team.project['id']}/packages/{found['id']}")
    assert [line["vers"] for line in wire.lines("3/t/toy")] == ["1.1.0"]
    wire.get(f"{CRATES}/toy/1.0.0/download").expect(404)


# -- what to paste -----------------------------------------------------------------------------------------------------

HERE = Moment(at=0, api="https://packhouse.example/api/v4", format="cargo", place=7)


def test_snippets() -> None:
    """What people paste could lack the slash that Cargo insists on, name no registry, or publish from where nothing can be published."""
    versions = tuple(VersionRow(id=n, project=7, name="toy", version=version) for n, version in enumerate(("1.9.0", "1.10.0+b")))
    found = snippets(HERE, PackageRow(id=1, project=7, name="toy", key="toy", versions=versions))
    texts = {each.title: each.text for each in found}
    assert texts["Add to a crate"] == "cargo add toy@1.10.0 --registry packhouse"
    assert tomllib.loads(texts["Cargo.toml"]) == {"dependencies": {"toy": {"version": "1.10.0", "registry": "packhouse"}}}
    [(name, registry)] = tomllib.loads(texts[".cargo/config.toml"])["registries"].items()
    assert (name, registry["index"]) == ("packhouse", "sparse+https://packhouse.example/api/v4/projects/7/packages/cargo/")
    assert {each.kind for each in found} == {"install", "setup", "publish"}
    assert {each.kind for each in snippets(replace(HERE, level="group"), None)} == {"install", "setup"}
