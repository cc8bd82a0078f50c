"""The protocol over a real server: uploads in pieces, manifests, tags, referrers, deletion."""

from __future__ import annotations

import contextlib
import hashlib
import json
import socket

import pytest
from tests.conformance.furniture import DEVELOPER, Login
from wire import Answer, basic

from . import samples
from .conftest import BOTH, Home
from .driver import Refused
from .samples import artifact, digest, image, index

PIECES = (b"a" * 70_000, b"b" * 70_000, b"c" * 100)
WHOLE = b"".join(PIECES)


def code_of(answer: Answer) -> str:
    code: str = answer.json()["errors"][0]["code"]
    return code


def ranges(*pieces: bytes) -> list[str]:
    """Content-Range of each piece, one after the other."""
    found, start = [], 0
    for piece in pieces:
        found.append(f"{start}-{start + len(piece) - 1}")
        start += len(piece)
    return found


# -- uploads -----------------------------------------------------------------------------------------------------------


@BOTH
def test_chunks_by_several_processes(home: Home) -> None:
    """Pieces of an upload that reach different processes do not come together, or the last one in the closing request is lost."""
    name = home.name
    location = home.driver().start(name)
    for piece, span in zip(PIECES[:2], ranges(*PIECES), strict=False):
        with home.wire() as wire:
            answer = wire.request("PATCH", location, piece, {"Content-Range": span}).expect(202)
        location = answer.headers["Location"]
    assert answer.headers["Range"] == f"0-{len(PIECES[0]) + len(PIECES[1]) - 1}"

    with home.wire() as wire:
        last = {"Content-Range": ranges(*PIECES)[2]}
        done = wire.request("PUT", f"{location}?digest={digest(WHOLE)}", PIECES[2], last).expect(201)

    assert home.send("GET", done.headers["Location"]).expect(200).body == WHOLE
    home.send("GET", location).expect(404)


@pytest.mark.parametrize("closing", [False, True], ids=["PATCH", "PUT"])
@pytest.mark.parametrize("stored", [b"", b"first"], ids=["nothing", "something"])
def test_chunk_out_of_order(home: Home, stored: bytes, closing: bool) -> None:
    """A piece that does not start at the end is written, or ends the upload."""
    name = home.name
    location = home.driver().start(name)
    if stored:
        home.send("PATCH", location, stored, {"Content-Range": f"0-{len(stored) - 1}"}).expect(202)
    rest = b"the rest"
    wrong = {"Content-Range": f"{len(stored) + 3}-{len(stored) + 3 + len(rest) - 1}"}
    body = digest(stored + rest)

    refused = home.send("PUT" if closing else "PATCH", f"{location}?digest={body}" if closing else location, rest, wrong).expect(416)

    assert code_of(refused) == "RANGE_INVALID"
    shown = home.send("GET", location).expect(204)
    assert shown.headers["Range"] == (f"0-{len(stored) - 1}" if stored else "0-0")
    right = {"Content-Range": f"{len(stored)}-{len(stored) + len(rest) - 1}"}
    home.send("PUT", f"{shown.headers['Location']}?digest={body}", rest, right).expect(201)
    assert home.driver().blob(name, body) == stored + rest


