"""GET, PUT and DELETE of every file of the layout; checksums made and verified, never stored; maven-metadata.xml made, whatever is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial

import msgspec

from packhouse.contract import GROUP, INSTANCE, PROJECT, Action, Answer, Call, Params, Route
from packhouse.errors import Conflict, FileNotFound, Invalid, InvalidName, InvalidUpload, NotFound, PackageNotFound, TooLarge
from packhouse.formats.maven import names
from packhouse.formats.maven.index import NEWEST, VERSIONS, Facts
from packhouse.formats.maven.parse import METADATA_LIMIT, Pom, check_declared, read_checksum, read_pom, read_versions
from packhouse.model import Blob, Instant, NewFile, Spooled, Upload
from packhouse.responses import Document, FileReply, empty_reply, json_reply

TEXT = "text/plain; charset=utf-8"
CHECKSUM_LIMIT = 200
SETTLING: Instant = 2 * 60 * 1_000_000
"""How long after a file arrived HEAD hides its checksums: Ivy and sbt do not upload what they find there."""

MARKER = names.METADATA  # the name of the row that lists a version without a POM; no path leads to it


# -- reading ---------------------------------------------------------------------------------------------------------


async def get_file(call: Call) -> Answer:
    """A file of a version, or a checksum of one. Raises `PackageNotFound`."""
    path, algorithm = names.split_checksum(call.params["path"])
    reply = await find_file(call, path)
    if algorithm:
        if call.method == "HEAD" and call.now - reply.modified < SETTLING:
            raise PackageNotFound
        return checksum_document(getattr(reply.blob, algorithm), reply.modified)
    return msgspec.structs.replace(reply, name=path.rpartition("/")[2], headers=checksum_headers(reply.blob))  # type: ignore[type-var]


async def find_file(call: Call, path: str) -> FileReply:
    """The file at a path; of a snapshot's name without a time the newest build. Raises `PackageNotFound`, which is what forwarding goes by."""
    try:
        spot = names.read_spot(path)
        try:
            return await call.packages.file(spot.name, spot.version, spot.file)
        except NotFound:
            return await call.packages.file(spot.name, spot.version, await find_newest(call, spot))
    except (NotFound, Invalid) as error:
        raise PackageNotFound from error


async def find_newest(call: Call, spot: names.Spot) -> str:
    build = names.read_build(spot.version, spot.file) if names.is_snapshot(spot.version) else None
    if build is None or build.time:
        raise FileNotFound
    documents = await call.packages.documents("snapshot", spot.shelf)
    newest = msgspec.json.decode(documents[NEWEST].body, type=dict[str, str])
    if spot.file not in newest:
        raise FileNotFound
    return newest[spot.file]


def checksum_headers(blob: Blob) -> Mapping[str, str]:
    # Resolvers take these and ask for no checksum file.
    known = {"X-Checksum-Md5": blob.md5, "X-Checksum-Sha1": blob.sha1, "X-Checksum-Sha256": blob.sha256, "X-Checksum-Sha512": blob.sha512}
    return {name: digest for name, digest in known.items() if digest}


def checksum_document(digest: str | None, modified: Instant) -> Document:
    """Bare hex, no newline. Raises `PackageNotFound` where the digest is not known."""
    if digest is None:
        raise PackageNotFound
    return Document(body=digest.encode(), media_type=TEXT, etag=digest[:40], changed_at=modified)


async def get_metadata(call: Call) -> Answer:
    """The maven-metadata.xml of an artifact, a group or a snapshot. Raises `PackageNotFound`."""
    return (await find_metadata(call))[names.METADATA]


async def get_metadata_checksum(call: Call, algorithm: str) -> Answer:
    """A checksum of the document as it is now."""
    document = (await find_metadata(call))[names.METADATA]
    return checksum_document(hashlib.new(algorithm, document.body).hexdigest(), document.changed_at)


