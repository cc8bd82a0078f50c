"""The source as the client of pods reads it, and uploads, which have no client of their own: `pod repo push` writes to Git only."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import msgspec

from packhouse.contract import KIB, MIB, PROJECT, Action, Answer, Call, Document, Form, Neighbours, Params, Part, Route, fetch_first
from packhouse.errors import AlreadyExists, FileNotFound, Invalid, InvalidParameter, InvalidUpload, PackageNotFound, VersionNotFound
from packhouse.formats.cocoapods import index, names, parse
from packhouse.grammar.multipart import splitter_of
from packhouse.model import NewFile, Rows, Spooled, Struct, Upload, VersionRow, replace
from packhouse.responses import Reply, empty_reply, json_reply

MEDIA = {"zip": "application/zip", "tgz": "application/gzip", "tbz": "application/x-bzip2", "txz": "application/x-xz"}
# the documents of a shard are kept in memory together, and a client asks for every podspec of a pod at once;
# the cache takes no larger set, with the packed twins beside them, where it is set as it comes
MOST = 8 * MIB
LITTLE = 64 * KIB  # a pod of so much is taken without a look at the others in its shard, which would cost the database more than the publish may


# -- reading -----------------------------------------------------------------------------------------------------------


async def show_metadata(_call: Call) -> Answer:
    """What tells the client that this is a source without Git, and how its shards are cut."""
    return Reply(index.METADATA, media_type="text/yaml")


async def show_all(call: Call) -> Answer:
    """The name of every pod."""
    return (await call.packages.documents("lists"))[index.ALL]


async def show_deprecated(call: Call) -> Answer:
    """The paths of the podspecs that are deprecated."""
    return (await call.packages.documents("lists"))[index.DEPRECATED]


async def show_shard(call: Call) -> Answer:
    """The versions of the pods of a shard. Raises `PackageNotFound`, also for what is no shard."""
    file = call.params["list"]
    shard = file.removeprefix("all_pods_versions_").removesuffix(".txt")
    if file != index.shard_file(shard):
        raise PackageNotFound
    return (await find_shard(call, shard))[file]


async def find_shard(call: Call, shard: str) -> Mapping[str, Document]:
    """The list and the podspecs of a shard. Raises `PackageNotFound`."""
    if not names.SHARD.fullmatch(shard):
        raise PackageNotFound
    return await call.packages.documents("shards", shard)


async def show_podspec(call: Call) -> Answer:
    """The podspec of a version. Raises `FileNotFound`."""
    shard = await find_shard(call, "_".join(call.params[digit] for digit in "abc"))
    found = shard.get(path_of(call.params))
    if found is None:
        raise FileNotFound
    return found


def path_of(params: Params) -> str:
    """The path of a podspec that the parameters were taken from."""
    return "/".join(("Specs", *(params[name] for name in ("a", "b", "c", "package", "version", "spec"))))


async def get_archive(call: Call) -> Answer:
    """The archive of a version. Raises `FileNotFound`."""
    name, version, file = (call.params[each] for each in ("package", "version", "file"))
    kind = file.rpartition(".")[2]
    if kind not in names.KINDS or file != names.archive_file(name, version, kind):
        raise FileNotFound
    try:
        reply = await fetch_first(call, name, version, file)
    except Invalid as error:
        raise FileNotFound from error
    return replace(reply, media_type=MEDIA[kind])


# -- publishing --------------------------------------------------------------------------------------------------------


class Bringing(Struct):
    """What an upload brings: a podspec that was read, its archive, and the podspec's own file where it came on its own."""

    read: parse.Read
    archive: Spooled | None = None
    podspec: Spooled | None = None


async def put_pod(call: Call) -> Answer:
    """Publish an archive, with the podspec in it or beside it. Raises `InvalidUpload`, `AlreadyExists`, and what an address may be refused for."""
    name, version = call.params["package"], call.params["version"]
    names.name_key(name)
    names.version_id(version)
    archive, podspec = split_form(await call.spool(splitter_of(call.headers.get("content-type", ""))))
    if podspec is None:
        read = await call.inspect(parse.read_archive, archive)
    else:
        read = await call.inspect(parse.read_podspec, podspec)
        read = replace(read, kind=await call.inspect(parse.read_kind, archive))
    check_address(read, name, version)
    return await publish(call, Bringing(read=read, archive=archive, podspec=podspec))


