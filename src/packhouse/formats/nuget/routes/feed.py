"""The v2 feed, for nuget.exe and Chocolatey where they are given its address: entries, versions of an id, search and updates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import urlencode

from packhouse.contract import Answer, Call
from packhouse.errors import InvalidName, InvalidParameter, InvalidVersion, NotFound, PackageNotFound, VersionNotFound
from packhouse.formats.nuget import names, parse
from packhouse.formats.nuget.index.feed import ATOM, Line, mark_latest, write_entry_document, write_feed
from packhouse.formats.nuget.index.releases import list_releases, order_of
from packhouse.formats.nuget.routes.reading import find_file, known_name, known_version
from packhouse.model import Rows, Search
from packhouse.responses import Reply

PAGE = 100
MOST_UPDATES = 256  # ids that one question for updates may name


async def show_operation(call: Call) -> Answer:
    """An entry, or a feed of them. Raises `NotFound`, `Invalid`."""
    operation = parse.read_operation(call.params["operation"])
    if operation is None:
        raise NotFound
    if operation.id:
        return await show_entry(call, operation)
    lines, following = await read_lines(call, operation.name)
    return Reply(write_feed(lines, call.moment, operation.name, following), media_type=ATOM)


async def count_operation(call: Call) -> Answer:
    """How many entries an operation has. Raises `NotFound`, `Invalid`."""
    operation = parse.read_operation(call.params["operation"])
    if operation is None or operation.id:
        raise NotFound
    return Reply(str(len(await list_lines(call, operation.name))), media_type="text/plain; charset=utf-8")


async def fetch_package(call: Call) -> Answer:
    """The package file, at the address that old clients make up. Raises `FileNotFound`."""
    name, version = known_name(call.params["name"]), known_version(call.params["version"])
    return await find_file(call, name, version, names.file_name(name, version))


async def show_entry(call: Call, operation: parse.Operation) -> Answer:
    try:
        wanted = names.version_id(operation.version)
        rows = await call.packages.rows(names.name_key(operation.id))
    except (InvalidName, InvalidVersion) as error:
        raise PackageNotFound from error
    for line in mark_latest(list_releases(rows)):
        if line.release.normal == wanted:
            return Reply(write_entry_document(line, call.moment), media_type=ATOM)
    raise VersionNotFound


# -- feeds -------------------------------------------------------------------------------------------------------------


async def read_lines(call: Call, operation: str) -> tuple[Sequence[Line], str]:
    """A page of the entries of an operation, and the address of the next page, "" where there is none."""
    lines = await list_lines(call, operation)
    skip = parse.read_number(call.query, "$skip", 0, 10**9)
    top = parse.read_number(call.query, "$top", 10**9, 10**9)
    page = lines[skip : skip + min(top, PAGE)]
    if top <= PAGE or skip + PAGE >= len(lines):
        return page, ""
    query = {**call.query, "$skip": str(skip + PAGE)}
    if "$top" in query:
        query["$top"] = str(top - PAGE)
    query = {name: value for name, value in query.items() if name.startswith("$") or name in _PARAMETERS}
    return page, f"{call.moment.here}/v2/{operation}()?{urlencode(query)}"


_PARAMETERS = frozenset(
    {"id", "searchTerm", "targetFramework", "includePrerelease", "semVerLevel", "packageIds", "versions", "includeAllVersions", "versionConstraints"}
)


async def list_lines(call: Call, operation: str) -> list[Line]:
    """Every entry of an operation, by id and version."""
    wanted = parse.read_filter(call.query.get("$filter", ""))
    if operation == "GetUpdates":
        return await list_updates(call)
    if operation == "FindPackagesById":
        found = await rows_of(call, parse.read_text(call.query, "id"))
    elif operation == "Search":
        prereleases = parse.read_flag(call.query, "includePrerelease", False)
        found = await search_rows(call, Search(text=parse.read_text(call.query, "searchTerm"), prereleases=prereleases, yanked=False))
        return [line for rows in found for line in sift(rows, wanted) if line.release.listed and (prereleases or not line.release.version.labels)]
    else:
        found = await rows_of(call, wanted.id) if wanted.id else await search_rows(call, Search())
    return [line for rows in found for line in sift(rows, wanted)]


async def rows_of(call: Call, name: str) -> Sequence[Rows]:
    """What there is of an id: nothing is an empty feed. Raises `InvalidParameter` where no id is given."""
    if not name:
        raise InvalidParameter("id is missing", parameter="id")
    try:
        return [await call.packages.rows(names.name_key(name))]
    except (PackageNotFound, InvalidName):
        return []


async def search_rows(call: Call, search: Search) -> Sequence[Rows]:
    """The first thousand packages that a search finds."""
    found: list[Rows] = []
    for offset in range(0, 1000, PAGE):
        page = Search(text=search.text, prereleases=search.prereleases, yanked=search.yanked, offset=offset, limit=PAGE)
        rows, total = await call.packages.find(page)
        found += rows
        if offset + PAGE >= total:
            break
    return found


def sift(rows: Rows, wanted: parse.Filter) -> Iterator[Line]:
    """The entries of a package that a filter lets through."""
    for line in mark_latest(list_releases(rows)):
        release = line.release
        asked = (
            (wanted.latest, line.latest),
            (wanted.highest, line.highest),
            (wanted.prerelease, bool(release.version.labels)),
            (wanted.listed, release.listed),
        )
        if any(want is not None and want != is_so for want, is_so in asked):
            continue
        if wanted.id and release.row.name.lower() != wanted.id.lower():
            continue
        if not wanted.version or wanted.version.lower() in (release.row.version.lower(), release.normal):
            yield line


async def list_updates(call: Call) -> list[Line]:
    """What is newer than the versions that a client has, of each id the highest or all. Raises `InvalidParameter`."""
    ids, versions = (parse.read_text(call.query, name).split("|") for name in ("packageIds", "versions"))
    if len(ids) != len(versions) or len(ids) > MOST_UPDATES:
        raise InvalidParameter(f"packageIds and versions are invalid: they name as many each, {MOST_UPDATES} at most", parameter="packageIds")
    prereleases, every = (parse.read_flag(call.query, name, False) for name in ("includePrerelease", "includeAllVersions"))
    found: list[Line] = []
    for name, version in zip(ids, versions, strict=True):
        try:
            least = names.version_key(version)
        except InvalidVersion as error:
            raise InvalidParameter(f"versions is invalid: {error.message}", parameter="versions") from error
        newer = [
            line
            for rows in await rows_of(call, name)
            for line in mark_latest(list_releases(rows))
            if line.release.listed and order_of(line.release) > least and (prereleases or not line.release.version.labels)
        ]
        found += newer if every else newer[-1:]
    return found