def test_goes_on_after_a_cut(home: Home) -> None:
    """What arrived before the connection broke is lost, or what is counted is not what was kept."""
    name = home.name
    location = home.driver().start(name)
    sent = WHOLE[:100_000]
    head = f"PATCH {location} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(WHOLE)}\r\n"
    head += "".join(f"{k}: {v}\r\n" for k, v in basic(home.maintainer.user, home.maintainer.secret).items()) + "\r\n"
    with socket.create_connection(("127.0.0.1", home.server.port), timeout=20) as raw:
        raw.sendall(head.encode() + sent)
        raw.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            raw.recv(1000)

    # the server lets go of the upload when it has seen the end; until then it says that it is busy
    answer = home.send("PATCH", location, b"")
    shown = home.send("GET", location).expect(204)
    kept = int(shown.headers["Range"].removeprefix("0-")) + 1
    assert answer.status == 202 and 1 < kept <= len(sent)
    rest = {"Content-Range": f"{kept}-{len(WHOLE) - 1}"}
    home.send("PATCH", location, WHOLE[kept:], rest).expect(202)
    home.send("PUT", f"{location}?digest={digest(WHOLE)}").expect(201)
    assert home.driver().blob(name, digest(WHOLE)) == WHOLE


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
@pytest.mark.parametrize("way", ["at once", "session", "stream"])
def test_wrong_digest(home: Home, way: str, algorithm: str) -> None:
    """Bytes that are not what they were announced as are kept."""
    name, wrong = home.name, digest(b"announced", algorithm)
    if way == "at once":
        answer = home.send("POST", f"/v2/{name}/blobs/uploads/?digest={wrong}", b"arrived")
    else:
        location = home.driver().start(name)
        if way == "stream":
            home.send("PATCH", location, iter([b"arr", b"ived"])).expect(202)
        answer = home.send("PUT", f"{location}?digest={wrong}", b"" if way == "stream" else b"arrived")
    assert (answer.status, code_of(answer)) == (400, "DIGEST_INVALID")
    for which in (wrong, digest(b"arrived", algorithm)):
        home.send("HEAD", f"/v2/{name}/blobs/{which}").expect(404)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
@pytest.mark.parametrize("body", [b"", b"x", WHOLE], ids=["empty", "small", "large"])
def test_blob_comes_back(home: Home, body: bytes, algorithm: str) -> None:
    """A blob that was stored at once or in a stream is not what comes back, whole or in part, under either of its digests."""
    name, found = home.name, digest(body, algorithm)
    done = home.send("POST", f"/v2/{name}/blobs/uploads/?digest={found}", body).expect(201)
    assert done.headers["Docker-Content-Digest"] == found

    got = home.send("GET", done.headers["Location"]).expect(200)
    head = home.send("HEAD", done.headers["Location"]).expect(200)

    assert got.body == body
    for answer in (got, head):
        assert answer.headers["Docker-Content-Digest"] == found
        assert answer.headers["Content-Length"] == str(len(body))
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Accept-Ranges"] == "bytes"
    if len(body) > 100:
        part = home.send("GET", done.headers["Location"], None, {"Range": "bytes=50-99"}).expect(206)
        assert part.body == body[50:100]


def test_session_is_for_its_owner(home: Home) -> None:
    """An upload can be looked at, written to or ended by somebody else, or through another repository."""
    name, other = home.name, home.name
    location = home.driver().start(name)
    session = location.rpartition("/")[2]
    colleague = home.server.furniture.member(home.project, DEVELOPER)

    for path, login in ((f"/v2/{other}/blobs/uploads/{session}", None), (location, colleague)):
        for method, body in (("GET", None), ("PATCH", b"x"), ("PUT", b"x"), ("DELETE", None)):
            query = f"?digest={digest(b'x')}" if method == "PUT" else ""
            answer = home.send(method, path + query, body, login=login).expect(404)
            assert code_of(answer) == "BLOB_UPLOAD_UNKNOWN"
    assert home.send("GET", location).expect(204).headers["Range"] == "0-0"


@pytest.mark.parametrize("session", ["..", "%2e%2e", "x" * 300, "a/b", "0" * 36, "%00"])
def test_session_id_is_no_path(home: Home, session: str) -> None:
    """The name of an upload that a client makes up is used as a path."""
    answer = home.send("PATCH", f"/v2/{home.name}/blobs/uploads/{session}", b"x")
    assert answer.status in (400, 404, 405)


