"""Copies the packages of a format from another registry with these addresses, by ordinary reads and publishes."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

import aiohttp
import msgspec
from yarl import URL

from packhouse.contract import Format, Imported, Sending, Transfer
from packhouse.errors import RegistryError
from packhouse.model import Struct, replace

CHUNK = 1024 * 1024
CONNECT_SECONDS, IDLE_SECONDS = 10, 120
PAGE = 100
SHOWN = 300  # characters of an answer

Key = tuple[str, str]  # of a name and a version
Row = TypeVar("Row")


class Tag(Struct):
    name: str


class Package(Struct):
    """A version, as lists show it; `version` is empty for what belongs to all of them."""

    id: int
    name: str
    version: str | None = None
    tags: tuple[Tag, ...] | None = None


class File(Struct):
    file_name: str
    file_sha256: str | None = None


class Failed(Exception):
    """One file, version or list, and why."""


@dataclass(slots=True)
class Tally:
    """What an import did."""

    published: int = 0
    there: int = 0
    skipped: int = 0
    failures: list[str] = field(default_factory=list)


class Registry:
    """A project of a registry, seen through its REST API. The token goes to its own origin only."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str) -> None:
        self._session = session
        self.url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def list(self, kind: type[Row], tail: str, **query: str) -> AsyncIterator[Row]:
        """All pages of a list. Raises `Failed`."""
        page = "1"
        while page:
            async with self.ask("GET", tail, params={**query, "per_page": str(PAGE), "page": page}) as answer:
                for found in msgspec.json.decode(await answer.read(), type=tuple[kind, ...]):  # type: ignore[valid-type]
                    yield found
                page = answer.headers.get("X-Next-Page", "")

    @asynccontextmanager
    async def ask(self, method: str, tail: str, headers: Mapping[str, str] | None = None, **sent: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        """A good answer. Raises `Failed` with what the registry says instead."""
        if not {".", ".."}.isdisjoint(unquote(tail).replace("\\", "/").split("/")):
            raise Failed(f"{unquote(tail)[:SHOWN]!r} leads out of the project")
        url = URL(f"{self.url}/{tail}".rstrip("/"), encoded=True)
        try:
            async with self._session.request(method, url, headers={**self._headers, **(headers or {})}, **sent) as answer:
                if answer.status >= 300:
                    said = (await answer.content.read(SHOWN)).decode(errors="replace").strip()
                    raise Failed(f"{method} {url} answered {answer.status}: {said}")
                yield answer
        except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError) as error:
            raise Failed(f"{method} {url} failed: {str(error)[:SHOWN] or type(error).__name__}") from error

    async def files(self, package: Package) -> dict[str, str]:
        """The files of a version: name → SHA-256, of the one that was published last. Raises `Failed`."""
        found = self.list(File, f"packages/{package.id}/package_files")
        return {one.file_name: one.file_sha256 or "" async for one in found}


