"""The edges of the protocol: what a client must not learn by a mount, characters nobody expects, ranges, lists at their ends, deep indexes."""

from __future__ import annotations

import json
import os

import pytest
from tests.conformance.furniture import PUBLIC
from wire import basic

from . import samples
from .conftest import BOTH, Broom, Home, ask_token, make_home
from .driver import Driver
from .samples import Image, artifact, descriptor, digest, image, index, layer

BODY = bytes(range(256)) * 300


# -- mounts that name no source ------------------------------------------------------------------------------------------


def mounted(driver: Driver, name: str, which: str) -> bool:
    status, _, body = driver.http("POST", f"/v2/{name}/blobs/uploads/?mount={which}")
    assert status in (201, 202), body
    return status == 201


def test_mount_from_anywhere_wants_reading(home: Home) -> None:
    """A credential that may only push, or a token for one repository, learns by a mount what another repository of its project holds."""
    source, target = home.name, home.name
    found = home.driver().push_blob(source, b"held by " + source.encode())
    pushes = home.server.furniture.deploy_token(home.project, "write_registry")

    assert not mounted(home.driver(pushes), target, found)
    assert not mounted(home.driver_of([f"repository:{target}:pull,push"]), target, found)
    home.send("HEAD", f"/v2/{target}/blobs/{found}").expect(404)

    both = home.driver_of([f"repository:{target}:pull,push", f"repository:{source}:pull"])
    assert mounted(both, target, found) and both.blob(target, found) == b"held by " + source.encode()
    assert mounted(home.driver(), home.name, found)


def test_mount_from_anywhere_looks_at_each_holder(home: Home) -> None:
    """A repository that the token may not read stands in front of one that it may read, and hides the layer."""
    hidden, open_one, target = home.name, home.name, home.name
    for name in (hidden, open_one):
        found = home.driver().push_blob(name, b"in two repositories of " + home.path.encode())
    assert mounted(home.driver_of([f"repository:{target}:pull,push", f"repository:{open_one}:pull"]), target, found)


def test_nobody_gets_a_token_of_a_proxy(home: Home) -> None:
    """Somebody without a credential gets a token for a dependency proxy because of a public image, or is told apart what exists."""
    open_home = make_home(home.server, PUBLIC)
    open_home.driver().push(name := open_home.name, image(), "1")
    answers = [
        ask_token(home.server, scopes, {}, "dependency_proxy") for scopes in ([], [f"repository:{name}:pull"], [f"repository:{home.name}:pull"])
    ]
    assert [answer.status for answer in answers] == [403] * 3 and len({answer.body for answer in answers}) == 1
    ask_token(home.server, [f"repository:{name}:pull"]).expect(200)
    ask_token(home.server, [f"repository:{name}:pull"], basic(home.maintainer.user, home.maintainer.secret), "dependency_proxy").expect(200)


# -- odd characters ------------------------------------------------------------------------------------------------------

ODD = ("%00", "%ff", "%F0%9F%98%80", "%0d%0aX:%20y", "%27", "a" * 4000)


@BOTH
@pytest.mark.parametrize("odd", ODD)
def test_odd_characters(home: Home, odd: str) -> None:
    """A character that a database or a header cannot hold breaks the server."""
    name, driver = home.name, home.driver()
    driver.push(name, pushed := image(), "1")
    repository = home.send("GET", f"/api/v4/projects/{home.project}/registry/repositories").expect(200).json()[0]["id"]
    rest = f"/api/v4/projects/{home.project}/registry/repositories/{repository}"
    paths = [
        f"/v2/{name}/tags/list?last={odd}",
        f"/v2/{name}/tags/list?n={odd}",
        f"/v2/{name}/referrers/{pushed.digest}?last={odd}",
        f"/v2/{name}/referrers/{pushed.digest}?artifactType={odd}",
        f"/v2/{name}/manifests/{odd}",
        f"/v2/{name}/blobs/{odd}",
        f"/v2/{name}/blobs/uploads/{odd}",
        f"/v2/{home.path}/{odd}/tags/list",
        f"/v2/{odd}/{odd}/tags/list",
        f"{rest}/tags/{odd}",
        f"{rest}/tags?pagination=keyset&last={odd}",
        f"/jwt/auth?service=container_registry&scope=repository:{odd}:pull",
        f"/jwt/auth?service={odd}",
    ]
    for path in paths:
        assert home.send("GET", path).status < 500, path
    for query in (f"mount={odd}&from={name}", f"mount={pushed.digest}&from={odd}", f"digest={odd}", f"digest-algorithm={odd}"):
        assert home.send("POST", f"/v2/{name}/blobs/uploads/?{query}", b"").status < 500, query
    assert home.send("DELETE", f"/v2/{name}/tags/reference/{odd}").status < 500
    assert home.send("DELETE", f"{rest}/tags/{odd}").status < 500
    token = "phpat-of-root-for-the-tests-only"
    assert home.send("GET", f"/v2/_catalog?last={odd}", headers=basic("root", token)).status < 500