async def find_metadata(call: Call) -> Mapping[str, Document]:
    folder = call.params["folder"]
    name, _, version = folder.rpartition("/")
    if names.is_snapshot(version):
        return await call.packages.documents("snapshot", names.version_shelf(name, version))
    return await call.packages.documents("folder", names.folder_shelf(folder))


# -- publishing ------------------------------------------------------------------------------------------------------


async def put_file(call: Call) -> Answer:
    """Store the body at its path; a checksum is compared with the file it is of."""
    path, algorithm = names.split_checksum(call.params["path"])
    spot = names.read_spot(path)
    if algorithm:
        return await verify_checksum(call, spot, algorithm)
    if "content-length" not in call.headers and "transfer-encoding" not in call.headers:
        raise InvalidUpload(f"The request has no body: send the bytes of {spot.file}, or Content-Length: 0 for an empty file")
    content = (await call.spool()).files[0].content
    check_declared(call.headers, content.blob)
    pom = await call.inspect(read_pom, content, spot.name, spot.version) if spot.file.endswith(".pom") else None
    await call.packages.publish(make_upload(spot, content, pom))
    return json_reply({"message": "200 OK"})


def make_upload(spot: names.Spot, content: Spooled, pom: Pom | None) -> Upload:
    """The file on the shelf of its version. A POM also lists its version in the folder of the artifact, and a plugin in that of its group."""
    movable = names.is_movable(spot)
    file = NewFile(path=spot.file, content=content, shelf=spot.shelf, movable=movable)
    if pom is None:
        return Upload(name=spot.name, version=spot.version, files=(file,))
    facts = msgspec.json.encode(Facts(prefix=pom.prefix, title=pom.title))
    shelves = [names.folder_shelf(spot.name)]
    if pom.prefix:
        shelves.append(names.folder_shelf(spot.name.rpartition("/")[0]))
    listings = (NewFile(path=spot.file, content=content, facts=facts, shelf=shelf, derived=True, movable=movable) for shelf in shelves)
    return Upload(name=spot.name, version=spot.version, files=(msgspec.structs.replace(file, facts=facts, about=pom.about), *listings))  # type: ignore[type-var]


async def verify_checksum(call: Call, spot: names.Spot, algorithm: str) -> Answer:
    """204 where the body is the checksum of the stored file. Raises `FileNotFound`, `Conflict`, `TooLarge`."""
    sent = read_checksum(await read_small(call))
    try:
        blob = (await call.packages.file(spot.name, spot.version, spot.file)).blob
    except NotFound as error:
        raise FileNotFound(f"{spot.file} is not there: upload it before its checksum") from error
    stored = getattr(blob, algorithm)
    if stored != sent:
        raise Conflict(f"{spot.file} is stored with {algorithm} {stored}, this checksum says {sent[: 2 * CHECKSUM_LIMIT]}", stored=stored, sent=sent)
    # GitLab's numbers.
    return empty_reply(204 if algorithm == "sha1" else 200)


async def read_small(call: Call) -> bytes:
    """The body of a checksum. Raises `TooLarge` as soon as it is longer than any."""
    body = b""
    async for data in call.stream():
        body += data
        if len(body) > CHECKSUM_LIMIT:
            raise TooLarge(f"A checksum has at most {CHECKSUM_LIMIT} bytes", limit=CHECKSUM_LIMIT)
    return body


async def put_metadata(call: Call) -> Answer:
    """Taken if it is well-formed; the document stays ours. Versions without a POM that it names are listed from now on."""
    folder = call.params["folder"]
    if not names.is_folder(folder):
        raise InvalidName(f"Validation failed: Path is invalid: {folder[: names.SHOWN]!r} may hold letters, digits and _ . -")
    content = (await call.spool()).files[0].content
    versions = await call.inspect(read_versions, content)
    if "/" in folder and not names.is_snapshot(folder.rpartition("/")[2]):
        await list_versions(call, folder, versions)
    return json_reply({"message": "200 OK"})


