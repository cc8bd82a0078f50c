"""`Packages`: the verbs a handler holds, bound to scope, actor, format and moment (contract.Packages)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar

import msgspec
from sqlalchemy import Connection

from packhouse.auth.policy import Access, authorize, may
from packhouse.contract import Format, Found, Git
from packhouse.db import containers, places
from packhouse.db import files as files_db
from packhouse.db import names as names_db
from packhouse.db import rows as rows_db
from packhouse.db.engine import this_second
from packhouse.db.packages import PackageQuery
from packhouse.db.scopes import Reader
from packhouse.errors import FileNotFound, Forbidden, PackageNotFound, ShelfNotFound, Unsupported, VersionNotFound
from packhouse.model import (
    Action,
    Actor,
    Blob,
    Instant,
    Match,
    Moment,
    NewFile,
    Place,
    Published,
    Rows,
    Search,
    Shelf,
    Spooled,
    Upload,
    replace,
)
from packhouse.packages import change, publish, rules
from packhouse.packages.blobs import Loose, touch_if_risky
from packhouse.packages.house import House
from packhouse.packages.indexes import Indexes
from packhouse.packages.logs import Log
from packhouse.packages.repositories import read_repository
from packhouse.packages.sessions import Uploads
from packhouse.packages.shelves import Keys, ensure, find_missing, make_missing, remove
from packhouse.responses import Document, FileReply

P = ParamSpec("P")
T = TypeVar("T")

# the one that publishes what was read from a project's own repository: no rule about people holds for it
REPOSITORY = Actor(kind="repository", name="repository", admin=True)


class View:
    """One request's hold on the packages room."""

    __slots__ = ("_access", "_at", "_format", "_house", "_level", "_lookup", "_moment", "_place")

    def __init__(
        self,
        house: House,
        format: Format,
        access: Access,
        *,
        level: str,
        place: int | None,
        moment: Moment,
        at: Instant | None,
        lookup: Callable[..., Awaitable[Access]],
    ) -> None:
        self._house = house
        self._format = format
        self._access = access
        self._level = level  # project, group, instance
        self._place = place  # project or group id; None: the instance
        self._moment = moment
        self._at = at
        self._lookup = lookup  # the same actor's standing in another project

    @property
    def format(self) -> Format:
        return self._format

    @property
    def level(self) -> str:
        """How wide the scope is: project, group, instance."""
        return self._level

    @property
    def place(self) -> int | None:
        """The project or group in scope; None for the instance."""
        return self._place

    @property
    def project(self) -> int:
        if self._level != "project" or self._place is None:
            raise Unsupported("This works in one project only: use its URL")
        return self._place

    # -- reading -----------------------------------------------------------------------------------------------------

    async def rows(self, name: str, version: str | None = None) -> Rows:
        key = self._format.coordinates.name_key(name)
        projects = await self._projects(key)
        if not projects:
            raise PackageNotFound()
        wanted = None if version is None else self._format.coordinates.version_id(version)
        read = self._house.database.read
        found = await read(rows_db.read_rows, projects, self._format.name, name_key=key, version_id=wanted, at=self._at)
        if not found:
            named = await read(rows_db.read_rows, projects, self._format.name, name_key=key, at=self._at, needs="names")
            raise VersionNotFound() if wanted is not None and named else PackageNotFound()
        return Rows(packages=found)

    async def search(self, text: str, offset: int, limit: int) -> tuple[Sequence[Match], int]:
        query = PackageQuery(
            project=self._place if self._level == "project" else None, group=self._place if self._level == "group" else None, reader=self._reader()
        )
        return await self._house.database.read(_search, query, self._format.name, text, offset, limit, self._at)

    async def find(self, search: Search) -> tuple[Sequence[Rows], int]:
        query = PackageQuery(
            project=self._place if self._level == "project" else None, group=self._place if self._level == "group" else None, reader=self._reader()
        )
        found, total = await self._house.database.read(names_db.find_names, query, self._format.name, search, self._at)
        return [Rows(packages=packages) for packages in found], total

    async def open_file(self, shelf: str, path: str) -> FileReply:
        place = self._access.place
        if place is None or not self._access.switched_on or not await self._house.database.read(rules.is_open, place.id, self._format.open_files):
            raise Forbidden()
        found = await self._house.database.read(files_db.find_open, self._format.name, place.id, shelf, path, self._at)
        if found is None:
            raise FileNotFound()
        return _reply_of(found, path)

    async def file(self, name: str, version: str | None, path: str, sha256: str | None = None) -> FileReply:
        coordinates = self._format.coordinates
        params: dict[str, Any] = {"format": self._format.name, "name_key": coordinates.name_key(name), "path": path}
        if self._level == "project":
            params["project"] = self._place
        else:
            params |= self._reader().params()
            if self._place is not None:
                params["group"] = self._place
        if version is not None:
            params["version_id"] = coordinates.version_id(version) if version else ""
        if sha256 is not None:
            params["sha256"] = sha256
        if self._at is not None:
            params["at"] = self._at
        # an instance route that means one place looks no further than it
        level = "project" if self._level == "project" else "instance" if self._place is None else "group"
        hot = files_db.newest_file(level, version is not None, sha256 is not None, self._at is not None)
        row = await self._house.database.point(hot, params)
        if row is None:
            raise FileNotFound()
        return _reply_of(files_db.FoundFile(*row), path, immutable=sha256 is not None)

    async def pick(self, name: str, path: str, *, tag: str | None = None, version: str | None = None) -> Found:
        kind, wanted = ("tag", tag) if version is None else ("version", self._format.coordinates.version_id(version))
        row = await self._pick(kind, name, path, wanted or "")
        if row is None and version is not None:
            algorithm, _, encoded = version.partition(":")
            row = await self._pick(algorithm, name, path, encoded) if algorithm in containers.VERSIONS else None
        if row is None:
            await self._package(name)
            raise VersionNotFound()
        if not row.stored:
            lost = "The bytes of this version are damaged or lost: send them again"
            raise VersionNotFound(lost if self._at is None else "The bytes of this version were collected: deleted ones are kept for a while only")
        if self._at is None:
            await touch_if_risky(self._house, self._access, None, row.blob_id, row.touched)
        reply = FileReply(
            blob=Blob(sha256=row.sha256, size=row.size, md5=row.md5, sha1=row.sha1, sha512=row.sha512),
            name=path,
            file_id=row.file_id,
            version_id=row.version_id,
            project=self._place,
            stored=row.stored,
            modified=row.created,
            immutable=version is not None,
        )
        return Found(reply=reply, version=row.version, facts=row.facts.encode(), size=row.size)

    async def _pick(self, kind: str, name: str, path: str, wanted: str) -> containers.FoundVersion | None:
        versions = containers.VERSIONS if self._at is None else containers.VERSIONS_AT
        row = await self._house.database.point(versions[kind], {**self._of_package(name), "path": path, "wanted": wanted})
        return None if row is None else containers.FoundVersion(*row)

    async def _package(self, name: str) -> int:
        package = containers.PACKAGE if self._at is None else containers.PACKAGE_AT
        row = await self._house.database.point(package, self._of_package(name))
        if row is None:
            raise PackageNotFound()
        return int(row[0])

    def _of_package(self, name: str) -> dict[str, Any]:
        params: dict[str, Any] = {"project": self.project, "format": self._format.name, "name_key": self._format.coordinates.name_key(name)}
        return params if self._at is None else {**params, "at": self._at}

    async def content(self, reply: FileReply, limit: int) -> bytes | None:
        return await self._house.store.whole(reply.stored, reply.blob.size) if reply.blob.size <= limit else None

    async def tags(self, name: str, after: str, limit: int) -> Sequence[str]:
        package = await self._package(name)
        return await self._house.database.read(containers.list_tags, package, after, limit, at=self._at)

    async def names(self, after: str, limit: int) -> Sequence[str]:
        return await self._house.database.read(containers.list_names, self._format.name, after, limit)

    async def referring(self, name: str, digest: str, after: str, limit: int) -> Sequence[Found]:
        of = self._of_package(name)
        where = (of["project"], self._format.name, of["name_key"], digest)
        rows = await self._house.database.read(containers.list_referring, *where, after, limit, self._at)
        return [
            Found(
                reply=FileReply(blob=Blob(sha256=row.sha256, size=row.size), name="", stored=row.stored),
                version=row.version,
                facts=row.facts.encode(),
                size=row.size,
            )
            for row in rows
        ]

    @property
    def blobs(self) -> Loose:
        return Loose(self._house, self._format, self._access, self.project, self._lookup, self._at)

    @property
    def log(self) -> Log:
        return Log(self._house, self._format.name)

    @property
    def sessions(self) -> Uploads:
        return Uploads(self._house, self._format, self._access, self.project)

    def _reader(self) -> Reader:
        return self._access.reader(this_second())

    async def _projects(self, key: str) -> list[int]:
        """The projects in scope that hold a package and may be read."""
        if self._level == "project":
            assert self._place is not None
            return [self._place]
        return await self._house.database.read(names_db.projects_with, self._format.name, key, self._place, self._reader(), self._at)

    # -- documents ---------------------------------------------------------------------------------------------------

    @property
    def _indexes(self) -> Indexes:
        access, level, place = self._access, self._level, self._place
        return Indexes(self._house, self._format, access, level=level, place=place, moment=self._moment, at=self._at)

    async def documents(self, index: str, key: str = "") -> Mapping[str, Document]:
        return await self._indexes.documents(index, key)

    async def document(self, index: str, key: str, sha256: str) -> Document:
        return await self._indexes.document(index, key, sha256)

    async def shelf(self, name: str) -> Shelf:
        return (await self._indexes.find_shelf(name))[0]

    async def open_shelf(self, name: str) -> Shelf:
        authorize(self._access, Action.PUBLISH)
        assert self._place is not None
        try:
            return await self.shelf(name)
        except ShelfNotFound:
            rules.check_bounds(self._access.actor, self._format.name, set())
            return await ensure(self._house, self._place, self._format.name, name, self._access.actor)

    async def close_shelf(self, name: str) -> None:
        authorize(self._access, Action.DELETE)
        rules.check_bounds(self._access.actor, self._format.name, set())
        assert self._place is not None
        await self._house.database.write(remove, self._place, self._format.name, name, self._access.actor)

    # -- changing ----------------------------------------------------------------------------------------------------

    async def publish(self, upload: Upload) -> Published:
        access = self._access
        authorize(access, Action.PUBLISH)
        assert access.place is not None and access.place.id == self.project
        return await self._publish(upload, access)

    async def from_git(self, project: int, read: Callable[Concatenate[Git, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        await self._reading(project)
        return await read_repository(self._house, project, read, *args, **kwargs)

    async def project_at(self, paths: Sequence[str]) -> Place | None:
        above = "" if self._access.place is None else f"{self._access.place.full_path}/"
        wanted = tuple(path for path in paths if path.startswith(above))
        access = await self._lookup(wanted) if wanted else None
        place = None if access is None or not may(access, Action.READ) else access.place
        return place if place is not None and place.kind == "project" and place.full_path.startswith(above) else None

    async def deleted(self, name: str, project: int) -> Mapping[str, bool]:
        await self._reading(project)
        return await self._house.database.read(_read_deleted, project, self._format.name, self._format.coordinates.name_key(name))

    async def take(self, upload: Upload, project: int) -> Published:
        access = await self._reading(project)
        return await self._publish(upload, replace(access, actor=REPOSITORY))

    async def _reading(self, project: int) -> Access:
        """The actor's standing in a project of this scope that it may read. Raises what `authorize` raises."""
        place = self._access.place
        access = self._access if place is not None and place.id == project else await self._lookup(project)
        authorize(access, Action.READ)
        return access

    async def _opened_by(self, access: Access, upload: Upload) -> Mapping[str, Keys]:
        """The shelves that this upload sets up, with keys for them. Raises `InsufficientScope`."""
        if access.place is None or not any(index.opened for index in self._format.indexes.values()):
            return {}
        missing = await self._house.database.read(find_missing, access.place.id, self._format.name, upload.files)
        if not missing:
            return {}
        rules.check_bounds(access.actor, self._format.name, set())
        return await asyncio.to_thread(make_missing, self._house, access.place.id, self._format.name, missing)

    async def _publish(self, upload: Upload, access: Access) -> Published:
        assert access.place is not None
        files: list[tuple[NewFile, Spooled]] = []
        kept: list[Spooled] = []
        try:
            for new in upload.files:
                content = new.content
                if isinstance(content, bytes):
                    content = await self._house.spool.keep(content)
                    kept.append(content)
                elif access.actor is REPOSITORY:
                    kept.append(content)  # nobody else knows of it
                files.append((new, content))
            key = self._format.coordinates.name_key(upload.name)
            rule = await self._house.database.glance(
                rules.read_rules, access, self._format, upload.name, key, upload.version, Action.PUBLISH, upload.tags
            )
            if access.actor is REPOSITORY:
                rule = replace(rule, keep_deleted_names=True)  # to read is not to bring back what was deleted
            opens = await self._opened_by(access, upload)
            plan = publish.plan_publish(self._format, access.place, access.actor, upload, files, rule, opens)
            return await publish.publish(self._house, plan)
        finally:
            publish.discard(kept)

    async def tag(self, name: str, tag: str, version: str | None) -> None:
        project = await self._authorized(name, _one(version), Action.DELETE if version is None else Action.PUBLISH, (tag,))
        await self._house.database.write(change.tag, self._target(project, name), tag, version)

    async def yank(self, name: str, version: str, reason: str | None) -> None:
        project = await self._authorized(name, (version,), Action.DELETE)
        await self._house.database.write(change.yank, self._target(project, name), version, reason)

    async def yank_all(self, name: str, reasons: Mapping[str, str | None]) -> None:
        if reasons:
            project = await self._authorized(name, tuple(reasons), Action.DELETE)
            await self._house.database.write(change.yank_all, self._target(project, name), reasons)

    async def delete(self, name: str, version: str | None = None, path: str | None = None) -> None:
        project = await self._authorized(name, _one(version), Action.DELETE)
        await self._house.database.write(change.delete, self._target(project, name), version, path)

    async def delete_files(self, name: str, files: Collection[tuple[str, str]]) -> None:
        if files:
            project = await self._authorized(name, tuple(dict.fromkeys(version for version, _ in files)), Action.DELETE)
            await self._house.database.write(change.delete_files, self._target(project, name), files)

    def _target(self, project: int, name: str) -> change.Target:
        return change.target(self._format, project, self._access.actor, name)

    async def _authorized(self, name: str, versions: Sequence[str], action: Action, tags: Sequence[str] = ()) -> int:
        """The one project that a change of this name, or of these versions of it, means, where the actor may make it."""
        key = self._format.coordinates.name_key(name)
        projects = await self._projects(key)
        if not projects:
            raise PackageNotFound()
        if len(projects) > 1:
            projects = await self._house.database.read(names_db.narrow, self._format.name, key, projects, self._version_ids(versions))
        if len(projects) != 1:
            raise VersionNotFound() if not projects else Unsupported(f"{name} is in several projects of this scope: use the URL of the project")
        access = self._access if self._level == "project" else await self._lookup(projects[0])
        authorize(access, action)
        if len(versions) > 1 and not tags:  # a rule forbids a name, or a tag: those of all these versions are looked at together
            tags = await self._house.database.read(containers.tags_of, projects[0], self._format.name, key, self._version_ids(versions))
        version = versions[0] if versions else ""
        await self._house.database.read(rules.read_rules, access, self._format, name, key, version, action, tags)
        return projects[0]

    def _version_ids(self, versions: Sequence[str]) -> list[str]:
        return [self._format.coordinates.version_id(version) if version else "" for version in versions]


def _one(version: str | None) -> tuple[str, ...]:
    """The versions that a change is about; none: the whole package."""
    return () if version is None else (version,)


def _read_deleted(connection: Connection, project: int, format: str, key: str) -> Mapping[str, bool]:
    gone = names_db.deleted_versions(connection, project, format, key)
    if not gone:
        return {}
    kept = bool(msgspec.json.decode(places.settings_of(connection, project), type=dict[str, Any]).get("keep_deleted_names", False))
    return dict.fromkeys(gone, kept)


def _reply_of(found: files_db.FoundFile, path: str, *, immutable: bool = False) -> FileReply:
    if not found.stored:
        raise FileNotFound("The bytes of this file were collected: it was deleted longer ago than deleted files are kept")
    return FileReply(
        blob=Blob(sha256=found.sha256, size=found.size, md5=found.md5, sha1=found.sha1, sha512=found.sha512),
        name=path.rpartition("/")[2],
        file_id=found.id,
        version_id=found.version_id,
        project=found.project,
        stored=found.stored,
        modified=found.created,
        immutable=immutable,
    )


def _search(
    connection: Connection, query: PackageQuery, format: str, text: str, offset: int, limit: int, at: Instant | None
) -> tuple[Sequence[Match], int]:
    found, total = names_db.search_packages(connection, query, format, text, offset, limit, at)
    return [Match(package=row, about=files_db.read_about(connection, newest, at)) for row, newest in found], total
