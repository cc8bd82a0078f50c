"""GET and PUT of the files of the layout; checksums made and verified, never stored; maven-metadata.xml made, whatever is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TypeAlias

import msgspec

from packhouse.contract import PROJECT, Action, Answer, Call, Route
from packhouse.errors import Conflict, FileNotFound, Invalid, InvalidName, InvalidUpload, NotFound, PackageNotFound, TooLarge
from packhouse.maven2 import names
from packhouse.maven2.metadata import NEWEST, VERSIONS, Facts
from packhouse.maven2.poms import METADATA_LIMIT, Pom, check_declared, read_checksum, read_pom, read_versions
from packhouse.model import Blob, Instant, NewFile, Spooled, Upload, replace
from packhouse.responses import Document, FileReply, empty_reply, json_reply

Handler: TypeAlias = Callable[[Call], Awaitable[Answer]]

TEXT = "text/plain; charset=utf-8"
CHECKSUM_LIMIT = 200
SETTLING: Instant = 2 * 60 * 1_000_000
"""How long after a file arrived HEAD hides its checksums: Ivy and sbt do not upload what they find there."""

MARKER = names.METADATA  # the name of the row that lists a version without a POM; no path leads to it
FOLDER = "{folder*}/" + names.METADATA


# -- reading ---------------------------------------------------------------------------------------------------------


def show_file(call: Call, reply: FileReply, path: str, algorithm: str) -> Answer:
    """A file that was found at a path, or a checksum of it. Raises `PackageNotFound`."""
    if algorithm:
        if call.method == "HEAD" and call.now - reply.modified < SETTLING:
            raise PackageNotFound
        return checksum_document(getattr(reply.blob, algorithm), reply.modified)
    return replace(reply, name=path.rpartition("/")[2], headers=checksum_headers(reply.blob))


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


async def put_file(call: Call, spot: names.Spot, read: Callable[[str, str, str], Pom] = read_pom) -> Answer:
    """Store the body at its place in the layout; `read` is what reads a POM. Raises `InvalidUpload`, `DigestMismatch`, `AlreadyExists`."""
    if names.is_snapshot(spot.version) and names.has_impossible_time(spot.version, spot.file):
        raise InvalidUpload(f"Validation failed: File name is invalid: {spot.file[: names.SHOWN]!r} has a time in it that is none")
    content = await receive_body(call, spot)
    pom = await call.inspect(read, content, spot.name, spot.version) if spot.file.endswith(".pom") else None
    await call.packages.publish(make_upload(spot, content, pom))
    return json_reply({"message": "200 OK"})


async def receive_body(call: Call, spot: names.Spot) -> Spooled:
    """The body, which may be empty but must be there. Raises `InvalidUpload`, `DigestMismatch`."""
    if "content-length" not in call.headers and "transfer-encoding" not in call.headers:
        raise InvalidUpload(f"The request has no body: send the bytes of {spot.file}, or Content-Length: 0 for an empty file")
    content = (await call.spool()).files[0].content
    check_declared(call.headers, content.blob)
    return content


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
    return Upload(name=spot.name, version=spot.version, files=(replace(file, facts=facts, about=pom.about), *listings))


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


# -- the table -------------------------------------------------------------------------------------------------------


def metadata_routes(reading: Callable[[str, Handler, str], Iterable[Route]]) -> Iterator[Route]:
    """The routes of maven-metadata.xml and its checksums: they stand in front of those of files. `reading` makes the reads of a path."""
    yield from reading(FOLDER, get_metadata, "")
    yield Route(method="PUT", path=FOLDER, handler=put_metadata, action=Action.PUBLISH, reach=PROJECT, limit=METADATA_LIMIT)
    for algorithm in names.CHECKSUMS:
        suffix = f".{algorithm}"
        yield from reading(FOLDER + suffix, partial(get_metadata_checksum, algorithm=algorithm), suffix)
        yield Route(method="PUT", path=FOLDER + suffix, handler=put_metadata_checksum, action=Action.PUBLISH, reach=PROJECT)