async def list_versions(call: Call, name: str, versions: tuple[str, ...]) -> None:
    wanted = set(versions)
    if not wanted:
        return
    try:
        documents = await call.packages.documents("folder", names.folder_shelf(name))
        wanted.difference_update(msgspec.json.decode(documents[VERSIONS].body, type=list[str]))
    except PackageNotFound:
        pass  # nothing is listed yet
    if not wanted:
        return
    try:
        rows = await call.packages.rows(name)
    except NotFound:
        return
    shelf = names.folder_shelf(name)
    for version in sorted({row.version for package in rows.packages for row in package.versions} & wanted):
        marker = NewFile(path=MARKER, content=b"", shelf=shelf, derived=True)
        await call.packages.publish(Upload(name=name, version=version, files=(marker,)))


async def put_metadata_checksum(call: Call) -> Answer:
    """Taken unread: it is of the client's document, not of ours."""
    await read_small(call)
    return empty_reply(200)


# -- deleting: our own, as the layout has no way for it --------------------------------------------------------------


async def delete_file(call: Call) -> Answer:
    """Remove a file; its version goes with the last one. Raises `NotFound` and its like."""
    spot = names.read_spot(call.params["path"])
    await call.packages.delete(spot.name, spot.version, spot.file)
    return empty_reply(204)


# -- the table -------------------------------------------------------------------------------------------------------


def name_of_file(params: Params) -> str:
    """The package that a path speaks of. At the instance it is also the path of the project, as in GitLab."""
    return params["path"].rpartition("/")[0].rpartition("/")[0]


def name_of_metadata(params: Params) -> str:
    """The same for metadata."""
    name, _, version = params["folder"].rpartition("/")
    return name if names.is_snapshot(version) else params["folder"]


def forward(params: Params, name_of: Callable[[Params], str], suffix: str = "") -> tuple[str, str]:
    """Where an absent file is asked for upstream (page section 6). Raises `PackageNotFound` for a path that no repository has."""
    try:
        return names.name_key(name_of(params)), params["path"] if "path" in params else f"{params['folder']}/{names.METADATA}{suffix}"
    except InvalidName as error:
        raise PackageNotFound from error


def reading(path: str, handler: Callable[[Call], Awaitable[Answer]], name_of: Callable[[Params], str], suffix: str = "") -> Iterator[Route]:
    """A path of project and group, and the same at the instance, which forwards nothing."""
    upstream = partial(forward, name_of=name_of, suffix=suffix)
    yield Route(method="GET", path=path, handler=handler, action=Action.READ, reach=PROJECT | GROUP, forward=upstream)
    yield Route(method="GET", path=path, handler=handler, action=Action.READ, reach=INSTANCE, place_of=name_of, place_kind="project")


def checksum_routes(algorithm: str) -> Iterator[Route]:
    path, show = f"{FOLDER}.{algorithm}", partial(get_metadata_checksum, algorithm=algorithm)
    yield from reading(path, show, name_of_metadata, f".{algorithm}")
    yield Route(method="PUT", path=path, handler=put_metadata_checksum, action=Action.PUBLISH, reach=PROJECT)


FOLDER = "{folder*}/" + names.METADATA
FILE = "{path*}"

# What ends in maven-metadata.xml stands first: of two that span segments the first that fits is taken.
ROUTES = (
    *reading(FOLDER, get_metadata, name_of_metadata),
    Route(method="PUT", path=FOLDER, handler=put_metadata, action=Action.PUBLISH, reach=PROJECT, limit=METADATA_LIMIT),
    *(route for algorithm in names.CHECKSUMS for route in checksum_routes(algorithm)),
    *reading(FILE, get_file, name_of_file),
    Route(method="PUT", path=FILE, handler=put_file, action=Action.PUBLISH, reach=PROJECT, limit=None),
    Route(method="DELETE", path=FILE, handler=delete_file, action=Action.DELETE, reach=PROJECT),
)
