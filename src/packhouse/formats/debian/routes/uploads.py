"""Uploads: a binary package straight into a distribution, or the files of a build one by one and, last, the `.changes` that publishes them all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

import msgspec

from packhouse.contract import Answer, Call, receive_file
from packhouse.errors import InvalidParameter, InvalidUpload, PackageNotFound
from packhouse.formats.debian import names
from packhouse.formats.debian.parse import Changes, Facts, Read, Source, Sum, read_changes, read_deb, read_dsc
from packhouse.formats.debian.parse.changes import write_source
from packhouse.model import Blob, FileRow, NewFile, Spooled, Struct, Upload, replace
from packhouse.responses import json_reply

INCOMING = "incoming"  # files wait here, in no version and on no list, until a .changes names them


class Held(Struct):
    """A file that a .changes names: its bytes, and what was read of it when it came, or when it was published."""

    blob: Blob
    read: Read | None = None
    source: Source | None = None
    facts: bytes = b""


Waiting: TypeAlias = Mapping[tuple[str, str], Held]
"""(name, sha256) → file."""


async def put_file(call: Call) -> Answer:
    """Publish a package in a distribution, keep a file until its .changes comes, or publish what a .changes names."""
    name, query = call.params["file_name"], call.query
    if not names.FILE.fullmatch(name):
        raise InvalidUpload(f"File name {name[:80]!r} is invalid: use letters, digits and . + ~ _ -")
    if "distribution" in query or "component" in query:
        await put_directly(call, name, query.get("distribution", ""), query.get("component", ""))
    elif name.endswith(".changes"):
        await put_changes(call, name)
    else:
        await put_aside(call, name)
    return json_reply({"message": "201 Created"}, 201)


async def put_directly(call: Call, name: str, distribution: str, component: str) -> None:
    """A binary package, published. Raises `InvalidParameter`, `ShelfNotFound`, `InvalidUpload`."""
    kind = names.BINARY.fullmatch(name)
    if kind is None:
        raise InvalidUpload("Only debs, udebs and ddebs can be directly added to a distribution")
    for parameter, value in (("distribution", distribution), ("component", component)):
        if not value:
            raise InvalidParameter(f"{parameter} is missing", parameter=parameter)
    names.read_component(component)
    codename = (await call.packages.shelf(distribution)).name
    content = await receive(call)
    read = await call.inspect(read_deb, content, kind[1])
    file = place_binary(read, codename, component, content)
    await call.packages.publish(Upload(name=read.name, version=read.version, files=(file,)))


async def put_aside(call: Call, name: str) -> None:
    """A file of a build that is to come. Packages and sources are read now, so that a bad one is refused by its name."""
    content = await receive(call)
    kind = names.BINARY.fullmatch(name)
    facts: Struct = Struct()
    if kind is not None:
        facts = await call.inspect(read_deb, content, kind[1])
    elif name.endswith(".dsc"):
        facts = await call.inspect(read_dsc, content)
    file = NewFile(path=name, content=content, facts=msgspec.json.encode(facts), movable=True)
    await call.packages.publish(Upload(name=INCOMING, version="", files=(file,), status="hidden"))


async def receive(call: Call) -> Spooled:
    """The one file of the body. Raises `InvalidParameter`, `InvalidUpload`."""
    content = await receive_file(call)
    if not content.size:
        raise InvalidUpload("The body is empty: send the file")
    return content


# -- what a .changes publishes ---------------------------------------------------------------------------------------


async def put_changes(call: Call, name: str) -> None:
    """Everything that a .changes names, published at once or not at all. Raises `InvalidUpload`, `ShelfNotFound`."""
    content = await receive(call)
    changes = await call.inspect(read_changes, content)
    codename = (await call.packages.shelf(changes.distribution)).name
    waiting, published = await find_held(call, INCOMING), await find_held(call, changes.name, codename)
    files = [place_held(changes, one, find(one, waiting, published), codename) for one in changes.files]
    files += list(place_sources(changes, waiting, published, codename))
    files.append(place_plain(name, content, codename))
    unique = tuple({file.path: file for file in files}.values())
    taken = tuple(one.name for one in changes.files)
    await call.packages.publish(Upload(name=changes.name, version=changes.version, files=unique, takes=(INCOMING, "", taken)))


async def find_held(call: Call, package: str, codename: str = "") -> Waiting:
    """The files that wait, or those of a source package in a distribution, of whatever version."""
    try:
        rows = await call.packages.rows(package)
    except PackageNotFound:
        return {}
    files = (file for row in rows.packages for version in row.versions if bool(version.version) == bool(codename) for file in version.files)
    return {(name, file.blob.sha256): hold(file, codename) for file in files for name in [file.path.removeprefix(f"{codename}/")] if "/" not in name}


def hold(file: FileRow, codename: str) -> Held:
    if codename:
        return Held(blob=file.blob, facts=file.facts)
    binary, source = names.BINARY.fullmatch(file.path), file.path.endswith(".dsc")
    return Held(
        blob=file.blob,
        read=msgspec.json.decode(file.facts, type=Read) if binary else None,
        source=msgspec.json.decode(file.facts, type=Source) if source else None,
    )


def find(one: Sum, *places: Waiting) -> Held:
    """The file that is meant. Raises `InvalidUpload` where it did not come, or came as something else."""
    held = next((place[one.name, one.sha256] for place in places if (one.name, one.sha256) in place), None)
    if held is None:
        others = [digest for place in places for name, digest in place if name == one.name]
        was = f"was sent with sha256 {others[0]}" if others else "was not sent"
        raise InvalidUpload(f"{one.name} {was}, the .changes wants {one.sha256}: send the file, then the .changes again")
    if held.blob.size != one.size:
        raise InvalidUpload(f"{one.name} has {held.blob.size} bytes, the .changes says {one.size}")
    return held


def place_held(changes: Changes, one: Sum, held: Held, codename: str) -> NewFile:
    """A file of an upload where it belongs. Raises `InvalidUpload` where it is of another source package, or called otherwise."""
    read = held.source.read if held.source is not None else held.read
    if held.facts or read is None:
        return place_plain(one.name, spooled(held.blob), codename, held.facts or b"{}")
    if (read.name, read.version, read.file) != (changes.name, changes.version, one.name):
        raise InvalidUpload(f"{one.name} is {read.file} of {read.name} {read.version}, the .changes is about {changes.name} {changes.version}")
    if held.source is None:
        return place_binary(read, codename, one.component, spooled(held.blob))
    facts = replace(write_source(held.source, held.blob, one), component=one.component)
    return replace(place_plain(one.name, spooled(held.blob), codename, msgspec.json.encode(facts)), about=read.about)


def place_sources(changes: Changes, waiting: Waiting, published: Waiting, codename: str) -> Iterator[NewFile]:
    """What a .dsc needs and this upload does not bring again: the code of an earlier revision, which is in the distribution already."""
    brought = {one.name: one.sha256 for one in changes.files}
    for one in changes.files:
        source = find(one, waiting, published).source
        for needed in source.files if source is not None else ():
            if brought.get(needed.name, needed.sha256) != needed.sha256:
                raise InvalidUpload(f"{one.name} and the .changes list {needed.name} with different digests: build the upload again")
            if needed.name not in brought:
                found = find(needed, published)
                yield place_plain(needed.name, spooled(found.blob), codename, found.facts)


def place_binary(read: Read, codename: str, component: str, content: Spooled) -> NewFile:
    """A binary package on its distribution's shelf."""
    facts = msgspec.json.encode(replace(read.facts, component=component))
    return NewFile(path=names.stored_path(codename, read.file), content=content, facts=facts, about=read.about, shelf=codename)


def place_plain(name: str, content: Spooled, codename: str, facts: bytes = b"") -> NewFile:
    """A file that lies beside the packages, and is on no list unless its facts say so."""
    plain = facts if facts not in (b"", b"{}") else msgspec.json.encode(Facts(kind="other"))
    return NewFile(path=names.stored_path(codename, name), content=content, facts=plain, shelf=codename)


def spooled(blob: Blob) -> Spooled:
    """Bytes that the house holds already, as an upload names them: nothing of the spool is read."""
    return Spooled(path="", size=blob.size, sha256=blob.sha256, md5=blob.md5 or "", sha1=blob.sha1 or "", sha512=blob.sha512 or "")
