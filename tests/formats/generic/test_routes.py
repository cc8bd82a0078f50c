"""The handlers over a small house: put, get, list, delete, and the conditions of each."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from packhouse.contract import PROJECT, Action
from packhouse.errors import (
    AlreadyExists,
    DigestMismatch,
    FileNotFound,
    Invalid,
    InvalidName,
    InvalidParameter,
    InvalidUpload,
    InvalidVersion,
    NotFound,
    PackageNotFound,
    PreconditionFailed,
    VersionNotFound,
)  # fmt: skip
from packhouse.formats.generic import FORMAT, routes
from packhouse.model import PackageRow
from packhouse.responses import FileReply
from packhouse.wording import status_of

from .fake import Call, Shelf

URL = "https://packhouse.example/api/v4/projects/24/packages/generic"


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def run(handler: Any, call: Call) -> Any:
    return asyncio.run(handler(call))


def put(
    shelf: Shelf, path: str, body: bytes = b"content", *, query: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
) -> Any:
    return run(routes.put_file, Call(shelf, "PUT", path, query=query, headers=headers, body=body))


def get(shelf: Shelf, path: str) -> FileReply:
    reply = run(routes.get_file, Call(shelf, "GET", path))
    assert isinstance(reply, FileReply)
    return reply


def listing(shelf: Shelf, path: str, folder: str = "") -> Any:
    return json.loads(run(routes.list_files, Call(shelf, "GET", path, query={"path": folder})).body)


def form(*parts: tuple[str, str | None, bytes]) -> tuple[bytes, dict[str, str]]:
    """A multipart body of (name, file name, content)."""
    out = b""
    for name, filename, content in parts:
        named = f'; filename="{filename}"' if filename is not None else ""
        out += f'--cut\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + content + b"\r\n"
    return out + b"--cut--\r\n", {"Content-Type": "multipart/form-data; boundary=cut"}


@pytest.mark.parametrize("path", ["my.pkg/0.0.1/file.bin", "p/v1/dir/sub/file.bin", "p/1.0/a+b~1@2.tgz"])
@pytest.mark.parametrize("body", [b"content", b""])
def test_file_comes_back_with_its_digest(path: str, body: bytes, shelf: Shelf) -> None:
    """A file would not be found again, or its digest not be that of its bytes."""
    answer = put(shelf, path, body)
    assert (answer.status_code, json.loads(answer.body)) == (201, {"message": "201 Created"})
    reply = get(shelf, path)
    sha256 = hashlib.sha256(body)
    assert (reply.blob.sha256, reply.name) == (sha256.hexdigest(), path.rpartition("/")[2])
    assert reply.headers["X-Checksum-SHA256"] == sha256.hexdigest()
    assert reply.headers["Repr-Digest"] == f"sha-256=:{base64.b64encode(sha256.digest()).decode()}:"


def test_form_is_taken_like_a_body(shelf: Shelf) -> None:
    """`curl --form` would store the form instead of the file, or lose its fields."""
    body, headers = form(("status", None, b"hidden"), ("path", None, b"dir"), ("file", "local.txt", b"content"))
    put(shelf, "p/1/file.bin", body, headers=headers)
    assert get(shelf, "p/1/dir/file.bin").blob.size == 7
    assert listing(shelf, "p/1")["status"] == "hidden"


@pytest.mark.parametrize(
    ("parts", "error", "message"),
    [
        ((("status", None, b"hidden"),), InvalidParameter, "^file is missing$"),
        ((("file", "a", b""), ("file", "b", b"")), InvalidUpload, "one file"),
        ((("other", "a", b""),), InvalidUpload, "not other"),
        ((("file", "a", b""), ("status", None, b"default"), ("status", None, b"hidden")), InvalidUpload, "status is sent 2 times"),
        ((("file", "a", b""), ("status", None, b"processing")), InvalidParameter, "status does not have a valid value"),
        ((("file", "a", b""), ("path", None, b"../up")), InvalidParameter, "path is invalid"),
        ((("file", "a", b""), ("status", None, b"\xff")), InvalidUpload, "UTF-8"),
    ],
)
def test_odd_forms_are_refused(parts: Any, error: type[Exception], message: str, shelf: Shelf) -> None:
    """A form that leaves open what is meant would be taken."""
    body, headers = form(*parts)
    with pytest.raises(error, match=message):
        put(shelf, "p/1/file.bin", body, headers=headers)


def test_same_bytes_again_are_fine_and_others_are_not(shelf: Shelf) -> None:
    """A retry would fail, or a published file would change."""
    put(shelf, "p/1/file.bin", b"first")
    assert put(shelf, "p/1/file.bin", b"first").status_code == 201
    with pytest.raises(AlreadyExists) as refused:
        put(shelf, "p/1/file.bin", b"other")
    assert get(shelf, "p/1/file.bin").blob.sha256 == hashlib.sha256(b"first").hexdigest()
    message = json.loads(FORMAT.errors.body(refused.value)[1])["message"]
    assert status_of(refused.value, FORMAT.errors.status) == 400
    assert message.startswith("400 Bad request - Duplicate package is not allowed")
    assert hashlib.sha256(b"first").hexdigest() in message
    assert hashlib.sha256(b"other").hexdigest() in message


def test_files_are_added_to_a_version(shelf: Shelf) -> None:
    """A second file would replace the first, or make another version."""
    for path in ("p/1/b.bin", "p/1/a.bin", "p/1/dir/c.bin"):
        put(shelf, path)
    listed = listing(shelf, "p/1")
    assert [file["path"] for file in listed["files"]] == ["a.bin", "b.bin", "dir/c.bin"]
    assert listed["files"][2] == {
        "id": listed["files"][2]["id"],
        "file_name": "dir%2Fc.bin",
        "path": "dir/c.bin",
        "size": 7,
        "file_sha256": hashlib.sha256(b"content").hexdigest(),
        "created_at": "2023-11-14T22:13:20.123Z",
        "url": f"{URL}/p/1/dir/c.bin",
    }
    assert [file["path"] for file in listing(shelf, "p/1", "dir/")["files"]] == ["dir/c.bin"]
    assert listing(shelf, "p/1", "di")["files"] == []


def test_package_file_is_described_where_asked(shelf: Shelf) -> None:
    """A script that builds the next URL from the answer would find nothing in it."""
    answer = put(shelf, "p/1/file.bin", query={"select": "package_file", "path": "dir"})
    described = json.loads(answer.body)
    assert answer.status_code == 201
    assert described["id"] != described["package_id"]
    assert (described["file_name"], described["size"]) == ("dir%2Ffile.bin", 7)
    assert described["file"] == {"url": f"{URL}/p/1/dir/file.bin"}
    assert described["file_md5"] == hashlib.md5(b"content").hexdigest()
    assert described["file_sha1"] == hashlib.sha1(b"content").hexdigest()
    assert described["file_sha256"] == hashlib.sha256(b"content").hexdigest()


@pytest.mark.parametrize(
    ("path", "query", "error"),
    [
        ("my package/1/a", {}, InvalidName),
        ("..%2f/1/a", {}, InvalidName),
        ("p/../1.2.3", {}, InvalidVersion),
        ("p/..1.2.3/a", {}, InvalidVersion),
        ("p/%2e%2e%2f1/a", {}, InvalidVersion),
        ("p/1/../.ssh/authorized_keys", {}, InvalidParameter),
        ("p/1/~a", {}, InvalidParameter),
        ("p/1/a@", {}, InvalidParameter),
        ("p/1/a b", {}, InvalidParameter),
        ("p/1/a", {"status": "processing"}, InvalidParameter),
        ("p/1/a", {"select": "everything"}, InvalidParameter),
        ("p/1/a", {"path": "../up"}, InvalidParameter),
    ],
)
def test_bad_coordinates_are_refused_before_the_body(path: str, query: Mapping[str, str], error: type[Invalid], shelf: Shelf) -> None:
    """A file would be stored where nobody can fetch it, or gigabytes be read for nothing."""
    call = Call(shelf, "PUT", path, query=query, body=b"content")
    with pytest.raises(error) as refused:
        run(routes.put_file, call)
    assert not call.asked_for_body
    assert " is invalid" in json.loads(FORMAT.errors.body(refused.value)[1])["error"] or "valid value" in refused.value.message


def test_status_is_set_and_left(shelf: Shelf) -> None:
    """A hidden package would come into the open by itself, or never."""
    put(shelf, "p/1/a", query={"status": "hidden"})
    put(shelf, "p/1/b")
    assert listing(shelf, "p/1")["status"] == "hidden"
    put(shelf, "p/1/a", query={"status": "default"})
    assert listing(shelf, "p/1")["status"] == "default"


def test_declared_digest_is_checked(shelf: Shelf) -> None:
    """A damaged upload would be stored although its digest came along."""
    with pytest.raises(DigestMismatch):
        put(shelf, "p/1/a", headers={"X-Checksum-SHA256": "0" * 64})
    with pytest.raises(NotFound):
        get(shelf, "p/1/a")


FIRST = hashlib.sha256(b"first").hexdigest()


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({"If-None-Match": "*"}, False),
        ({"If-None-Match": f'"{FIRST}"'}, False),
        ({"If-None-Match": '"other"'}, True),
        ({"If-Match": "*"}, True),
        ({"If-Match": f'"other", "{FIRST}"'}, True),
        ({"If-Match": '"other"'}, False),
    ],
)
def test_conditions_on_a_file_that_is_there(headers: Mapping[str, str], passes: bool, shelf: Shelf) -> None:
    """A client that wants to create only, or to change only what it knows, would not be heard."""
    put(shelf, "p/1/a", b"first")
    call = Call(shelf, "PUT", "p/1/a", headers=headers, body=b"first")
    if passes:
        assert run(routes.put_file, call).status_code == 201
    else:
        with pytest.raises(PreconditionFailed):
            run(routes.put_file, call)
        assert not call.asked_for_body


@pytest.mark.parametrize(("headers", "passes"), [({"If-None-Match": "*"}, True), ({"If-Match": "*"}, False), ({"If-Match": '"other"'}, False)])
def test_conditions_on_a_file_that_is_not(headers: Mapping[str, str], passes: bool, shelf: Shelf) -> None:
    """A condition about a file that is absent would be judged the wrong way round."""
    put(shelf, "p/1/other")
    if passes:
        assert put(shelf, "p/1/a", headers=headers).status_code == 201
    else:
        with pytest.raises(PreconditionFailed):
            put(shelf, "p/1/a", headers=headers)


@pytest.mark.parametrize("body", [b"first", b"other"])
def test_create_only_is_kept_in_a_race(body: bytes, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two clients that create only, both would believe to have done it."""
    put(shelf, "p/1/a", b"first")

    async def nothing_there(*_: object) -> None:
        return None

    monkeypatch.setattr(routes, "find_version", nothing_there)
    with pytest.raises(PreconditionFailed):
        put(shelf, "p/1/a", body, headers={"If-None-Match": "*"})


