"""The routes of RPM packages: uploads, packages, and what dnf and zypper read below `repodata`."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from functools import partial

import msgspec

from packhouse.contract import GROUP, PROJECT, Action, Answer, Call, Route, receive_file
from packhouse.errors import FileNotFound, InvalidUpload
from packhouse.formats.rpm import names
from packhouse.formats.rpm.index import LISTS, XML
from packhouse.formats.rpm.parse import Read, read_package
from packhouse.formats.rpm.parse.facts import GZIP, LARGEST_LIST, inflate
from packhouse.formats.rpm.snippets import write_repo_file
from packhouse.model import FileRow, NewFile, Spooled, Upload, replace
from packhouse.responses import Document, FileReply, Reply, empty_reply, json_reply

RPM = "application/x-rpm"
KEY = "application/pgp-keys"
BY_DIGEST = re.compile(rf"(?P<sha256>[0-9a-f]{{64}})-(?:{'|'.join(LISTS)})\.xml\.gz")
UPLOAD = "upload"


def group_of(call: Call) -> str:
    """The group that the path names, "" for none. Raises `InvalidParameter`."""
    return names.read_group(call.params.get("group", ""))


def shelf_of(call: Call) -> str:
    return names.shelf_of(group_of(call))


# -- uploads ---------------------------------------------------------------------------------------------------------


async def put_package(call: Call) -> Answer:
    """Publish the package of the body. Raises `InvalidUpload`, `InvalidParameter`, `AlreadyExists`."""
    file_name = call.params.get("file_name", UPLOAD)
    if file_name != UPLOAD and not file_name.endswith(".rpm"):
        raise InvalidUpload(f"The address ends in {file_name[:80]!r}: send the package to `upload`, or to a name that ends in .rpm")
    group = group_of(call)
    content = await receive_file(call)
    read = await call.inspect(read_package, content)
    await call.packages.publish(Upload(name=read.name, version=read.version, files=(place(read, group, content),)))
    return json_reply({"message": "201 Created"}, 201)


def place(read: Read, group: str, content: Spooled) -> NewFile:
    """The package on the shelf of its group."""
    path = names.stored_path(group, names.file_name(read.name, read.version, read.architecture))
    return NewFile(path=path, content=content, facts=msgspec.json.encode(read.facts), about=read.about, shelf=names.shelf_of(group))


async def open_repository(call: Call) -> Answer:
    """Set the repository up, with a key, before there is a package: in a group of projects nothing else does it."""
    await call.packages.open_shelf(shelf_of(call))
    return json_reply({"message": "201 Created"}, 201)


async def close_repository(call: Call) -> Answer:
    """It is not served any more; its packages stay, and the next one that is published opens it with another key. Raises `ShelfNotFound`."""
    await call.packages.close_shelf(shelf_of(call))
    return empty_reply()


# -- packages --------------------------------------------------------------------------------------------------------


def spot_of(call: Call) -> names.Spot:
    p = call.params
    return names.read_spot(p.get("group", ""), p["package_name"], p["package_version"], p["architecture"])


async def get_package(call: Call) -> Answer:
    """A package by its coordinates, whatever the path calls its file. Raises `FileNotFound`."""
    spot = spot_of(call)
    reply = await call.packages.file(spot.name, spot.version, spot.path)
    wanted = call.params.get("project_id")
    if wanted is not None and str(reply.project) != wanted:
        reply = await find_row(call, spot.name, spot.version, lambda file: (str(file.project), file.path) == (wanted, spot.path))
    return replace(reply, name=spot.file, media_type=RPM, immutable=False)  # its address has no digest: it can be deleted and come again


async def find_row(call: Call, name: str, version: str | None, fits: Callable[[FileRow], bool]) -> FileReply:
    """The file of a package that this fits: by its digest, as there may be others under its name. Raises `FileNotFound`, `PackageNotFound`."""
    for package in (await call.packages.rows(name, version)).packages:
        for row in package.versions:
            for file in filter(fits, row.files):
                return await call.packages.file(name, row.version, file.path, file.blob.sha256)
    raise FileNotFound


async def get_by_id(call: Call) -> Answer:
    """A package by its name and the number of its file, as GitLab's addresses have it. Raises `FileNotFound`, `PackageNotFound`."""
    found = names.FILE.fullmatch(call.params["file_name"])
    if found is None:
        raise FileNotFound
    spot = names.read_spot("", found["name"], found["version"], found["architecture"])
    wanted = (call.params["package_file_id"], spot.file)
    reply = await find_row(call, spot.name, None, lambda file: (str(file.id), file.path.rpartition("/")[2]) == wanted)
    return replace(reply, name=spot.file, media_type=RPM)


