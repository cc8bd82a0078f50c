"""Both versions of Conan's API: log in, search, look up, download, upload, delete. In the instance a reference's user names the project."""

from __future__ import annotations

import base64
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from typing import Any

import msgspec

from packhouse.contract import GROUP, INSTANCE, MIB, PROJECT, Action, Answer, Call, Neighbours, Route
from packhouse.errors import (
    AlreadyExists,
    FileNotFound,
    Forbidden,
    Invalid,
    InvalidParameter,
    InvalidUpload,
    NotFound,
    PackageNotFound,
    Unauthenticated,
)  # fmt: skip
from packhouse.formats.conan import names, parse
from packhouse.formats.conan.index import MOST_FOUND, Facts, file_url, read_facts, timestamp
from packhouse.formats.conan.names import INFO, MANIFEST, NO_REVISION, RECIPE, SHELF_OF_RECIPES, Reference, Spot, Unit
from packhouse.model import About, NewFile, Published, Reach, Spooled, Upload, VersionRow
from packhouse.responses import FileReply, Reply, json_reply

NO_STORE = {"cache-control": "no-store"}
LONGEST_QUERY = 200
MOST_WILDCARDS = 5
SHORT = 16 * 1024
TOKEN_HEADERS = ("private-token", "deploy-token", "job-token")


# -- log in ----------------------------------------------------------------------------------------------------------


async def ping(call: Call) -> Answer:
    """What this server can do, told to anybody: Conan 2 refuses a remote that does not know revisions."""
    return json_reply({}, headers={"x-conan-server-capabilities": "revisions", **NO_STORE})


async def authenticate(call: Call) -> Answer:
    """The token that was sent, which the client sends as Bearer from now on. Raises `Forbidden` for a password, `Unauthenticated` for a cookie."""
    if call.actor.kind == "password":
        raise Forbidden("Forbidden - Conan logs in with an access token, a deploy token or a job token in place of the password")
    return plain_text(sent_token(call.headers))


async def check_credentials(call: Call) -> Answer:
    """`ok`, for whoever is signed in."""
    return plain_text("ok")


def plain_text(text: str) -> Reply:
    return Reply(text.encode(), 200, {"content-type": "text/plain", **NO_STORE})


def sent_token(headers: Mapping[str, str]) -> str:
    """The secret of a request that the house has let in. Raises `Unauthenticated` where it came by another way."""
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() == "basic":
        return base64.b64decode(rest.strip()).decode().partition(":")[2]
    for header in TOKEN_HEADERS:
        if header in headers:
            return headers[header]
    raise Unauthenticated


# -- look up ---------------------------------------------------------------------------------------------------------


async def search(call: Call) -> Answer:
    """The recipes that a pattern means. Raises `InvalidParameter`."""
    query = call.query.get("q", "")
    if len(query) > LONGEST_QUERY:
        raise InvalidParameter(f"q is too long (maximum is {LONGEST_QUERY} characters)", parameter="q")
    if query.count("*") > MOST_WILDCARDS:
        raise InvalidParameter(f"q has too many wildcards (maximum is {MOST_WILDCARDS})", parameter="q")
    try:
        documents = await call.packages.documents("list", SHELF_OF_RECIPES)
    except PackageNotFound:
        return json_reply({"results": []})
    if query.strip("*") == "":
        return documents["results"]
    fits = compile_query(query, ignore_case=call.query.get("ignorecase", "").lower() != "false")
    return json_reply({"results": find_references(documents["refs"].body.decode(), fits)})


def compile_query(query: str, *, ignore_case: bool) -> Callable[[str], object]:
    """Says of a text whether it fits: * is any run of characters, ? is one."""
    # Each run is taken as short as it can be and never again longer: no pattern is slow.
    runs = [re.escape(run).replace(r"\?", ".") for run in query.split("*")]
    pattern = runs[0] + "".join(f"(?>.*?{run})" for run in runs[1:-1]) + (f".*{runs[-1]}" if len(runs) > 1 else "")
    return re.compile(pattern, re.IGNORECASE if ignore_case else 0).fullmatch