def test_condition_holds_where_the_form_leads(shelf: Shelf) -> None:
    """A form that names another folder than the address could create what the client only meant to replace."""
    put(shelf, "p/1/a/g", b"first")
    body, headers = form(("path", None, b"zz"), ("file", "g", b"first"))
    with pytest.raises(PreconditionFailed):
        put(shelf, "p/1/g", body, query={"path": "a"}, headers={**headers, "If-Match": "*"})
    with pytest.raises(NotFound):
        get(shelf, "p/1/zz/g")


def test_delete_obeys_conditions(shelf: Shelf) -> None:
    """Who deletes the file that they know would delete another one, which came meanwhile."""
    put(shelf, "p/1/a", b"first")
    with pytest.raises(PreconditionFailed):
        run(routes.delete_file, Call(shelf, "DELETE", "p/1/a", headers={"If-Match": '"other"'}))
    assert get(shelf, "p/1/a")
    assert run(routes.delete_file, Call(shelf, "DELETE", "p/1/a", headers={"If-Match": f'"{FIRST}"'})).status_code == 204


def test_forgotten_file(shelf: Shelf) -> None:
    """A request that forgot its file would store an empty one, which nobody may replace."""
    with pytest.raises(InvalidParameter, match="file is missing"):
        run(routes.put_file, Call(shelf, "PUT", "p/1/a"))
    with pytest.raises(NotFound):
        get(shelf, "p/1/a")