@pytest.mark.parametrize("tag", ["_", "A", "a" * 128, "1..2", "a-_.-_", "sha256-" + "0" * 64 + ".sig", "latest"])
def test_odd_tags(home: Home, tag: str) -> None:
    """A tag within the grammar cannot be pushed, listed, followed through a link or deleted."""
    name, driver, pushed = home.name, home.driver(), image()
    for each in (tag, "zzz"):
        driver.push(name, pushed, each)
    first = home.send("GET", f"/v2/{name}/tags/list?n=1").expect(200)
    link = first.headers["Link"].partition(">")[0].removeprefix("<")
    assert first.json()["tags"] + home.send("GET", link).expect(200).json()["tags"] == sorted([tag, "zzz"])
    assert driver.pull(name, tag) == pushed.manifest
    driver.delete(name, tag)
    assert driver.tags(name) == ["zzz"]


# -- lists at their ends -------------------------------------------------------------------------------------------------


def test_n_of_lists(home: Home) -> None:
    """A number of entries that is none, or very large, is refused or links to nowhere; or a link forgets what was asked for."""
    name, driver = home.name, home.driver()
    for tag in ("a", "b", "c"):
        driver.push(name, image(), tag)
    for n, tags, linked in (
        ("0", [], False),
        ("1", ["a"], True),
        ("3", ["a", "b", "c"], False),
        ("9" * 18, ["a", "b", "c"], False),
        ("", ["a", "b", "c"], False),
    ):
        answer = home.send("GET", f"/v2/{name}/tags/list?n={n}").expect(200)
        assert answer.json()["tags"] == tags and ("Link" in answer.headers) == linked, n
        assert home.send("GET", f"/v2/{name}/tags/list?n={n}&last=c").expect(200).json()["tags"] == []
    root = basic("root", "phpat-of-root-for-the-tests-only")
    assert home.send("GET", "/v2/_catalog?n=0", headers=root).expect(200).json() == {"repositories": []}
    link = home.send("GET", f"/v2/_catalog?n=1&last={home.path}", headers=root).headers.get("Link", "")
    assert not link or link.endswith('; rel="next"')


def test_heads_are_their_gets(home: Home) -> None:
    """A client that asks with HEAD first decides by headers that GET does not have."""
    name, driver = home.name, home.driver()
    driver.push(name, pushed := index(image("headed"), subject=image("not here").descriptor()), "1")
    blob = driver.push_blob(name, BODY)
    location = driver.start(name)
    paths = ["/v2/", f"/v2/{name}/tags/list", f"/v2/{name}/referrers/{pushed.digest}", location]
    paths += [f"/v2/{name}/manifests/{reference}" for reference in ("1", pushed.digest, "absent", digest(b"absent"), "sha256:odd")]
    paths += [f"/v2/{name}/blobs/{which}" for which in (blob, digest(b"absent"), "sha256:odd")]
    for path in paths:
        got, head = (home.send(method, path) for method in ("GET", "HEAD"))
        assert (got.status, head.body) == (head.status, b""), path
        for header in ("Content-Type", "Content-Length", "Docker-Content-Digest", "ETag", "Link", "Accept-Ranges", "Docker-Distribution-Api-Version"):
            assert got.headers.get(header) == head.headers.get(header), (path, header)