def test_cancelled_upload(home: Home) -> None:
    """An upload that was called off goes on, or its bytes stay."""
    name = home.name
    location = home.driver().start(name)
    home.send("PATCH", location, b"some bytes").expect(202)

    home.send("DELETE", location).expect(204)

    for method in ("GET", "DELETE", "PATCH"):
        home.send(method, location, b"more" if method == "PATCH" else None).expect(404)
    spool = home.server.data / "spool"
    assert not list(spool.glob(f"*{location.rpartition('/')[2]}*"))


# -- mounts ------------------------------------------------------------------------------------------------------------


def test_mount_of_a_readable_repository(home: Home) -> None:
    """A blob has to be sent again though another repository that the client may read holds it."""
    source, target = home.name, home.name
    found = home.driver().push_blob(source, b"shared")

    done = home.send("POST", f"/v2/{target}/blobs/uploads/?mount={found}&from={source}").expect(201)

    assert done.headers["Docker-Content-Digest"] == found
    assert home.send("GET", done.headers["Location"]).expect(200).body == b"shared"


def test_mount_opens_nothing(home: Home, server: object) -> None:
    """Knowing a digest is enough to get at a blob of a repository that one may not read, or to find out that it is there."""
    from .conftest import make_home

    other = make_home(home.server)
    secret = other.name
    found = other.driver().push_blob(secret, b"a secret of " + secret.encode())
    absent = digest(b"never pushed by anybody")
    mine = home.name

    for which, source in ((found, f"&from={secret}"), (found, ""), (absent, f"&from={secret}"), (absent, ""), (found, "&from=no/such/repository")):
        answer = home.send("POST", f"/v2/{mine}/blobs/uploads/?mount={which}{source}").expect(202)
        assert answer.headers["Location"] and "Docker-Content-Digest" not in answer.headers
    home.send("GET", f"/v2/{mine}/blobs/{found}").expect(404)
    forged = image(layers=[b"a secret of " + secret.encode()])
    home.driver().push_blob(mine, forged.blobs[0])
    refused = home.send("PUT", f"/v2/{mine}/manifests/x", forged.manifest, {"Content-Type": forged.media_type}).expect(400)
    assert code_of(refused) == "MANIFEST_BLOB_UNKNOWN"


def test_mount_wants_a_token_for_its_source(home: Home) -> None:
    """A token for one repository mounts from another one, or a client that could get a better token is not told so."""
    source, target = home.name, home.name
    found = home.driver().push_blob(source, b"shared")
    narrow = home.driver_of([f"repository:{target}:pull,push"])
    wide = home.driver_of([f"repository:{target}:pull,push", f"repository:{source}:pull"])
    path = f"/v2/{target}/blobs/uploads/?mount={found}&from={source}"

    with pytest.raises(Refused) as refused:
        narrow.ask("POST", path)

    assert refused.value.status == 401
    challenge = refused.value.headers["www-authenticate"]
    assert f"repository:{source}:pull" in challenge and 'error="insufficient_scope"' in challenge
    assert wide.headers("POST", path)["docker-content-digest"] == found


# -- manifests ---------------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("media_type", [samples.OCI_IMAGE, samples.DOCKER_IMAGE])
def test_manifest_is_kept_byte_for_byte(home: Home, media_type: str) -> None:
    """A manifest comes back in another form, under another type, or not under each of its names."""
    name, pushed = home.name, image(media_type=media_type, **{"unknown-field": {"kept": [1, 2, None]}})
    home.driver().push(name, pushed, "1.0")

    for reference in ("1.0", pushed.digest, digest(pushed.manifest, "sha512")):
        for accept in (None, "*/*", media_type, "application/json"):
            got = home.send("GET", f"/v2/{name}/manifests/{reference}", None, {} if accept is None else {"Accept": accept}).expect(200)
            head = home.send("HEAD", f"/v2/{name}/manifests/{reference}").expect(200)
            assert got.body == pushed.manifest
            for answer in (got, head):
                assert answer.headers["Content-Type"] == media_type
                assert answer.headers["Content-Length"] == str(len(pushed.manifest))
                assert answer.headers["Docker-Content-Digest"] == (reference if reference != "1.0" else pushed.digest)
                assert answer.headers["ETag"]


