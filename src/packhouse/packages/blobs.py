"""Loose blobs: bytes that a package can be given before any file of it holds them, readable only through a link of that package."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from sqlalchemy import Connection

from packhouse.auth.policy import Access, authorize, may
from packhouse.contract import Chunk, Format
from packhouse.db import changes, containers, uploads
from packhouse.db.engine import now
from packhouse.errors import BlobNotFound, DigestMismatch, Forbidden, PackageNotFound, PlaceNotFound, TooLarge, Unauthenticated, Unsupported
from packhouse.model import Action, Actor, Blob, Instant, Spooled, Struct, replace
from packhouse.packages import rules
from packhouse.packages.house import House
from packhouse.packages.publish import discard, drop_losers, write_with_blobs
from packhouse.responses import FileReply

Lookup = Callable[..., Awaitable[Access]]


class Link(Struct):
    """A blob about to become readable in a package."""

    project: int
    format: str
    name: str
    name_key: str
    content: Spooled
    session: str = ""  # the upload that ends with it


class Holder:
    """What both kinds of upload know: where they go and who sends them."""

    __slots__ = ("_access", "_format", "_house", "_project")

    def __init__(self, house: House, format: Format, access: Access, project: int) -> None:
        self._house = house
        self._format = format
        self._access = access
        self._project = project

    @property
    def limit(self) -> int:
        return self._house.file_limit(self._format)

    def key(self, name: str) -> str:
        return self._format.coordinates.name_key(name)

    def check_length(self, chunk: Chunk) -> None:
        """Refuse early what says that it is too large. Raises `TooLarge`."""
        if chunk.length is not None and chunk.length > self.limit:
            raise TooLarge(limit=self.limit)

    async def check(self, name: str) -> None:
        """The actor may publish under this name. Raises what `authorize` raises, `Protected`."""
        authorize(self._access, Action.PUBLISH)
        await self._house.database.glance(rules.read_rules, self._access, self._format, name, self.key(name), "", Action.PUBLISH)

    async def keep(self, name: str, content: Spooled, session: str = "") -> Blob:
        """Bytes that are safe in the spool as a blob of the package."""
        what = Link(project=self._project, format=self._format.name, name=name, name_key=self.key(name), content=content, session=session)
        try:
            placed, names = await write_with_blobs(self._house, [content], _link, what)
            await drop_losers(self._house, placed, names)
        finally:
            discard([content])
        return content.blob


class Loose(Holder):
    """`contract.LooseBlobs` of one project."""

    __slots__ = ("_at", "_lookup")

    def __init__(self, house: House, format: Format, access: Access, project: int, lookup: Lookup, at: Instant | None = None) -> None:
        super().__init__(house, format, access, project)
        self._lookup = lookup
        self._at = at

    async def find(self, name: str, digest: str) -> FileReply:
        found = await self._find(self._project, name, digest)
        if found is None:
            package = containers.PACKAGE if self._at is None else containers.PACKAGE_AT
            if await self._house.database.point(package, self._params(self._project, name)) is None:
                raise PackageNotFound()
            raise BlobNotFound()
        if self._at is None:
            await touch_if_risky(self._house, self._access, found.package_id, found.blob_id, found.touched)
        return FileReply(
            blob=Blob(sha256=found.sha256, size=found.size, md5=found.md5, sha1=found.sha1, sha512=found.sha512),
            name=found.sha256,
            stored=found.stored,
            project=self._project,
            modified=found.created,
            immutable=True,
        )

    async def add(self, name: str, digest: str, chunk: Chunk) -> Blob:
        await self.check(name)
        self.check_length(chunk)
        self._house.spool.check_space(chunk.length or 0)
        digests = ("sha256",) if digest.startswith("sha256:") else ("sha256", "sha512")
        writer = self._house.spool.begin(self.limit, digests, direct=True)
        try:
            async for data in chunk.body:
                await writer.write(data)
            content = await writer.finish()
        except BaseException:
            writer.abort()
            raise
        try:
            check_digest(content, digest)
        except DigestMismatch:
            discard([content])
            raise
        return await self.keep(name, content)

    async def mount(self, name: str, digest: str, source: str | None, places: Sequence[str] = ()) -> bool:
        await self.check(name)
        if source is None:
            where = await self._readable_holder(digest)
        else:
            access = await self._lookup(tuple(places), source)
            where = (access.place.id, self.key(source)) if access.place is not None and _may_read(access, source) else None
        if where is None:
            return False
        return await self._house.database.write(_mount, self._project, self._format.name, name, self.key(name), digest, where)

    async def _readable_holder(self, digest: str) -> tuple[int, str] | None:
        """A repository of this project that holds the blob, and that this credential may read by itself."""
        for holder in await self._house.database.read(containers.find_holders, self._project, self._format.name, digest):
            if may(await self._lookup(self._project, holder), Action.READ):
                return self._project, holder
        return None

    async def remove(self, name: str, digest: str) -> None:
        authorize(self._access, Action.DELETE)
        rules.check_bounds(self._access.actor, self._format.name, {name, self.key(name)})
        params = (self._project, self._format.name, name, self.key(name), digest, self._access.actor)
        await self._house.database.write(_remove, *params)

    async def _find(self, project: int, name: str, digest: str) -> containers.FoundBlob | None:
        algorithm, _, encoded = digest.partition(":")
        blobs = containers.BLOBS if self._at is None else containers.BLOBS_AT
        row = await self._house.database.point(blobs[algorithm], {"digest": encoded, **self._params(project, name)})
        return None if row is None else containers.FoundBlob(*row)

    def _params(self, project: int, name: str) -> dict[str, object]:
        params: dict[str, object] = {"project": project, "format": self._format.name, "name_key": self.key(name)}
        return params if self._at is None else {**params, "at": self._at}


async def touch_if_risky(house: House, access: Access, package_id: int | None, blob_id: int, touched: Instant) -> None:
    """A client that may push and hears that something is here will not send it again: so collection must wait, from a commit on."""
    moment = now()
    if moment - touched > house.settings.collect_grace_seconds * 250_000 and may(access, Action.PUBLISH):
        await house.database.write(containers.touch_blob, package_id, blob_id, moment)


def check_digest(content: Spooled, digest: str) -> None:
    """Raises `DigestMismatch`."""
    algorithm, _, wanted = digest.partition(":")
    actual = content.sha512 if algorithm == "sha512" else content.sha256
    if actual != wanted:
        raise DigestMismatch(f"The bytes sent have {algorithm}:{actual}, not {digest}: send them again", sent=digest, actual=f"{algorithm}:{actual}")


def _may_read(access: Access, source: str) -> bool:
    """Raises `Unauthenticated` where only the registry token stands in the way: the client can get a better one."""
    try:
        authorize(access, Action.READ)
    except Unauthenticated:
        if access.granted is not None and may(_without_token(access), Action.READ):
            raise Unauthenticated("The registry token does not grant the source of the mount", error="insufficient_scope", source=source) from None
        return False
    except (PlaceNotFound, Forbidden):
        return False
    return True


def _without_token(access: Access) -> Access:
    return replace(access, granted=None)


# -- inside a transaction --------------------------------------------------------------------------------------------


def _link(connection: Connection, what: Link, placed: Mapping[str, str]) -> dict[str, str]:
    at = now()
    package_id, _ = changes.ensure_package(connection, what.project, what.format, what.name_key, what.name)
    blob_id, stored = changes.take_blob(connection, what.content.blob, placed.get(what.content.sha256), at)
    containers.link_blob(connection, package_id, blob_id, at)
    if what.session:
        uploads.drop_session(connection, what.session)
    return {what.content.sha256: stored}


def _mount(connection: Connection, project: int, format: str, name: str, name_key: str, digest: str, source: tuple[int, str]) -> bool:
    at = now()
    package = changes.find_package(connection, source[0], format, source[1])
    blob_id = None if package is None else containers.lock_blob(connection, package, digest)
    if blob_id is None:
        return False
    containers.touch_blob(connection, None, blob_id, at)
    target, _ = changes.ensure_package(connection, project, format, name_key, name)
    containers.link_blob(connection, target, blob_id, at)
    return True


def _remove(connection: Connection, project: int, format: str, name: str, name_key: str, digest: str, actor: Actor) -> None:
    at = changes.begin(connection, project, format, (), locks=[name_key])
    package = changes.find_package(connection, project, format, name_key)
    if package is None:
        raise PackageNotFound()
    blob_id = containers.lock_blob(connection, package, digest)
    if blob_id is None:
        raise BlobNotFound()
    if (user := containers.uses_of(connection, package, blob_id)) is not None:
        raise Unsupported(f"{user} points at this blob: delete that first")
    containers.unlink_blob(connection, package, blob_id)
    changes.add_event(
        connection, at, "delete_blob", actor, project=project, format=format, package_id=package, detail={"name": name, "digest": digest}
    )
