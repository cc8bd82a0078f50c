"""The files in the pool, and what apt reads below `dists`."""

from __future__ import annotations

from packhouse.contract import Answer, Call
from packhouse.errors import FileNotFound
from packhouse.formats.debian import names
from packhouse.model import replace
from packhouse.responses import FileReply, empty_reply

DEB = "application/vnd.debian.binary-package"


async def get_file(call: Call) -> Answer:
    """A file of the pool. Raises `FileNotFound`."""
    spot = spot_of(call)
    reply = await call.packages.file(spot.name, spot.version, spot.path)
    wanted = call.params.get("project_id")
    if wanted is not None and str(reply.project) != wanted:
        reply = await file_of(call, spot, wanted)
    return replace(reply, media_type=DEB if names.BINARY.fullmatch(spot.file) else "application/octet-stream")


async def file_of(call: Call, spot: names.Spot, project: str) -> FileReply:
    """The file that one project of the group has: by its digest, as others may have another one under its name. Raises `FileNotFound`."""
    for package in (await call.packages.rows(spot.name, spot.version)).packages:
        for file in (file for version in package.versions for file in version.files):
            if (str(file.project), file.path) == (project, spot.path):
                return await call.packages.file(spot.name, spot.version, spot.path, file.blob.sha256)
    raise FileNotFound


async def delete_file(call: Call) -> Answer:
    """Remove the file; its version goes with the last one."""
    spot = spot_of(call)
    await call.packages.delete(spot.name, spot.version, spot.path)
    return empty_reply()


def spot_of(call: Call) -> names.Spot:
    p = call.params
    return names.read_spot(p["distribution"], p["letter"], p["package_name"], p["package_version"], p["file_name"])


async def show_document(call: Call, document: str = "", folder: str = "") -> Answer:
    """A Release, its signatures, or a list. Raises `ShelfNotFound`, `FileNotFound`."""
    documents = await call.packages.documents("distribution", call.params["distribution"])
    path = document or f"{call.params['component']}/{folder}{call.params['folder']}/{call.params['list']}"
    if path not in documents:
        raise FileNotFound
    return documents[path]


async def show_by_hash(call: Call) -> Answer:
    """A list by its digest, of this generation or of one that has been replaced. Raises `ShelfNotFound`, `FileNotFound`."""
    return await call.packages.document("distribution", call.params["distribution"], call.params["sha256"])


async def refuse_document(call: Call) -> Answer:
    """What is not in a Release: apt must hear that it is not there, and not that it may not ask. Raises `FileNotFound`."""
    raise FileNotFound