def split_form(form: Form) -> tuple[Spooled, Spooled | None]:
    """The archive, and the podspec where there is one. Raises `InvalidParameter`, `InvalidUpload`."""
    parts: dict[str, Part] = {part.name or "file": part for part in form.files}
    if len(parts) < len(form.files) or parts.keys() - {"file", "podspec"}:
        raise InvalidUpload("The form must bring the archive in the field `file`, may bring the podspec in the field `podspec`, and no more files")
    if any(name == "podspec" for name, _ in form.fields):
        raise InvalidUpload("The field `podspec` must be a file: curl sends one with --form podspec=@name.podspec.json")
    if "file" not in parts:
        raise InvalidParameter("file is missing", parameter="file")
    archive, podspec = parts["file"].content, parts.get("podspec")
    if not archive.size:
        raise InvalidUpload("The archive is empty: send a zip or tar archive")
    return archive, podspec.content if podspec else None


async def put_podspec(call: Call) -> Answer:
    """Publish a podspec whose archive is elsewhere, in Git for example. Raises what `put_pod` raises."""
    p = call.params
    names.name_key(p["package"])
    names.version_id(p["version"])
    path = names.podspec_path(p["package"], p["version"])
    if path_of(p) != path:
        raise InvalidUpload(f"The address must be that of the podspec: {path}")
    return await receive_podspec(call, p["package"], p["version"])


async def post_podspec(call: Call) -> Answer:
    """Publish a podspec whose archive is elsewhere, under the name and the version that it says. Raises `InvalidUpload`, `AlreadyExists`."""
    return await receive_podspec(call)


async def receive_podspec(call: Call, name: str = "", version: str = "") -> Answer:
    podspec = (await call.spool(splitter_of(call.headers.get("content-type", "")))).the_file().content
    read = await call.inspect(parse.read_podspec, podspec)
    if name:
        check_address(read, name, version)
    if not read.source:
        raise InvalidUpload("The podspec says no source: send its archive to pods/<name>/<version>, or say where it is")
    return await publish(call, Bringing(read=read, podspec=podspec))


def check_address(read: parse.Read, name: str, version: str) -> None:
    """Raises `InvalidUpload` where the podspec is another one's."""
    if (read.name, read.version) != (name, version):
        raise InvalidUpload(f"The podspec is of {read.name} {read.version}, and the address says {name} {version}")


async def publish(call: Call, brought: Bringing) -> Answer:
    read, archive, podspec = brought.read, brought.archive, brought.podspec
    carrier = names.archive_file(read.name, read.version, read.kind) if archive else names.podspec_file(read.name)
    facts = read.write_facts(hosted=archive is not None)
    content = archive or podspec
    assert content is not None
    await check_size(call, await list_there(call, read.name), read, facts)
    files = [NewFile(path=carrier, content=content, facts=facts, about=read.about, shelf=names.shard_of(read.name))]
    if archive and podspec:
        files.append(NewFile(path=names.podspec_file(read.name), content=podspec))
    await call.packages.publish(Upload(name=read.name, version=read.version, files=tuple(files)))
    return json_reply({"message": "201 Created"}, 201)


async def list_there(call: Call, name: str) -> list[VersionRow]:
    """The versions of a pod, in any spelling."""
    try:
        return [row for package in (await call.packages.rows(name)).packages for row in package.versions]
    except PackageNotFound:
        return []


def check_neighbours(coming: VersionRow, there: Neighbours) -> None:
    """Raises `AlreadyExists` where the pod or the version is there in another spelling, or otherwise."""
    held = there.versions()
    if held and all(version.name != coming.name for version in held):
        raise AlreadyExists(f"Pod {coming.name} differs from {held[0].name}, which is there, in case alone: give it a name of its own")
    same = names.version_id(coming.version)
    for version in held:
        if version.version == coming.version:
            found = there.files(index.list_carriers(version), facts=True)
            check_same(replace(version, files=tuple(file for of, file in found if of.id == version.id)), coming)
        elif names.version_id(version.version) == same:
            raise AlreadyExists(f"Version {coming.version} of {coming.name} is {version.version} to CocoaPods, which is there: publish another one")


async def check_size(call: Call, there: Sequence[VersionRow], read: parse.Read, facts: bytes) -> None:
    """Raises `InvalidUpload` where the podspecs of the shard would be too large to be kept together; little pods are not looked at."""
    if sum(len(file.facts) for version in there for file in version.files) + len(facts) <= LITTLE:
        return
    try:
        held = int((await call.packages.documents("sizes", names.shard_of(read.name)))[index.SIZE].body)
    except PackageNotFound:
        return
    again = sum(index.weigh(file) for version in there if version.version == read.version for file in version.files if file.facts)
    if held - again + len(facts) + index.EACH > MOST:
        raise InvalidUpload(f"The podspecs of {read.name} and of the pods in its shard would have more than {MOST} bytes: delete versions first")


