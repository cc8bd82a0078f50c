"""What the routes answer: the path that Composer 1 follows, lists, search, and requests that are refused."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from stand import ADMIN_TOKEN, DEVELOPER, GUEST, REPORTER, Login, Stand
from wire import Answer, basic, bearer, write_form

from . import samples

Json = dict[str, Any]
ROOT = basic("root", ADMIN_TOKEN)
COMPOSER_2 = {"User-Agent": "Composer/2.5.5 (Linux; 6.1; PHP 8.2.7; cURL 7.88.1)"}


@pytest.fixture(name="group")
def furnish(stand: Stand) -> Json:
    """A private group with two packages in two projects."""
    group = stand.make_group()
    for name, text in (("acme/lib", "A lib of parts"), ("acme/other", "Something")):
        project = stand.make_project(group)
        for version in ("1.0.0", "1.1.0", "dev-main"):
            content = samples.sample(name, version, description=text, homepage="https://acme.example/lib").content
            stand.http.put(f"/api/v4/projects/{project['id']}/packages/composer?version={version}", content, ROOT).expect(201)
    return group


def ask(stand: Stand, group: Json, path: str, headers: dict[str, str] | None = None, word: str = "group") -> Answer:
    return stand.http.get(f"/api/v4/{word}/{group['id']}/-/packages/composer{path}", ROOT if headers is None else headers)


def test_the_way_of_composer_1(stand: Stand, group: Json) -> None:
    """A hash on the way from the root to an archive could be another than that of the very bytes that are served."""
    root = ask(stand, group, "/packages.json").expect(200).json()
    [(include, said)] = root["provider-includes"].items()
    providers = ask(stand, group, "/" + include.replace("%hash%", said["sha256"])).expect(200)
    assert hashlib.sha256(providers.body).hexdigest() == said["sha256"]
    found = providers.json()["providers"]
    assert sorted(found) == ["acme/lib", "acme/other"]
    for name, hashes in found.items():
        path = root["providers-url"].replace("%package%", name).replace("%hash%", hashes["sha256"])
        document = stand.http.get(path, ROOT).expect(200)
        assert hashlib.sha256(document.body).hexdigest() == hashes["sha256"]
        for entry in document.json()["packages"][name].values():
            archive = stand.http.get(entry["dist"]["url"].removeprefix(stand.url), ROOT).expect(200)
            assert hashlib.sha1(archive.body).hexdigest() == entry["dist"]["shasum"]
            assert archive.headers["Content-Type"] == "application/zip"
    other = {**ROOT, "Accept-Encoding": "gzip"}
    assert ask(stand, group, "/" + include.replace("%hash%", said["sha256"]), other).status == 200


def test_addresses(stand: Stand, group: Json) -> None:
    """An address that a client or a proxy writes in another way could lead nowhere, or one that names nothing lead somewhere."""
    whole = ask(stand, group, "/p2/acme/lib.json").expect(200).body
    for path in ("/p2/acme%2Flib.json", "/p2/acme%2flib.json", "/p2/acme/lib", "/p2/Acme/Lib.json"):
        assert ask(stand, group, path).expect(200).body == whole
    assert ask(stand, group, "/p2/acme/lib.json", word="groups").expect(200).body == whole
    all_of_it = ask(stand, group, "/acme/lib$0.json").expect(200).body
    for path in ("/acme/lib%240.json", "/acme%2Flib$0.json", "/acme%2Flib%240.json"):
        assert ask(stand, group, path).expect(200).body == all_of_it
    root = ask(stand, group, "/packages.json").body
    assert ask(stand, group, "/packages").body == ask(stand, group, "").body == root
    for path in (
        "/acme/lib.json", "/acme/lib", "/p2/acme/none.json", "/p2/acme.json", "/p2/acme/lib/x.json", "/p2/acme/none~dev.json",
        "/p2/acme/lib~dev~dev.json", "/p2/~dev.json", "/p2/..%2Flib.json", "/acme/$.json", "/$.json", "/acme/lib%00$0.json", "/acme/li%FFb$0.json",
        "/p2/" + "a" * 300 + "/b.json",
    ):  # fmt: skip
        assert ask(stand, group, path).status in (400, 404), path
    dev = ask(stand, group, "/p2/acme/lib~dev.json").expect(200).json()
    assert [entry["version"] for entry in dev["packages"]["acme/lib"]] == ["dev-main"]


def test_what_each_generation_is_told(stand: Stand, group: Json) -> None:
    """Composer 2 could load what is for Composer 1, or a copy for one be given to the other."""
    first, second = ask(stand, group, "/packages.json").json(), ask(stand, group, "/packages.json", {**ROOT, **COMPOSER_2})
    assert "provider-includes" in first and "provider-includes" not in second.json()
    assert "user-agent" in second.headers["Vary"].lower()


def test_list_and_search(stand: Stand, group: Json) -> None:
    """Names could be missing from lists, or a filter be taken for more than a pattern of names."""
    assert ask(stand, group, "/list.json").json() == {"packageNames": ["acme/lib", "acme/other"]}
    for pattern, wanted in (("acme/*", 2), ("acme/o*", 1), ("ACME/LIB", 1), ("%5Ba-z%5D*", 0), ("none/*", 0), ("*" * 200 + "x", 0)):
        assert len(ask(stand, group, f"/list.json?filter={pattern}").expect(200).json()["packageNames"]) == wanted, pattern
    found = ask(stand, group, "/search.json?q=lib&type=").json()
    assert found == {"results": [{"name": "acme/lib", "description": "A lib of parts", "url": "https://acme.example/lib"}], "total": 1}
    assert ask(stand, group, "/search.json?q=acme").json()["total"] == 2
    assert ask(stand, group, "/search.json?q=acme&page=2").json() == {"results": [], "total": 2}
    for page in ("0", "-1", "x", "9" * 40):
        assert ask(stand, group, f"/search.json?q=acme&page={page}").expect(200).json()["total"] == 2


def test_paging(stand: Stand) -> None:
    """A search with more hits than a page could lose some, or Composer not be told where the rest is."""
    project = stand.make_project(stand.make_group())
    base = f"/api/v4/projects/{project['id']}/packages/composer"
    for number in range(17):
        stand.http.put(f"{base}?version=1.0.0", samples.sample(f"acme/p{number:02}").content, ROOT).expect(201)
    first = stand.http.get(f"{base}/search.json?q=acme", ROOT).json()
    assert (len(first["results"]), first["total"]) == (15, 17)
    rest = stand.http.get(first["next"].removeprefix(stand.url), ROOT).json()
    assert len({each["name"] for each in first["results"] + rest["results"]}) == 17
    assert "next" not in rest


def test_not_modified(stand: Stand, group: Json) -> None:
    """Every run of Composer would load every document again."""
    for path in ("/packages.json", "/p2/acme/lib.json", "/list.json"):
        answer = ask(stand, group, path)
        assert ask(stand, group, path, {**ROOT, "If-None-Match": answer.headers["ETag"]}).status == 304


def test_who_may(stand: Stand, group: Json) -> None:
    """Somebody could read or publish what is not theirs, or be told that it is there."""
    project = stand.make_project(group)
    address = f"/api/v4/projects/{project['id']}/packages/composer?version=1.0.0"
    names = {level: stand.make_member(group, level) for level in (GUEST, REPORTER, DEVELOPER)}
    stranger = stand.make_personal_token(stand.make_user())
    content = samples.sample("acme/third").content

    def statuses(login: Login | None) -> tuple[int, int, int]:
        headers = {} if login is None else basic(login.user, login.token)
        read, root = ask(stand, group, "/p2/acme/lib.json", headers).status, ask(stand, group, "/packages.json", headers).status
        return root, read, stand.http.put(address, content, headers).status

    assert statuses(None) == (401, 401, 401)
    assert statuses(Login("root", "wrong")) == (401, 401, 401)
    assert statuses(stranger) == (404, 404, 404)
    assert statuses(names[GUEST])[1:] == (404, 403)
    assert statuses(names[REPORTER]) == (200, 200, 403)
    assert statuses(names[DEVELOPER]) == (200, 200, 201)
    assert ask(stand, group, "/packages.json", bearer(names[REPORTER].token)).status == 200
    assert ask(stand, group, "/packages.json", {}).headers["WWW-Authenticate"].startswith("Basic realm=")


def test_a_branch_that_is_uploaded(stand: Stand) -> None:
    """A lock file of before a branch was sent again could lead to other code, or to none."""
    project = stand.make_project(stand.make_group())
    base = f"/api/v4/projects/{project['id']}/packages/composer"
    sent = [samples.sample("acme/lib", "dev-feature/a", variant).content for variant in range(3)]
    dists = []
    for content in (sent[0], sent[1], sent[1], sent[2]):
        stand.http.put(f"{base}?version=dev-feature/a", content, ROOT).expect(201)
        [entry] = stand.http.get(f"{base}/p2/acme/lib~dev.json", ROOT).json()["packages"]["acme/lib"]
        assert entry["dist"]["shasum"] == hashlib.sha1(content).hexdigest()
        dists.append((entry["dist"]["url"].removeprefix(stand.url), content))
    for path, content in dists:
        assert stand.http.get(path, ROOT).expect(200).body == content


@pytest.mark.parametrize("kind", ["form", "multipart", "json", "query"])
def test_parameters(kind: str, stand: Stand) -> None:
    """A way to say `tag=` that GitLab takes could be unknown here."""
    project = stand.make_project(stand.make_group())
    base = f"/api/v4/projects/{project['id']}/packages/composer"
    body, headers, query = b"", {}, ""
    if kind == "form":
        body, headers = b"tag=v1.0.0", {"Content-Type": "application/x-www-form-urlencoded"}
    elif kind == "multipart":
        body, headers = write_form([("tag", "v1.0.0")], [])
    elif kind == "json":
        body, headers = b'{"tag": "v1.0.0"}', {"Content-Type": "application/json"}
    else:
        query = "?tag=v1.0.0"
    assert "no Git repository" in stand.http.post(base + query, body, {**ROOT, **headers}).expect(404).text


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"tag": 1}', b'{"tag": ["v1"]}', b"\xff", b"{}", b'{"tag": null}', b'{"tag": "a", "branch": "b"}'])
def test_odd_parameters(body: bytes, stand: Stand) -> None:
    """A body that is no object of texts could break the server."""
    project = stand.make_project(stand.make_group())
    base = f"/api/v4/projects/{project['id']}/packages/composer"
    for kind in ("application/json", "application/x-www-form-urlencoded"):
        told = stand.http.post(base, body, {**ROOT, "Content-Type": kind}).expect(400)
        assert set(json.loads(told.body)) <= {"error", "message"}