@pytest.mark.parametrize("body", [b"", b"abc", BODY], ids=["empty", "small", "large"])
def test_ranges(home: Home, body: bytes) -> None:
    """A client that goes on with a layer gets other bytes than it asked for, or is not told where the layer ends."""
    name = home.name
    found = home.driver().push_blob(name, body)
    size = len(body)
    wanted = {
        "bytes=0-": (206, body),
        "bytes=0-0": (206, body[:1]),
        f"bytes=0-{size + 100}": (206, body),
        "bytes=-2": (206, body[-2:]),
        f"bytes=-{size + 100}": (206, body),
        f"bytes={size}-": (416, None),
        "bytes=-0": (416, None),
        "lines=0-1": (200, body),
        "bytes=": (200, body),
    }
    for span, (status, part) in wanted.items():
        answer = home.send("GET", f"/v2/{name}/blobs/{found}", None, {"Range": span})
        assert answer.status == (status if size or status != 206 else 416) or (not size and answer.status == 200), span
        if answer.status == 206:
            assert answer.body == part, span
            first, _, last = answer.headers["Content-Range"].removeprefix("bytes ").partition("/")[0].partition("-")
            assert body[int(first) : int(last) + 1] == part and answer.headers["Content-Range"].endswith(f"/{size}")
        elif answer.status == 416:
            assert answer.headers["Content-Range"] == f"bytes */{size}"
        else:
            assert answer.body == body
    for span in ("bytes=2-1", "bytes=0-1,5-6"):
        answer = home.send("GET", f"/v2/{name}/blobs/{found}", None, {"Range": span})
        assert answer.status in (200, 206, 416) and (answer.status != 200 or answer.body == body)


# -- what manifests point at ---------------------------------------------------------------------------------------------


def nest(depth: int) -> Image:
    """An index in an index, so many levels deep."""
    found = image(os.urandom(8).hex())
    for _ in range(depth):
        found = index(found)
    return found


@BOTH
def test_deep_indexes(home: Home, broom: Broom) -> None:
    """An image far below a tagged index is collected or can be deleted, is not counted, or outlives the index."""
    name, driver = home.name, home.driver()
    outer = nest(40)
    driver.push(name, outer, "deep")
    chain = [outer]
    while chain[-1].children:
        chain.append(chain[-1].children[0])
    broom.all()

    assert [driver.pull(name, each.digest) for each in chain] == [each.manifest for each in chain]
    assert all(home.send("DELETE", f"/v2/{name}/manifests/{each.digest}").status == 409 for each in chain[1:])
    found = home.send("GET", f"/api/v4/projects/{home.project}/registry/repositories").expect(200).json()[0]["id"]
    size = home.send("GET", f"/api/v4/registry/repositories/{found}?size=true").expect(200).json()["size"]
    assert size == sum(len(each.manifest) for each in chain) + sum(map(len, chain[-1].blobs))

    driver.delete(name, outer.digest)
    broom.all()
    assert not any(broom.stored(each.manifest) for each in chain) and not any(map(broom.stored, chain[-1].blobs))


@BOTH
def test_foreign_manifest_in_an_index(home: Home) -> None:
    """An index is taken whose image is in another repository only, so that nobody can pull it from here."""
    here, there, driver = home.name, home.name, home.driver()
    child = image("only there")
    driver.push(there, child)
    refused = home.send("PUT", f"/v2/{here}/manifests/x", (parent := index(child)).manifest, {"Content-Type": parent.media_type}).expect(400)
    assert refused.json()["errors"][0]["code"] == "MANIFEST_BLOB_UNKNOWN" and child.digest in refused.text


