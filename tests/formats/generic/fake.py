"""A small in-memory house for the handlers of this room: one project."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from packhouse.contract import Form, Part
from packhouse.errors import AlreadyExists, FileNotFound, PackageNotFound
from packhouse.model import ANONYMOUS, FileRow, Moment, PackageRow, PartEnd, PartStart, Published, Rows, Spooled, Upload, VersionRow
from packhouse.responses import FileReply

NOW = 1_700_000_000_123_456


def spool_bytes(folder: Path, content: bytes) -> Spooled:
    """The bytes as a spooled file."""
    digests = {name: hashlib.new(name, content).hexdigest() for name in ("md5", "sha1", "sha256", "sha512")}
    path = folder / digests["sha256"]
    path.write_bytes(content)
    return Spooled(path=str(path), size=len(content), **digests)


class Shelf:
    """The verbs over one project."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.versions: dict[tuple[str, str], VersionRow] = {}
        self.duplicates = False
        self.ids = 0

    @property
    def project(self) -> int:
        return 24

    def next_id(self) -> int:
        self.ids += 1
        return self.ids

    async def publish(self, upload: Upload) -> Published:
        [new] = upload.files
        assert isinstance(new.content, Spooled)
        key = (upload.name, upload.version)
        version = self.versions.get(key) or VersionRow(id=self.next_id(), project=self.project, name=upload.name, version=upload.version, created=NOW)
        held = {file.path: file for file in version.files}
        row = held.get(new.path)
        created = row is None or row.blob.sha256 != new.content.sha256
        if row is not None and created and not self.duplicates:
            raise AlreadyExists(path=new.path, stored=row.blob.sha256, sent=new.content.sha256)
        if row is None or created:
            row = FileRow(id=self.next_id(), project=self.project, path=new.path, blob=new.content.blob, created=NOW)
        files = (*(file for file in version.files if file.path != new.path), row)
        self.versions[key] = msgspec.structs.replace(version, files=files, status=upload.status or version.status)
        return Published(package_id=1, version_id=version.id, version=upload.version, files=(row,), created=created)

    async def rows(self, name: str, version: str | None = None) -> Rows:
        found = tuple(row for key, row in self.versions.items() if key[0] == name and version in (None, key[1]))
        if not found:
            raise PackageNotFound
        return Rows(packages=(PackageRow(id=1, project=self.project, name=name, key=name, versions=found),))

    async def file(self, name: str, version: str | None, path: str, sha256: str | None = None) -> FileReply:
        for package in (await self.rows(name, version)).packages:
            for file in (file for row in package.versions for file in row.files):
                if file.path == path:
                    return FileReply(blob=file.blob, name=path, file_id=file.id)
        raise FileNotFound

    async def delete(self, name: str, version: str | None = None, path: str | None = None) -> None:
        await self.file(name, version, str(path))
        row = self.versions[name, str(version)]
        self.versions[name, str(version)] = msgspec.structs.replace(row, files=tuple(file for file in row.files if file.path != path))


class Call:
    """One request. The body goes through the splitter as it would in the house, in small pieces."""

    def __init__(
        self,
        shelf: Shelf,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> None:
        name, version, *rest = path.split("/", 2)
        self.packages = shelf
        self.moment = Moment(at=NOW, api="https://packhouse.example/api/v4", format="generic", place=24)
        self.method = method
        self.params = {"package_name": name, "package_version": version, **({"path": rest[0]} if rest else {})}
        self.query = query or {}
        length = {} if body is None else {"content-length": str(len(body))}
        self.headers = length | {name.lower(): value for name, value in (headers or {}).items()}
        self.actor = ANONYMOUS
        self.content = body or b""
        self.asked_for_body = False

    async def spool(self, splitter: Any = None, *, inspected: bool = True) -> Form:
        self.asked_for_body = True
        if splitter is None:
            return Form(files=(Part(name="", filename="", media_type="", content=spool_bytes(self.packages.folder, self.content)),))
        pieces = [piece for start in range(0, len(self.content), 1000) for piece in splitter.feed(self.content[start : start + 1000])]
        return collect_form([*pieces, *splitter.end()], self.packages.folder)


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
