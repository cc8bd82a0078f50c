"""The routes of opkg packages: uploads, packages, and what opkg reads of a feed."""

from __future__ import annotations

from functools import partial

import msgspec

from packhouse.contract import GROUP, PROJECT, Action, Answer, Call, Neighbours, Route, receive_file
from packhouse.errors import AlreadyExists, FileNotFound, InvalidParameter, InvalidUpload, NotFound
from packhouse.formats.opkg import names
from packhouse.formats.opkg.parse import Read, read_package
from packhouse.model import FileRow, NewFile, Spooled, Upload, VersionRow, replace
from packhouse.responses import FileReply, Reply, empty_reply, json_reply

IPK = "application/octet-stream"
KEY = "application/pgp-keys"
UPLOAD = "upload"


def feed_of(call: Call) -> str:
    """The feed that the path names. Raises `InvalidParameter`."""
    return names.read_feed(call.params["feed"])


def sought_feed(call: Call) -> str:
    """The feed that a read names. Raises `FileNotFound` for what can be none: opkg must hear that it is not there."""
    try:
        return feed_of(call)
    except InvalidParameter as error:
        raise FileNotFound from error


# -- uploads ---------------------------------------------------------------------------------------------------------


async def put_package(call: Call) -> Answer:
    """Publish the package of the body. Raises `InvalidUpload`, `InvalidParameter`, `AlreadyExists`."""
    file_name, feed = call.params["file_name"], feed_of(call)
    if file_name != UPLOAD and not file_name.endswith(".ipk"):
        raise InvalidUpload(f"The address ends in {file_name[:80]!r}: send the package to `upload`, or to a name that ends in .ipk")
    content = await receive_file(call)
    read = await call.inspect(read_package, content)
    await call.packages.publish(Upload(name=read.name, version=read.version, files=(place(read, feed, content),)))
    return json_reply({"message": "201 Created"}, 201)


def check_neighbours(coming: VersionRow, there: Neighbours) -> None:
    """Two packages may not have one file: `a_b` 1 and `a` b_1 would, and `a` 1_x for y and `a` 1 for x_y. Raises `AlreadyExists`."""
    for file in coming.files:
        name = file.path.rpartition("/")[2]
        held = [version for version, _ in there.files([file.path], list(names.possible_names(name)))]
        own = any((version.name, names.version_id(version.version)) == (coming.name, names.version_id(coming.version)) for version in held)
        for version in held:
            if version.name != coming.name or not own:
                raise AlreadyExists(f"{name} is there as a file of the package {version.name}: give this one another name or version")


def place(read: Read, feed: str, content: Spooled) -> NewFile:
    """The package on the shelf of its feed."""
    path = names.stored_path(feed, read.file)
    return NewFile(path=path, content=content, facts=msgspec.json.encode(read.facts), about=read.about, shelf=names.shelf_of(feed))


async def open_feed(call: Call) -> Answer:
    """Set the feed up, with a key, before there is a package: in a group of projects nothing else does it."""
    await call.packages.open_shelf(names.shelf_of(feed_of(call)))
    return json_reply({"message": "201 Created"}, 201)


async def close_feed(call: Call) -> Answer:
    """Its lists are not served any more; its packages stay, and the next one that comes opens it with another key. Raises `ShelfNotFound`."""
    await call.packages.close_shelf(names.shelf_of(sought_feed(call)))
    return empty_reply()


# -- packages --------------------------------------------------------------------------------------------------------


async def get_package(call: Call) -> Answer:
    """A package by the name of its file. Raises `FileNotFound`."""
    feed, file, wanted = sought_feed(call), call.params["file_name"], call.params.get("project_id")
    for name in names.possible_names(file):
        try:
            reply = await call.packages.file(name, None, names.stored_path(feed, file))
            if wanted is not None and str(reply.project) != wanted:
                reply = await file_of(call, name, names.stored_path(feed, file), wanted)
        except NotFound:
            continue
        return replace(reply, name=file, media_type=IPK, immutable=False)  # its address has no digest: it can be deleted and come again
    raise FileNotFound


async def file_of(call: Call, name: str, path: str, project: str) -> FileReply:
    """The file that one project of the group has: by its digest, as others may have another one under its name. Raises `FileNotFound`."""
    for version, file in await list_files(call, name, path):
        if str(file.project) == project:
            return await call.packages.file(name, version.version, path, file.blob.sha256)
    raise FileNotFound


async def list_files(call: Call, name: str, path: str) -> list[tuple[VersionRow, FileRow]]:
    """What lies at this path of a package, in whatever version and project, newest first."""
    try:
        packages = (await call.packages.rows(name)).packages
    except NotFound:
        return []
    found = [(version, file) for package in packages for version in package.versions for file in version.files if file.path == path]
    return sorted(found, key=lambda one: one[1].id, reverse=True)


async def delete_package(call: Call) -> Answer:
    """Remove the package from its feed; its version goes with the last one. Raises `FileNotFound`."""
    path = names.stored_path(sought_feed(call), call.params["file_name"])
    for name in names.possible_names(call.params["file_name"]):
        for version, _ in await list_files(call, name, path):
            await call.packages.delete(name, version.version, path)
            return empty_reply()
    raise FileNotFound


# -- what clients read -----------------------------------------------------------------------------------------------


async def show_document(call: Call, name: str) -> Answer:
    """A document of the feed. Raises `ShelfNotFound`, `FileNotFound`."""
    return (await call.packages.documents("feed", names.shelf_of(sought_feed(call))))[name]


async def show_certificate(call: Call) -> Answer:
    """The key that Packages.asc is signed with, armoured. Raises `ShelfNotFound`."""
    return Reply((await call.packages.shelf(names.shelf_of(sought_feed(call)))).public_key, 200, {}, KEY)


async def refuse_file(call: Call) -> Answer:
    """What is in no feed: clients must hear that it is not there, and not that they may not ask. Raises `FileNotFound`."""
    raise FileNotFound


# -- the list --------------------------------------------------------------------------------------------------------

READ, PUBLISH, DELETE = Action.READ, Action.PUBLISH, Action.DELETE
DOCUMENTS = ("Packages", "Packages.gz", "Packages.manifest", "Packages.sig", "Packages.asc", "key.pub")

ROUTES = (
    Route(method="PUT", path="{feed*}/{file_name}", handler=put_package, action=PUBLISH, reach=PROJECT, limit=None),
    Route(method="PUT", path="{feed*}/feed", handler=open_feed, action=PUBLISH),
    *(Route(method="GET", path=f"{{feed*}}/{name}", handler=partial(show_document, name=name), action=READ) for name in DOCUMENTS),
    Route(method="GET", path="{feed*}/key.asc", handler=show_certificate, action=READ),
    Route(method="GET", path="{feed*}/{file_name}", handler=get_package, action=READ, reach=PROJECT),
    Route(method="GET", path="{feed*}/{project_id}/{file_name}", handler=get_package, action=READ, reach=GROUP),
    Route(method="GET", path="{path*}", handler=refuse_file, action=READ),
    Route(method="DELETE", path="{feed*}/{file_name}", handler=delete_package, action=DELETE, reach=PROJECT),
    Route(method="DELETE", path="{feed*}/feed", handler=close_feed, action=DELETE),
)