@pytest.mark.parametrize(
    "media_type", ["application/vnd.example.something+json", "application/vnd.oci.artifact.manifest.v1+json", "application/vnd.cncf.x.v9+json"]
)
def test_unknown_types_are_kept(home: Home, media_type: str) -> None:
    """A manifest of a type that nobody here has heard of is refused or changed."""
    body = json.dumps({"anything": [{"digest": digest(b"not pushed"), "size": 1, "mediaType": "x/y"}]}).encode()
    name = home.name
    home.send("PUT", f"/v2/{name}/manifests/odd", body, {"Content-Type": media_type}).expect(201)
    got = home.send("GET", f"/v2/{name}/manifests/odd").expect(200)
    assert (got.body, got.headers["Content-Type"]) == (body, media_type)


def test_tag_moves(home: Home) -> None:
    """A tag that is pushed again stays where it was, or takes the old manifest with it; or cannot go back."""
    name, driver = home.name, home.driver()
    first, second = image("first"), image("second")
    for pushed in (first, second, first):
        driver.push(name, pushed, "latest")
        assert driver.pull(name, "latest") == pushed.manifest
    assert driver.pull(name, second.digest) == second.manifest
    assert driver.tags(name) == ["latest"]


def test_foreign_layers_need_not_be_here(home: Home) -> None:
    """An image whose layers are fetched from elsewhere is refused, or one whose own layer is missing is taken."""
    name, driver = home.name, home.driver()
    for entry in ({"mediaType": samples.FOREIGN_LAYER}, {"mediaType": samples.OCI_LAYER, "urls": ["https://layers.example/1"]}):
        pushed = image()
        document = pushed.document
        document["layers"].append(samples.descriptor(b"far away", "x/y") | entry)
        driver.push(name, samples.Image(json.dumps(document).encode(), pushed.media_type, pushed.blobs), "windows")
    missing = image(layers=[b"was never pushed"])
    with pytest.raises(Refused) as refused:
        driver.put(name, missing)
    assert (refused.value.status, refused.value.code) == (400, "MANIFEST_BLOB_UNKNOWN")
    with pytest.raises(Refused) as refused:
        driver.put(name, index(image("never pushed")))
    assert (refused.value.status, refused.value.code) == (400, "MANIFEST_BLOB_UNKNOWN")


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"not json", samples.OCI_IMAGE),
        (b"[]", samples.OCI_IMAGE),
        (b'{"schemaVersion": 1, "fsLayers": []}', "application/vnd.docker.distribution.manifest.v1+prettyjws"),
        (b'{"schemaVersion": 2, "layers": [], "manifests": []}', samples.OCI_INDEX),
        (b'{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}', samples.OCI_IMAGE),
        (b'{"schemaVersion": 2, "layers": []}', samples.OCI_IMAGE),
        (b'{"schemaVersion": 2, "manifests": [{"digest": "sha256:00", "size": 1, "mediaType": "x/y"}]}', samples.OCI_INDEX),
        (b'{"schemaVersion": 2, "manifests": [], "subject": {"digest": 7}}', samples.OCI_INDEX),
        (b'{"schemaVersion": 2, "manifests": [], "annotations": {"a": 1}}', samples.OCI_INDEX),
        (b'{"schemaVersion": 2, "manifests": ' + b"[" * 5000 + b"]" * 5000 + b"}", samples.OCI_INDEX),
        (b"\xff\xfe", samples.OCI_INDEX),
        (b"", samples.OCI_INDEX),
        (b"{}", ""),
        (b"{}", "text/\xc3\xa4"),
    ],
)
def test_refuses_what_is_no_manifest(home: Home, body: bytes, media_type: str) -> None:
    """Something that clients would read in different ways, or not at all, is stored as a manifest; or breaks the server."""
    answer = home.send("PUT", f"/v2/{home.name}/manifests/x", body, {"Content-Type": media_type})
    assert (answer.status, code_of(answer)) == (400, "MANIFEST_INVALID")


