"""Channels as clients read them, and the ways packages get into them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial

from packhouse.contract import PROJECT, Action, Answer, Call, Route, receive_file
from packhouse.errors import DigestMismatch, FileNotFound, InvalidParameter, InvalidUpload, PackageNotFound
from packhouse.formats.conda import index, names
from packhouse.formats.conda.parse import read_package
from packhouse.model import NewFile, Spooled, Upload, replace
from packhouse.responses import FileReply, Redirect, Reply, empty_reply, json_reply

LONGEST_REASON = 255

# -- documents -------------------------------------------------------------------------------------------------------


async def show_document(call: Call, family: str, name: str) -> Answer:
    """A document of a platform; the empty one where a known platform has no packages. Raises `FileNotFound`."""
    channel, subdir = place_of(call)
    try:
        found = (await call.packages.documents(family, names.shelf_of(channel, subdir)))[name]
    except PackageNotFound:
        if subdir not in names.PLATFORMS:
            raise FileNotFound from None
        empty = index.write_empty(subdir)[name]
        return Reply(empty.body, media_type=empty.media_type)
    return found if name.endswith(".json") else replace(found, gzip=None)  # these are packed already


def place_of(call: Call) -> tuple[str, str]:
    return names.read_place(call.params.get("channel", ""), call.params["subdir"])


def spot_of(call: Call) -> tuple[names.Spot, names.FileName]:
    return names.read_spot(call.params.get("channel", ""), call.params["subdir"], call.params["file_name"])


async def show_shard(call: Call) -> Answer:
    """The records of a name; where they have changed since, a redirect to the instant that the list of shards was made at. Raises `FileNotFound`."""
    channel, subdir = place_of(call)
    made, shard = call.params["made"], call.params["shard"]
    digest, dot, extension = shard.partition(".")
    if f"{dot}{extension}" != index.SHARD_ENDING:
        raise FileNotFound
    with contextlib.suppress(PackageNotFound):  # all may be gone by now
        found = (await call.packages.documents("shards", names.shelf_of(channel, subdir))).get(index.shard_path(digest))
        if found is not None:
            return replace(found, gzip=None)
    if call.moment.as_of:
        raise FileNotFound
    return Redirect(names.shard_address(call.moment.level, made, channel, subdir, shard), 302)


async def show_channel(call: Call) -> Answer:
    """What a channel holds. Raises `FileNotFound`."""
    documents = await call.packages.documents("channels")
    channel = call.params.get("channel") or call.params.get("subdir", "")
    if channel not in documents:
        raise FileNotFound
    return documents[channel]


# -- files -----------------------------------------------------------------------------------------------------------


async def get_file(call: Call) -> Answer:
    """A package, yanked or not. Raises `FileNotFound`."""
    spot, file = spot_of(call)
    if call.moment.level == "group":
        return await file_of_group(call, spot, file)
    return await call.packages.file(file.name, file.version, spot.path)


async def file_of_group(call: Call, spot: names.Spot, file: names.FileName) -> FileReply:
    """The one that the records of the group speak of. Raises `FileNotFound`."""
    rows = await call.packages.rows(file.name, file.version)
    found = [
        (version, one)
        for package in rows.packages
        for version in package.versions
        if version.status != "hidden"
        for one in version.files
        if one.path == spot.path
    ]
    if not found:
        raise FileNotFound
    return replace(await call.packages.file(file.name, file.version, spot.path, index.prefer(found)[1].blob.sha256), immutable=False)


async def delete_file(call: Call) -> Answer:
    """Remove a package; its version goes with the last file."""
    spot, file = spot_of(call)
    await call.packages.delete(file.name, file.version, spot.path)
    return empty_reply()


# -- yanking: our own, as clients have no way to ask for it -----------------------------------------------------------


async def yank(call: Call) -> Answer:
    """Keep a version from being solved for, for the reason in the query. Raises `InvalidParameter`, `VersionNotFound`."""
    reason = call.query.get("reason", "").strip()
    if len(reason) > LONGEST_REASON or not reason.isprintable():
        raise InvalidParameter(f"reason must be one line of at most {LONGEST_REASON} characters", parameter="reason")
    await call.packages.yank(call.params["name"], call.params["version"], reason)
    return empty_reply()


async def unyank(call: Call) -> Answer:
    """Offer a yanked version again. Raises `VersionNotFound`."""
    await call.packages.yank(call.params["name"], call.params["version"], None)
    return empty_reply()


# -- uploads ---------------------------------------------------------------------------------------------------------


async def put_file(call: Call) -> Answer:
    """Publish a package in a channel; the last folder may be its platform."""
    *folders, name = call.params["path"].split("/")
    subdir = folders.pop() if folders and folders[-1] in names.PLATFORMS else ""
    return await publish(call, folders, name, subdir)


async def post_file(call: Call) -> Answer:
    """The same as quetz has it: the channel and the file's name in the path, its digest in the query. Raises `DigestMismatch`."""
    return await publish(call, call.params["channel"].split("/"), call.params["file_name"], "", call.query.get("sha256"))


