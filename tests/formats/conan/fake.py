"""A small house in memory for the handlers of this room."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from packhouse.contract import INSTANCE, PROJECT, Form, Part, Route
from packhouse.errors import AlreadyExists, FileNotFound, NotFound, PackageNotFound, VersionNotFound
from packhouse.formats.conan import FORMAT
from packhouse.formats.conan.names import name_key, version_id
from packhouse.model import Actor, FileRow, Moment, NewFile, PackageRow, Published, Reach, Rows, Spooled, Upload, VersionRow
from packhouse.responses import Document, FileReply
from packhouse.web.match import Entry, Matcher

NOW = 1_700_000_000_123_456
SECOND = 1_000_000
API = "https://packhouse.example/api/v4"
MOMENT = Moment(at=NOW, api=API, format="conan", place=7)


def spooled(content: bytes, folder: Path) -> Spooled:
    """The bytes in a file, with every digest."""
    digests = {name: hashlib.new(name, content).hexdigest() for name in ("md5", "sha1", "sha256", "sha512")}
    path = folder / digests["sha256"]
    path.write_bytes(content)
    return Spooled(path=str(path), size=len(content), **digests)


class House:
    """The verbs of one project. Each file is a second younger than the one before; those of a project with a higher number are younger still."""

    def __init__(self, folder: Path, moment: Moment = MOMENT, project: int = 7) -> None:
        self.folder = folder
        self.moment = moment
        self.project = project
        self.versions: dict[tuple[str, str], VersionRow] = {}
        self.ids = project * 1000
        self.others: list[House] = []  # further projects of the group in scope

    def next_id(self) -> int:
        self.ids += 1
        return self.ids

    async def publish(self, upload: Upload) -> Published:
        key = (name_key(upload.name), version_id(upload.version))
        version = self.versions.get(key) or VersionRow(id=self.next_id(), project=self.project, name=upload.name, version=upload.version, created=NOW)
        rows = []
        assert FORMAT.check_neighbours is not None
        FORMAT.check_neighbours(msgspec.structs.replace(version, files=tuple(self.coming(new) for new in upload.files)), Beside(self))
        for new in upload.files:
            held = {(file.path, file.shelf): file for file in version.files}
            row = self.make_row(new, held.get((new.path, new.shelf)))
            held.pop((new.path, new.shelf), None)
            version = msgspec.structs.replace(version, files=(*held.values(), row))
            rows.append(row)
        self.versions[key] = version
        return Published(package_id=1, version_id=version.id, version=version.version, files=tuple(rows), created=True)

    def coming(self, new: NewFile) -> FileRow:
        assert isinstance(new.content, Spooled)
        return FileRow(id=0, project=self.project, path=new.path, blob=new.content.blob, facts=new.facts, shelf=new.shelf, derived=new.derived)

    def make_row(self, new: NewFile, held: FileRow | None) -> FileRow:
        assert isinstance(new.content, Spooled)
        if held is not None and held.blob.sha256 == new.content.sha256:
            return held
        if held is not None and not new.movable:
            raise AlreadyExists(path=new.path, stored=held.blob.sha256, sent=new.content.sha256)
        number = self.next_id()
        return FileRow(
            id=number, project=self.project, path=new.path, blob=new.content.blob, facts=new.facts, shelf=new.shelf, derived=new.derived,
            created=NOW + number * SECOND,
        )  # fmt: skip

    async def rows(self, name: str, version: str | None = None) -> Rows:
        found = tuple(row for (held, number), row in self.versions.items() if held == name and version in (None, number))
        if not found:
            raise PackageNotFound if version is None else VersionNotFound
        return Rows(packages=(PackageRow(id=1, project=self.project, name=name, key=name, versions=found),))

    def on_shelf(self, shelf: str) -> list[PackageRow]:
        found: dict[str, list[VersionRow]] = {}
        for (name, _), row in self.versions.items():
            files = tuple(file for file in row.files if file.shelf == shelf)
            if files:
                found.setdefault(name, []).append(msgspec.structs.replace(row, files=files))
        return [PackageRow(id=1, project=self.project, name=name, key=name, versions=tuple(rows)) for name, rows in found.items()]

    async def documents(self, index: str, key: str = "") -> Mapping[str, Document]:
        packages = [package for house in (self, *self.others) for package in house.on_shelf(key)]
        made = FORMAT.indexes[index].write(Rows(packages=tuple(packages)), {}, self.moment)
        if not made:
            raise PackageNotFound
        return {path: Document(body=one.body, media_type=one.media_type, etag=hashlib.sha256(one.body).hexdigest()) for path, one in made.items()}

    async def file(self, name: str, version: str | None, path: str, sha256: str | None = None) -> FileReply:
        for house in (self, *self.others):
            row = house.versions.get((name, str(version)))
            for file in row.files if row else ():
                if file.path == path and sha256 in (None, file.blob.sha256):
                    return FileReply(blob=file.blob, name=path, file_id=file.id, project=house.project)
        raise FileNotFound

    async def delete(self, name: str, version: str | None = None, path: str | None = None) -> None:
        key = (name, str(version))
        if key not in self.versions:
            raise PackageNotFound
        row = self.versions.pop(key)
        if path is None:
            return
        left = tuple(file for file in row.files if not (file.path.startswith(path) if path.endswith("/") else file.path == path))
        if any(not file.derived for file in left):
            self.versions[key] = msgspec.structs.replace(row, files=left)
        if len(left) == len(row.files):
            raise FileNotFound

    async def delete_files(self, name: str, files: Collection[tuple[str, str]]) -> None:
        for version, path in files:
            with contextlib.suppress(NotFound):
                await self.delete(name, version, path)

    def content(self, reply: FileReply) -> bytes:
        """The bytes of an answer."""
        return (self.folder / reply.blob.sha256).read_bytes()

    @property
    def paths(self) -> list[str]:
        """Every file a client has sent."""
        return sorted(file.path for row in self.versions.values() for file in row.files if not file.derived)


@dataclass
class Beside:
    """What the house has already, for a check of neighbours."""

    house: House

    def versions(self) -> Sequence[VersionRow]:
        return list(self.house.versions.values())

    def files(self, paths: Sequence[str], packages: Sequence[str] = (), *, facts: bool = False) -> Sequence[tuple[VersionRow, FileRow]]:
        return [(version, file) for version in self.versions() for file in version.files if file.path in paths]


ANNA = Actor(kind="personal", username="anna", name="Anna", user_id=1)


@dataclass
class Call:
    """One request."""

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

    async def spool(self, splitter: Any = None) -> Form:
        return Form(files=(Part(name="", filename="", media_type="", content=spooled(self.content, self.packages.folder)),))

    async def inspect(self, read: Any, content: Spooled, *args: Any, **kwargs: Any) -> Any:
        # Through its wire form, as a child process answers.
        answer = read(content.path, *args, **kwargs)
        return msgspec.msgpack.decode(msgspec.msgpack.encode(answer), type=type(answer))


def matcher(reach: Reach) -> Matcher:
    return Matcher(Entry(route=route, template=route.path, level="project") for route in FORMAT.routes if reach in route.reach)


MATCHERS = {reach: matcher(reach) for reach in (PROJECT, INSTANCE)}


def match(method: str, path: str, reach: Reach = PROJECT) -> tuple[Route, Mapping[str, str]]:
    """The route and parameters of a path below the format's base."""
    entry, params, _ = MATCHERS[reach].match(method, f"/{path}")
    if entry is None:
        raise LookupError(path)
    return entry.route, params


async def ask(house: House, method: str, path: str, content: bytes = b"", **more: Any) -> Any:
    """The answer of the handler that the path leads to."""
    path, _, query = path.partition("?")
    route, params = match(method, path)
    pairs = dict(pair.partition("=")[::2] for pair in query.split("&") if pair)
    return await route.handler(Call(packages=house, method=method, params=params, query=pairs, content=content, **more))
