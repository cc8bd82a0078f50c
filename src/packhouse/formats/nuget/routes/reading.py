"""Registrations, search, the flat container and the symbol server."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from packhouse.contract import Answer, Call
from packhouse.errors import FileNotFound, Invalid, InvalidName, InvalidParameter, InvalidVersion, PackageNotFound, VersionNotFound
from packhouse.formats.nuget import names
from packhouse.formats.nuget.index.registration import HIVE, HIVE_1, INDEX, page_path, write_leaf, write_page
from packhouse.formats.nuget.index.releases import Release
from packhouse.formats.nuget.index.search import Taste, choose, write_result
from packhouse.formats.nuget.parse import read_flag, read_number, symbol_path
from packhouse.model import Rows, Search
from packhouse.responses import Document, FileReply, json_reply

TAKE, MOST_TAKEN = 20, 30
SIFTED, SIFTED_PAGE = 1000, 100
"""Names looked through for a search that the database cannot answer alone: by package type, or without Semantic Versioning 2."""

MEDIA_TYPES = {
    names.NUSPEC: "application/xml",
    names.README: "text/markdown; charset=utf-8",
    names.LICENSE: "text/plain; charset=utf-8",
    names.PNG: "image/png",
    names.JPEG: "image/jpeg",
}

_CHECKSUM = re.compile(r"SHA256:([0-9A-Fa-f]{64})")
MOST_CHECKSUMS = 16


def known_name(text: str) -> str:
    """The key of an id in an address. One that cannot exist is not found. Raises `PackageNotFound`."""
    try:
        return names.name_key(text)
    except InvalidName as error:
        raise PackageNotFound from error


def known_version(text: str) -> str:
    """The id of a version in an address. One that cannot exist is not found. Raises `VersionNotFound`."""
    try:
        return names.version_id(text)
    except InvalidVersion as error:
        raise VersionNotFound from error


# -- registrations -----------------------------------------------------------------------------------------------------

_INDEXES = {HIVE: "registration", HIVE_1: "registration1"}
_PAGES = {HIVE: "pages", HIVE_1: "pages1"}


async def show_registration(call: Call) -> Answer:
    """Every version of a package. Raises `PackageNotFound`."""
    return await find_hive(call, HIVE)


async def show_registration_1(call: Call) -> Answer:
    """The versions that clients without Semantic Versioning 2 can read. Raises `PackageNotFound`."""
    return await find_hive(call, HIVE_1)


async def find_hive(call: Call, hive: str) -> Document:
    documents = await call.packages.documents(_INDEXES[hive], known_name(call.params["name"]))
    return documents[INDEX]


async def show_page(call: Call) -> Answer:
    """A page of a registration. Raises `PackageNotFound`, `VersionNotFound`."""
    return await find_page(call, HIVE)


async def show_page_1(call: Call) -> Answer:
    """A page of a registration without Semantic Versioning 2. Raises `PackageNotFound`, `VersionNotFound`."""
    return await find_page(call, HIVE_1)


async def find_page(call: Call, hive: str) -> Answer:
    name = known_name(call.params["name"])
    lower, upper = known_version(call.params["lower"]), known_version(call.params["upper"].removesuffix(".json"))
    try:
        documents = await call.packages.documents(_PAGES[hive], name)
        if (page := documents.get(page_path(lower, upper))) is not None:
            return page
    except PackageNotFound:
        pass  # no pages any more, or no package
    made = write_page(await call.packages.rows(name), lower, upper, call.moment, hive)
    if made is None:
        raise VersionNotFound
    return json_reply(msgspec.Raw(made))


async def show_leaf(call: Call) -> Answer:
    """One version of a package. Raises `PackageNotFound`, `VersionNotFound`."""
    name, version = known_name(call.params["name"]), known_version(call.params["version"].removesuffix(".json"))
    leaf = write_leaf(await call.packages.rows(name, version), version, call.moment)
    if leaf is None:
        raise VersionNotFound
    return json_reply(msgspec.Raw(leaf))


# -- search ------------------------------------------------------------------------------------------------------------


async def search(call: Call) -> Answer:
    """Packages whose id contains the text, each with its newest versions. Raises `InvalidParameter`."""
    skip, take = read_window(call)
    found, total = await find(call, call.query.get("q", ""), read_taste(call), skip, take)
    return json_reply({"totalHits": total, "data": [write_result(rows, releases, call.moment) for rows, releases in found]})


async def autocomplete(call: Call) -> Answer:
    """Ids that contain the text, or the versions of one id. Raises `InvalidParameter`."""
    taste = read_taste(call)
    if "id" in call.query:
        try:
            versions = [release.version.normal for release in choose(await call.packages.rows(known_name(call.query["id"])), taste)]
        except PackageNotFound:
            versions = []
        return json_reply({"totalHits": len(versions), "data": versions})
    skip, take = read_window(call)
    found, total = await find(call, call.query.get("q", ""), taste, skip, take)
    return json_reply({"totalHits": total, "data": [releases[-1].row.name for _, releases in found]})


def read_window(call: Call) -> tuple[int, int]:
    """How many to pass over and how many to show. Raises `InvalidParameter`."""
    take = read_number(call.query, "take", TAKE, MOST_TAKEN)
    if take < 1:
        raise InvalidParameter("take is invalid: ask for one at least", parameter="take")
    return read_number(call.query, "skip", 0, 10**9), take


def read_taste(call: Call) -> Taste:
    """Which versions the client wants to see: all of them unless it says otherwise. Raises `InvalidParameter`."""
    level = call.query.get("semVerLevel", "").strip()
    try:
        semver1 = bool(level) and names.read_version(level).numbers[0] < 2
    except InvalidVersion as error:
        raise InvalidParameter(f"semVerLevel is invalid: {level[:40]!r} is no version such as 2.0.0", parameter="semVerLevel") from error
    return Taste(prereleases=read_flag(call.query, "prerelease", True), semver1=semver1, type=call.query.get("packageType", "").strip().lower())


async def find(call: Call, text: str, taste: Taste, skip: int, take: int) -> tuple[Sequence[tuple[Rows, list[Release]]], int]:
    """A page of packages with the versions that the client wants to see, and how many there are."""
    term = read_term(text, taste)
    if not (taste.type or taste.semver1):
        rows, total = await call.packages.find(msgspec.structs.replace(term, offset=skip, limit=take))  # type: ignore[type-var]
        return [(each, releases) for each in rows if (releases := choose(each, taste))], total
    sifted: list[tuple[Rows, list[Release]]] = []
    for offset in range(0, SIFTED, SIFTED_PAGE):
        rows, total = await call.packages.find(msgspec.structs.replace(term, offset=offset, limit=SIFTED_PAGE))  # type: ignore[type-var]
        sifted += [(each, releases) for each in rows if (releases := choose(each, taste))]
        if offset + SIFTED_PAGE >= total:
            break
    return sifted[skip : skip + take], len(sifted)


def read_term(text: str, taste: Taste) -> Search:
    """The search that a text asks for: `packageid:` stands before a whole id, as clients write it."""
    text = text.strip()[: names.VERSION_LIMIT]
    for prefix in ("packageid:", "id:"):
        if text.lower().startswith(prefix):
            whole = prefix == "packageid:"
            return Search(text=text[len(prefix) :].strip().strip('"'), exact=whole, prereleases=taste.prereleases, yanked=False)
    return Search(text=text, prereleases=taste.prereleases, yanked=False)


# -- the flat container ------------------------------------------------------------------------------------------------


async def list_versions(call: Call) -> Answer:
    """The versions of a package, as they stand in addresses. Raises `PackageNotFound`."""
    return (await call.packages.documents("versions", known_name(call.params["name"])))[INDEX]


async def fetch_file(call: Call) -> Answer:
    """The package, its symbols, its nuspec, or what it brings for people to look at. Raises `FileNotFound`."""
    return await find_file(call, call.params["name"], call.params["version"], call.params["file"])


async def find_file(call: Call, name: str, version: str, file: str) -> FileReply:
    """The stored file that an address asks for. Raises `FileNotFound`."""
    try:
        stored = names.stored_name(name, version, file)
        reply = await call.packages.file(name, version, stored)
    except Invalid as error:
        raise FileNotFound from error
    suffix = names.NUSPEC if stored.endswith(names.NUSPEC) else stored
    if suffix in MEDIA_TYPES:
        # Not counted as a download of the version.
        return msgspec.structs.replace(reply, media_type=MEDIA_TYPES[suffix], version_id=None)  # type: ignore[type-var]
    return reply


# -- symbols -----------------------------------------------------------------------------------------------------------


async def fetch_symbols(call: Call) -> Answer:
    """A PDB, to anybody who knows its signature and checksum, where the group lets it. Raises `Forbidden`, `Invalid`, `FileNotFound`."""
    name = call.params["symbols"]
    sums = read_checksums(call.headers.get("symbolchecksum", ""))
    shelf = call.params["signature"].upper()[:64]
    same = name.lower() == call.params["same"].lower()
    # The switch is looked at first: whoever finds it off learns nothing else.
    for checksum in sums[:MOST_CHECKSUMS] if same and sums else [""]:
        try:
            reply = await call.packages.open_file(shelf, symbol_path(name, checksum))
        except FileNotFound:
            continue
        return msgspec.structs.replace(reply, name=name, version_id=None)  # type: ignore[type-var]
    if not sums:
        raise Invalid("The header SymbolChecksum is missing: it holds SHA256: and the checksum of the PDB in 64 hexadecimal digits")
    raise FileNotFound


def read_checksums(header: str) -> list[str]:
    """The checksums that a debugger would take."""
    return [found.lower() for found in _CHECKSUM.findall(header)]