@BOTH
def test_what_came_after_is_kept(home: Home, broom: Broom) -> None:
    """A layer that was pushed after the manifest that need not have it is collected, though the manifest was pushed again on top of it."""
    name, driver = home.name, home.driver()
    late = os.urandom(500)
    document = {"schemaVersion": 2, "mediaType": "application/vnd.example.bundle+json", "blobs": [descriptor(late, "text/plain")]}
    bundle = Image(json.dumps(document).encode(), "application/vnd.example.bundle+json")
    driver.put(name, bundle, "1")
    driver.push_blob(name, late)
    driver.put(name, bundle, "1")
    broom.all()
    assert driver.blob(name, digest(late)) == late


@BOTH
def test_rule_that_comes_in_between(home: Home, broom: Broom) -> None:
    """A cleanup that is under way removes a tag that a rule protects since, or that somebody has pushed again to another image."""
    from packhouse.db import repositories
    from packhouse.packages import cleanup

    name, driver = home.name, home.driver()
    for tag in ("v1", "w1", "x1"):
        driver.push(name, image(), tag)
    found = broom.run(broom.house.database.read(cleanup._repositories_of, home.project))
    tags = broom.run(broom.house.database.read(repositories.read_tags, found[0].id))
    home.send(
        "POST",
        f"/api/v4/projects/{home.project}/registry/protection/tag/rules",
        b'{"tag_name_pattern": "^v", "minimum_access_level_for_push": "owner", "minimum_access_level_for_delete": "owner"}',
        {"Content-Type": "application/json"},
    ).expect(201)
    driver.push(name, image("pushed meanwhile"), "x1")
    removed = broom.run(broom.house.database.write(cleanup._remove, broom.house.formats["container"], None, cleanup.POLICY_ACTOR, found[0], tags))
    assert removed == ["w1"] and driver.tags(name) == ["v1", "x1"]


@BOTH
def test_deleted_repository_keeps_its_bytes(home: Home, broom: Broom) -> None:
    """The layers of a repository that was deleted go before the time within which an earlier moment can be read is over."""
    from packhouse.db.engine import now
    from packhouse.packages.collect import DAY

    name, driver = home.name, home.driver()
    pushed = image(name, layers=[layer({"own": os.urandom(900)})])
    driver.push(name, pushed, "1")
    found = home.send("GET", f"/api/v4/projects/{home.project}/registry/repositories").expect(200).json()[0]["id"]
    home.send("DELETE", f"/api/v4/projects/{home.project}/registry/repositories/{found}").expect(202)
    home.send("GET", f"/v2/{name}/blobs/{digest(pushed.blobs[1])}").expect(404)

    for _ in range(3):
        broom.sweep(retained=now() - DAY)
    assert all(len(broom.stored(body)) == 1 for body in (pushed.manifest, *pushed.blobs))
    broom.all()
    assert not any(broom.stored(body) for body in (pushed.manifest, *pushed.blobs))


def test_referrer_is_listed_once(home: Home) -> None:
    """A referrer is listed twice, or stays listed when it is deleted."""
    name, driver, subject = home.name, home.driver(), image(os.urandom(4).hex())
    driver.push(name, subject, "1")
    signature = artifact(subject.descriptor())
    for _ in range(2):
        driver.push(name, signature)
    listed = json.loads(driver.ask("GET", f"/v2/{name}/referrers/{subject.digest}"))["manifests"]
    assert [entry["digest"] for entry in listed] == [signature.digest] and listed[0]["mediaType"] == samples.OCI_IMAGE
    driver.delete(name, signature.digest)
    assert json.loads(driver.ask("GET", f"/v2/{name}/referrers/{subject.digest}"))["manifests"] == []