def test_size_of_a_manifest(home: Home) -> None:
    """A manifest of 4 MiB is refused, or a larger one is taken."""
    name = home.name
    fits = json.dumps({"schemaVersion": 2, "manifests": [], "annotations": {"a": ""}}).encode()
    fits = fits[:-3] + b"x" * (4 * 1024 * 1024 - len(fits)) + fits[-3:]
    assert len(fits) == 4 * 1024 * 1024
    home.send("PUT", f"/v2/{name}/manifests/x", fits, {"Content-Type": samples.OCI_INDEX}).expect(201)
    answer = home.send("PUT", f"/v2/{name}/manifests/x", fits[:-3] + b"x" + fits[-3:], {"Content-Type": samples.OCI_INDEX}).expect(413)
    assert code_of(answer) == "SIZE_INVALID"


@pytest.mark.parametrize("reference", ["sha256:short", "sha256:" + "A" * 64, "md5:" + "0" * 32, "sha256:", ".dot", "-dash", "a" * 129, "%C3%A4"])
def test_refuses_odd_references(home: Home, reference: str) -> None:
    """A tag or digest outside of the grammar is stored or breaks the server."""
    for method, body in (("GET", None), ("PUT", b"{}"), ("DELETE", None)):
        answer = home.send(method, f"/v2/{home.name}/manifests/{reference}", body, {"Content-Type": samples.OCI_INDEX})
        assert answer.status in (400, 404, 405)
        if method == "PUT":
            assert code_of(answer) in ("DIGEST_INVALID", "TAG_INVALID")


# -- tags and lists ----------------------------------------------------------------------------------------------------


@BOTH
def test_pages_of_tags(home: Home) -> None:
    """A page of tags leaves one out, shows one twice or in another order; or a link leads nowhere."""
    name, driver, pushed = home.name, home.driver(), image()
    tags = sorted([f"v{number}" for number in range(12)] + ["A", "_x", "a-b", "Zz", "1.0"])
    for tag in tags:
        driver.push(name, pushed, tag)
    assert driver.tags(name) == tags

    seen, path = [], f"/v2/{name}/tags/list?n=5"
    while path:
        answer = home.send("GET", path).expect(200)
        assert answer.json()["name"] == name
        seen += answer.json()["tags"]
        link = answer.headers.get("Link")
        path = link.partition(">")[0].removeprefix("<") if link else ""
    assert seen == tags

    for query, wanted in (
        ("?n=0", []),
        ("?last=v3", tags[tags.index("v3") + 1 :]),
        ("?last=v35", tags[tags.index("v3") + 1 :]),
        ("?n=2&last=zzz", []),
    ):
        answer = home.send("GET", f"/v2/{name}/tags/list{query}").expect(200)
        assert answer.json()["tags"] == wanted and "Link" not in answer.headers
    for wrong in ("abc", "-1", "1.5", "9" * 30):
        answer = home.send("GET", f"/v2/{name}/tags/list?n={wrong}").expect(400)
        assert code_of(answer) == "PAGINATION_NUMBER_INVALID"
    assert code_of(home.send("GET", f"/v2/{home.name}/tags/list").expect(404)) == "NAME_UNKNOWN"
    driver.push_blob(empty := home.name, b"only a blob")
    assert home.send("GET", f"/v2/{empty}/tags/list").expect(200).json() == {"name": empty, "tags": []}


