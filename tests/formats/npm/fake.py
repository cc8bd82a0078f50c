"""A small house in memory for the handlers of this room."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from packhouse.contract import PROJECT, Form, Part, Route
from packhouse.errors import AlreadyExists, FileNotFound, NotFound, PackageNotFound, VersionNotFound
from packhouse.formats.npm import FORMAT
from packhouse.model import (
    About,
    Actor,
    FileRow,
    Match,
    Moment,
    NewFile,
    PackageRow,
    PartEnd,
    PartStart,
    Published,
    Rows,
    Spooled,
    Upload,
    VersionRow,
)  # fmt: skip
from packhouse.responses import Document, FileReply
from packhouse.web.match import Entry, Matcher

NOW = 1_700_000_000_123_456
HOUR = 3_600_000_000
MOMENT = Moment(at=NOW, api="https://packhouse.example/api/v4", format="npm", place=7)


def spooled(content: bytes, folder: Path) -> Spooled:
    """The bytes in a file, with every digest."""
    digests = {name: hashlib.new(name, content).hexdigest() for name in ("md5", "sha1", "sha256", "sha512")}
    path = folder / digests["sha256"]
    path.write_bytes(content)
    return Spooled(path=str(path), size=len(content), **digests)


class House:
    """The verbs of one project. Each publish is an hour after the one before."""

    project = 7

    def __init__(self, folder: Path, moment: Moment = MOMENT) -> None:
        self.folder = folder
        self.moment = moment
        self.shelf: dict[str, PackageRow] = {}
        self.abouts: dict[str, About] = {}
        self.content: dict[str, bytes] = {}
        self.ids = 0

    def next_id(self) -> int:
        self.ids += 1
        return self.ids

    async def publish(self, upload: Upload) -> Published:
        package = self.shelf.get(upload.name) or PackageRow(id=self.next_id(), project=self.project, name=upload.name, key=upload.name)
        same = FORMAT.coordinates.version_id(upload.version)
        for row in package.versions:
            if FORMAT.coordinates.version_id(row.version) == same:
                return self.repeat(package, row, upload)
        number = self.next_id()
        files = tuple(self.store(new) for new in upload.files)
        version = VersionRow(
            id=number, project=self.project, name=upload.name, version=upload.version, created=NOW + number * HOUR, files=files
        )  # fmt: skip
        tags = {**package.tags, **dict.fromkeys(upload.tags, upload.version)}
        self.shelf[upload.name] = msgspec.structs.replace(package, versions=(*package.versions, version), tags=tags)
        self.abouts[upload.name] = upload.files[0].about or About()
        return Published(package_id=package.id, version_id=version.id, version=version.version, files=files, created=True)

    def repeat(self, package: PackageRow, row: VersionRow, upload: Upload) -> Published:
        for new, old in zip(upload.files, row.files, strict=False):
            sent = self.bytes_of(new)
            if hashlib.sha256(sent).hexdigest() != old.blob.sha256:
                raise AlreadyExists(path=old.path, stored=old.blob.sha256, sent=hashlib.sha256(sent).hexdigest())
        return Published(package_id=package.id, version_id=row.id, version=row.version, files=row.files, created=False)

    def bytes_of(self, new: NewFile) -> bytes:
        return new.content if isinstance(new.content, bytes) else Path(new.content.path).read_bytes()

    def store(self, new: NewFile) -> FileRow:
        content = self.bytes_of(new)
        self.content[new.path] = content
        blob = spooled(content, self.folder).blob
        return FileRow(id=self.next_id(), project=self.project, path=new.path, blob=blob, facts=new.facts, derived=new.derived)

    def package(self, name: str) -> PackageRow:
        try:
            return self.shelf[name]
        except KeyError:
            raise PackageNotFound from None

    async def rows(self, name: str, version: str | None = None) -> Rows:
        package = self.package(name)
        if version is not None:
            found = tuple(row for row in package.versions if row.version == version)
            if not found:
                raise VersionNotFound
            package = msgspec.structs.replace(package, versions=found)
        return Rows(packages=(package,))

    async def documents(self, index: str, key: str = "") -> Mapping[str, Document]:
        made = FORMAT.indexes[index].write(Rows(packages=(self.package(key),)), {}, self.moment)
        if not made:
            raise PackageNotFound
        return {path: Document(body=one.body, media_type=one.media_type, etag=hashlib.sha256(one.body).hexdigest()) for path, one in made.items()}

    async def file(self, name: str, version: str | None, path: str, sha256: str | None = None) -> FileReply:
        for row in self.package(name).versions:
            for file in row.files:
                if file.path == path and version in (None, row.version):
                    return FileReply(blob=file.blob, name=path)
        raise FileNotFound

    async def search(self, text: str, offset: int, limit: int) -> tuple[list[Match], int]:
        found = [Match(package=row, about=self.abouts[name]) for name, row in sorted(self.shelf.items()) if text in name]
        return found[offset : offset + limit], len(found)

    async def tag(self, name: str, tag: str, version: str | None) -> None:
        package = self.package(name)
        tags = dict(package.tags)
        if version is None:
            if tag not in tags:
                raise NotFound
            del tags[tag]
        else:
            await self.rows(name, version)
            tags[tag] = version
        self.shelf[name] = msgspec.structs.replace(package, tags=tags)

    async def yank_all(self, name: str, reasons: Mapping[str, str | None]) -> None:
        package = self.package(name)
        versions = tuple(msgspec.structs.replace(row, yanked=reasons.get(row.version, row.yanked)) for row in package.versions)
        self.shelf[name] = msgspec.structs.replace(package, versions=versions)

    async def delete(self, name: str, version: str | None = None, path: str | None = None) -> None:
        package = self.package(name)
        if version is None:
            del self.shelf[name]
            return
        await self.rows(name, version)
        left = tuple(row for row in package.versions if row.version != version)
        tags = {tag: target for tag, target in package.tags.items() if target != version}
        self.shelf[name] = msgspec.structs.replace(package, versions=left, tags=tags)


ANNA = Actor(kind="personal", username="anna", name="Anna", user_id=1)


@dataclass
class Call:
    """One request. The body goes through the splitter in small pieces, as it would arrive."""

    packages: House
    method: str = "GET"
    params: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    actor: Actor = ANNA

    @property
    def moment(self) -> Moment:
        return self.packages.moment

    async def body(self) -> bytes:
        return self.content

    async def stream(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self.content), 4096):
            yield self.content[start : start + 4096]

    async def spool(self, splitter: Any = None) -> Form:
        pieces = [piece for start in range(0, len(self.content), 997) for piece in splitter.feed(self.content[start : start + 997])]
        return collect_form([*pieces, *splitter.end()], self.packages.folder)

    async def inspect(self, read: Any, content: Spooled, *args: Any, **kwargs: Any) -> Any:
        # Through its wire form, as a child process answers.
        answer = read(content.path, *args, **kwargs)
        return msgspec.msgpack.decode(msgspec.msgpack.encode(answer), type=type(answer))


def collect_form(pieces: list[PartStart | bytes | PartEnd], folder: Path) -> Form:
    files: list[Part] = []
    fields: list[tuple[str, bytes]] = []
    start, held = PartStart(name=""), b""
    for piece in pieces:
        if isinstance(piece, PartStart):
            start, held = piece, b""
        elif isinstance(piece, bytes):
            held += piece
        elif start.file:
            files.append(Part(name=start.name, filename=start.filename, media_type=start.media_type, content=spooled(held, folder)))
        else:
            fields.append((start.name, held))
    return Form(files=tuple(files), fields=tuple(fields))


MATCHER = Matcher(Entry(route=route, template=route.path, level="project") for route in FORMAT.routes if PROJECT in route.reach)


def match(method: str, path: str) -> tuple[Route, Mapping[str, str]]:
    """The route and parameters of a path below the format's base in a project."""
    entry, params, _ = MATCHER.match(method, f"/{path}")
    if entry is None:
        raise LookupError(path)
    return entry.route, params


async def ask(house: House, method: str, path: str, content: bytes = b"", **more: Any) -> Any:
    """The answer of the handler that the path leads to."""
    path, _, query = path.partition("?")
    route, params = match(method, path)
    pairs = dict(pair.partition("=")[::2] for pair in query.split("&") if pair)
    return await route.handler(Call(packages=house, method=method, params=params, query=pairs, content=content, **more))
