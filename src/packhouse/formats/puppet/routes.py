"""The Forge API: modules, releases, files and users, and what publishes, deprecates and deletes."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from packhouse.contract import PROJECT, Action, Answer, Call, Route
from packhouse.errors import FileNotFound, Invalid, InvalidUpload, NotFound, PackageNotFound, VersionNotFound
from packhouse.formats.puppet import index, names
from packhouse.formats.puppet.parse import Read, ReleaseSplitter, read_module
from packhouse.grammar.multipart import splitter_of
from packhouse.model import Instant, NewFile, Spooled, Upload, replace
from packhouse.responses import Document, empty_reply, json_reply

JSON = "application/json"
SMALLEST_GZIP = 1024
LONGEST = 1000
SEARCHED = 255  # characters of a summary that a search looks through: the catalog holds those of all modules

MODULE_SORTS = ("rank", "downloads", "latest_release")
RELEASE_SORTS = ("downloads", "release_date", "module", "version")

Found = dict[str, Any]


# -- modules -----------------------------------------------------------------------------------------------------------


async def list_modules(call: Call) -> Answer:
    """A page of the modules that a query finds. Raises `InvalidParameter`."""
    asked = index.read_asked(call.query, MODULE_SORTS)
    catalog, at = await read_catalog(call)
    found = await asyncio.to_thread(index.find_entries, catalog, call.query.get("query", ""), call.query.get("owner", ""), asked.sort_by)
    modules = [module async for module in read_modules(call, found[asked.offset : asked.offset + asked.limit])]
    await add_texts(call, [module["current_release"] for module in modules], asked.excluded)
    return await answer_page("modules", asked, len(found), modules, at)


async def read_modules(call: Call, entries: Iterable[index.Entry]) -> AsyncIterator[Found]:
    """These modules; one that was deleted in between is passed over."""
    for entry in entries:
        try:
            yield (await find_module(call, entry.name))[0]
        except PackageNotFound:
            continue


async def show_module(call: Call) -> Answer:
    """A module with its releases. Raises `PackageNotFound`."""
    asked = index.read_asked(call.query)
    module, at = await find_module(call, known_name(call.params["package"]))
    await add_texts(call, [module["current_release"]], asked.excluded)
    return await asyncio.to_thread(write_document, index.without(module, asked.excluded), at)


async def find_module(call: Call, name: str) -> tuple[Found, Instant]:
    """A module without the texts of its current release, and when it changed. Raises `PackageNotFound`."""
    document = await find_document(call, name, index.MODULE)
    return await asyncio.to_thread(msgspec.json.decode, document.body), document.changed_at


class Params(msgspec.Struct):
    """What a deprecation says."""

    reason: str = ""
    replacement_slug: str | None = None


class Change(msgspec.Struct):
    """The body of a PATCH."""

    action: str
    params: Params = msgspec.field(default_factory=Params)


async def change_module(call: Call) -> Answer:
    """Deprecate every version of a module, or take that back. Raises `InvalidUpload`, `PackageNotFound`."""
    name = known_name(call.params["package"])
    reason = read_change(await call.body())
    rows = await call.packages.rows(name)
    await call.packages.yank_all(name, {row.version: reason for package in rows.packages for row in package.versions if row.yanked != reason})
    return empty_reply()


def read_change(body: bytes) -> str | None:
    """The reason of a deprecation; None where it is taken back. Raises `InvalidUpload`."""
    try:
        change = msgspec.json.decode(body, type=Change)
    except (msgspec.MsgspecError, ValueError) as error:
        raise InvalidUpload(f"The body is not what changes a module: {str(error)[:100]}") from error
    if change.action == "undeprecate":
        return None
    if change.action != "deprecate":
        raise InvalidUpload(f"The action is {change.action[: names.SHOWN]!r}: it may be deprecate or undeprecate")
    replacement = (change.params.replacement_slug or "").replace("/", "-", 1)
    if replacement:
        names.name_key(replacement)
    reason = change.params.reason.strip()
    if len(reason) > LONGEST or not all(letter.isprintable() or letter == "\n" for letter in reason):
        raise InvalidUpload(f"The reason must have at most {LONGEST} characters, and no control characters")
    return index.write_reason(reason, replacement)


async def delete_module(call: Call) -> Answer:
    """Remove a module with all its releases. Raises `PackageNotFound`."""
    await call.packages.delete(known_name(call.params["package"]))
    return empty_reply()


# -- releases ----------------------------------------------------------------------------------------------------------


async def list_releases(call: Call) -> Answer:
    """A page of releases, of one module or of all, the newest first. Raises `InvalidParameter`."""
    asked = index.read_asked(call.query, RELEASE_SORTS)
    if call.query.get("module"):
        return await list_of_module(call, asked, call.query["module"].replace("/", "-", 1))
    catalog, at = await read_catalog(call)
    found = await asyncio.to_thread(sort_versions, catalog, call.query.get("owner", ""), asked.sort_by)
    releases = await pick_releases(call, found[asked.offset : asked.offset + asked.limit])
    await add_texts(call, releases, asked.excluded)
    return await answer_page("releases", asked, len(found), releases, at)


async def list_of_module(call: Call, asked: index.Asked, text: str) -> Answer:
    """The releases of a module: none where there is no such module, as the Forge answers."""
    owner = call.query.get("owner", "").lower()
    try:
        name = known_name(text)
        if owner and names.split_name(name)[0] != owner:
            raise PackageNotFound
        document = await find_document(call, name, index.RELEASES)
    except PackageNotFound:
        return await answer_page("releases", asked, 0, (), 0)
    page, total = await asyncio.to_thread(read_page, document.body, asked)
    await add_texts(call, page, asked.excluded)
    return await answer_page("releases", asked, total, page, document.changed_at)


class Told(msgspec.Struct):
    """What a release is picked by: the whole of all releases of a module would be megabytes of objects."""

    version: str
    created_at: str


_read_each = msgspec.json.Decoder(list[msgspec.Raw]).decode
_read_told = msgspec.json.Decoder(Told).decode


def read_page(body: bytes, asked: index.Asked) -> tuple[list[Found], int]:
    """A page of the releases of a module, in the order that was asked for, and how many there are."""
    releases = _read_each(body)
    if asked.sort_by == "release_date":
        releases.sort(key=lambda release: _read_told(release).created_at, reverse=True)
    return [msgspec.json.decode(release) for release in releases[asked.offset : asked.offset + asked.limit]], len(releases)


def read_chosen(body: bytes, chosen: Collection[str]) -> dict[str, Found]:
    """The releases of a module that have these versions."""
    return {told.version: msgspec.json.decode(release) for release in _read_each(body) if (told := _read_told(release)).version in chosen}


def sort_versions(catalog: Sequence[index.Entry], owner: str, sort_by: str) -> list[tuple[str, str]]:
    """Name and version of all releases of an owner, or of everybody."""
    found = [(entry.name, *each) for entry in catalog if not owner or entry.owner.lower() == owner.lower() for each in entry.versions]
    if sort_by == "version":
        found.sort(key=lambda each: names.version_key(each[1]), reverse=True)
    elif sort_by != "module":
        found.sort(key=lambda each: each[2], reverse=True)
    return [(name, version) for name, version, _ in found]


async def pick_releases(call: Call, wanted: Sequence[tuple[str, str]]) -> list[Found]:
    """These releases, each module's list read once."""
    lists: dict[str, dict[str, Found]] = {}
    for name in dict.fromkeys(name for name, _ in wanted):
        chosen = {version for each, version in wanted if each == name}
        try:
            document = await find_document(call, name, index.RELEASES)
        except PackageNotFound:
            continue  # deleted in between
        lists[name] = await asyncio.to_thread(read_chosen, document.body, chosen)
    return [lists[name][version] for name, version in wanted if version in lists.get(name, ())]