def test_catalog_is_for_administrators(home: Home) -> None:
    """The list of every repository is open to others than administrators, or leaves one out."""
    name = home.name
    home.driver().push(name, image(), "1")
    admin = Login("root", "phpat-of-root-for-the-tests-only")

    found = home.send("GET", "/v2/_catalog?n=1000", login=admin).expect(200).json()["repositories"]

    assert name in found and found == sorted(found)
    assert home.send("GET", "/v2/_catalog").status == 403
    token = home.token(["registry:catalog:*"], admin)
    assert home.driver_with({"Authorization": f"Bearer {token}"}).ask("GET", "/v2/_catalog?n=1")
    with pytest.raises(Refused) as refused:
        home.driver_of(["registry:catalog:*"]).ask("GET", "/v2/_catalog")
    assert refused.value.status == 401 and "registry:catalog:*" in refused.value.headers["www-authenticate"]


@BOTH
def test_referrers(home: Home) -> None:
    """What refers to a manifest is not found, before or after that is pushed; or is described wrongly."""
    name, driver, subject = home.name, home.driver(), image("signed")
    early = artifact(subject.descriptor(), text="before", annotations={"made": "early", "long": "x" * 70_000})
    late = artifact(subject.descriptor(), "application/vnd.example.signature", text="after", annotations={"made": "late"})
    plain = image("refers as an image", subject=subject.descriptor())
    listed = index(subject=subject.descriptor())
    headers = None
    for pushed in (early, subject, late, plain, listed):
        for body in pushed.blobs:
            driver.push_blob(name, body)
        headers = driver.headers("PUT", f"/v2/{name}/manifests/{pushed.digest}", pushed.manifest, {"Content-Type": pushed.media_type})
        assert headers.get("oci-subject") == (None if pushed is subject else subject.digest)

    found = home.send("GET", f"/v2/{name}/referrers/{subject.digest}").expect(200)

    assert found.headers["Content-Type"] == samples.OCI_INDEX and found.json()["schemaVersion"] == 2
    entries = {entry["digest"]: entry for entry in found.json()["manifests"]}
    assert entries.keys() == {early.digest, late.digest, plain.digest, listed.digest}
    for pushed in (early, late, plain, listed):
        entry = entries[pushed.digest]
        assert (entry["mediaType"], entry["size"]) == (pushed.media_type, len(pushed.manifest))
        assert entry.get("annotations") == pushed.document.get("annotations")
    assert entries[early.digest]["artifactType"] == "application/vnd.example.sbom"
    assert entries[plain.digest]["artifactType"] == samples.OCI_CONFIG
    assert "artifactType" not in entries[listed.digest]

    filtered = home.send("GET", f"/v2/{name}/referrers/{subject.digest}?artifactType=application/vnd.example.signature").expect(200)
    assert [entry["digest"] for entry in filtered.json()["manifests"]] == [late.digest]
    assert filtered.headers["OCI-Filters-Applied"] == "artifactType"
    for other in (digest(b"nothing refers to this"), subject.digest):
        where = name if other != subject.digest else home.name
        assert home.send("GET", f"/v2/{where}/referrers/{other}").expect(200).json()["manifests"] == []
    assert code_of(home.send("GET", f"/v2/{name}/referrers/sha256:xyz").expect(400)) == "DIGEST_INVALID"


# -- deletion ----------------------------------------------------------------------------------------------------------


@BOTH
def test_deletion(home: Home) -> None:
    """A tag takes its manifest with it, a manifest leaves one of its tags, or either comes back."""
    name, driver, pushed = home.name, home.driver(), image()
    for tag in ("one", "two", "three"):
        driver.push(name, pushed, tag)

    driver.delete(name, "one")
    assert driver.tags(name) == ["three", "two"] and driver.pull(name, "two") == pushed.manifest
    home.send("DELETE", f"/v2/{name}/tags/reference/two").expect(202)
    assert driver.tags(name) == ["three"]
    driver.delete(name, pushed.digest)

    assert driver.tags(name) == []
    for reference in ("three", pushed.digest):
        for method in ("GET", "DELETE"):
            assert code_of(home.send(method, f"/v2/{name}/manifests/{reference}").expect(404)) == "MANIFEST_UNKNOWN"
    driver.push(name, pushed, "again")
    assert driver.pull(name, "again") == pushed.manifest


