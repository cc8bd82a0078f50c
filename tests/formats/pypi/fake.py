"""A small in-memory house for the handlers of this room: rows, files and documents of a few projects."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from packhouse.contract import Form, Format, Part
from packhouse.errors import AlreadyExists, FileNotFound, PackageNotFound, VersionNotFound
from packhouse.model import ANONYMOUS, FileRow, Moment, NewFile, PackageRow, PartEnd, PartStart, Published, Rows, Spooled, Upload, VersionRow
from packhouse.responses import Document, FileReply

NOW = 1_700_000_000_123_456


def spool_bytes(folder: Path, content: bytes) -> Spooled:
    """The bytes as a spooled file."""
    digests = {name: hashlib.new(name, content).hexdigest() for name in ("md5", "sha1", "sha256", "sha512")}
    path = folder / digests["sha256"]
    path.write_bytes(content)
    return Spooled(path=str(path), size=len(content), **digests)


class House:
    """What is stored. Projects are seen together where a view has several."""

    def __init__(self, format: Format, folder: Path) -> None:
        self.format = format
        self.folder = folder
        self.projects: dict[int, dict[str, PackageRow]] = {}
        self.content: dict[str, bytes] = {}
        self.ids = 0

    def next_id(self) -> int:
        self.ids += 1
        return self.ids


class View:
    """The verbs, bound to projects."""

    def __init__(self, house: House, moment: Moment, projects: tuple[int, ...]) -> None:
        self.house = house
        self.moment = moment
        self.projects = projects

    @property
    def project(self) -> int:
        return self.projects[0]

    async def publish(self, upload: Upload) -> Published:
        coordinates = self.house.format.coordinates
        key, version_id = coordinates.name_key(upload.name), coordinates.version_id(upload.version)
        package = self.shelf.get(key) or PackageRow(id=self.house.next_id(), project=self.project, name=upload.name, key=key)
        found = next((row for row in package.versions if coordinates.version_id(row.version) == version_id), None)
        version = found or VersionRow(id=self.house.next_id(), project=self.project, name=upload.name, version=upload.version, created=NOW)
        held = {file.path: file for file in version.files}
        rows = tuple(held.get(new.path) or self.make_row(new) for new in upload.files)
        for new, row in zip(upload.files, rows, strict=True):
            sent = self.read(new)
            if hashlib.sha256(sent).hexdigest() != row.blob.sha256:
                raise AlreadyExists(path=row.path, stored=row.blob.sha256, sent=hashlib.sha256(sent).hexdigest())
        created = any(row.path not in held for row in rows)
        files = (*version.files, *(row for row in rows if row.path not in held))
        version = msgspec.structs.replace(version, files=files, status=upload.status or version.status)
        self.keep(package, version)
        return Published(package_id=package.id, version_id=version.id, version=version.version, files=rows, created=created)

    @property
    def shelf(self) -> dict[str, PackageRow]:
        return self.house.projects.setdefault(self.project, {})

    def keep(self, package: PackageRow, version: VersionRow) -> None:
        others = tuple(row for row in package.versions if row.id != version.id)
        self.shelf[package.key] = msgspec.structs.replace(package, versions=(*others, version))

    def read(self, new: NewFile) -> bytes:
        return new.content if isinstance(new.content, bytes) else Path(new.content.path).read_bytes()

    def make_row(self, new: NewFile) -> FileRow:
        content = self.read(new)
        blob = spool_bytes(self.house.folder, content).blob
        self.house.content[blob.sha256] = content
        return FileRow(id=self.house.next_id(), project=self.project, path=new.path, blob=blob, facts=new.facts, derived=new.derived, created=NOW)

    async def rows(self, name: str, version: str | None = None) -> Rows:
        coordinates = self.house.format.coordinates
        key = coordinates.name_key(name)
        found = [packages[key] for project in self.projects if key in (packages := self.house.projects.get(project, {}))]
        if not found:
            raise PackageNotFound
        if version is not None:
            wanted = coordinates.version_id(version)
            found = [
                msgspec.structs.replace(package, versions=held)
                for package in found
                if (held := tuple(row for row in package.versions if coordinates.version_id(row.version) == wanted))
            ]
            if not found:
                raise VersionNotFound
        return Rows(packages=tuple(found))

    async def file(self, name: str, version: str | None, path: str, sha256: str | None = None) -> FileReply:
        rows = await self.rows(name, version)
        for package in rows.packages:
            for row in reversed(package.versions):
                for file in row.files:
                    if file.path == path and sha256 in (None, file.blob.sha256):
                        return FileReply(blob=file.blob, name=path, file_id=file.id, version_id=row.id, project=row.project)
        raise FileNotFound

    async def documents(self, index: str, key: str = "") -> Mapping[str, Document]:
        definition = self.house.format.indexes[index]
        shelves = [self.house.projects.get(project, {}) for project in self.projects]
        packages = tuple(package for shelf in shelves for package in shelf.values() if definition.over == "all" or package.key == key)
        made = definition.write(Rows(packages=packages), {}, self.moment)
        if not made:
            raise PackageNotFound
        return {path: Document(body=one.body, media_type=one.media_type, etag=hashlib.sha256(one.body).hexdigest()) for path, one in made.items()}

    async def yank(self, name: str, version: str, reason: str | None) -> None:
        package = (await self.rows(name)).packages[0]
        row = (await self.rows(name, version)).packages[0].versions[0]
        self.keep(package, msgspec.structs.replace(row, yanked=reason))

    async def delete(self, name: str, version: str | None = None, path: str | None = None) -> None:
        row = (await self.rows(name, version)).packages[0].versions[0]
        if not any(file.path == path for file in row.files):
            raise FileNotFound
        self.keep((await self.rows(name)).packages[0], msgspec.structs.replace(row, files=tuple(file for file in row.files if file.path != path)))


class Call:
    """One request. The body goes through the splitter as it would in the house, in small pieces."""

    def __init__(
        self, packages: View, method: str = "GET", params: Mapping[str, str] | None = None, *,
        query: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None, body: bytes = b"",
    ) -> None:  # fmt: skip
        self.packages = packages
        self.moment = packages.moment
        self.method = method
        self.params = params or {}
        self.query = query or {}
        self.headers = {name.lower(): value for name, value in (headers or {}).items()}
        self.actor = ANONYMOUS
        self.content = body
        self.asked_for_body = False

    async def body(self) -> bytes:
        self.asked_for_body = True
        return self.content

    async def spool(self, splitter: Any = None) -> Form:
        self.asked_for_body = True
        folder = self.packages.house.folder
        if splitter is None:
            return Form(files=(Part(name="", filename="", media_type="", content=spool_bytes(folder, self.content)),))
        pieces = [piece for start in range(0, len(self.content), 1000) for piece in splitter.feed(self.content[start : start + 1000])]
        return collect_form([*pieces, *splitter.end()], folder)

    async def inspect(self, read: Any, content: Spooled, *args: Any, **kwargs: Any) -> Any:
        # Through its wire form, as a child process answers.
        answer = read(content.path, *args, **kwargs)
        return msgspec.msgpack.decode(msgspec.msgpack.encode(answer), type=type(answer))


def collect_form(pieces: list[PartStart | bytes | PartEnd], folder: Path) -> Form:
    files, fields, held = [], [], b""
    start = PartStart(name="")
    for piece in pieces:
        if isinstance(piece, PartStart):
            start, held = piece, b""
        elif isinstance(piece, bytes):
            held += piece
        elif start.file:
            files.append(Part(name=start.name, filename=start.filename, media_type=start.media_type, content=spool_bytes(folder, held)))
        else:
            fields.append((start.name, held))
    return Form(files=tuple(files), fields=tuple(fields))


def address(level: str = "project", place: int = 7, format: str = "pypi") -> Moment:
    """Where the house stands in these tests."""
    return Moment(at=NOW, api="https://packhouse.example/api/v4", format=format, level=level, place=place)