@dataclass(frozen=True, slots=True)
class Import:
    """Copies from one project to another."""

    format: Format
    source: Registry
    target: Registry
    folder: Path
    tally: Tally

    async def run(self) -> None:
        """All versions, oldest first; what is there already is not sent again. Raises `Failed` where a list cannot be read."""
        query = {"package_type": self.format.name, "order_by": "created_at", "sort": "asc"}
        there = {self._key(one): one async for one in self.target.list(Package, "packages", **query)}
        tags: list[tuple[str, str, str]] = []
        async for package in self.source.list(Package, "packages", **query):
            if not package.version:
                continue
            try:
                await self._copy_version(package, there.get(self._key(package)))
                tags += [(package.name, package.version, tag.name) for tag in package.tags or ()]
            except (Failed, RegistryError) as error:
                self._tell_failure(f"{package.name} {package.version}", error)
        await self._set_tags(tags)

    def _key(self, package: Package) -> Key:
        coordinates = self.format.coordinates
        try:
            return coordinates.name_key(package.name), coordinates.version_id(package.version or "")
        except RegistryError:
            return package.name, package.version or ""

    async def _copy_version(self, package: Package, there: Package | None) -> None:
        """Raises `Failed` where its files cannot be listed, or are others afterwards."""
        have = await self.target.files(there) if there is not None else {}
        sent: dict[str, str] = {}
        for name, sha256 in (await self.source.files(package)).items():
            file = Imported(name=package.name, version=package.version or "", file_name=name, sha256=sha256)
            if not self._transfer.fetch(file):
                self.tally.skipped += 1
            elif have.get(name) and have[name] == sha256:
                self.tally.there += 1
            else:
                try:
                    sent[name] = await self._copy_file(file)
                except (Failed, RegistryError) as error:
                    self._tell_failure(f"{file.name} {file.version} {name}", error)
        if sent:
            await self._check(package, sent)

    @property
    def _transfer(self) -> Transfer:
        assert self.format.transfer is not None
        return self.format.transfer

    async def _copy_file(self, file: Imported) -> str:
        """The SHA-256 of what was fetched and published. Raises `Failed`, `RegistryError`."""
        path = self.folder / "file"
        digest = hashlib.sha256()
        async with self.source.ask("GET", self._below(self._transfer.fetch(file))) as answer:
            with path.open("wb") as out:
                async for chunk in answer.content.iter_chunked(CHUNK):
                    digest.update(chunk)
                    out.write(chunk)
        if file.sha256 and digest.hexdigest() != file.sha256:
            raise Failed(f"what came has sha256 {digest.hexdigest()}, and not {file.sha256} as the source says")
        found = replace(file, sha256=digest.hexdigest(), path=str(path))
        await self._send(self._transfer.publish(found), path, file.file_name)
        self.tally.published += 1
        sys.stdout.write(f"{file.name} {file.version} {file.file_name}\n")
        return found.sha256

    def _below(self, tail: str) -> str:
        return f"packages/{self.format.name}/{tail}"

    async def _send(self, sending: Sending, path: Path, name: str) -> None:
        body: Any = sending.body
        with path.open("rb") as content:
            headers = {"Content-Type": "application/octet-stream"}
            if body is not None:
                headers = {"Content-Type": "application/json"}
            elif sending.part:
                headers, body = {}, aiohttp.FormData(dict(sending.fields))
                body.add_field(sending.part, content, filename=name)
            async with self.target.ask(sending.method, self._below(sending.tail), headers, data=content if body is None else body):
                pass

    async def _check(self, package: Package, sent: Mapping[str, str]) -> None:
        """Raises `Failed` where the target has other bytes than were fetched."""
        query = {"package_type": self.format.name, "package_name": package.name, "package_version": package.version or ""}
        found = [one async for one in self.target.list(Package, "packages", **query) if self._key(one) == self._key(package)]
        have = await self.target.files(found[0]) if found else {}
        for name, sha256 in sent.items():
            if have.get(name) != sha256:
                raise Failed(f"{name} was sent with sha256 {sha256}, and is there with {have.get(name) or 'none'}")

    async def _set_tags(self, tags: list[tuple[str, str, str]]) -> None:
        """When all versions are there: publishing has moved them."""
        if self._transfer.tag is None:
            return
        for name, version, tag in tags:
            sending = self._transfer.tag(name, version, tag)
            try:
                async with self.target.ask(sending.method, self._below(sending.tail), {"Content-Type": "application/json"}, data=sending.body):
                    pass
            except Failed as error:
                self._tell_failure(f"{name} {version} {tag}", error)

    def _tell_failure(self, what: str, error: Exception) -> None:
        self.tally.failures.append(what)
        sys.stderr.write(f"packhouse: {what}: {error}\n")


async def import_packages(format: Format, source: tuple[str, str], target: tuple[str, str]) -> int:
    """Copy from one (URL of a project, token) to the other; the status to end with."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=IDLE_SECONDS)
    tally = Tally()
    # Credentials are in headers alone, which aiohttp drops where it is sent to another origin.
    async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
        with tempfile.TemporaryDirectory(prefix="packhouse-import-") as folder:
            try:
                await Import(format, Registry(session, *source), Registry(session, *target), Path(folder), tally).run()
            except Failed as error:
                sys.stderr.write(f"packhouse: {error}\n")
                return 2
    sys.stdout.write(f"{tally.published} published, {tally.there} there already, {tally.skipped} left out, {len(tally.failures)} failed\n")
    return 1 if tally.failures else 0
