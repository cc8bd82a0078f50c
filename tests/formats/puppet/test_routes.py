"""The Forge API on a running server."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from stand import Login, Stand, Team
from wire import Answer, basic

from .samples import Sample, describe, pack, sample

BASE64 = {"Content-Type": "application/json"}


class Shop:
    """A project that modules are published to."""

    def __init__(self, stand: Stand, team: Team) -> None:
        self.stand, self.team = stand, team
        self.base = f"/api/v4/projects/{team.project['id']}/packages/puppet"
        self.group = f"/api/v4/groups/{team.group['id']}/-/packages/puppet"

    def ask(self, method: str, tail: str, login: Login | None = None, body: Any = None, base: str = "", **headers: str) -> Answer:
        login = login or self.team.reader
        return self.stand.http.request(method, f"{base or self.base}/v3/{tail}", body, {**basic(login.user, login.token), **headers})

    def post(self, body: Any, login: Login | None = None, **headers: str) -> Answer:
        return self.ask("POST", "releases", login or self.team.writer, body, **(headers or BASE64))

    def publish(self, name: str = "acme-toy", version: str = "1.0.0", variant: int = 0, **said: Any) -> Sample:
        one = sample(name, version, variant, **said)
        self.post(one.encoded).expect(201)
        return one

    def get(self, tail: str, base: str = "") -> Any:
        return self.ask("GET", tail, base=base).expect(200).json()

    def versions(self, query: str = "module=acme-toy", base: str = "") -> list[str]:
        return [each["version"] for each in self.get(f"releases?{query}", base)["results"]]


@pytest.fixture(name="shop")
def open_shop(stand: Stand, team: Team) -> Shop:
    return Shop(stand, team)


def test_from_end_to_end(shop: Shop) -> None:
    """A module could come out with other bytes or digests, or a release be told of in two ways."""
    one = sample(files={"README.md": b"# Toy\n"}, tags=["toys"])
    made = shop.post(one.encoded).expect(201).json()
    assert (made["slug"], made["file_sha256"], made["file_md5"], made["file_size"]) == ("acme-toy-1.0.0", one.sha256, one.md5, len(one.content))
    assert (made["readme"], made["changelog"], made["tags"], made["metadata"]["name"]) == ("# Toy\n", None, ["toys"], "acme-toy")
    assert shop.get("releases/acme-toy-1.0.0") == made
    assert shop.get("releases?module=acme-toy")["results"] == [made] == shop.get("releases")["results"]
    module = shop.get("modules/acme-toy")
    assert module["current_release"] == made and [each["slug"] for each in module["releases"]] == ["acme-toy-1.0.0"]
    assert shop.get("modules?query=toys")["results"] == [module]
    got = shop.ask("GET", made["file_uri"].removeprefix("/v3/")).expect(200)
    assert got.body == one.content and got.headers["content-type"] == "application/gzip"
    head = shop.ask("HEAD", "files/acme-toy-1.0.0.tar.gz").expect(200)
    assert head.headers["content-length"] == str(len(one.content)) and head.body == b""
    assert shop.ask("GET", "files/acme-toy-1.0.0.tar.gz", Range="bytes=5-").expect(206).body == one.content[5:]
    assert shop.get("users/acme")["module_count"] == 1 == shop.get("users")["pagination"]["total"]


def test_ways_to_publish(shop: Shop) -> None:
    """One of the bodies that clients send could be refused."""
    line = b"\r\n"
    for number, boundary in enumerate(("x", "y")):
        form = b'--%s\r\nContent-Disposition: form-data; name="file"; filename="m.tar.gz"\r\n\r\n' % boundary.encode()
        content = sample(version=f"1.{number}.0").content
        body = form + content + line + b"--%s--" % boundary.encode() + line
        shop.post(body, **{"Content-Type": f"multipart/form-data; boundary={boundary}"}).expect(201)
    shop.post(sample(version="2.0.0").content, **{"Content-Type": "application/gzip"}).expect(201)
    plain = json.dumps({"file": base64.b64encode(sample(version="3.0.0").content).decode(), "more": [1]}).encode()
    shop.post(plain, **{"Content-Type": "application/json; charset=utf-8"}).expect(201)
    assert shop.versions() == ["3.0.0", "2.0.0", "1.1.0", "1.0.0"]


def test_what_is_refused(shop: Shop) -> None:
    """An upload could be taken that no client can use, or be refused without a word about what is wrong."""
    for body, reason in (
        (b"", "not valid JSON"), (b'{"file": "', "cut short"), (b"{}", "file is missing"), (b'{"file": 5}', "file is missing"),
        (b'{"fi\\nle": "aGVsbG8="}', "file is missing"),
        (b'{"file": ""}', "empty"),
        (b'{"file": "%"}', "base64"),
        (b'{"file": "aGVsbG8="}', "no module"), (b'{"file": ["aGVsbG8="]}', "file is missing"), (b"[]", "file is missing"),
        (json.dumps({"file": base64.b64encode(pack({"toy/metadata.json": describe()})).decode()}).encode(), "folder"),
    ):  # fmt: skip
        answer = shop.post(body).expect(400)
        said = answer.json()
        assert reason in said["errors"][0] and said["message"].startswith("400 Bad request") and reason in said["message"], answer.text
    good = sample().encoded
    refused = shop.stand.http.post(f"{shop.base}/v3/releases", good, BASE64).expect(401)
    assert refused.json()["message"] == "401 Unauthorized"
    assert shop.post(good, shop.team.reader).expect(403).json()["message"].startswith("403 Forbidden")
    assert shop.versions() == []


def test_the_same_twice(shop: Shop) -> None:
    """Other bytes could take the place of a release, by another build or in a second upload, or the same ones be refused."""
    one = shop.publish()
    shop.post(one.encoded).expect(201)
    other = sample(variant=1)
    answer = shop.post(other.encoded).expect(409)
    assert one.sha256 in answer.json()["errors"][0] and other.sha256 in answer.json()["message"]
    shop.post(sample(version="1.0.0+linux").encoded).expect(409)
    assert shop.get("releases/acme-toy-1.0.0")["file_sha256"] == one.sha256


def test_build_metadata(shop: Shop) -> None:
    """A version with build metadata could have addresses that lead nowhere."""
    one = shop.publish(version="1.0.0+linux.1")
    [found] = shop.get("releases?module=acme-toy")["results"]
    assert (found["version"], found["file_uri"]) == ("1.0.0+linux.1", "/v3/files/acme-toy-1.0.0+linux.1.tar.gz")
    for slug in ("acme-toy-1.0.0+linux.1", "acme-toy-1.0.0%2Blinux.1"):
        assert shop.ask("GET", f"files/{slug}.tar.gz").expect(200).body == one.content
        assert shop.get(f"releases/{slug}")["slug"] == "acme-toy-1.0.0+linux.1"


def test_names_in_addresses(shop: Shop) -> None:
    """A module could not be found by capitals, or an address that means nothing end in an error of the server."""
    shop.publish()
    for tail in ("modules/Acme-TOY", "releases/Acme-TOY-1.0.0", "users/ACME"):
        shop.ask("GET", tail).expect(200)
    assert (
        shop.versions("module=ACME/toy") == ["1.0.0"] == shop.versions("owner=ACME&module=acme-toy")
        and shop.versions("owner=b&module=acme-toy") == []
    )
    for tail in (
        "modules/acme%2Ftoy", "modules/acme", "modules/acme-none", "modules/acme-toy-1.0.0", "releases/acme-toy", "releases/acme-toy-2.0.0",
        "users/none",
        "releases/acme%2Ftoy-1.0.0", "releases/acme-toy-x", "files/acme-toy-2.0.0.tar.gz", "files/acme-toy-1.0.0.zip",
        "files/x.tar.gz", "files/.tar.gz",
    ):  # fmt: skip
        said = shop.ask("GET", tail).expect(404).json()
        assert said["message"].startswith("404 ") and said["errors"], tail
    for tail in ("releases/acme-toy-2.0.0", "releases/acme", "modules/acme-none", "modules/x"):
        shop.ask("DELETE", tail, shop.team.maintainer).expect(404)


def test_pages(shop: Shop) -> None:
    """A client that follows `next` could miss a release, or get one twice."""
    for number in range(23):
        shop.publish(version=f"1.{number}.0")
    wanted = [f"1.{number}.0" for number in range(22, -1, -1)]
    for query in ("module=acme-toy&sort_by=version", "limit=5&module=acme-toy&exclude_fields=readme,changelog,license,module", "limit=7&owner=acme"):
        found, uri = [], f"/v3/releases?{query}"
        while uri:
            said = shop.get(uri.removeprefix("/v3/"))
            assert said["pagination"]["total"] == 23 and said["pagination"]["current"].startswith("/v3/releases?")
            found += [each["version"] for each in said["results"]]
            uri = said["pagination"]["next"]
        assert found == wanted
    assert shop.versions("module=acme-toy&offset=99") == []
    for query in ("limit=abc", "offset=-1", "limit=0", "sort_by=colour"):
        assert shop.ask("GET", f"releases?module=acme-toy&{query}").expect(400).json()["errors"]
    assert len(shop.versions("unknown=1&limit=1000&show_deleted=true&module=acme-toy")) == 23


def test_left_out_fields(shop: Shop) -> None:
    """What puppet asks to be left out could be sent all the same, texts of many kilobytes with every release."""
    shop.publish()
    [found] = shop.get("releases?module=acme-toy&exclude_fields=readme,changelog,license,uri,module,tags,supported,file_size,downloads,created_at")[
        "results"
    ]
    assert not {"readme", "module", "uri", "tags", "created_at"} & found.keys() and {"metadata", "file_uri", "file_sha256"} <= found.keys()
    assert "license" not in shop.get("releases/acme-toy-1.0.0?exclude_fields=license")
    assert "readme" not in shop.get("modules/acme-toy?exclude_fields=readme")["current_release"]


def test_nothing_there_yet(shop: Shop) -> None:
    """A client that looks before anything was published could get an error."""
    for tail in ("modules", "modules?query=x", "releases", "releases?module=acme-toy", "releases?module=no%20name", "users"):
        said = shop.get(tail)
        assert said["results"] == [] and said["pagination"]["next"] is None and said["pagination"]["total"] == 0


def test_orders(shop: Shop) -> None:
    """A list could have another order than was asked for."""
    for name, version in (("acme-b", "1.0.0"), ("acme-a", "2.0.0"), ("acme-b", "0.1.0")):
        shop.publish(name, version)

    def slugs(tail: str) -> list[str]:
        return [each["slug"] for each in shop.get(tail)["results"]]

    assert slugs("releases") == ["acme-b-0.1.0", "acme-a-2.0.0", "acme-b-1.0.0"] == slugs("releases?sort_by=release_date")
    assert slugs("releases?sort_by=version") == ["acme-a-2.0.0", "acme-b-1.0.0", "acme-b-0.1.0"]
    assert slugs("releases?sort_by=module") == ["acme-a-2.0.0", "acme-b-1.0.0", "acme-b-0.1.0"] == slugs("releases?sort_by=module&owner=ACME")
    assert slugs("modules") == ["acme-a", "acme-b"] and slugs("modules?sort_by=latest_release") == ["acme-b", "acme-a"]


def test_deprecate(shop: Shop) -> None:
    """A deprecation could be open to whoever publishes, reach only one version, or not be taken back."""
    for version in ("1.0.0", "1.1.0"):
        shop.publish(version=version)
    body = json.dumps({"action": "deprecate", "params": {"reason": "Old", "replacement_slug": "acme-new"}}).encode()
    shop.ask("PATCH", "modules/acme-toy", shop.team.writer, body).expect(403)
    shop.ask("PATCH", "modules/acme-none", shop.team.maintainer, body).expect(404)
    shop.ask("PATCH", "modules/acme-toy", shop.team.maintainer, body).expect(204)
    module = shop.get("modules/acme-toy")
    assert module["deprecated_at"] and module["deprecated_for"] == "Old" and module["superseded_by"]["slug"] == "acme-new"
    assert all(each["module"]["deprecated_at"] for each in shop.get("releases?module=acme-toy")["results"])
    shop.ask("PATCH", "modules/acme-toy", shop.team.maintainer, b'{"action": "undeprecate"}').expect(204)
    assert shop.get("modules/acme-toy")["deprecated_at"] is None
    for bad in (
        b"", b"[]", b'{"action": "destroy"}', b'{"action": 5}', b'{"action":"deprecate","params":{"reason":5}}',
        b'{"action":"deprecate","params":{"replacement_slug":"../x"}}', b'{"action":"deprecate","params":{"reason":"\\u001b[31m"}}',
    ):  # fmt: skip
        shop.ask("PATCH", "modules/acme-toy", shop.team.maintainer, bad).expect(400)


def test_delete(shop: Shop) -> None:
    """A release that was deleted could still be found, its address lead to bytes, or whoever publishes delete it."""
    for version in ("1.0.0", "1.1.0"):
        shop.publish(version=version)
    shop.ask("DELETE", "releases/acme-toy-1.1.0?reason=x", shop.team.writer).expect(403)
    shop.ask("DELETE", "releases/acme-toy-1.1.0?reason=x", shop.team.maintainer).expect(204)
    assert shop.versions() == ["1.0.0"]
    for tail in ("releases/acme-toy-1.1.0", "files/acme-toy-1.1.0.tar.gz"):
        shop.ask("GET", tail).expect(404)
    shop.post(sample(version="1.1.0", variant=1).encoded).expect(201)
    shop.ask("DELETE", "modules/acme-toy", shop.team.maintainer).expect(204)
    shop.ask("GET", "modules/acme-toy").expect(404)
    assert shop.get("modules")["results"] == []


def test_release_without_its_file(shop: Shop) -> None:
    """What the API leaves where it takes a file away could be listed, or be told as that of the bytes which come later."""
    shop.publish(summary="Old", files={"README.md": b"old"}, dependencies=[{"name": "acme/old"}])
    shop.publish(version="2.0.0")
    [package] = [each for each in shop.stand.list_packages(shop.team.project) if each["version"] == "1.0.0"]
    path = f"/projects/{shop.team.project['id']}/packages/{package['id']}/package_files"
    [tarball] = [each for each in shop.stand.want(200, "GET", path) if each["file_name"].endswith(".tar.gz")]
    shop.stand.want(204, "DELETE", f"{path}/{tarball['id']}")
    assert shop.versions() == ["2.0.0"]
    for tail in ("releases/acme-toy-1.0.0", "files/acme-toy-1.0.0.tar.gz"):
        shop.ask("GET", tail).expect(404)
    one = sample(summary="New", files={"README.md": b"new"}, dependencies=[{"name": "acme/new"}])
    made = shop.post(one.encoded).expect(201).json()
    assert (made["metadata"]["summary"], made["readme"], made["file_sha256"]) == ("New", "new", one.sha256)
    assert shop.get("releases/acme-toy-1.0.0") == made == shop.get("releases?module=acme-toy")["results"][1]


def test_unchanged(shop: Shop) -> None:
    """A client could be sent again what it has, or be told that nothing changed where something did."""
    shop.publish()
    tails = ("modules", "modules/acme-toy", "releases?module=acme-toy", "releases", "releases/acme-toy-1.0.0", "users", "users/acme")
    tags = {tail: shop.ask("GET", tail).expect(200).headers["etag"] or "" for tail in tails}
    for tail, tag in tags.items():
        assert shop.ask("GET", tail, **{"If-None-Match": tag}).status == 304
    packed = shop.ask("GET", "modules/acme-toy", **{"Accept-Encoding": "gzip"}).expect(200)
    assert packed.headers["content-encoding"] == "gzip" and packed.headers["vary"]
    shop.publish(version="1.1.0")
    for tail in ("modules/acme-toy", "releases?module=acme-toy", "releases"):
        assert shop.ask("GET", tail, **{"If-None-Match": tags[tail]}).status == 200


def test_group(shop: Shop) -> None:
    """A group could offer one project's release by the digest of another one, or lose what only one project has."""
    stand, team = shop.stand, shop.team
    project = stand.want(
        201, "POST", "/projects", {"name": "second", "namespace_id": team.group["id"], "visibility": "private"}, token=team.maintainer.token
    )
    one = shop.publish(variant=1)
    later = sample(variant=2)
    second = f"/api/v4/projects/{project['id']}/packages/puppet"
    for each in (later, sample("acme-other")):
        shop.ask("POST", "releases", team.maintainer, each.encoded, second, **BASE64).expect(201)
    reporter = team.reporter
    [found] = shop.ask("GET", "releases?module=acme-toy", reporter, base=shop.group).expect(200).json()["results"]
    assert found["file_sha256"] == one.sha256
    assert shop.ask("GET", "files/acme-toy-1.0.0.tar.gz", reporter, base=shop.group).expect(200).body == one.content
    said = shop.ask("GET", "modules", reporter, base=shop.group).expect(200).json()
    assert [each["slug"] for each in said["results"]] == ["acme-other", "acme-toy"]
    shop.ask("GET", "files/acme-toy-9.0.0.tar.gz", reporter, base=shop.group).expect(404)
    shop.ask("DELETE", "releases/acme-toy-1.0.0", team.maintainer).expect(204)
    assert shop.ask("GET", "files/acme-toy-1.0.0.tar.gz", reporter, base=shop.group).expect(200).body == later.content
