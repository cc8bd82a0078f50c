"""GET, PUT and DELETE of files in sbt's two layouts side by side; checksums made and verified, never stored; listings of folders."""

from __future__ import annotations

from collections.abc import Iterator

from packhouse.contract import PROJECT, Action, Answer, Call, Route
from packhouse.errors import FileNotFound, Invalid, InvalidUpload, NotFound, PackageNotFound
from packhouse.formats.sbt import names
from packhouse.formats.sbt.parse import read_module, read_pom
from packhouse.maven2 import serving
from packhouse.maven2.names import Spot, split_checksum
from packhouse.model import NewFile, Upload
from packhouse.responses import FileReply, empty_reply, json_reply

FILE = "{path*}"

# -- reading ---------------------------------------------------------------------------------------------------------


async def get_file(call: Call) -> Answer:
    """A file, a checksum of one, or the listing of a folder. Raises `NotFound` and its like."""
    path, algorithm = split_checksum(call.params["path"])
    try:
        return serving.show_file(call, await find_file(call, path), path, algorithm)
    except NotFound:
        # What is named as files are is no folder: Ivy asks for each before it sends it, and one look is enough then.
        if not may_be_folder(call.params["path"]):
            raise
    return await show_folder(call)


async def find_file(call: Call, path: str) -> FileReply:
    try:
        spot = names.read_spot(path)
    except Invalid as error:
        raise FileNotFound from error
    return await (call.packages.file(spot.name, spot.version, spot.file) if names.is_ivy(spot.name) else serving.find_file(call, path))


def may_be_folder(path: str) -> bool:
    try:
        return not names.is_usual(names.read_spot(path))
    except Invalid:
        return True


async def show_folder(call: Call) -> Answer:
    """The listing of a folder. Raises `PackageNotFound`."""
    for folder in names.list_folders(call.params.get("path", "")):
        try:
            documents = await call.packages.documents(folder.index, folder.key)
        except PackageNotFound:
            continue
        if folder.document in documents:
            return documents[folder.document]
    raise PackageNotFound


# -- publishing ------------------------------------------------------------------------------------------------------


async def put_file(call: Call) -> Answer:
    """Store the body at its path; a checksum is compared with the file it is of. Raises `InvalidUpload`, `Conflict`, `AlreadyExists`."""
    path, algorithm = split_checksum(call.params["path"])
    spot = names.read_spot(path)
    if algorithm:
        return await verify_checksum(call, spot, algorithm)
    return await put_artifact(call, spot) if names.is_ivy(spot.name) else await serving.put_file(call, spot, read_pom)


async def verify_checksum(call: Call, spot: Spot, algorithm: str) -> Answer:
    try:
        return await serving.verify_checksum(call, spot, algorithm)
    except FileNotFound as error:
        raise InvalidUpload(error.message) from error


async def put_artifact(call: Call, spot: Spot) -> Answer:
    """Store a file of Ivy's layout."""
    content = await serving.receive_body(call, spot)
    about = await call.inspect(read_module, content, spot.name, spot.version) if spot.file == names.DESCRIPTOR else None
    file = NewFile(path=spot.file, content=content, about=about, shelf=spot.shelf, movable=names.is_movable(spot))
    await call.packages.publish(Upload(name=spot.name, version=spot.version, files=(file,)))
    return json_reply({"message": "200 OK"})


# -- deleting: our own, as neither layout has a way for it -----------------------------------------------------------


async def delete_file(call: Call) -> Answer:
    """Remove a file; its version goes with the last one. Raises `NotFound` and its like."""
    spot = names.read_spot(call.params["path"])
    await call.packages.delete(spot.name, spot.version, spot.file)
    return empty_reply(204)


# -- the table -------------------------------------------------------------------------------------------------------


def reading(path: str, handler: serving.Handler, _suffix: str = "") -> Iterator[Route]:
    yield Route(method="GET", path=path, handler=handler, action=Action.READ)


# What ends in maven-metadata.xml stands first: of two that span segments the first that fits is taken.
ROUTES = (
    *serving.metadata_routes(reading),
    *reading("", show_folder),
    *reading(FILE, get_file),
    Route(method="PUT", path=FILE, handler=put_file, action=Action.PUBLISH, reach=PROJECT, limit=None),
    Route(method="DELETE", path=FILE, handler=delete_file, action=Action.DELETE, reach=PROJECT),
)