def check_same(version: VersionRow, coming: VersionRow) -> None:
    """Raises `AlreadyExists` where a version is there with an archive of another kind, or with another podspec of the same archive."""
    there, sent = index.find_carrier(version), index.find_carrier(coming)
    if there is None or sent is None:
        return
    if there.path != sent.path:
        raise AlreadyExists(f"{there.path} is there", path=there.path, stored=there.blob.sha256, sent=sent.blob.sha256)
    if there.blob.sha256 == sent.blob.sha256 and there.facts != sent.facts:
        stored, other = (hashlib.sha256(each.facts).hexdigest() for each in (there, sent))
        raise AlreadyExists("The podspec is there", path=f"the podspec of {there.path}", stored=stored, sent=other)


# -- deprecating and deleting ------------------------------------------------------------------------------------------


class Deprecation(Struct):
    """What a pod is asked to say of itself."""

    deprecated: bool
    in_favor_of: str = ""


async def deprecate(call: Call) -> Answer:
    """Deprecate a version, or every version that is there, or take that back. Raises `InvalidUpload`, `PackageNotFound`, `VersionNotFound`."""
    asked = read_deprecation(await call.body())
    reason = None if not asked.deprecated else f"{index.IN_FAVOR}{asked.in_favor_of}" if asked.in_favor_of else ""
    versions = await find_versions(call)
    await call.packages.yank_all(call.params["package"], {version.version: reason for version in versions if version.yanked != reason})
    return json_reply({"deprecated": asked.deprecated, "in_favor_of": asked.in_favor_of or None, "versions": [each.version for each in versions]})


def read_deprecation(body: bytes) -> Deprecation:
    """Raises `InvalidUpload`, `InvalidName`."""
    try:
        asked = msgspec.json.decode(body, type=Deprecation)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InvalidUpload('The body must be JSON such as {"deprecated": true, "in_favor_of": "Other"}') from error
    if asked.in_favor_of:
        names.name_key(asked.in_favor_of)
    return asked


async def find_versions(call: Call) -> list[VersionRow]:
    """The versions that a path means, in this spelling. Raises `PackageNotFound`, `VersionNotFound`."""
    name, version = call.params["package"], call.params.get("version")
    try:
        rows: Rows = await call.packages.rows(name, version)
    except Invalid as error:
        raise PackageNotFound from error
    found = [row for package in rows.packages for row in package.versions if row.name == name and version in (None, row.version)]
    if not found:
        raise PackageNotFound if version is None else VersionNotFound
    return found


async def delete_version(call: Call) -> Answer:
    """Remove a version: its podspec, and its archive where that is here. Raises `PackageNotFound`, `VersionNotFound`."""
    [version] = await find_versions(call)
    await call.packages.delete(version.name, version.version)
    return empty_reply()


# -- the table ---------------------------------------------------------------------------------------------------------

PODSPEC = "Specs/{a}/{b}/{c}/{package}/{version}/{spec}"
VERSION = "pods/{package}/{version}"

ROUTES = (
    Route(method="GET", path="CocoaPods-version.yml", handler=show_metadata, action=Action.READ),
    Route(method="GET", path=index.ALL, handler=show_all, action=Action.READ),
    Route(method="GET", path=index.DEPRECATED, handler=show_deprecated, action=Action.READ),
    Route(method="GET", path="{list}", handler=show_shard, action=Action.READ),
    Route(method="GET", path=PODSPEC, handler=show_podspec, action=Action.READ),
    Route(method="GET", path=f"{VERSION}/{{file}}", handler=get_archive, action=Action.READ),
    Route(method="PUT", path=VERSION, handler=put_pod, action=Action.PUBLISH, reach=PROJECT, limit=None),
    Route(method="PUT", path=PODSPEC, handler=put_podspec, action=Action.PUBLISH, reach=PROJECT, limit=parse.LARGEST),
    Route(method="POST", path="podspecs", handler=post_podspec, action=Action.PUBLISH, reach=PROJECT, limit=parse.LARGEST),
    Route(method="PATCH", path="pods/{package}", handler=deprecate, action=Action.DELETE, reach=PROJECT),
    Route(method="PATCH", path=VERSION, handler=deprecate, action=Action.DELETE, reach=PROJECT),
    Route(method="DELETE", path=VERSION, handler=delete_version, action=Action.DELETE, reach=PROJECT),
)