async def show_release(call: Call) -> Answer:
    """A release with its texts. Raises `VersionNotFound`."""
    asked = index.read_asked(call.query)
    release, at = await find_release(call, call.params["release"])
    return await asyncio.to_thread(write_document, index.without(release, asked.excluded), at)


async def find_release(call: Call, slug: str) -> tuple[Found, Instant]:
    """The release of this slug with its texts, and when its module changed. Raises `VersionNotFound`."""
    name, version = known_release(slug)
    try:
        document = await find_document(call, name, index.MODULE)
        rows = await call.packages.rows(name, version)
    except PackageNotFound as error:
        raise VersionNotFound from error
    release = await asyncio.to_thread(index.write_one, rows, document.body)
    if release is None:
        raise VersionNotFound
    return release, document.changed_at


async def delete_release(call: Call) -> Answer:
    """Remove a release. Raises `VersionNotFound`, `PackageNotFound`."""
    await call.packages.delete(*known_release(call.params["release"]))
    return empty_reply()


async def fetch_file(call: Call) -> Answer:
    """The file of a release. Raises `FileNotFound`."""
    file = call.params["filename"]
    if not file.endswith(names.SUFFIX):
        raise FileNotFound
    try:
        name, version = known_release(file.removesuffix(names.SUFFIX))
    except NotFound as error:
        raise FileNotFound from error
    sha256 = None if call.place.kind == "project" else await find_digest(call, name, version)
    reply = await call.packages.file(name, version, names.file_name(name, version), sha256)
    return replace(reply, immutable=False, media_type="application/gzip")


async def find_digest(call: Call, name: str, version: str) -> str | None:
    """The digest of the file that a group lists, where several projects have it."""
    listed = index.list_releases(await call.packages.rows(name, version))
    return listed[0].file.blob.sha256 if listed else None


# -- publishing --------------------------------------------------------------------------------------------------------


async def publish_release(call: Call) -> Answer:
    """Publish a module: base64 in JSON, a form, or the bare file. Raises `InvalidUpload`, `AlreadyExists`."""
    content = await receive_module(call)
    read = await call.inspect(read_module, content)
    upload = make_upload(read, content)
    return json_reply(index.write_published(upload, await call.packages.publish(upload)), 201)