async def delete_package(call: Call) -> Answer:
    """Remove the package from its group; its version goes with the last one."""
    spot = spot_of(call)
    await call.packages.delete(spot.name, spot.version, spot.path)
    return empty_reply()


# -- what clients read -----------------------------------------------------------------------------------------------


async def show_document(call: Call, name: str = "") -> Answer:
    """A document of the repository: by its digest also one that has been replaced. Raises `ShelfNotFound`, `FileNotFound`."""
    name, shelf = name or call.params["document"], shelf_of(call)
    found = BY_DIGEST.fullmatch(name)
    if found is not None:
        return await call.packages.document("repository", shelf, found["sha256"])
    documents = await call.packages.documents("repository", shelf)
    if name in documents:
        return documents[name]
    kind = name.removesuffix(".xml")
    packed = next((document for path, document in documents.items() if path.endswith(f"-{kind}.xml.gz")), None)
    if packed is None or name == kind:
        raise FileNotFound
    return await unpack_list(packed)


async def unpack_list(packed: Document) -> Document:
    """The list as people read it, under a name that stays; what was packed goes to those who take it so. Raises `FileNotFound`."""
    body = await asyncio.to_thread(inflate, packed.body, GZIP)
    if body is None:
        raise FileNotFound(f"This list has more than {LARGEST_LIST} bytes: take the packed one, which repomd.xml names")
    return replace(packed, body=body, media_type=XML, etag=f"{packed.etag}-plain", gzip=packed.body)


async def show_key(call: Call) -> Answer:
    """The public key that repomd.xml is signed with, armoured. Raises `ShelfNotFound`."""
    return Reply((await call.packages.shelf(shelf_of(call))).public_key, 200, {}, KEY)


async def show_repo_file(call: Call) -> Answer:
    """The file for /etc/yum.repos.d, without a credential. Raises `ShelfNotFound`."""
    await call.packages.shelf(shelf_of(call))
    return Reply(write_repo_file(call.moment, group_of(call)), 200, {}, "text/plain")


# -- the list --------------------------------------------------------------------------------------------------------

READ, PUBLISH, DELETE = Action.READ, Action.PUBLISH, Action.DELETE
PACKAGE = "package/{package_name}/{package_version}/{architecture}"
IN_PROJECT = "package/{project_id}/{package_name}/{package_version}/{architecture}"
DOCUMENTS = ("repomd.xml", "repomd.xml.asc", *(f"{kind}.xml" for kind in LISTS))


def routes_below(group: str) -> tuple[Route, ...]:
    """The same for packages in no group, and in one of whatever depth."""
    return (
        Route(method="PUT", path=f"{group}{{file_name}}", handler=put_package, action=PUBLISH, reach=PROJECT, limit=None),
        Route(method="PUT", path=f"{group}repository", handler=open_repository, action=PUBLISH),
        Route(method="GET", path=f"{group}repodata/repository.repo", handler=show_repo_file, action=READ),
        Route(method="GET", path=f"{group}repodata/repomd.xml.key", handler=show_key, action=READ),
        *(Route(method="GET", path=f"{group}repodata/{name}", handler=partial(show_document, name=name), action=READ) for name in DOCUMENTS),
        Route(method="GET", path=f"{group}repodata/{{document}}", handler=show_document, action=READ),
        Route(method="GET", path=f"{group}{PACKAGE}", handler=get_package, action=READ, reach=PROJECT),
        Route(method="GET", path=f"{group}{PACKAGE}/{{file_name}}", handler=get_package, action=READ, reach=PROJECT),
        Route(method="DELETE", path=f"{group}{PACKAGE}", handler=delete_package, action=DELETE, reach=PROJECT),
        Route(method="DELETE", path=f"{group}repository", handler=close_repository, action=DELETE),
        Route(method="GET", path=f"{group}{IN_PROJECT}/{{file_name}}", handler=get_package, action=READ, reach=GROUP),
    )


ROUTES = (
    Route(method="POST", path="", handler=put_package, action=PUBLISH, reach=PROJECT, limit=None),
    Route(method="GET", path="", handler=show_repo_file, action=READ),
    Route(method="GET", path="{package_file_id}/{file_name}", handler=get_by_id, action=READ, reach=PROJECT),
    *routes_below(""),
    *routes_below("{group*}/"),
)