async def publish(call: Call, folders: list[str], name: str, subdir: str, sha256: str | None = None) -> Answer:
    """Check what is said before the body is read, and the body against it. Raises `InvalidUpload` and its kin."""
    file = names.read_file_name(name)
    channel = names.read_channel(folders)
    content = await receive(call)
    if sha256 is not None and sha256.lower() != content.sha256:
        raise DigestMismatch(f"The file has sha256 {content.sha256}, the query says {sha256[:64]}: send it again")
    read = await call.inspect(read_package, content, file.extension)
    if (read.name, read.version, read.build) != (file.name, file.version, file.build):
        raise InvalidUpload(f"{name} is called otherwise inside: {read.name}-{read.version}-{read.build}{file.extension}")
    if folders and folders[-1] == read.subdir:  # a platform that is not among those known
        channel, subdir = names.read_channel(folders[:-1]), folders[-1]
    if subdir and subdir != read.subdir:
        raise InvalidUpload(f"{name} is for {read.subdir}, not for {subdir}")
    spot = names.Spot(channel=channel, subdir=read.subdir, file=name)
    new = NewFile(path=spot.path, content=content, facts=read.facts, about=read.about, shelf=names.shelf_of(channel, read.subdir))
    await call.packages.publish(Upload(name=read.name, version=read.version, files=(new,)))
    return json_reply({"message": "201 Created"}, 201)


async def receive(call: Call) -> Spooled:
    """The one file of the body. Raises `InvalidParameter`, `InvalidUpload`."""
    content = await receive_file(call)
    if not content.size:
        raise InvalidUpload("The body is empty: send the file")
    return content


# -- the table -------------------------------------------------------------------------------------------------------

# what is asked for → the index that has it, and its name there; what holds the newest versions alone may hold all of them, and nothing is patched
DOCUMENTS = {
    **{f"{name}.json{packed}": ("repodata", f"{index.REPODATA}{packed}")
       for name in ("repodata", "current_repodata", "repodata_from_packages") for packed in ("", ".zst")},
    **{f"{name}.json.bz2": ("bzip2", f"{index.REPODATA}.bz2") for name in ("repodata", "current_repodata")},
    **{f"run_exports.json{packed}": ("run_exports", f"{index.RUN_EXPORTS}{packed}") for packed in ("", ".zst")},
    index.SHARDS: ("shards", index.SHARDS),
}  # fmt: skip


def below(channel: str) -> Iterator[Route]:
    """What is read and removed below a channel whose path is this pattern: "" for the root of a project."""
    for asked, (family, name) in DOCUMENTS.items():
        yield Route(method="GET", path=f"{channel}{{subdir}}/{asked}", handler=partial(show_document, family=family, name=name), action=Action.READ)
    shard = f"shards/{{made}}/{channel}{{subdir}}/{{shard}}"
    yield Route(method="GET", path=shard, handler=show_shard, action=Action.READ)
    yield Route(method="GET", path=f"{channel}{index.CHANNELDATA}", handler=show_channel, action=Action.READ)
    yield Route(method="GET", path=f"{channel}{{subdir}}/{{file_name}}", handler=get_file, action=Action.READ)
    yield Route(method="DELETE", path=f"{channel}{{subdir}}/{{file_name}}", handler=delete_file, action=Action.DELETE, reach=PROJECT)


ROUTES = (
    *below(""),
    *below("{channel*}/"),
    # where a platform would stand, and parameters go before what spans several parts
    Route(method="GET", path=f"{{subdir}}/{index.CHANNELDATA}", handler=show_channel, action=Action.READ),
    Route(method="PUT", path="yank/{name}/{version}", handler=yank, action=Action.DELETE, reach=PROJECT),
    Route(method="DELETE", path="yank/{name}/{version}", handler=unyank, action=Action.DELETE, reach=PROJECT),
    Route(method="PUT", path="{path*}", handler=put_file, action=Action.PUBLISH, reach=PROJECT, limit=None),
    Route(method="POST", path="api/channels/{channel*}/upload/{file_name}", handler=post_file, action=Action.PUBLISH, reach=PROJECT, limit=None),
)
