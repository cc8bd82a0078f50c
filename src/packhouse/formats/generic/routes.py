"""PUT, GET and DELETE of a file at a path, and the list of a version's files."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from packhouse.contract import PROJECT, Action, Answer, Call, Form, Route
from packhouse.errors import AlreadyExists, InvalidParameter, InvalidUpload, PackageNotFound, PreconditionFailed, VersionNotFound
from packhouse.formats.generic import names
from packhouse.formats.generic.parse import check_digests
from packhouse.grammar.multipart import splitter_of
from packhouse.model import FileRow, NewFile, Published, Struct, Upload, VersionRow, write_time
from packhouse.responses import empty_reply, json_reply

STATUSES = ("default", "hidden")
BODIES = frozenset({"content-length", "transfer-encoding"})  # one of them comes with every body (RFC 9112, 6)


class Target(Struct):
    """Where a request points, checked."""

    name: str
    version: str
    path: str

    @property
    def stored(self) -> str:
        return names.stored_name(self.path)


async def put_file(call: Call) -> Answer:
    """Store the body, or the form's part `file`, at the path."""
    target = read_target(call)
    read_options(call.query)
    await check_preconditions(call, target)
    if not BODIES & call.headers.keys():  # an empty file says that it is empty; who forgot theirs says nothing
        raise InvalidParameter("file is missing", parameter="file")
    splitter = splitter_of(call.headers.get("content-type", ""))
    form = await call.spool(splitter, inspected=False)
    options = {**call.query, **read_fields(form)}
    status, select = read_options(options)
    path = join_folder(options.get("path", ""), call.params["path"])
    if path != target.path:
        target = msgspec.structs.replace(target, path=path)  # type: ignore[type-var]
        await check_preconditions(call, target)
    content = form.the_file().content
    check_digests(call.headers, content.blob, multipart=splitter is not None)
    file = NewFile(path=target.stored, content=content)
    published = await publish(call, Upload(name=target.name, version=target.version, files=(file,), status=status))
    if select:
        return json_reply(describe_package_file(call, target, published), 201)
    return json_reply({"message": "201 Created"}, 201)


async def get_file(call: Call) -> Answer:
    """The file, its digest beside it."""
    target = read_target(call)
    reply = await call.packages.file(target.name, target.version, target.stored)
    sha256 = reply.blob.sha256
    headers = {
        **reply.headers,
        "X-Checksum-SHA256": sha256,
        "Repr-Digest": f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:",
    }
    return msgspec.structs.replace(reply, name=target.path.rpartition("/")[2], headers=headers)  # type: ignore[type-var]


async def delete_file(call: Call) -> Answer:
    """Remove the file; its version goes with the last one. Raises `PreconditionFailed`."""
    target = read_target(call)
    await check_preconditions(call, target)
    await call.packages.delete(target.name, target.version, target.stored)
    return empty_reply(204)


async def list_files(call: Call) -> Answer:
    """The files of a version as JSON; with `?path=` those of a folder in it."""
    name, version = names.name_key(call.params["package_name"]), names.version_id(call.params["package_version"])
    row = await find_version(call, name, version)
    if row is None:
        raise VersionNotFound
    folder = call.query.get("path", "").strip("/")
    files = sorted((file for file in row.files if not file.derived), key=lambda file: (names.shown_path(file.path), -file.id))
    listed = [describe_file(call, row, file) for file in files if not folder or names.shown_path(file.path).startswith(f"{folder}/")]
    return json_reply({"name": row.name, "version": row.version, "status": row.status, "files": listed})


def read_target(call: Call) -> Target:
    """Name, version and path of the URL. Raises `InvalidName`, `InvalidVersion`, `InvalidParameter`."""
    target = Target(
        name=names.name_key(call.params["package_name"]),
        version=names.version_id(call.params["package_version"]),
        path=join_folder(call.query.get("path", "") if call.method == "PUT" else "", call.params["path"]),
    )
    names.stored_name(target.path)
    return target


def join_folder(folder: str, path: str) -> str:
    return "/".join(part for part in (folder.strip("/"), path) if part)


