"""The trees that R reads (`src/contrib`, `bin/<platform>/contrib/<version of R>`), and uploads, which have no client of their own."""

from __future__ import annotations

from functools import partial

import msgspec

from packhouse.contract import PROJECT, Action, Answer, Call, Neighbours, Params, Route, fetch_first, receive_file
from packhouse.errors import AlreadyExists, FileNotFound, Invalid, InvalidUpload, PackageNotFound
from packhouse.formats.cran import index, names, parse
from packhouse.model import NewDocument, NewFile, Rows, Upload, VersionRow, replace
from packhouse.responses import Reply, empty_reply, json_reply

MEDIA = {"gz": "application/gzip", "tgz": "application/gzip", "zip": "application/zip"}


def tree_of(params: Params) -> names.Tree | None:
    """The tree that a path speaks of, None for sources. Raises `FileNotFound` for what can be none."""
    if "platform" not in params:
        return None
    platform = f"{params['platform']}/{params['build']}" if "build" in params else params["platform"]
    try:
        return names.read_tree(platform, params["r_version"])
    except Invalid as error:
        raise FileNotFound from error


def shelf_of(tree: names.Tree | None) -> str:
    return names.SOURCES if tree is None else tree.shelf


# -- reading -----------------------------------------------------------------------------------------------------------


async def show_list(call: Call, document: str) -> Answer:
    """A list of a tree. R warns of a repository that has none, so there is one without packages too."""
    tree = tree_of(call.params)
    try:
        return (await call.packages.documents("lists", shelf_of(tree)))[document]
    except PackageNotFound:
        return make_empty(index.write_lists(Rows(), {}, call.moment)[document])


async def show_archive(call: Call) -> Answer:
    """What the archive of sources holds."""
    try:
        return (await call.packages.documents("archive", names.SOURCES))[index.ARCHIVE]
    except PackageNotFound:
        return make_empty(index.write_archive(Rows(), {}, call.moment)[index.ARCHIVE])


async def show_folder(call: Call) -> Answer:
    """The folder of a package in the archive, for people and for what reads links. Raises `PackageNotFound`."""
    name = call.params["package"]
    try:
        documents = await call.packages.documents("folders", names.name_key(name))
    except Invalid as error:
        raise PackageNotFound from error
    if name not in documents:
        raise PackageNotFound
    return documents[name]


def make_empty(made: NewDocument) -> Reply:
    """A document of a tree that nothing was ever in: it has no time, so none to be compared with later."""
    return Reply(made.body, media_type=made.media_type)


async def get_file(call: Call) -> Answer:
    """A package; every version is in the archive, and in the tree too. Raises `FileNotFound`."""
    file, tree = call.params["file"], tree_of(call.params)
    name, version = names.split_file(file) or ("", "")
    if not name or call.params.get("package", name) != name:
        raise FileNotFound
    path = names.stored_path(file, tree)
    try:
        reply = await fetch_first(call, name, version, path)
    except Invalid as error:
        raise FileNotFound from error
    return replace(reply, media_type=MEDIA[file.rpartition(".")[2]])


# -- publishing --------------------------------------------------------------------------------------------------------


async def put_source(call: Call) -> Answer:
    """Publish a source package. Raises `InvalidUpload`, `AlreadyExists`."""
    return await publish(call, None)


async def put_built(call: Call) -> Answer:
    """Publish a package that was built for a platform and a version of R. Raises `InvalidParameter`, `InvalidUpload`, `AlreadyExists`."""
    params, query = call.params, call.query
    return await publish(call, tree_of(params) or names.read_tree(query.get("platform", ""), query.get("rversion", "")))


async def publish(call: Call, tree: names.Tree | None) -> Answer:
    content = await receive_file(call)
    if not content.size:
        raise InvalidUpload("The body is empty: send the package")
    read = await call.inspect(parse.read_package, content, *(() if tree is None else (tree.platform, tree.r_version)))
    file = names.file_name(read.name, read.version, tree)
    if call.params.get("file", file) != file:
        raise InvalidUpload(f"The package is {file}, the address says {call.params['file'][:80]!r}")
    new = NewFile(path=names.stored_path(file, tree), content=content, facts=msgspec.json.encode(read.facts), about=read.about, shelf=shelf_of(tree))
    await call.packages.publish(Upload(name=read.name, version=read.version, files=(new,)))
    return json_reply({"message": "201 Created"}, 201)


def check_neighbours(coming: VersionRow, there: Neighbours) -> None:
    """Raises `AlreadyExists` where the package, or this version of it, is there in another spelling, which R takes for the same."""
    same = names.version_id(coming.version)
    for version in there.versions():
        if version.name != coming.name:
            raise AlreadyExists(f"Package {coming.name} differs from {version.name}, which is there, in case alone: give it a name of its own")
        if version.version != coming.version and names.version_id(version.version) == same:
            raise AlreadyExists(f"Version {coming.version} of {coming.name} is {version.version} to R, which is there: publish another version")


# -- deleting ----------------------------------------------------------------------------------------------------------


async def delete_file(call: Call) -> Answer:
    """Remove a package from a tree; its version goes with the last file. Raises `FileNotFound` and its like."""
    name, version, tree = call.params["package"], call.params["version"], tree_of(call.params)
    try:
        await call.packages.delete(name, version, names.stored_path(names.file_name(name, version, tree), tree))
    except Invalid as error:
        raise FileNotFound from error
    return empty_reply()


# -- the table ---------------------------------------------------------------------------------------------------------

SOURCE_TREE = "src/contrib"
BUILT_TREES = ("bin/{platform}/contrib/{r_version}", "bin/{platform}/{build}/contrib/{r_version}")
LISTS = (index.LIST, f"{index.LIST}.gz", f"{index.LIST}.rds")

ROUTES = (
    *(
        Route(method="GET", path=f"{tree}/{name}", handler=partial(show_list, document=name), action=Action.READ)
        for tree in (SOURCE_TREE, *BUILT_TREES)
        for name in LISTS
    ),
    Route(method="GET", path=f"{SOURCE_TREE}/Meta/{index.ARCHIVE}", handler=show_archive, action=Action.READ),
    Route(method="GET", path=f"{SOURCE_TREE}/Archive/{{package}}", handler=show_folder, action=Action.READ),
    *(Route(method="GET", path=f"{tree}/{{file}}", handler=get_file, action=Action.READ) for tree in (SOURCE_TREE, *BUILT_TREES)),
    Route(method="GET", path=f"{SOURCE_TREE}/Archive/{{package}}/{{file}}", handler=get_file, action=Action.READ),
    *(
        Route(method="PUT", path=path, handler=put_source, action=Action.PUBLISH, reach=PROJECT, limit=None)
        for path in ("src", f"{SOURCE_TREE}/{{file}}")
    ),
    *(
        Route(method="PUT", path=path, handler=put_built, action=Action.PUBLISH, reach=PROJECT, limit=None)
        for path in ("bin", *(f"{tree}/{{file}}" for tree in BUILT_TREES))
    ),
    *(
        Route(method="DELETE", path=f"{tree}/{{package}}/{{version}}", handler=delete_file, action=Action.DELETE, reach=PROJECT)
        for tree in ("src", "bin/{platform}/{r_version}", "bin/{platform}/{build}/{r_version}")
    ),
)