# -- what a push says ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_push_by_digest_sets_tags(home: Home, algorithm: str) -> None:
    """Tags that come with a digest are lost or unsaid, or set past the rules that protect them."""
    name, driver, pushed, other = home.name, home.driver(), image(os.urandom(4).hex()), image(os.urandom(4).hex())
    for each in (pushed, other):
        driver.push(name, each)
    by_digest, headers = f"/v2/{name}/manifests/{digest(pushed.manifest, algorithm)}", {"Content-Type": pushed.media_type}

    done = home.send("PUT", f"{by_digest}?tag=a&tag=b&tag=a", pushed.manifest, headers).expect(201)

    assert done.headers["OCI-Tag"] == "a, b" and driver.tags(name) == ["a", "b"]
    assert done.headers["Docker-Content-Digest"] == digest(pushed.manifest, algorithm)
    assert home.send("GET", done.headers["Location"]).expect(200).body == driver.pull(name, "b") == pushed.manifest
    for query, code in (("tag=.odd", "TAG_INVALID"), ("&".join(f"tag=t{n}" for n in range(101)), "MANIFEST_INVALID")):
        refused = home.send("PUT", f"{by_digest}?tag=c&{query}", pushed.manifest, headers).expect(400)
        assert refused.json()["errors"][0]["code"] == code
    rules = f"/api/v4/projects/{home.project}/registry/protection/tag/rules"
    for pattern, levels in (("^free$", {}), ("^c$", {"minimum_access_level_for_push": "owner", "minimum_access_level_for_delete": "owner"})):
        asked = json.dumps({"tag_name_pattern": pattern, **levels}).encode()
        admin = {"PRIVATE-TOKEN": "phpat-of-root-for-the-tests-only", "Content-Type": "application/json"}
        home.server.http.request("POST", rules, asked, admin).expect(201)
    home.send("PUT", f"{by_digest}?tag=c", pushed.manifest, headers).expect(403)
    home.send("PUT", f"{by_digest}?tag=free", pushed.manifest, headers).expect(201)
    moved = home.send("PUT", f"/v2/{name}/manifests/{other.digest}?tag=d&tag=free", other.manifest, headers).expect(403)
    assert moved.json()["errors"][0]["code"] == "DENIED"
    assert driver.tags(name) == ["a", "b", "free"] and driver.pull(name, "free") == pushed.manifest


def test_parameters_of_a_media_type(home: Home) -> None:
    """A charset that a client adds to the type of a manifest makes it another type, or comes back to those who cannot read it."""
    name, pushed = home.name, image(os.urandom(4).hex())
    home.driver().push(name, pushed)
    home.send("PUT", f"/v2/{name}/manifests/1", pushed.manifest, {"Content-Type": f"{pushed.media_type}; charset=utf-8"}).expect(201)
    assert home.send("GET", f"/v2/{name}/manifests/1").expect(200).headers["Content-Type"] == pushed.media_type


def test_upload_says_where_it_stands(home: Home) -> None:
    """A client is not told which upload it has, how far that came, or where to go on."""
    name, body = home.name, os.urandom(100)
    answer = home.send("POST", f"/v2/{name}/blobs/uploads/").expect(202)
    for chunk, span in ((body[:60], "0-59"), (body[60:], "0-99")):
        assert answer.headers["Location"].endswith(answer.headers["Docker-Upload-UUID"])
        answer = home.send("PATCH", answer.headers["Location"], chunk).expect(202)
        assert answer.headers["Range"] == span
    done = home.send("PUT", f"{answer.headers['Location']}?digest={digest(body)}").expect(201)
    assert home.send("GET", done.headers["Location"]).expect(200).body == body


def test_pages_of_referrers(home: Home) -> None:
    """Of many signatures of one image some are never seen, or the filter of the first page is forgotten on the next."""
    name, driver, subject = home.name, home.driver(), image(os.urandom(4).hex())
    driver.push(name, subject)
    pushed = [artifact(subject.descriptor(), f"application/vnd.example.{n % 2}", annotations={"n": str(n)}) for n in range(502)]
    for blob in pushed[0].blobs:
        driver.push_blob(name, blob)
    for each in pushed:
        driver.put(name, each)
    for query, wanted in (("", pushed), ("?artifactType=application/vnd.example.1", pushed[1::2])):
        seen, path = [], f"/v2/{name}/referrers/{subject.digest}{query}"
        while path:
            answer = home.send("GET", path).expect(200)
            assert ("OCI-Filters-Applied" in answer.headers) == bool(query)
            seen += [entry["digest"] for entry in answer.json()["manifests"]]
            path = answer.headers.get("Link", "").partition(">")[0].removeprefix("<")
        assert sorted(seen) == sorted(each.digest for each in wanted)