def read_options(options: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The parameters `status` and `select`. Raises `InvalidParameter`."""
    status, select = options.get("status") or None, options.get("select") or None
    if status is not None and status not in STATUSES:
        raise InvalidParameter("status does not have a valid value", parameter="status")
    if select not in (None, "package_file"):
        raise InvalidParameter("select does not have a valid value", parameter="select")
    return status, select


def read_fields(form: Form) -> dict[str, str]:
    """The text fields of a form that mean something here. Raises `InvalidUpload` where one is sent twice."""
    found = {name: form.texts(name) for name in ("status", "select", "path")}
    if twice := next((name for name, values in found.items() if len(values) > 1), None):
        raise InvalidUpload(f"Field {twice} is sent {len(found[twice])} times, once is enough")
    return {name: values[0] for name, values in found.items() if values}


async def check_preconditions(call: Call, target: Target) -> None:
    """Obey If-Match and If-None-Match before anything is done. Raises `PreconditionFailed`."""
    unless, only = call.headers.get("if-none-match"), call.headers.get("if-match")
    if unless is None and only is None:
        return
    row = await find_version(call, target.name, target.version)
    present = {file.blob.sha256 for file in row.files if file.path == target.stored} if row else set()
    if unless is not None and matches(unless, present):
        raise PreconditionFailed(f"{target.path} exists already, and If-None-Match says that it must not")
    if only is not None and not matches(only, present):
        raise PreconditionFailed(f"{target.path} is not what If-Match asks for")


def matches(condition: str, present: set[str]) -> bool:
    if condition.strip() == "*":
        return bool(present)
    return not present.isdisjoint(tag.strip().removeprefix("W/").strip('"') for tag in condition.split(","))


async def publish(call: Call, upload: Upload) -> Published:
    """Publish; another who was faster counts as a failed precondition where the client asked to create only."""
    create_only = call.headers.get("if-none-match", "").strip() == "*"
    try:
        published = await call.packages.publish(upload)
    except AlreadyExists as error:
        if create_only:
            raise PreconditionFailed(error.message, **error.detail) from error
        raise
    if create_only and not published.created:
        raise PreconditionFailed(f"{names.shown_path(upload.files[0].path)} exists already, and If-None-Match says not to replace it")
    return published


async def find_version(call: Call, name: str, version: str) -> VersionRow | None:
    try:
        rows = await call.packages.rows(name, version)
    except (PackageNotFound, VersionNotFound):
        return None
    return next((row for package in rows.packages for row in package.versions if row.version == version), None)


def describe_file(call: Call, row: VersionRow, file: FileRow) -> dict[str, Any]:
    path = names.shown_path(file.path)
    return {
        "id": file.id,
        "file_name": file.path,
        "path": path,
        "size": file.blob.size,
        "file_sha256": file.blob.sha256,
        "created_at": write_time(file.created),
        "url": file_url(call, row.name, row.version, path),
    }


def describe_package_file(call: Call, target: Target, published: Published) -> dict[str, Any]:
    """The object that `select=package_file` asks for."""
    file = next(row for row in published.files if row.path == target.stored)
    return {
        "id": file.id,
        "package_id": published.version_id,
        "created_at": write_time(file.created),
        "updated_at": write_time(file.created),
        "size": file.blob.size,
        "file_store": 1,
        "file_md5": file.blob.md5,
        "file_sha1": file.blob.sha1,
        "file_name": file.path,
        "file": {"url": file_url(call, target.name, published.version, target.path)},
        "file_sha256": file.blob.sha256,
        "verification_retry_at": None,
        "verified_at": None,
        "verification_failure": None,
        "verification_retry_count": None,
        "verification_checksum": None,
        "verification_state": 0,
        "verification_started_at": None,
        "status": "default",
        "new_file_path": None,
    }


def file_url(call: Call, name: str, version: str, path: str) -> str:
    return f"{call.moment.project(call.packages.project)}/{quote(name)}/{quote(version)}/{quote(path)}"


FILE = "{package_name}/{package_version}/{path*}"

ROUTES = (
    Route(method="PUT", path=FILE, handler=put_file, action=Action.PUBLISH, reach=PROJECT, limit=None),
    Route(method="GET", path=FILE, handler=get_file, action=Action.READ, reach=PROJECT),
    Route(method="DELETE", path=FILE, handler=delete_file, action=Action.DELETE, reach=PROJECT),
    Route(method="GET", path="{package_name}/{package_version}", handler=list_files, action=Action.READ, reach=PROJECT),
)
