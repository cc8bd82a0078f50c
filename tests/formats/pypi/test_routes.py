"""The handlers over a small house: publish, read, negotiate, yank."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from packhouse.contract import PROJECT, Action, Route
from packhouse.errors import (
    AlreadyExists,
    DigestMismatch,
    FileNotFound,
    InvalidParameter,
    InvalidUpload,
    NotAcceptable,
    PackageNotFound,
    RegistryError,
    VersionNotFound,
)  # fmt: skip
from packhouse.formats.pypi import FORMAT, routes
from packhouse.formats.pypi.index import HTML, HTML_V1, JSON
from packhouse.responses import Document, FileReply
from packhouse.wording import status_of

from . import samples
from .driver import write_form
from .fake import Call, House, View, address
from .samples import Sample

PIP = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(FORMAT, tmp_path)


@pytest.fixture
def view(house: House) -> View:
    return View(house, address(), (7,))


def run(handler: Any, call: Call) -> Any:
    return asyncio.run(handler(call))


def form_of(sample: Sample, **fields: str) -> list[tuple[str, str]]:
    """What twine sends, more or less."""
    known = {":action": "file_upload", "name": sample.name, "version": sample.version, "sha256_digest": sample.sha256, **fields}
    return [*known.items(), ("classifiers", "A"), ("classifiers", "B")]


def upload(view: View, sample: Sample, *, filename: str | None = None, files: tuple[tuple[str, str, bytes], ...] | None = None, **fields: str) -> Any:
    body, headers = write_form(form_of(sample, **fields), files or (("content", filename or sample.filename, sample.content),))
    return run(routes.upload_file, Call(view, "POST", headers=headers, body=body))


def show(view: View, name: str, accept: str = PIP) -> Any:
    answer = run(routes.show_project, Call(view, params={"name": name}, headers={"Accept": accept}))
    assert isinstance(answer, Document)
    return json.loads(answer.body) if answer.media_type == JSON else answer.body.decode()


def fetch(view: View, url: str) -> bytes:
    """What a client gets for a URL of an index document."""
    path = url.partition("#")[0].removeprefix(f"{view.moment.here}/files/")
    sha256, filename = unquote(path).split("/")
    reply = run(routes.get_file, Call(view, params={"sha256": sha256, "filename": filename}))
    assert isinstance(reply, FileReply)
    return view.house.content[reply.blob.sha256]


# -- publishing ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sample", [samples.wheel(), samples.sdist(), samples.sdist(suffix=".zip"), samples.wheel("My.Pkg", "1.0+local.1")], ids=lambda s: s.filename
)
def test_published_file_is_listed_and_served(sample: Sample, view: View) -> None:
    """A file would not come back byte for byte, with its metadata, after it was taken."""
    answer = upload(view, sample)
    assert (answer.status_code, json.loads(answer.body)) == (201, {"message": "201 Created"})

    page = show(view, sample.name)
    [listed] = page["files"]
    assert page["versions"] == [sample.version]
    assert (listed["filename"], listed["hashes"]["sha256"], listed["size"]) == (sample.filename, sample.sha256, len(sample.content))
    assert fetch(view, listed["url"]) == sample.content
    metadata = fetch(view, listed["url"].partition("#")[0] + ".metadata")
    assert listed["core-metadata"] == listed["dist-info-metadata"] == {"sha256": hashlib.sha256(metadata).hexdigest()}
    assert metadata.startswith(b"Metadata-Version")


def test_unsettled_sdist_has_no_metadata_to_fetch(view: View) -> None:
    """A resolver would trust dependencies that the build may still change."""
    upload(view, samples.sdist(metadata_version="2.1"))
    [listed] = show(view, "toy-pkg")["files"]
    assert listed["core-metadata"] is False
    with pytest.raises(FileNotFound):
        fetch(view, listed["url"].partition("#")[0] + ".metadata")


def test_requires_python_comes_from_the_file(view: View) -> None:
    """The index would say what the form says, or nothing."""
    upload(view, samples.wheel("toy-pkg", "1.0", "Requires-Python: >=3.9"))
    assert show(view, "toy-pkg")["files"][0]["requires-python"] == ">=3.9"
    assert 'data-requires-python="&gt;=3.9"' in show(view, "toy-pkg", "text/html")


def test_every_digest_is_checked(view: View) -> None:
    """A form with a true sha256 and a false BLAKE2 or MD5 would be taken, or a true one refused."""
    sample = samples.wheel()
    blake2 = hashlib.blake2b(sample.content, digest_size=32).hexdigest()
    for wrong in ({"sha256_digest": "0" * 64}, {"md5_digest": "0" * 32}, {"blake2_256_digest": "0" * 64}):
        with pytest.raises(DigestMismatch):
            upload(view, sample, **wrong)
    with pytest.raises(PackageNotFound):
        show(view, "toy-pkg")
    upload(view, sample, blake2_256_digest=blake2, md5_digest=hashlib.md5(sample.content).hexdigest())
    assert len(show(view, "toy-pkg")["files"]) == 1


def test_same_bytes_again_are_fine_and_others_are_not(view: View) -> None:
    """A retry would fail, or a published file would change."""
    first, other = samples.sample(), samples.sample(variant=1)
    upload(view, first)
    assert upload(view, first).status_code == 201
    with pytest.raises(AlreadyExists) as refused:
        upload(view, other)
    assert [listed["hashes"]["sha256"] for listed in show(view, "toy-pkg")["files"]] == [first.sha256]

    media_type, body = FORMAT.errors.body(refused.value)
    message = json.loads(body)["message"]
    assert media_type == "application/json"
    assert status_of(refused.value, FORMAT.errors.status) == 400
    assert all(part in message for part in ("already exist", "has already been taken", first.sha256, other.sha256))


def test_spellings_are_one_project_and_one_version(view: View) -> None:
    """Two files of one release would be shown as two releases or projects."""
    upload(view, samples.wheel("Toy.Pkg", "1.0"))
    upload(view, samples.sdist("toy_pkg", "1.0.0"))
    page = show(view, "TOY--PKG")
    assert (page["name"], page["versions"], len(page["files"])) == ("toy-pkg", ["1.0"], 2)


@pytest.mark.parametrize(
    ("files", "error", "message"),
    [
        ((("other", "a.txt", b""),), InvalidUpload, "other"),
        ((("gpg_signature", "a.asc", b""),), InvalidParameter, "^content is missing$"),
        ((("content", "toy_pkg-1.0.tar.gz", b"x"), ("content", "toy_pkg-1.0.tar.gz", b"x")), InvalidUpload, "one file, this one has 2"),
        ((("content", "../toy_pkg-1.0.tar.gz", b"x"),), InvalidUpload, "File name"),
        ((("content", "a\\b.whl", b"x"),), InvalidUpload, "File name"),
        ((("content", "toy_pkg-1.0.tar.gz", b"x" * 100),), InvalidUpload, "not with gz"),
        ((("content", "toy_pkg-1.0.exe", b"x"),), InvalidUpload, "must end in"),
    ],
)
def test_bodies_without_one_good_file_are_refused(
    files: tuple[tuple[str, str, bytes], ...], error: type[Exception], message: str, view: View
) -> None:
    """Something else than one distribution would be taken, or break the server."""
    with pytest.raises(error, match=message):
        upload(view, samples.wheel(), files=files, sha256_digest="")


def test_signature_beside_the_file_is_passed_over(view: View) -> None:
    """Older clients that sign what they upload would be refused."""
    sample = samples.wheel()
    upload(view, sample, files=(("content", sample.filename, sample.content), ("gpg_signature", f"{sample.filename}.asc", b"signature")))
    assert len(show(view, "toy-pkg")["files"]) == 1


def test_body_that_is_no_form_is_refused(view: View) -> None:
    """A plain body would end in a traceback."""
    with pytest.raises(InvalidUpload, match="multipart/form-data"):
        run(routes.upload_file, Call(view, "POST", headers={"Content-Type": "application/json"}, body=b"{}"))


def test_attestations_are_served(view: View) -> None:
    """What a signer sent along could not be fetched by a verifier."""
    sample = samples.wheel()
    sent = [samples.attestation(sample.filename, sample.sha256)]
    upload(view, sample, attestations=json.dumps(sent))
    [listed] = show(view, "toy-pkg")["files"]
    assert listed["url"].partition("#")[0] + ".provenance" == listed["provenance"]
    assert json.loads(fetch(view, listed["provenance"]))["attestation_bundles"][0]["attestations"] == sent
    assert f'data-provenance="{listed["provenance"]}"' in show(view, "toy-pkg", "text/html")


# -- reading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "wanted", "expected"),
    [
        (None, None, HTML),
        ("*/*", None, HTML),
        ("text/html", None, HTML),
        ("text/*", None, HTML),
        ("application/*", None, JSON),
        ("application/*;q=0.5, text/html", None, HTML),
        ("*/*, application/vnd.pypi.simple.v1+json;q=0", None, HTML),
        (PIP, None, JSON),
        ("application/vnd.pypi.simple.v1+json", None, JSON),
        ("Application/Vnd.PyPI.simple.latest+json", None, JSON),
        ("application/vnd.pypi.simple.v1+json, text/html", None, JSON),
        ("text/html, application/vnd.pypi.simple.v1+json", None, JSON),
        ("text/html, application/vnd.pypi.simple.v1+json;q=0.5", None, HTML),
        ("text/html;q=0.5, application/vnd.pypi.simple.v1+json;q=0.9", None, JSON),
        ("application/vnd.pypi.simple.v1+html", None, HTML_V1),
        ("application/vnd.pypi.simple.v1+html, text/html;q=0.9", None, HTML_V1),
        ("application/vnd.pypi.simple.v1+json, */*;q=0.1", None, JSON),
        ("application/vnd.pypi.simple.v1+json, */*", None, JSON),
        ("application/vnd.pypi.simple.v1+json;q=0, text/html", None, HTML),
        ("application/vnd.pypi.simple.v2+json, application/vnd.pypi.simple.v1+json;q=0.1", None, JSON),
        ("application/vnd.pypi.simple.v1+json;q=nonsense, text/html;q=0.2", None, HTML),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", None, HTML),
        ("application/json, */*;q=0.1", None, HTML),
        ("text/html", "application/vnd.pypi.simple.v1+json", JSON),
        ("text/html", "json", JSON),
        (PIP, "html", HTML),
        (PIP, "application/vnd.pypi.simple.latest+html", HTML_V1),
    ],
)
def test_negotiation(accept: str | None, wanted: str | None, expected: str) -> None:
    """A client would be sent a form of the index that it cannot read, or likes less."""
    assert routes.choose_form(accept, wanted)[1] == expected


@pytest.mark.parametrize("accept", ["application/json", "image/png", "text/html;q=0", "application/vnd.pypi.simple.v2+json", "*/*;q=0"])
def test_nothing_acceptable_is_said_so(accept: str) -> None:
    """A client would be sent what it says it cannot read."""
    with pytest.raises(NotAcceptable):
        routes.choose_form(accept, None)


def test_unknown_format_is_refused() -> None:
    """A mistyped `?format=` would be passed over."""
    with pytest.raises(InvalidParameter, match="format does not have a valid value"):
        routes.choose_form(None, "yaml")


def test_list_names_every_project(view: View) -> None:
    """A published project would be missing from the list."""
    assert json.loads(run(routes.list_projects, Call(view, headers={"Accept": PIP})).body)["projects"] == []
    upload(view, samples.wheel("Toy.Pkg"))
    upload(view, samples.wheel("alpha"))
    assert json.loads(run(routes.list_projects, Call(view, headers={"Accept": PIP})).body)["projects"] == [{"name": "alpha"}, {"name": "toy-pkg"}]
    assert run(routes.list_projects, Call(view)).media_type == HTML


@pytest.mark.parametrize("name", ["absent", "..", "a b", "@scope/x", ""])
def test_unknown_project_is_not_found(name: str, view: View) -> None:
    """An installer that looks for a name would stop at an error instead of reading "not here"."""
    with pytest.raises(PackageNotFound):
        show(view, name)


@pytest.mark.parametrize(
    "filename", ["toy_pkg-1.0-py3-none-any.whl", "toy_pkg-1.0.tar.gz", "x", "..", "toy_pkg-1.0-py3-none-any.whl.metadata", ".provenance", ""]
)
def test_unknown_file_is_not_found(filename: str, view: View) -> None:
    """A file name that is not there would end in another error than "not found"."""
    upload(view, samples.wheel("other"))
    with pytest.raises(FileNotFound):
        run(routes.get_file, Call(view, params={"sha256": "0" * 64, "filename": filename}))


def test_file_and_digest_must_belong_together(view: View) -> None:
    """A lock file's URL would bring other bytes, or another file's metadata, after a file was replaced."""
    first = samples.sample()
    upload(view, first)
    for filename in (first.filename, f"{first.filename}.metadata"):
        with pytest.raises(FileNotFound):
            run(routes.get_file, Call(view, params={"sha256": samples.sample(variant=1).sha256, "filename": filename}))


def test_old_file_names_with_dashes_are_found(view: View) -> None:
    """A source distribution named by an older tool would be listed and not served."""
    old = samples.sdist("toy-pkg", "1.0")
    content = samples.tar_of([("toy-pkg-1.0/PKG-INFO", samples.metadata(metadata_version="2.2"))])
    upload(view, Sample("toy-pkg", "1.0", "toy-pkg-1.0.tar.gz", content))
    [listed] = show(view, old.name)["files"]
    assert fetch(view, listed["url"]) == content


def test_group_serves_each_project_its_own(house: House) -> None:
    """Of two projects with one file name a group would serve one twice, or the metadata of the other."""
    here, there = samples.wheel("toy-pkg", "1.0", "Summary: here"), samples.wheel("toy-pkg", "1.0", "Summary: there")
    upload(View(house, address(), (7,)), here)
    upload(View(house, address(place=9), (9,)), there)
    group = View(house, address("group", 3), (7, 9))
    listed = show(group, "toy-pkg")["files"]
    assert {fetch(group, one["url"]) for one in listed} == {here.content, there.content}
    for one in listed:
        metadata = fetch(group, one["url"].partition("#")[0] + ".metadata")
        assert hashlib.sha256(metadata).hexdigest() == one["core-metadata"]["sha256"]


# -- yanking ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "body", "shown"),
    [({}, b"", True), ({"reason": "broken"}, b"", "broken"), ({}, b'{"reason": "broken"}', "broken"), ({}, b"{}", True)],
)
def test_yank_and_back(query: Mapping[str, str], body: bytes, shown: object, view: View) -> None:
    """A yanked version would still be offered, or never again."""
    upload(view, samples.wheel())
    params = {"name": "Toy_Pkg", "version": "1.0.0"}
    answer = run(routes.yank, Call(view, "PUT", params, query=query, body=body))
    assert json.loads(answer.body)["yanked"] == shown
    assert show(view, "toy-pkg")["files"][0]["yanked"] == shown
    assert run(routes.unyank, Call(view, "DELETE", params)).status_code == 204
    assert show(view, "toy-pkg")["files"][0]["yanked"] is False


@pytest.mark.parametrize(
    ("query", "body"),
    [({"reason": "x" * 256}, b""), ({"reason": "a\nb"}, b""), ({}, b"[]"), ({}, b"{"), ({}, b'{"reason": 1}'), ({}, b'{"other": "x"}')],
)
def test_odd_reasons_are_refused(query: Mapping[str, str], body: bytes, view: View) -> None:
    """A reason that breaks the page, or a body that means something else, would be taken."""
    upload(view, samples.wheel())
    with pytest.raises(InvalidParameter):
        run(routes.yank, Call(view, "PUT", {"name": "toy-pkg", "version": "1.0"}, query=query, body=body))


def test_yanking_what_is_not_there_is_not_found(view: View) -> None:
    """A mistyped version would be answered as done."""
    upload(view, samples.wheel())
    with pytest.raises(VersionNotFound):
        run(routes.yank, Call(view, "PUT", {"name": "toy-pkg", "version": "2.0"}))


# -- the record ------------------------------------------------------------------------------------------------------


def test_routes_ask_for_the_right_permission() -> None:
    """Somebody who may only read, or only publish, would be let further."""
    asked = {"GET": Action.READ, "POST": Action.PUBLISH, "PUT": Action.DELETE, "DELETE": Action.DELETE}
    assert all(route.action is asked[route.method] for route in FORMAT.routes)


def test_nothing_can_be_changed_through_a_group() -> None:
    """A group's URL would publish into, or yank in, no project in particular."""
    assert all(route.reach == PROJECT for route in FORMAT.routes if route.method != "GET")


def test_only_the_upload_takes_a_large_body() -> None:
    """A small route would let anybody fill the disk."""
    unlimited = [route for route in FORMAT.routes if route.limit is None]
    assert all(isinstance(route, Route) and route.handler is routes.upload_file for route in unlimited)


@pytest.mark.parametrize("error", [RegistryError("x"), PackageNotFound(), AlreadyExists("x"), InvalidParameter("x"), NotAcceptable()])
def test_every_refusal_is_json(error: RegistryError) -> None:
    """A client would print markup or nothing instead of the reason."""
    media_type, body = FORMAT.errors.body(error)
    assert media_type == "application/json"
    assert json.loads(body)
