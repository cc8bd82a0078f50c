"""The proxy's part of the registry protocol: manifests and blobs are read, and nothing is ever written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Protocol

from packhouse.auth.policy import Access
from packhouse.contract import ROOT, Action, Answer, Format, Params, Route
from packhouse.db import places
from packhouse.db.proxies import EntryRow
from packhouse.errors import NotFound, VersionNotFound
from packhouse.model import Actor
from packhouse.packages.house import House
from packhouse.packages.proxies import FORMAT
from packhouse.proxy.access import check_pull
from packhouse.proxy.cache import Cache, Found, Group, Wanted, blob_of
from packhouse.proxy.manifests import is_digest, is_tag
from packhouse.responses import FileReply, StreamReply, empty_reply
from packhouse.upstream.pull import Reader

API = {"Docker-Distribution-Api-Version": "registry/2.0"}
BASE = "v2/{group+}/dependency_proxy/containers/"
WRITES = ("POST", "PUT", "PATCH", "DELETE")


class Call(Protocol):
    """One request, its caller known and not judged yet."""

    house: House
    access: Access
    lookup: Callable[[int | str], Awaitable[Access]]

    @property
    def method(self) -> str: ...

    @property
    def params(self) -> Params: ...

    @property
    def actor(self) -> Actor: ...


class Routes:
    """The handlers, bound to the cache of this process."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._format: Format = cache.house.formats[FORMAT]

    def routes(self) -> Iterable[Route]:
        """Who may pull is decided by `check_pull` in each handler: the registry token of a proxy grants nothing, it says who asks."""
        yield self._route("GET", "{image*}/manifests/{reference}", self.get_manifest)
        yield self._route("GET", "{image*}/blobs/{digest}", self.get_blob)
        for method in ("GET", *WRITES):
            yield self._route(method, "{rest*}", self.refuse)

    def _route(self, method: str, tail: str, handler: Callable[[Call], Awaitable[Answer]]) -> Route:
        return Route(
            method=method,
            path=BASE + tail,
            handler=handler,
            action=Action.OPEN,
            reach=ROOT,
            place_of=lambda params: params["group"],
            place_kind="group",
            area="containers",
            signed_in=True,
            limit=0,
        )

    async def get_manifest(self, call: Call) -> Answer:
        """A manifest as the upstream has it now, or had it last. Raises `VersionNotFound`, `NoUpstream`, `UpstreamFailed` and its like."""
        group = await self._enter(call)
        image = self._format.coordinates.name_key(call.params["image"])
        reference = call.params["reference"]
        if is_digest(reference):
            self._format.coordinates.version_id(reference)
        elif not is_tag(reference):
            raise VersionNotFound(f"{reference[:80]!r} cannot be a tag: letters, digits, underscores, dots and dashes, at most 128")
        found = await self._cache.manifest(Wanted(group=group, image=image, reference=reference, actor=call.actor))
        return reply(found, call.params["reference"])

    async def get_blob(self, call: Call) -> Answer:
        """A blob, streamed to whoever asks first. Raises `BlobNotFound`, and what `get_manifest` raises."""
        group = await self._enter(call)
        image = self._format.coordinates.name_key(call.params["image"])
        digest = self._format.coordinates.version_id(call.params["digest"])
        wanted = Wanted(group=group, image="", reference=digest, actor=call.actor)
        if call.method == "HEAD":
            return measured(await self._cache.measure(wanted, image), digest)
        found = await self._cache.blob(wanted, image)
        return reply(found, digest) if isinstance(found, Found) else stream(found, digest)

    async def refuse(self, call: Call) -> Answer:
        """Nothing is pushed to a proxy, nor listed. Raises `NotFound`."""
        await self._enter(call)
        raise NotFound("A dependency proxy only gives out manifests and blobs")

    async def _enter(self, call: Call) -> Group:
        access, path = call.access, call.params["group"]
        if access.place is not None and access.place.full_path.lower() != path.lower():
            access = await call.lookup(path)  # digits are a path here, and no id
        if access.place is None:
            moved = await self._cache.house.database.read(places.find_alias, path)
            if moved is not None:
                access = await call.lookup(moved)
        return await self._cache.open_group(check_pull(access).id)


def reply(found: Found, reference: str) -> FileReply:
    """A cached thing on its way out."""
    entry = found.entry
    return FileReply(
        blob=blob_of(entry),
        name=entry.digest.replace(":", "-"),
        stored=entry.stored,
        media_type=entry.content_type,
        headers=headers_of(entry.digest if not is_digest(reference) else reference, found.how),
        modified=entry.created,
        immutable=is_digest(reference),
    )


def stream(reader: Reader, digest: str) -> StreamReply:
    headers = {
        **headers_of(digest, "MISS"),
        "Content-Length": str(reader.length),
        "Content-Disposition": f'attachment; filename="{digest.replace(":", "-")}"',
    }
    return StreamReply(reader, 200, headers, "application/octet-stream")


def measured(found: EntryRow | int, digest: str) -> Answer:
    """The answer to a HEAD; of what is not cached, as much as the upstream says."""
    if isinstance(found, EntryRow):
        return reply(Found(entry=found, how="HIT"), digest)
    return empty_reply(200, {**headers_of(digest, "MISS"), "Content-Type": "application/octet-stream", "Content-Length": str(found)})


def headers_of(digest: str, how: str) -> Mapping[str, str]:
    """What clients read, and how it came."""
    stale = {"Warning": '110 - "Response is Stale"'} if how == "STALE" else {}
    return {**API, "Docker-Content-Digest": digest, "X-Cache": how, **stale}