def find_references(listed: str, fits: Callable[[str], object]) -> list[str]:
    """The first of the references of which the whole or the beginning fits: name, or name and version."""
    found: list[str] = []
    for reference in listed.split("\n"):
        recipe = reference.partition("@")[0]
        if fits(reference) or fits(recipe) or fits(recipe.partition("/")[0]):
            found.append(reference)
            if len(found) == MOST_FOUND:
                break
    return found


async def show(call: Call, path: str) -> Answer:
    """One of the documents about a reference; `path` is filled with the parameters of the URL. Raises `NotFound`."""
    reference = names.read_reference(call.params)
    if "rrev" in call.params:
        names.read_unit(call.params)
    if "package_id" in call.params:
        names.read_package_id(call.params["package_id"])
    documents = await call.packages.documents("recipe", reference.shelf)
    try:
        return documents[path.format_map(call.params)]
    except KeyError:
        raise NotFound(f"Not Found - {describe_target(reference, call.params)}") from None


def describe_target(reference: Reference, params: Mapping[str, str]) -> str:
    package = f":{params['package_id']}" if "package_id" in params else ""
    revision = f"#{params['prev']}" if "prev" in params else ""
    recipe = f"#{params['rrev']}" if "rrev" in params else ""
    return f"there is no complete {reference}{recipe}{package}{revision} here"


async def show_snapshot(call: Call, path: str) -> Answer:
    """Files with their md5; nothing for what is not there, as uploading clients ask for that."""
    try:
        return await show(call, path)
    except NotFound:
        return json_reply({})


async def show_urls(call: Call, path: str) -> Answer:
    """Files with their addresses. Raises `NotFound`."""
    try:
        return await show(call, path)
    except NotFound as error:
        kind = "package" if "package_id" in call.params else "recipe"
        raise NotFound(f"No {kind} manifest found") from error


async def get_file(call: Call) -> Answer:
    """A file of a recipe or package revision. Raises `FileNotFound`, `PackageNotFound`."""
    spot = names.read_spot(call.params)
    sha256 = await pick_in_group(call, spot) if call.moment.level == "group" else None
    reply = await call.packages.file(spot.reference.package, spot.reference.version, spot.path, sha256)
    # The address does not name the digest: the group may take the revision from another project tomorrow.
    return msgspec.structs.replace(reply, name=spot.file.rpartition("/")[2], immutable=False)  # type: ignore[type-var]


async def pick_in_group(call: Call, spot: Spot) -> str:
    """The digest of the file in the project that the group takes this revision from. Raises `FileNotFound`."""
    sums = (await call.packages.documents("recipe", spot.reference.shelf)).get(f"sums/{spot.unit.folder}")
    digests = msgspec.json.decode(sums.body, type=dict[str, str]) if sums is not None else {}
    if spot.file not in digests:
        raise FileNotFound
    return digests[spot.file]


# -- upload ----------------------------------------------------------------------------------------------------------


async def list_upload_urls(call: Call) -> Answer:
    """Where to upload each of the files that the client names, under revision 0; what is no file of Conan is left out. Raises `InvalidUpload`."""
    reference = names.read_reference(call.params)
    package_id = names.read_package_id(call.params["package_id"]) if "package_id" in call.params else ""
    unit = Unit(recipe=NO_REVISION, package_id=package_id, revision=NO_REVISION if package_id else "")
    wanted = await read_object(call)
    known = names.PACKAGE_FILES if package_id else names.RECIPE_FILES
    return json_reply({name: file_url(call.moment, reference, unit, name) for name in wanted if name in known})


