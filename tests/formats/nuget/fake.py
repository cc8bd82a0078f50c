"""A small house in memory for the handlers of this room."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from packhouse.contract import GROUP, PROJECT, Form, Part, Route
from packhouse.errors import AlreadyExists, FileNotFound, Forbidden, InvalidVersion, PackageNotFound, VersionNotFound
from packhouse.formats.nuget import FORMAT
from packhouse.formats.nuget.names import name_key, version_id
from packhouse.model import (
    ANONYMOUS,
    About,
    Actor,
    FileRow,
    Moment,
    NewFile,
    PackageRow,
    PartEnd,
    PartStart,
    Published,
    Rows,
    Search,
    Spooled,
    Upload,
    VersionRow,
)  # fmt: skip
from packhouse.responses import Document, FileReply
from packhouse.web.match import Entry, Matcher

NOW = 1_700_000_000_123_456
HOUR = 3_600_000_000
MOMENT = Moment(at=NOW, api="https://packhouse.example/api/v4", format="nuget", place=7)


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
        self.content: dict[int, bytes] = {}
        self.ids = 0
        self.symbol_server = False
        self.built: list[str] = []

    def next_id(self) -> int:
        self.ids += 1
        return self.ids

    async def publish(self, upload: Upload) -> Published:
        key = name_key(upload.name)
        package = self.shelf.get(key) or PackageRow(id=self.next_id(), project=self.project, name=upload.name, key=key)
        number = self.next_id()
        fresh = VersionRow(id=number, project=self.project, name=upload.name, version=upload.version, created=NOW + number * HOUR)
        same = version_id(upload.version)
        row = next((row for row in package.versions if version_id(row.version) == same), fresh)
        held = {(file.path, file.shelf): file for file in row.files}
        for new in upload.files:
            sent = self.bytes_of(new)
            old = held.get((new.path, new.shelf))
            if old is not None and old.blob.sha256 != hashlib.sha256(sent).hexdigest() and not new.derived:
                raise AlreadyExists(path=old.path, stored=old.blob.sha256, sent=hashlib.sha256(sent).hexdigest())
            held[new.path, new.shelf] = old or self.store(new, sent)
        row = msgspec.structs.replace(row, files=tuple(held.values()))
        others = tuple(each for each in package.versions if each.id != row.id)
        self.shelf[key] = msgspec.structs.replace(package, versions=(*others, row))
        self.abouts[key] = upload.files[0].about or About()
        return Published(package_id=package.id, version_id=row.id, version=row.version, files=row.files, created=True)

    def bytes_of(self, new: NewFile) -> bytes:
        return new.content if isinstance(new.content, bytes) else Path(new.content.path).read_bytes()

    def store(self, new: NewFile, content: bytes) -> FileRow:
        number = self.next_id()
        self.content[number] = content
        blob = spooled(content, self.folder).blob
        return FileRow(id=number, project=self.project, path=new.path, blob=blob, facts=new.facts, shelf=new.shelf, derived=new.derived)

    def package(self, name: str) -> PackageRow:
        try:
            return self.shelf[name_key(name)]
        except KeyError:
            raise PackageNotFound from None

    async def rows(self, name: str, version: str | None = None) -> Rows:
        package = self.package(name)
        if version is not None:
            package = msgspec.structs.replace(package, versions=(self.version(name, version),))
        return Rows(packages=(package,))

    def version(self, name: str, version: str) -> VersionRow:
        for row in self.package(name).versions:
            if version_id(row.version) == version_id(version):
                return row
        raise VersionNotFound

    async def documents(self, index: str, key: str = "") -> Mapping[str, Document]:
        self.built.append(index)
        made = FORMAT.indexes[index].write(Rows(packages=(self.package(key),)), {}, self.moment)
        if not made:
            raise PackageNotFound
        return {path: Document(body=one.body, media_type=one.media_type, etag=hashlib.sha256(one.body).hexdigest()) for path, one in made.items()}

    async def file(self, name: str, version: str | None, path: str, sha256: str | None = None) -> FileReply:
        try:
            row = self.version(name, version or "")
        except (PackageNotFound, VersionNotFound, InvalidVersion):
            raise FileNotFound from None
        for file in row.files:
            if file.path == path:
                return FileReply(blob=file.blob, name=path, file_id=file.id, version_id=row.id)
        raise FileNotFound

    async def open_file(self, shelf: str, path: str) -> FileReply:
        if not self.symbol_server:
            raise Forbidden
        for row in (row for package in self.shelf.values() for row in package.versions):
            for file in row.files:
                if (file.shelf, file.path) == (shelf, path):
                    return FileReply(blob=file.blob, name=path.rpartition("/")[2], file_id=file.id, version_id=row.id)
        raise FileNotFound

    async def find(self, search: Search) -> tuple[list[Rows], int]:
        text = search.text.lower()
        found = [
            Rows(packages=(package,))
            for key, package in sorted(self.shelf.items())
            if (key == text if search.exact else text in key) and any(self.fits(row, search) for row in package.versions)
        ]
        return found[search.offset : search.offset + search.limit], len(found)

    def fits(self, row: VersionRow, search: Search) -> bool:
        return (search.yanked or row.yanked is None) and (search.prereleases or "-" not in version_id(row.version))

    async def yank(self, name: str, version: str, reason: str | None) -> None:
        marked = self.version(name, version)
        package = self.package(name)
        versions = tuple(msgspec.structs.replace(row, yanked=reason) if row.id == marked.id else row for row in package.versions)
        self.shelf[package.key] = msgspec.structs.replace(package, versions=versions)

    async def delete(self, name: str, version: str | None = None, path: str | None = None) -> None:
        package = self.package(name)
        doomed = self.version(name, version or "")
        left = tuple(row for row in package.versions if row.id != doomed.id)
        self.shelf[package.key] = msgspec.structs.replace(package, versions=left)
        if not left:
            del self.shelf[package.key]


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
    sees: bool = True

    @property
    def moment(self) -> Moment:
        return self.packages.moment

    async def sees_place(self) -> bool:
        return self.sees

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
        return None if answer is None else msgspec.msgpack.decode(msgspec.msgpack.encode(answer), type=type(answer))


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


LEVELS = {"project": PROJECT, "group": GROUP}
MATCHERS = {
    level: Matcher(Entry(route=route, template=route.path, level=level) for route in FORMAT.routes if reach in route.reach)  # type: ignore[arg-type]
    for level, reach in LEVELS.items()
}


def match(method: str, path: str, level: str = "project") -> tuple[Route, Mapping[str, str]]:
    """The route and parameters of a path below the format's base."""
    entry, params, _ = MATCHERS[level].match(method, f"/{path}")
    if entry is None:
        raise LookupError(path)
    return entry.route, params


async def ask(house: House, method: str, path: str, content: bytes = b"", **more: Any) -> Any:
    """The answer of the handler that the path leads to; the id in the path of the place is `id`."""
    path, _, query = path.partition("?")
    route, params = match(method, path, house.moment.level)
    pairs = dict(pair.partition("=")[::2] for pair in query.split("&") if pair)
    call = Call(packages=house, method=method, params={**params, "id": more.pop("id", "7")}, query=pairs, content=content, **more)
    return await route.handler(call)


__all__ = ["ANNA", "ANONYMOUS", "HOUR", "MOMENT", "NOW", "Call", "House", "ask", "collect_form", "match", "spooled"]