def test_delete_takes_the_file_away(shelf: Shelf) -> None:
    """A deleted file would still be served, or another one go with it."""
    put(shelf, "p/1/dir/a")
    put(shelf, "p/1/b")
    assert run(routes.delete_file, Call(shelf, "DELETE", "p/1/dir/a")).status_code == 204
    with pytest.raises(FileNotFound):
        get(shelf, "p/1/dir/a")
    with pytest.raises(FileNotFound):
        run(routes.delete_file, Call(shelf, "DELETE", "p/1/dir/a"))
    assert get(shelf, "p/1/b")


def test_what_is_absent_is_not_found(shelf: Shelf) -> None:
    """An unknown package, version or file would be answered with something else."""
    put(shelf, "p/1/a")
    with pytest.raises(PackageNotFound):
        get(shelf, "q/1/a")
    with pytest.raises(NotFound):
        get(shelf, "p/2/a")
    with pytest.raises(FileNotFound):
        get(shelf, "p/1/b")
    with pytest.raises(VersionNotFound):
        listing(shelf, "p/2")


def test_routes_ask_for_the_right_permission() -> None:
    """Somebody who may only read, or only publish, would be let further."""
    asked = {"GET": Action.READ, "PUT": Action.PUBLISH, "DELETE": Action.DELETE}
    assert all(route.action is asked[route.method] and route.reach == PROJECT for route in FORMAT.routes)
    assert [route.method for route in FORMAT.routes if route.limit is None] == ["PUT"]


def test_snippets_name_the_newest_file(shelf: Shelf) -> None:
    """The command to copy would point nowhere."""
    put(shelf, "p/1/dir/a.txt")
    moment = Call(shelf, "GET", "p/1").moment
    package = PackageRow(id=1, project=24, name="p", key="p", versions=tuple(shelf.versions.values()))
    for shown, path in ((package, "p/1/dir/a.txt"), (None, "my_package/1.0.0/file.txt")):
        *found, job = FORMAT.snippets(moment, shown)
        assert all(f'"{URL}/{path}"' in snippet.text for snippet in found)
        assert f'"{URL}/{path.partition("/")[0]}/${{CI_COMMIT_TAG#v}}/' in job.text, "a job publishes the version of its tag"