async def read_object(call: Call) -> dict[str, Any]:
    try:
        return msgspec.json.decode(await call.body(), type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidUpload(f"The body must be a JSON object: {error}") from error


async def put_file(call: Call, *, first: bool = False) -> Answer:
    """Publish the body as a file of a revision; `first` is version 1 of the API, which knows only revision 0."""
    spot = names.read_spot(call.params)
    if first and not spot.unit.movable:
        raise Invalid(f"Version 1 of the API uploads under revision 0, not {spot.unit.recipe}: upload by version 2")
    if call.headers.get("x-checksum-deploy", "false").lower() != "false":
        raise NotFound("Not Found - files are not taken by their checksum here: upload the file itself")
    content = (await call.spool()).files[0].content
    if not content.size and not parse.promises_nothing(call.headers):
        return json_reply({})  # a look whether one may upload
    parse.check_digests(call.headers, content.blob)
    files = await describe(call, spot, content)
    published = await call.packages.publish(Upload(name=spot.reference.package, version=spot.reference.version, files=files))
    return json_reply(describe_file(published))


async def describe(call: Call, spot: Spot, content: Spooled) -> tuple[NewFile, ...]:
    """The file with what was read out of it. Raises `InvalidUpload` where it contradicts its path or its neighbours."""
    facts, about = Facts(), About()
    described = INFO if spot.unit.package_id else RECIPE
    if spot.file == RECIPE:
        recipe = await call.inspect(parse.read_recipe, content)
        parse.check_recipe(recipe, spot.reference.name, spot.reference.version)
        about = recipe.about
    elif spot.file == INFO:
        info = parse.read_info(content.path) if is_short(content) else await call.inspect(parse.read_info, content)
        facts, about = Facts(content=info.content), info.about
    elif spot.file == MANIFEST:
        manifest = parse.read_manifest(content.path, described) if is_short(content) else await call.inspect(parse.read_manifest, content, described)
        facts, about = Facts(digest=manifest.digest), manifest.about
        neighbour = await find_file(call, spot, described)
        parse.check_described(described, manifest.digest, neighbour.blob.md5 if neighbour else None)
    if spot.file == described and not spot.movable:
        parse.check_described(described, await told_digest(call, spot), content.md5)
    new = NewFile(
        path=spot.path, content=content, facts=msgspec.json.encode(facts), about=about if about != About() else None, shelf=spot.reference.shelf,
        movable=spot.movable,
    )  # fmt: skip
    if spot.file != MANIFEST or spot.unit.package_id:
        return (new,)
    # A complete recipe is listed among the others.
    listed = NewFile(path=spot.path, content=content, shelf=SHELF_OF_RECIPES, derived=True, movable=spot.movable)
    return (new, listed)


def is_short(content: Spooled) -> bool:
    """Whether a text of plain lines may be read on the spot: there is nothing in it that takes long, or could break a parser."""
    return content.size <= SHORT


async def find_file(call: Call, spot: Spot, file: str) -> FileReply | None:
    """Another file of the same unit, where it is there."""
    try:
        return await call.packages.file(spot.reference.package, spot.reference.version, spot.unit.folder + file)
    except NotFound:
        return None


async def told_digest(call: Call, spot: Spot) -> str:
    """What the manifest of the unit says of the file, where the manifest came first."""
    if await find_file(call, spot, MANIFEST) is None:
        return ""
    rows = await call.packages.rows(spot.reference.package, spot.reference.version)
    files = (file for package in rows.packages for version in package.versions for file in version.files if not file.derived)
    return next((read_facts(file).digest for file in files if file.path == spot.unit.folder + MANIFEST), "")


def check_neighbours(coming: VersionRow, there: Neighbours) -> None:
    """Nothing, unless a unit has an archive in another compression. Raises `AlreadyExists`."""
    rivals: dict[str, str] = {}
    for file in coming.files:
        folder = unit_of(file.path).folder
        name = file.path.removeprefix(folder)
        rivals.update((folder + rival, name) for rival in names.archive_rivals(name))
    for version, file in there.files(list(rivals)):
        if version.version == coming.version:
            raise AlreadyExists(f"{file.path} is there already, and clients refuse a revision with {rivals[file.path]} beside it")


def describe_file(published: Published) -> dict[str, Any]:
    file = published.files[0]
    return {
        "id": file.id,
        "package_id": published.version_id,
        "created_at": timestamp(file.created).replace("+0000", "Z"),
        "size": file.blob.size,
        "file_name": file.path.rpartition("/")[2],
        "file_md5": file.blob.md5,
        "file_sha1": file.blob.sha1,
        "file_sha256": file.blob.sha256,
    }


# -- delete ----------------------------------------------------------------------------------------------------------


async def delete_recipe(call: Call) -> Answer:
    """Every revision of a reference."""
    reference = names.read_reference(call.params)
    await call.packages.delete(reference.package, reference.version)
    return json_reply({})


async def delete_below(call: Call, folder: str) -> Answer:
    """A revision, the binaries of one, or those of one package id: what lies in a folder. The client takes 200 only for an answer."""
    reference = names.read_reference(call.params)
    names.read_unit(call.params)
    await call.packages.delete(reference.package, reference.version, folder.format_map(call.params))
    return json_reply({})


async def delete_packages(call: Call) -> Answer:
    """The binaries that a client without revisions names, of every revision; none named: all. Raises `InvalidUpload`."""
    reference = names.read_reference(call.params)
    wanted = {names.read_package_id(one) for one in strings_of(await read_object(call), "package_ids")}
    folders = {
        f"{unit.recipe}/package/{unit.package_id}/" if wanted else f"{unit.recipe}/package/"
        for unit in await list_units(call, reference)
        if unit.package_id and (unit.package_id in wanted or not wanted)
    }
    await call.packages.delete_files(reference.package, [(reference.version, folder) for folder in sorted(folders)])
    return json_reply({})


async def delete_files(call: Call) -> Answer:
    """Files of revision 0 that a new upload no longer has. Raises `InvalidUpload`."""
    reference, unit = names.read_reference(call.params), Unit(recipe=NO_REVISION)
    files = strings_of(await read_object(call), "files")
    for file in files:
        names.check_file(unit, file)
    try:
        await call.packages.delete_files(reference.package, [(reference.version, unit.folder + file) for file in files])
    except NotFound:
        pass  # all of them are gone: as it was asked
    return json_reply({})


def strings_of(body: Mapping[str, Any], key: str) -> list[str]:
    value = body.get(key)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise InvalidUpload(f'The body must be {{"{key}": ["…"]}}')
    return value


async def list_units(call: Call, reference: Reference) -> list[Unit]:
    rows = await call.packages.rows(reference.package, reference.version)
    files = (file for package in rows.packages for version in package.versions for file in version.files if not file.derived)
    return sorted({unit_of(file.path) for file in files}, key=lambda unit: unit.folder)


def unit_of(path: str) -> Unit:
    recipe, kind, *rest = path.split("/")
    return Unit(recipe=recipe) if kind == "export" else Unit(recipe=recipe, package_id=rest[0], revision=rest[1])


# -- the table -------------------------------------------------------------------------------------------------------

Handler = Callable[[Any], Awaitable[Answer]]
ANYWHERE = PROJECT | GROUP | INSTANCE
REF = "conans/{name}/{version}/{user}/{channel}"
PID = "/packages/{package_id}"
RREV = REF + "/revisions/{rrev}"
PREV = RREV + PID + "/revisions/{prev}"
FILES = "v1/files/{name}/{version}/{user}/{channel}/{rrev}"


def open_to(reach: Reach, method: str, path: str, handler: Handler, action: Action, **more: Any) -> Route:
    """A route about a reference: in the instance, the project that its user names."""
    place: dict[str, Any] = {"place_of": names.project_path, "place_kind": "project", "bound": True}
    return Route(method=method, path=path, handler=handler, action=action, reach=reach, **place, **more)


read = partial(open_to, ANYWHERE, "GET", action=Action.READ)
change = partial(open_to, PROJECT | INSTANCE)
ask = partial(change, "POST", action=Action.READ, signed_in=True, limit=MIB)
put = partial(change, "PUT", action=Action.PUBLISH, limit=None)
delete = partial(change, "DELETE", action=Action.DELETE)


def common_routes(version: str) -> Iterator[Route]:
    for path, handler in (("users/authenticate", authenticate), ("users/check_credentials", check_credentials)):
        # Open, as whoever has a token may log in; it may still open nothing here.
        yield Route(method="GET", path=f"{version}/{path}", handler=handler, action=Action.OPEN, reach=ANYWHERE, signed_in=True)
    yield Route(method="GET", path=f"{version}/conans/search", handler=search, action=Action.READ, reach=ANYWHERE)


def first_version() -> Iterator[Route]:
    for below, slot in (("", ""), (PID, "/{package_id}")):
        yield read(f"v1/{REF}{below}", partial(show_snapshot, path=f"v1/snapshot{slot}"))
        yield read(f"v1/{REF}{below}/digest", partial(show_urls, path=f"v1/digest{slot}"))
        yield read(f"v1/{REF}{below}/download_urls", partial(show_urls, path=f"v1/urls{slot}"))
        yield ask(f"v1/{REF}{below}/upload_urls", list_upload_urls)
    yield read(f"v1/{REF}/search", partial(show, path="v1/search"))
    for path in (f"{FILES}/export/{{file}}", f"{FILES}/package/{{package_id}}/{{prev}}/{{file}}"):
        yield read(path, get_file)
        yield put(path, partial(put_file, first=True))
    yield change("POST", f"v1/{REF}/packages/delete", delete_packages, action=Action.DELETE, limit=MIB)
    yield change("POST", f"v1/{REF}/remove_files", delete_files, action=Action.DELETE, limit=MIB)
    yield delete(f"v1/{REF}", delete_recipe)


def second_version() -> Iterator[Route]:
    yield read(f"v2/{REF}/latest", partial(show, path="latest"))
    yield read(f"v2/{REF}/revisions", partial(show, path="revisions"))
    yield read(f"v2/{REF}/search", partial(show, path="search"))
    yield read(f"v2/{RREV}/search", partial(show, path="search/{rrev}"))
    yield read(f"v2/{RREV}/files", partial(show, path="files/{rrev}"))
    yield read(f"v2/{RREV}{PID}/latest", partial(show, path="latest/{rrev}/{package_id}"))
    yield read(f"v2/{RREV}{PID}/revisions", partial(show, path="revisions/{rrev}/{package_id}"))
    yield read(f"v2/{PREV}/files", partial(show, path="files/{rrev}/{package_id}/{prev}"))
    for path in (f"v2/{RREV}/files/{{file*}}", f"v2/{PREV}/files/{{file*}}"):
        yield read(path, get_file)
        yield put(path, put_file)
    yield delete(f"v2/{RREV}", partial(delete_below, folder="{rrev}/"))
    yield delete(f"v2/{RREV}/packages", partial(delete_below, folder="{rrev}/package/"))
    yield delete(f"v2/{RREV}{PID}", partial(delete_below, folder="{rrev}/package/{package_id}/"))
    yield delete(f"v2/{PREV}", partial(delete_below, folder="{rrev}/package/{package_id}/{prev}/"))
    yield delete(f"v2/{REF}", delete_recipe)


ROUTES = (
    Route(method="GET", path="v1/ping", handler=ping, action=Action.OPEN, reach=ANYWHERE),
    *common_routes("v1"),
    *common_routes("v2"),
    *second_version(),
    *first_version(),
)
