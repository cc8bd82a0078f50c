"""The handlers over a small house: log in, upload, look up, search, delete."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from packhouse.contract import GROUP, INSTANCE, PROJECT, Action
from packhouse.errors import (
    AlreadyExists,
    DigestMismatch,
    FileNotFound,
    Forbidden,
    Invalid,
    InvalidParameter,
    InvalidUpload,
    NotFound,
    PackageNotFound,
    RegistryError,
    Unauthenticated,
)  # fmt: skip
from packhouse.formats.conan import FORMAT, routes
from packhouse.formats.conan.names import Reference
from packhouse.model import Actor
from packhouse.responses import FileReply
from packhouse.wording import status_of

from . import samples
from .fake import API, House, ask, match
from .samples import PID
from .test_index import BARE, HELLO, OTHER_PID, put, put_first
from .test_index import GROUP as GROUP_MOMENT

RECIPE, TIN = samples.recipe(), samples.recipe(variant="tin")
REF = f"conans/{HELLO.path}"


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def run(house: House, method: str, path: str, content: bytes | Any = b"", **more: Any) -> Any:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return asyncio.run(ask(house, method, path, body, **more))


def show(house: House, path: str) -> Any:
    answer = run(house, "GET", path)
    assert answer.media_type == "application/json"
    return json.loads(answer.body)


def fetch(house: House, path: str) -> bytes:
    reply = run(house, "GET", path)
    assert isinstance(reply, FileReply)
    return house.content(reply)


# -- log in ----------------------------------------------------------------------------------------------------------


def basic(user: str, secret: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()}


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize(
    "headers",
    [basic("anna", "phpat-a:b"), {"authorization": "bearer  phpat-a:b "}, {"private-token": "phpat-a:b"}, {"deploy-token": "phpat-a:b"}],
)
def test_login_answers_the_token_that_was_sent(version: str, headers: dict[str, str], house: House) -> None:
    """A client would log in and then send something that is no token."""
    answer = run(house, "GET", f"{version}/users/authenticate", headers=headers)
    assert (answer.status_code, answer.body, answer.headers["content-type"]) == (200, b"phpat-a:b", "text/plain")
    assert answer.headers["cache-control"] == "no-store"


def test_login_by_password_is_refused_in_words(house: House) -> None:
    """A password would be stored by the client and sent as a token that is none."""
    anna = Actor(kind="password", username="anna", user_id=1)
    with pytest.raises(Forbidden, match="access token"):
        run(house, "GET", "v2/users/authenticate", headers=basic("anna", "secret"), actor=anna)
    with pytest.raises(Unauthenticated):
        run(house, "GET", "v2/users/authenticate")


def test_credentials_are_told_to_be_good(house: House) -> None:
    """`conan user` and every change of a remote would fail."""
    answer = run(house, "GET", "v1/users/check_credentials")
    assert (answer.body, answer.headers["content-type"]) == (b"ok", "text/plain")


def test_ping_tells_revisions(house: House) -> None:
    """Conan 2 would not take this for a remote."""
    assert run(house, "GET", "v1/ping").headers["x-conan-server-capabilities"] == "revisions"


# -- upload ----------------------------------------------------------------------------------------------------------


def test_what_is_uploaded_comes_back(house: House) -> None:
    """A recipe or binary would not be found again byte for byte, by either version of the API."""
    put(house, HELLO, RECIPE)
    put(house, HELLO, samples.binary(), PID, RECIPE.revision)
    rrev, prev = RECIPE.revision, samples.binary().revision
    for name, content in RECIPE.files.items():
        assert fetch(house, f"v2/{REF}/revisions/{rrev}/files/{name}") == content
        assert fetch(house, show(house, f"v1/{REF}/download_urls")[name].removeprefix(f"{API}/projects/7/packages/conan/")) == content
    for name, content in samples.binary().files.items():
        assert fetch(house, f"v2/{REF}/revisions/{rrev}/packages/{PID}/revisions/{prev}/files/{name}") == content
        assert fetch(house, show(house, f"v1/{REF}/packages/{PID}/download_urls")[name].removeprefix(f"{API}/projects/7/packages/conan/")) == content


def test_answer_describes_the_file(house: House) -> None:
    """A script could not tell what was stored."""
    content = RECIPE.files["conanfile.py"]
    answer = run(house, "PUT", f"v2/{REF}/revisions/{RECIPE.revision}/files/conanfile.py", content)
    described = json.loads(answer.body)
    assert answer.status_code == 200
    assert (described["file_name"], described["size"]) == ("conanfile.py", len(content))
    for name in ("md5", "sha1", "sha256"):
        assert described[f"file_{name}"] == hashlib.new(name, content).hexdigest()
    assert described["created_at"].endswith("Z") and described["id"] and described["package_id"]


def test_same_bytes_again_are_fine_and_others_are_not(house: House) -> None:
    """A retry would fail, or a published revision would change."""
    path = f"v2/{REF}/revisions/{RECIPE.revision}/files/conanfile.py"
    first = json.loads(run(house, "PUT", path, RECIPE.files["conanfile.py"]).body)
    assert json.loads(run(house, "PUT", path, RECIPE.files["conanfile.py"]).body) == first
    with pytest.raises(AlreadyExists) as refused:
        run(house, "PUT", path, TIN.files["conanfile.py"])
    media_type, body = FORMAT.errors.body(refused.value)
    assert status_of(refused.value, FORMAT.errors.status) == 409 and media_type == "application/json"
    for part in (RECIPE, TIN):
        assert hashlib.sha256(part.files["conanfile.py"]).hexdigest() in body.decode()


def test_revision_0_is_replaced(house: House) -> None:
    """A client without revisions could publish a recipe only once."""
    put_first(house, HELLO, RECIPE)
    put_first(house, HELLO, TIN)
    assert fetch(house, f"v1/files/{HELLO.path}/0/export/conanfile.py") == TIN.files["conanfile.py"]
    assert show(house, f"v2/{REF}/latest")["revision"] == "0"
    assert len(show(house, "v2/conans/search")["results"]) == 1


def test_version_1_uploads_under_revision_0_only(house: House) -> None:
    """A client without revisions would write into a revision of somebody else."""
    with pytest.raises(Invalid, match="revision 0"):
        run(house, "PUT", f"v1/files/{HELLO.path}/{RECIPE.revision}/export/conanfile.py", b"x")


def test_metadata_is_replaced(house: House) -> None:
    """A log that is uploaded again, for which Conan makes no new revision, would fail the job."""
    put(house, HELLO, RECIPE)
    path = f"v2/{REF}/revisions/{RECIPE.revision}/files/metadata/logs/a b.log"
    for content in (b"one", b"two"):
        run(house, "PUT", path.replace(" ", "%20"), content)
    assert fetch(house, path.replace(" ", "%20")) == b"two"


def test_probes_store_nothing(house: House) -> None:
    """A look whether a file is known by its checksum, or whether one may upload, would store an empty file."""
    path = f"v1/files/{HELLO.path}/0/export/conanfile.py"
    with pytest.raises(NotFound, match="checksum"):
        run(house, "PUT", path, headers={"x-checksum-deploy": "true", "x-checksum-sha1": "0" * 40})
    assert run(house, "PUT", path).status_code == 200
    assert run(house, "PUT", path, headers={"x-checksum-sha1": "0" * 40}).status_code == 200
    assert house.paths == []


def test_empty_configuration_is_stored(house: House) -> None:
    """A header-only package would lack its configuration, and could not be installed."""
    path = f"v2/{REF}/revisions/{RECIPE.revision}/packages/{PID}/revisions/{samples.PREV}/files/conaninfo.txt"
    run(house, "PUT", path, headers={"x-checksum-sha1": hashlib.sha1(b"").hexdigest()})
    assert fetch(house, path) == b""


def test_promised_digest_is_checked(house: House) -> None:
    """Bytes that changed on their way would be stored."""
    path = f"v2/{REF}/revisions/{RECIPE.revision}/files/conan_export.tgz"
    with pytest.raises(DigestMismatch):
        run(house, "PUT", path, b"abc", headers={"x-checksum-sha1": "0" * 40})
    assert house.paths == []


def test_recipe_under_another_path_is_refused(house: House) -> None:
    """A recipe would be published as something that it says it is not."""
    for reference in (Reference(name="other", version="1.0"), Reference(name="toy", version="2.0")):
        with pytest.raises(InvalidUpload, match="the path says"):
            run(house, "PUT", f"v2/conans/{reference.path}/revisions/{RECIPE.revision}/files/conanfile.py", RECIPE.files["conanfile.py"])
    assert house.paths == []


@pytest.mark.parametrize("order", [("conanfile.py", "conanmanifest.txt"), ("conanmanifest.txt", "conanfile.py")])
def test_manifest_must_belong_to_the_recipe(order: tuple[str, str], house: House) -> None:
    """Files of two exports would be mixed in one revision, whichever comes first."""
    path = f"v2/{REF}/revisions/{RECIPE.revision}/files"
    run(house, "PUT", f"{path}/{order[0]}", RECIPE.files[order[0]])
    with pytest.raises(InvalidUpload, match="one export"):
        run(house, "PUT", f"{path}/{order[1]}", TIN.files[order[1]])
    run(house, "PUT", f"{path}/{order[1]}", RECIPE.files[order[1]])


def test_manifest_must_belong_to_the_configuration(house: House) -> None:
    """A binary would be listed with the configuration of another one."""
    path = f"v2/{REF}/revisions/{RECIPE.revision}/packages/{PID}/revisions/{samples.PREV}/files"
    run(house, "PUT", f"{path}/conaninfo.txt", samples.binary(shared=True).files["conaninfo.txt"])
    with pytest.raises(InvalidUpload, match=r"conaninfo\.txt has md5"):
        run(house, "PUT", f"{path}/conanmanifest.txt", samples.binary().files["conanmanifest.txt"])


def test_one_archive_of_a_kind(house: House) -> None:
    """A revision would be there in two compressions, which every client takes for broken."""
    path = f"v2/{REF}/revisions/{RECIPE.revision}/files"
    for name in ("conan_sources.tgz", "conan_export.tzst"):
        run(house, "PUT", f"{path}/{name}", b"abc")
    with pytest.raises(AlreadyExists, match=r"conan_sources\.tgz is there already"):
        run(house, "PUT", f"{path}/conan_sources.tzst", b"abc")


def test_what_clients_cannot_read_carries_a_warning(house: House) -> None:
    """A broken file would be taken without a word."""
    seen = []

    async def note(upload: Any) -> Any:
        seen.append(upload.files[0].about)
        return await House.publish(house, upload)

    house.publish = note  # type: ignore[method-assign]
    run(house, "PUT", f"v2/{REF}/revisions/{RECIPE.revision}/files/conanmanifest.txt", b"nothing")
    run(house, "PUT", f"v2/{REF}/revisions/{RECIPE.revision}/files/conan_export.tgz", b"nothing")
    assert "clients will refuse it" in seen[0].warnings[0]
    assert seen[1] is None


def test_upload_urls(house: House) -> None:
    """Conan 1 would not know where to upload, or be sent a place for what is no file of Conan."""
    base = f"{API}/projects/7/packages/conan/v1/files/{HELLO.path}/0"
    wanted = {"conanfile.py": 24, "conanmanifest.txt": 1, "pyfile": 1, "conaninfo.txt": 3}
    assert json.loads(run(house, "POST", f"v1/{REF}/upload_urls", wanted).body) == {
        "conanfile.py": f"{base}/export/conanfile.py", "conanmanifest.txt": f"{base}/export/conanmanifest.txt",
    }  # fmt: skip
    assert json.loads(run(house, "POST", f"v1/{REF}/packages/{PID}/upload_urls", wanted).body) == {
        "conaninfo.txt": f"{base}/package/{PID}/0/conaninfo.txt", "conanmanifest.txt": f"{base}/package/{PID}/0/conanmanifest.txt",
    }  # fmt: skip
    for body in (b"[]", b"", b"1", b"{", b"\xff"):
        with pytest.raises(InvalidUpload, match="JSON object"):
            run(house, "POST", f"v1/{REF}/upload_urls", body)


# -- look up ---------------------------------------------------------------------------------------------------------


def test_what_is_not_there(house: House) -> None:
    """An unknown recipe, revision or binary would be an error of ours, or look as if it were there."""
    assert show(house, f"v1/{REF}") == show(house, f"v1/{REF}/packages/{PID}") == {}
    with pytest.raises(PackageNotFound):
        run(house, "GET", f"v2/{REF}/latest")
    put(house, HELLO, RECIPE)
    nowhere = f"v2/{REF}/revisions/{TIN.revision}"
    for path in (
        f"{nowhere}/files",
        f"{nowhere}/search",
        f"{nowhere}/packages/{PID}/latest",
        f"v2/{REF}/revisions/{RECIPE.revision}/packages/{PID}/revisions",
    ):
        with pytest.raises(NotFound, match=r"there is no complete toy/1\.0@acme\+cpp/beta#"):
            run(house, "GET", path)
    for kind in ("digest", "download_urls"):
        with pytest.raises(NotFound, match="No package manifest found"):
            run(house, "GET", f"v1/{REF}/packages/{PID}/{kind}")
        with pytest.raises(NotFound, match="No recipe manifest found"):
            run(house, "GET", f"v1/conans/other/1.0/_/_/{kind}")
    with pytest.raises(FileNotFound):
        run(house, "GET", f"{nowhere}/files/conanfile.py")


@pytest.mark.parametrize(
    "path",
    [
        "v2/conans/a/1.0/_/_/latest", "v2/conans/toy/1.0/_/beta/revisions", f"v2/{REF}/revisions/1/files",
        f"v2/{REF}/revisions/0/packages/a-b/latest",
        f"v1/{REF}/packages/a.b", f"v1/files/{HELLO.path}/0/export/conaninfo.txt", f"v1/files/{HELLO.path}/0/package/{PID}/7/conaninfo.txt",
        f"v2/{REF}/revisions/0/files/conanfile.pytest", f"v1/files/{HELLO.path}/0/export/a%2Fconanfile.py",
    ],
)  # fmt: skip
def test_paths_that_mean_nothing(path: str, house: House) -> None:
    """A path that no client makes would be looked up, or answered as if something were missing."""
    put(house, HELLO, RECIPE)
    with pytest.raises(RegistryError) as refused:
        run(house, "GET", path)
    assert status_of(refused.value) == 400


def test_file_of_a_group_is_that_of_its_list(tmp_path: Path) -> None:
    """A group would list the files of one project and send those of another."""
    house, other = House(tmp_path, GROUP_MOMENT), House(tmp_path, GROUP_MOMENT, project=8)
    put_first(house, HELLO, RECIPE)
    put_first(other, HELLO, samples.Part({name: content for name, content in TIN.files.items() if name != "conan_sources.tgz"}, "0"))
    house.others.append(other)
    assert set(show(house, f"v2/{REF}/revisions/0/files")["files"]) == {"conanfile.py", "conanmanifest.txt"}
    for name in ("conanfile.py", "conanmanifest.txt"):
        assert fetch(house, f"v2/{REF}/revisions/0/files/{name}") == TIN.files[name]
    for missing in (f"v2/{REF}/revisions/0/files/conan_sources.tgz", f"v2/{REF}/revisions/{TIN.revision}/files/conanfile.py"):
        with pytest.raises(FileNotFound):
            run(house, "GET", missing)


# -- search ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def stocked(house: House) -> House:
    for reference in (Reference(name="hello", version="0.1", user="grp", channel="beta"), Reference(name="Hello", version="2.0"), BARE):
        house_recipe = samples.recipe(reference.name, reference.version)
        put(house, reference, house_recipe)
    return house


HELLO_1, HELLO_2, TOY = "hello/0.1@grp/beta", "Hello/2.0@_/_", "toy/1.0@_/_"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {HELLO_1, HELLO_2, TOY}), ("q=*", {HELLO_1, HELLO_2, TOY}), ("q=", {HELLO_1, HELLO_2, TOY}), ("q=hello", {HELLO_1, HELLO_2}),
        ("q=hel", set()), ("q=hel*", {HELLO_1, HELLO_2}), ("q=hel*&ignorecase=False", {HELLO_1}), ("q=hel*&ignorecase=True", {HELLO_1, HELLO_2}),
        ("q=*ell*", {HELLO_1, HELLO_2}), ("q=hello/*", {HELLO_1, HELLO_2}), ("q=hello/0.1", {HELLO_1}), ("q=hello/0.1@grp/beta", {HELLO_1}),
        ("q=hello/0.1@grp", set()), ("q=*@grp/*", {HELLO_1}), ("q=*/beta", {HELLO_1}), ("q=h?llo", {HELLO_1, HELLO_2}), ("q=h.llo", set()),
        ("q=**toy**", {TOY}), ("q=[a-z]*", set()), ("q=nothing", set()), ("q=*e*l*o", {HELLO_1, HELLO_2}), ("q=*l*l*l*", set()),
    ],
)  # fmt: skip
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_search(version: str, query: str, expected: set[str], stocked: House) -> None:
    """A search finds too much or too little."""
    assert set(show(stocked, f"{version}/conans/search?{query}")["results"]) == expected


def test_search_in_nothing(house: House) -> None:
    """A search where nothing was ever published would be an error."""
    assert show(house, "v2/conans/search?q=a*") == {"results": []}


@pytest.mark.parametrize("query", ["a" * 201, "a*b*c*d*e*f*"])
def test_queries_have_limits(query: str, house: House) -> None:
    """A query could cost more than an answer is worth."""
    with pytest.raises(InvalidParameter, match="maximum"):
        run(house, "GET", f"v1/conans/search?q={query}")


def test_no_query_is_slow() -> None:
    """A pattern could be tried in more ways than there is time for."""
    fits = routes.compile_query("*a*a*a*ab", ignore_case=True)
    assert not fits("a" * 20_000)
    assert fits("a" * 20_000 + "b")


def test_search_ends_somewhere() -> None:
    """An answer could grow without end."""
    listed = "\n".join(f"toy/{n}@_/_" for n in range(700))
    assert routes.find_references(listed, routes.compile_query("t*", ignore_case=True)) == listed.split("\n")[:500]


# -- delete ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def full(house: House) -> House:
    """Two revisions of a recipe, two binaries of the first, one of them in two revisions, one of the second."""
    put(house, HELLO, RECIPE)
    put(house, HELLO, samples.binary(), PID, RECIPE.revision)
    put(house, HELLO, samples.binary(header=b"2"), PID, RECIPE.revision)
    put(house, HELLO, samples.binary(shared=True), OTHER_PID, RECIPE.revision)
    put(house, HELLO, TIN)
    put(house, HELLO, samples.binary(), PID, TIN.revision)
    return house


def units(house: House) -> set[str]:
    """The folders that hold files: `recipe`, `recipe:package id`, each with the revision where there are several."""
    return {path.rpartition("/")[0] for path in house.paths}


ONE = f"{RECIPE.revision}/export"
FIRST, SECOND = (f"{RECIPE.revision}/package/{PID}/{samples.binary(header=header).revision}" for header in (b"#define TOY\n", b"2"))
SHARED = f"{RECIPE.revision}/package/{OTHER_PID}/{samples.binary(shared=True).revision}"
NEWER = {f"{TIN.revision}/export", f"{TIN.revision}/package/{PID}/{samples.binary().revision}"}


@pytest.mark.parametrize(
    ("path", "left"),
    [
        (f"v2/{REF}/revisions/{RECIPE.revision}", NEWER),
        (f"v2/{REF}/revisions/{RECIPE.revision}/packages", {ONE, *NEWER}),
        (f"v2/{REF}/revisions/{RECIPE.revision}/packages/{PID}", {ONE, SHARED, *NEWER}),
        (f"v2/{REF}/revisions/{RECIPE.revision}/packages/{PID}/revisions/{samples.binary().revision}", {ONE, SECOND, SHARED, *NEWER}),
        (f"v2/{REF}", set()),
        (f"v1/{REF}", set()),
    ],
)
def test_delete(path: str, left: set[str], full: House) -> None:
    """Too much or too little goes, or the client takes the answer for an error."""
    assert units(full) == {ONE, FIRST, SECOND, SHARED, *NEWER}
    assert run(full, "DELETE", path).status_code == 200
    assert units(full) == left
    with pytest.raises(NotFound):
        run(full, "DELETE", path)


def test_deleted_recipe_is_not_found_by_a_search(full: House) -> None:
    """A search would offer what is gone."""
    run(full, "DELETE", f"v2/{REF}/revisions/{TIN.revision}")
    assert show(full, "v2/conans/search")["results"] == [str(HELLO)]
    run(full, "DELETE", f"v2/{REF}/revisions/{RECIPE.revision}")
    assert show(full, "v2/conans/search")["results"] == []


@pytest.mark.parametrize(
    ("wanted", "left"), [([PID], {ONE, SHARED, f"{TIN.revision}/export"}), ([], {ONE, f"{TIN.revision}/export"}), (["none"], None)]
)
def test_conan_1_deletes_binaries(wanted: list[str], left: set[str] | None, full: House) -> None:
    """`conan remove -p` of Conan 1 would remove other binaries than those it names."""
    before = units(full)
    assert run(full, "POST", f"v1/{REF}/packages/delete", {"package_ids": wanted}).status_code == 200
    assert units(full) == (before if left is None else left)


def test_conan_1_deletes_files_of_its_recipe(house: House) -> None:
    """A recipe that no longer exports sources would keep the old ones, or lose its files of another revision."""
    put_first(house, HELLO, RECIPE)
    put(house, HELLO, TIN)
    assert run(house, "POST", f"v1/{REF}/remove_files", {"files": ["conan_sources.tgz", "conan_export.tgz"]}).status_code == 200
    assert "0/export/conan_sources.tgz" not in house.paths and f"{TIN.revision}/export/conan_sources.tgz" in house.paths
    with pytest.raises(InvalidUpload, match="no file of a recipe"):
        run(house, "POST", f"v1/{REF}/remove_files", {"files": ["../x"]})


@pytest.mark.parametrize("body", [{}, {"package_ids": "abc"}, {"package_ids": [1]}])
def test_deletions_that_name_nothing(body: Any, full: House) -> None:
    """A body that was sent by mistake would remove every binary."""
    before = units(full)
    with pytest.raises(InvalidUpload, match="package_ids"):
        run(full, "POST", f"v1/{REF}/packages/delete", body)
    assert units(full) == before


# -- the record ------------------------------------------------------------------------------------------------------


def test_rights_of_the_routes() -> None:
    """Somebody who may only read could change something, or a client could not find out whether it may."""
    for route in FORMAT.routes:
        deleting = route.method == "DELETE" or route.path.endswith(("packages/delete", "remove_files"))
        opening = route.path.endswith(("/ping", "/authenticate", "/check_credentials"))
        expected = Action.DELETE if deleting else Action.PUBLISH if route.method == "PUT" else Action.OPEN if opening else Action.READ
        assert route.action is expected, route.path
        assert route.signed_in is (route.path.endswith(("upload_urls", "/authenticate", "/check_credentials"))), route.path
        assert route.bound is ("{name}" in route.path), route.path
        assert (GROUP in route.reach) is (route.method == "GET")
        assert PROJECT in route.reach and INSTANCE in route.reach
        assert (route.limit is None) is (route.method == "PUT")


def test_routes_of_the_instance_name_the_project() -> None:
    """An instance remote would act in another project than the reference names, or in none."""
    route, params = match("PUT", f"v2/{REF}/revisions/0/files/conanfile.py", INSTANCE)
    assert route.place_of is not None and route.place_of(params) == "acme/cpp"
    route, params = match("GET", "v2/conans/toy/1.0/_/_/latest", INSTANCE)
    assert route.place_of is not None and route.place_of(params) is None