async def receive_module(call: Call) -> Spooled:
    """The one file of the request. Raises `InvalidParameter`, `InvalidUpload`, `TooLarge`."""
    content_type = call.headers.get("content-type", "")
    encoded = content_type.partition(";")[0].strip().lower() == JSON
    form = await call.spool(ReleaseSplitter() if encoded else splitter_of(content_type))
    content = form.the_file().content
    if not content.size:
        raise InvalidUpload("The file is empty: send a module, a tar archive packed with gzip")
    return content


def make_upload(read: Read, content: Spooled) -> Upload:
    """The file, and beside it what it says."""
    facts = index.Facts(md5=content.md5, summary=read.summary[:SEARCHED], tags=read.tags, pdk=read.pdk)
    file = NewFile(path=names.file_name(read.name, read.version), content=content, facts=msgspec.json.encode(facts), about=read.about)
    said = NewFile(path=index.SAID, content=read.release, facts=read.release, derived=True)
    return Upload(name=read.name, version=read.version, files=(file, said))


# -- users -------------------------------------------------------------------------------------------------------------


async def list_users(call: Call) -> Answer:
    """A page of the owners of modules. Raises `InvalidParameter`."""
    asked = index.read_asked(call.query)
    catalog, at = await read_catalog(call)
    users = await asyncio.to_thread(index.list_users, catalog)
    return await answer_page("users", asked, len(users), users[asked.offset : asked.offset + asked.limit], at)


async def show_user(call: Call) -> Answer:
    """An owner of modules. Raises `NotFound`."""
    wanted = call.params["user"].lower()
    catalog, at = await read_catalog(call)
    users = await asyncio.to_thread(index.list_users, [entry for entry in catalog if entry.owner.lower() == wanted])
    if not users:
        raise NotFound
    return await asyncio.to_thread(write_document, users[0], at)


# -- what the handlers share -------------------------------------------------------------------------------------------


def known_name(text: str) -> str:
    """The key of a name in an address: one that cannot exist is not found. Raises `PackageNotFound`."""
    try:
        return names.name_key(text)
    except Invalid as error:
        raise PackageNotFound from error


def known_release(slug: str) -> tuple[str, str]:
    """The keys of a name and a version. Raises `VersionNotFound`."""
    try:
        name, version = names.split_release(slug)
        return names.name_key(name), names.version_id(version)
    except Invalid as error:
        raise VersionNotFound from error


async def find_document(call: Call, name: str, path: str) -> Document:
    """One of the documents of a module. Raises `PackageNotFound`."""
    return (await call.packages.documents("module", names.name_key(name)))[path]


async def read_catalog(call: Call) -> tuple[list[index.Entry], Instant]:
    """All names, and when they changed; none where nothing is published."""
    try:
        document = (await call.packages.documents("catalog"))[index.CATALOG]
    except PackageNotFound:
        return [], 0
    return await asyncio.to_thread(index.read_catalog, document.body), document.changed_at


async def add_texts(call: Call, releases: Sequence[Found], excluded: frozenset[str] = frozenset()) -> None:
    """Put in what people read, release by release, unless nobody wants it."""
    if excluded.issuperset(index.TEXTS):
        return
    for release in releases:
        name, version = known_release(release["slug"])
        try:
            texts = index.find_texts(await call.packages.rows(name, version))
        except NotFound:
            continue  # deleted in between
        release.update(texts)


async def answer_page(resource: str, asked: index.Asked, total: int, found: Sequence[Found], at: Instant) -> Answer:
    def write() -> Document:
        results = [index.without(each, asked.excluded) for each in found] if asked.excluded else found
        return write_document(index.write_page(resource, asked, total, results), at)

    return await asyncio.to_thread(write)


def write_document(value: Mapping[str, Any], at: Instant) -> Document:
    """A finished document."""
    body = msgspec.json.encode(value)
    packed = gzip.compress(body, 1, mtime=0) if len(body) >= SMALLEST_GZIP else None
    return Document(body=body, media_type=JSON, etag=hashlib.sha256(body).hexdigest()[:40], gzip=packed, changed_at=at)


# -- the table ---------------------------------------------------------------------------------------------------------


def _read(path: str, handler: Callable[[Call], Any]) -> Route:
    return Route(method="GET", path=path, handler=handler, action=Action.READ)


def _change(method: str, path: str, handler: Callable[[Call], Any]) -> Route:
    return Route(method=method, path=path, handler=handler, action=Action.DELETE, reach=PROJECT)


ROUTES = (
    _read("v3/modules", list_modules),
    _read("v3/modules/{package}", show_module),
    _change("PATCH", "v3/modules/{package}", change_module),
    _change("DELETE", "v3/modules/{package}", delete_module),
    _read("v3/releases", list_releases),
    _read("v3/releases/{release}", show_release),
    Route(method="POST", path="v3/releases", handler=publish_release, action=Action.PUBLISH, reach=PROJECT, limit=None),
    _change("DELETE", "v3/releases/{release}", delete_release),
    _read("v3/files/{filename}", fetch_file),
    _read("v3/users", list_users),
    _read("v3/users/{user}", show_user),
)
