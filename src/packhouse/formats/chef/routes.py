"""The API of a Supermarket as knife, Berkshelf and Policyfiles speak it: universe, lists, cookbooks, share and unshare."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from packhouse.contract import PROJECT, Action, Answer, Call, Neighbours, Route
from packhouse.errors import AlreadyExists, Conflict, FileNotFound, Invalid, InvalidCredential, InvalidUpload, PackageNotFound, VersionNotFound
from packhouse.formats.chef import index, names, parse
from packhouse.grammar.multipart import FORM, MultipartSplitter
from packhouse.grammar.opssignatures import is_digest_of, read_signature
from packhouse.model import NewFile, Search, Spooled, Upload, VersionRow, replace
from packhouse.responses import Reply, json_reply

ITEMS, MOST_ITEMS = 10, index.PAGE
TARBALL, ABOUT = "tarball", "cookbook"


# -- reading -----------------------------------------------------------------------------------------------------------


async def show_universe(call: Call) -> Answer:
    """Every version here, and what it depends on."""
    return (await call.packages.documents("universe"))[index.UNIVERSE]


async def show_addresses(call: Call) -> Answer:
    """Where everything is: what the `location_path` of a universe leads to."""
    base = index.base_of(call.moment)
    return json_reply({name: f"{base}/{name}" for name in ("universe", "cookbooks", "search")})


async def show_cookbook(call: Call) -> Answer:
    """A cookbook and its versions. Raises `PackageNotFound`."""
    return (await call.packages.documents("cookbook", key_of(call)))[index.COOKBOOK]


async def show_version(call: Call) -> Answer:
    """A version of a cookbook. Raises `PackageNotFound`, `VersionNotFound`."""
    documents = await call.packages.documents("cookbook", key_of(call))
    version = known_version(call.params["version"])
    if version not in documents:
        raise VersionNotFound
    return documents[version]


async def show_contingents(call: Call) -> Answer:
    """What depends on a cookbook. Raises `PackageNotFound`."""
    documents = await call.packages.documents("contingents")
    if (key := key_of(call)) not in documents:
        raise PackageNotFound
    return documents[key]


async def get_file(call: Call) -> Answer:
    """The archive of a version. Raises `PackageNotFound`, `VersionNotFound`, `FileNotFound`."""
    key, version = key_of(call), known_version(call.params["version"])
    if version == index.LATEST:
        version = names.version_id(index.read_version((await call.packages.documents("cookbook", key))[index.LATEST].body))
    sha256 = None if call.place.kind == "project" else await find_digest(call, key, version)
    reply = await call.packages.file(key, version, names.file_name(key, version), sha256)
    # the protocol has no digests: scripts that download can compare this one
    return replace(reply, media_type="application/gzip", headers={"X-Checksum-Sha256": reply.blob.sha256}, immutable=False)


async def find_digest(call: Call, key: str, version: str) -> str:
    """The digest of the file that a group offers, where several projects have it. Raises `FileNotFound`."""
    found = index.find_version(await call.packages.rows(key, version), version)
    if found is None:
        raise FileNotFound
    return found.file.blob.sha256


def key_of(call: Call) -> str:
    """The key of the cookbook in the address. Raises `PackageNotFound`."""
    try:
        return names.name_key(call.params["name"])
    except Invalid as error:
        raise PackageNotFound from error


def known_version(segment: str) -> str:
    """The version in an address: three numbers, or the word for the newest. Raises `VersionNotFound`."""
    if segment == index.LATEST:
        return segment
    try:
        return names.read_version(segment)
    except Invalid as error:
        raise VersionNotFound from error


# -- lists -------------------------------------------------------------------------------------------------------------


async def list_cookbooks(call: Call) -> Answer:
    """A page of the cookbooks here: by name, by time, or those of a maintainer by name."""
    order, user = call.query.get("order", ""), call.query.get("user", "")
    if user:
        return await answer_part(call, index.maintainer_list(user))
    if order in (index.UPDATED, index.ADDED):
        return await answer_part(call, order)
    return await answer_names(call, "")


async def search(call: Call) -> Answer:
    """A page of the cookbooks whose name contains a text."""
    return await answer_names(call, call.query.get("q", "").replace("\0", "").strip()[: names.LONGEST])


async def answer_names(call: Call, text: str) -> Answer:
    start, size = read_page(call)
    found, total = await call.packages.find(Search(text=text, offset=start, limit=size))
    items = [index.write_item(cookbook, call.moment) for rows in found for cookbook in index.list_cookbooks(rows)]
    return answer_page(start, total, items)


async def answer_part(call: Call, name: str) -> Answer:
    """A page of a list that is made as a whole: it lies in one of its parts, or in two."""
    start, size = read_page(call)
    try:
        documents = await call.packages.documents("lists")
    except PackageNotFound:
        return answer_page(start, 0, [])
    first = start // index.PAGE
    parts = [index.read_part(documents[part].body) for number in (first, first + 1) if (part := f"{name}/{number}") in documents]
    total = index.read_part(documents[f"{name}/0"].body).total if f"{name}/0" in documents else 0
    skipped = start % index.PAGE
    return answer_page(start, total, [item for part in parts for item in part.items][skipped : skipped + size])


def answer_page(start: int, total: int, items: list[Any]) -> Reply:
    return json_reply({"start": start, "total": total, "items": items})


def read_page(call: Call) -> tuple[int, int]:
    """Where a page starts, and how many cookbooks are on it."""
    return read_number(call.query.get("start"), 0), min(read_number(call.query.get("items"), 0) or ITEMS, MOST_ITEMS)


def read_number(text: str | None, default: int) -> int:
    """A number; anything else is the default."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else default