def test_what_is_needed_stays(home: Home) -> None:
    """A blob or a manifest that a manifest points at can be deleted under it."""
    name, driver = home.name, home.driver()
    child = image("child")
    parent = index(child)
    driver.push(name, parent, "multi")

    kept = home.send("DELETE", f"/v2/{name}/manifests/{child.digest}").expect(409)
    assert code_of(kept) == "MANIFEST_REFERENCED_IN_LIST" and parent.digest in kept.text
    assert code_of(home.send("DELETE", f"/v2/{name}/blobs/{digest(child.blobs[1])}").expect(405)) == "UNSUPPORTED"

    driver.delete(name, parent.digest)
    driver.delete(name, child.digest)
    home.send("DELETE", f"/v2/{name}/blobs/{digest(child.blobs[1])}").expect(202)
    assert code_of(home.send("DELETE", f"/v2/{name}/blobs/{digest(child.blobs[1])}").expect(404)) == "BLOB_UNKNOWN"
    home.send("GET", f"/v2/{name}/blobs/{digest(child.blobs[1])}").expect(404)


def test_deleted_here_is_gone_here(home: Home) -> None:
    """A blob that was deleted from one repository comes back because another one holds the same bytes."""
    one, other, driver = home.name, home.name, home.driver()
    found = driver.push_blob(one, b"in both")
    driver.push_blob(other, b"in both")
    home.send("DELETE", f"/v2/{one}/blobs/{found}").expect(202)
    assert driver.blob(other, found) == b"in both"
    home.send("GET", f"/v2/{one}/blobs/{found}").expect(404)


# -- names -------------------------------------------------------------------------------------------------------------


def test_names_below_a_project(home: Home) -> None:
    """A repository at a project's own path or levels below it is not its project's, or an odd name is taken."""
    driver = home.driver()
    for name in (home.path, f"{home.path}/a", f"{home.path}/a/b", f"{home.path}/a/b/c/d/e", f"{home.path}/a__b/c-----d/e.f"):
        driver.push(name, image(name), "1")
        assert driver.pull(name, "1") == image(name).manifest
    for odd in ("UPPER", "a..b", "-a", "a-", "a___b", "a/", "%2e%2e", "a%2F%2Fb", "x" * 255):
        answer = home.send("PUT", f"/v2/{home.path}/{odd}/manifests/1", b"{}", {"Content-Type": samples.OCI_INDEX})
        assert answer.status in (400, 404), odd


def test_deepest_project_counts(home: Home) -> None:
    """An image below a project inside of a group with the same beginning lands in the wrong project."""
    furniture = home.server.furniture
    inner_group = furniture.group(0, home.group)
    inner = furniture.project(0, inner_group)
    name = f"{furniture.path_of(inner)}/img"
    insider = furniture.member(inner, DEVELOPER)

    home.driver(insider).push(name, image("inner"), "1")

    answer = home.send("GET", f"/v2/{name}/manifests/1")
    assert (answer.status, code_of(answer)) == (404, "NAME_UNKNOWN")
    path = furniture.path_of(inner_group)
    assert home.send("PUT", f"/v2/{path}/img/manifests/1", b"{}", login=insider).status == 404


def test_every_answer_names_the_protocol(home: Home) -> None:
    """A client cannot tell from an answer, good or bad, that this is a registry."""
    name = home.name
    for method, path in (("GET", "/v2/"), ("GET", "/v2"), ("GET", f"/v2/{name}/tags/list"), ("HEAD", f"/v2/{name}/blobs/{digest(b'')}")):
        answer = home.send(method, path)
        assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
        if method == "HEAD":
            assert answer.body == b""
    assert hashlib.sha256(home.send("GET", "/v2/").expect(200).body).digest()