# -- share -------------------------------------------------------------------------------------------------------------


async def share(call: Call) -> Answer:
    """Publish the archive of a form. Raises `InvalidUpload`, `InvalidCredential`, `AlreadyExists`."""
    content_type = call.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != FORM:
        raise InvalidUpload(f"Send a form (multipart/form-data) with the archive as the file {TARBALL}")
    form = await call.spool(MultipartSplitter(content_type, frozenset({TARBALL}), field_limit=64 * 1024))
    if len(form.files) != 1:
        raise InvalidUpload(f"The form must bring one file in the field {TARBALL}, and brings {len(form.files)}")
    content = form.files[0].content
    check_digest(call, content)
    category = parse.read_category(form.texts(ABOUT))
    read = await call.inspect(parse.read_cookbook, content)
    facts = msgspec.json.encode(replace(read.facts, category=category))
    new = NewFile(path=names.file_name(read.name, read.version), content=content, facts=facts, about=read.about)
    await call.packages.publish(Upload(name=read.name, version=read.version, files=(new,)))
    return json_reply({"uri": index.cookbook_url(call.moment, read.name)}, 201)


def check_digest(call: Call, content: Spooled | None) -> None:
    """A signature speaks of the bytes of the file, or of no bytes where none is sent. Raises `InvalidCredential`."""
    signature = read_signature(call.headers) if call.signed else None
    if signature is None:
        return
    if content is None:
        digest = hashlib.new(signature.algorithm, b"").hexdigest()
    else:
        digest = content.sha1 if signature.algorithm == "sha1" else content.sha256
    if not is_digest_of(signature, digest):
        raise InvalidCredential("X-Ops-Content-Hash is not the digest of what was sent: sign the request again, or see who changes it on its way")


def check_neighbours(coming: VersionRow, there: Neighbours) -> None:
    """Raises `AlreadyExists` where the cookbook is there in other letters, under which alone clients would find it."""
    held = there.versions()
    if held and held[0].name != coming.name:
        raise AlreadyExists(f"Cookbook {coming.name} differs from {held[0].name}, which is there, in case alone: give it a name of its own")


# -- unshare -----------------------------------------------------------------------------------------------------------


async def unshare(call: Call) -> Answer:
    """Remove a cookbook with all its versions; what it was. Raises `PackageNotFound`."""
    check_digest(call, None)
    key = key_of(call)
    documents = await call.packages.documents("cookbook", key)
    await call.packages.delete(key)
    return answer_removed(documents[index.COOKBOOK].body)


async def unshare_version(call: Call) -> Answer:
    """Remove a version that is not the only one; what it was. Raises `PackageNotFound`, `VersionNotFound`, `Conflict`."""
    check_digest(call, None)
    key, version = key_of(call), known_version(call.params["version"])
    documents = await call.packages.documents("cookbook", key)
    if version not in documents:
        raise VersionNotFound
    if version == index.LATEST:
        raise Conflict("Say which version to unshare, by its numbers")
    if len(documents) == 3:  # beside the cookbook and its newest version
        raise Conflict(f"{version} is the only version of {key}: unshare the whole cookbook")
    await call.packages.delete(key, version)
    return answer_removed(documents[version].body)


def answer_removed(body: bytes) -> Reply:
    return Reply(body, media_type=index.JSON)


# -- the table ---------------------------------------------------------------------------------------------------------

API = "api/v1"
COOKBOOKS = f"{API}/cookbooks"
COOKBOOK = f"{COOKBOOKS}/{{name}}"
VERSION = f"{COOKBOOK}/versions/{{version}}"

ROUTES = (
    Route(method="GET", path="universe", handler=show_universe, action=Action.READ),
    Route(method="GET", path=API, handler=show_addresses, action=Action.READ),
    Route(method="GET", path=f"{API}/universe", handler=show_universe, action=Action.READ),
    Route(method="GET", path=COOKBOOKS, handler=list_cookbooks, action=Action.READ),
    Route(method="GET", path=f"{API}/search", handler=search, action=Action.READ),
    Route(method="GET", path=COOKBOOK, handler=show_cookbook, action=Action.READ),
    Route(method="GET", path=f"{COOKBOOK}/contingent", handler=show_contingents, action=Action.READ),
    Route(method="GET", path=VERSION, handler=show_version, action=Action.READ),
    Route(method="GET", path=f"{VERSION}/download", handler=get_file, action=Action.READ),
    Route(method="POST", path=COOKBOOKS, handler=share, action=Action.PUBLISH, reach=PROJECT, limit=None),
    Route(method="DELETE", path=COOKBOOK, handler=unshare, action=Action.DELETE, reach=PROJECT),
    Route(method="DELETE", path=VERSION, handler=unshare_version, action=Action.DELETE, reach=PROJECT),
)
