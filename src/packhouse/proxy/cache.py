"""The proxy itself: cache first, one HEAD for a tag that is known, one GET for what is not; what was good is served when the upstream is not."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Sequence

from packhouse.db import proxies
from packhouse.db.engine import now
from packhouse.db.proxies import EntryRow, NewEntry, SettingRow
from packhouse.errors import BlobNotFound, Forbidden, Invalid, NotFound, RegistryError, TooManyRequests, UpstreamFailed, VersionNotFound
from packhouse.model import Actor, Blob, Instant, Spooled, Struct
from packhouse.packages.house import House
from packhouse.packages.proxies import FORMAT, Kept, keep, read_upstream, source_of, split_hosts
from packhouse.packages.publish import discard
from packhouse.proxy.errors import NoUpstream
from packhouse.proxy.manifests import LARGEST, Head, check_manifest, is_digest, read_head
from packhouse.upstream.client import Incoming, Outbound
from packhouse.upstream.guard import Guard
from packhouse.upstream.oci import RegistryClient, Source, UpstreamSpoiled, refusal
from packhouse.upstream.pull import Flights, Following, Reader, declared_length, receive
from packhouse.upstream.secrets import SecretBox

LIBRARY = "library/"
NOT_THERE_SECONDS = 10.0
REMEMBERED = 4096
READ_EVERY: Instant = 3600 * 1_000_000  # how exactly the last read is known: retention counts in days

# an upstream in this state costs nobody what is cached already
FAILING = (UpstreamFailed, TooManyRequests, Forbidden, NotFound)


class Group(Struct):
    """A group's proxy as a request sees it."""

    id: int
    upstream: str
    setting: SettingRow


class Wanted(Struct):
    """A manifest of an image, by tag or digest, or with the image "" a blob."""

    group: Group
    image: str
    reference: str
    actor: Actor

    @property
    def kind(self) -> str:
        return "manifest" if self.image else "blob"

    @property
    def key(self) -> tuple[object, ...]:
        return (self.kind, self.group.id, self.group.upstream, self.image, self.reference)


class Found(Struct):
    """A cached thing, and how it came: HIT, MISS or STALE."""

    entry: EntryRow
    how: str


class Cache:
    """One for each process."""

    def __init__(self, house: House) -> None:
        self.house = house
        settings = house.settings
        self._outbound = Outbound(Guard(settings.outbound_allow))
        self.registry = RegistryClient(self._outbound)
        self.flights = Flights(settings.data_path / "pulls.lock", settings.data_path / "spool")
        self._box = SecretBox(settings.data_path / "keys" / "upstream")
        self._hosts = split_hosts(settings.dependency_proxy_auth_hosts)
        self._absent: dict[tuple[object, ...], float] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._checked: dict[int, Instant] = {}
        self._read: dict[int, Instant] = {}

    async def close(self) -> None:
        await self.flights.close()
        await self._outbound.close()

    async def flush(self) -> None:
        """When entries were checked and read, from memory to rows."""
        if self._checked or self._read:
            checked, self._checked = self._checked, {}
            read, self._read = self._read, {}
            await self.house.database.write(proxies.mark_entries, checked, read)

    # -- what a request needs ----------------------------------------------------------------------------------------

    async def open_group(self, group: int) -> Group:
        """Raises `NotFound` where the proxy is off, `NoUpstream`."""
        setting = proxies.read_row(await self.house.database.point(proxies.SETTING, {"group": group}))
        if not self.house.settings.dependency_proxy:
            raise NotFound("The dependency proxies of this instance are switched off")
        if not setting.enabled:
            raise NotFound("The dependency proxy of this group is switched off")
        upstream = setting.upstream_url
        if upstream is None:
            if not self.house.settings.dependency_proxy_upstream:
                raise NoUpstream("No upstream registry is configured: an owner can set one for the group, an administrator one for all of them")
            try:
                upstream = read_upstream(self.house.settings.dependency_proxy_upstream)
            except Invalid as error:
                raise NoUpstream(error.message) from error
        return Group(id=group, upstream=upstream, setting=setting)

    async def manifest(self, wanted: Wanted) -> Found:
        """Raises `VersionNotFound`, `UpstreamFailed` and its like, `Forbidden`, `TooManyRequests`."""
        entry = await self._look(wanted)
        if entry is None:
            self._check_absent(wanted)
            flight = self.flights.board(("pull", *wanted.key), lambda following: self._pull_manifest(wanted, None, following))
            found = Found(entry=await flight.result(), how="MISS")
        elif is_digest(wanted.reference):
            found = Found(entry=entry, how="HIT")
        else:
            found = await self.flights.board(("check", *wanted.key), lambda _: self._revalidate(wanted, entry)).result()
        self._mark_read(found.entry)
        return found

    async def blob(self, wanted: Wanted, image: str) -> Found | Reader:
        """A blob, or its bytes as they come for the first time. Raises what `manifest` raises, `BlobNotFound`."""
        entry = await self._look(wanted)
        if entry is not None:
            self._mark_read(entry)
            return Found(entry=entry, how="HIT")
        self._check_absent(wanted, image)
        flight = self.flights.board(("pull", *wanted.key, image), lambda following: self._pull_blob(wanted, image, following))
        result = await flight.result_or_stream()
        return result if isinstance(result, Reader) else Found(entry=result, how="MISS")

    async def measure(self, wanted: Wanted, image: str) -> EntryRow | int:
        """A blob that is cached, or the size that the upstream gives for it."""
        entry = await self._look(wanted)
        if entry is not None:
            return entry
        self._check_absent(wanted, image)
        with self._noting(wanted, image):
            async with self._asked("HEAD", wanted, image, f"blobs/{wanted.reference}") as (_, incoming):
                length = declared_length(incoming)
        if length is not None:
            return length
        return await self.flights.board(("pull", *wanted.key, image), lambda following: self._pull_blob(wanted, image, following)).result()

    # -- cached ------------------------------------------------------------------------------------------------------

    async def _look(self, wanted: Wanted) -> EntryRow | None:
        params = {
            "group": wanted.group.id,
            "upstream": wanted.group.upstream,
            "kind": wanted.kind,
            "image": wanted.image,
            "reference": wanted.reference,
        }
        row = await self.house.database.point(proxies.ENTRY, params)
        return None if row is None else EntryRow(*row)

    def _mark_read(self, entry: EntryRow) -> None:
        moment = now()
        if moment - entry.read_at > READ_EVERY:
            self._read[entry.id] = moment

    # -- manifests ---------------------------------------------------------------------------------------------------

    async def _revalidate(self, wanted: Wanted, entry: EntryRow) -> Found:
        """One HEAD; then the entry, what took its place, or the entry all the same where the upstream is in trouble."""
        try:
            head = await self._head(wanted, entry)
            if head is not None and (head.digest, head.content_type) == (entry.digest, entry.content_type):
                if now() - entry.checked_at > READ_EVERY:
                    self._checked[entry.id] = now()
                return Found(entry=entry, how="HIT")
            flight = self.flights.board(("pull", *wanted.key), lambda following: self._pull_manifest(wanted, entry, following))
            fresh = await flight.result()
            return Found(entry=fresh, how="HIT" if fresh.digest == entry.digest else "MISS")
        except FAILING:
            return Found(entry=entry, how="STALE")

    async def _head(self, wanted: Wanted, entry: EntryRow) -> Head | None:
        """What the upstream says of a tag now; None where it cannot say."""
        source = self._source(wanted.group)
        async with self.registry.ask("HEAD", source, entry.upstream_image, f"manifests/{wanted.reference}") as incoming:
            if incoming.status in (405, 501):
                return None
            if incoming.status != 200:
                raise refusal(incoming.status, incoming.headers, f"{entry.upstream_image}:{wanted.reference}")
            head = read_head(incoming.headers)
            return head if head.digest else None

    async def _pull_manifest(self, wanted: Wanted, known: EntryRow | None, following: Following) -> EntryRow:
        async with self.flights.alone(repr(wanted.key), following):
            entry = await self._look(wanted)
            if entry is not None and (known is None or entry.digest != known.digest):
                return entry  # another process was faster
            with self._noting(wanted):
                async with self._asked("GET", wanted, wanted.image, f"manifests/{wanted.reference}") as (name, incoming):
                    head = read_head(incoming.headers)
                    body = await incoming.read(LARGEST)
            digest = check_manifest(body, wanted.reference, head)
            content = await self.house.spool.keep(body)
            new = self._new(wanted, name, digest, head.content_type, content, tuple(dict.fromkeys((wanted.reference, digest))))
            return await self._keep(wanted, new, content)

    # -- blobs -------------------------------------------------------------------------------------------------------

    async def _pull_blob(self, wanted: Wanted, image: str, following: Following) -> EntryRow:
        async with self.flights.alone(repr(wanted.key), following):
            entry = await self._look(wanted)
            if entry is not None:
                return entry  # another process was faster
            if following.begun.is_set():
                raise UpstreamFailed("The fetch that was followed has failed: try again")  # what was sent of it is not checked
            algorithm, _, encoded = wanted.reference.partition(":")
            limit = self.house.file_limit(self.house.formats[FORMAT])
            digests = ("sha256",) if algorithm == "sha256" else ("sha256", algorithm)
            with self._noting(wanted, image):
                async with self._asked("GET", wanted, image, f"blobs/{wanted.reference}") as (name, incoming):
                    content = await receive(incoming, self.house.spool, limit, digests, following)
            actual = content.sha512 if algorithm == "sha512" else content.sha256
            if actual != encoded:
                discard([content])
                raise UpstreamSpoiled(f"The upstream sent {algorithm}:{actual} for {wanted.reference}: nothing of it was kept")
            new = self._new(wanted, name, wanted.reference, "application/octet-stream", content, (wanted.reference,))
            return await self._keep(wanted, new, content)

    # -- fetched -----------------------------------------------------------------------------------------------------

    def _new(self, wanted: Wanted, name: str, digest: str, content_type: str, content: Spooled, references: tuple[str, ...]) -> NewEntry:
        group = wanted.group
        return NewEntry(
            group=group.id,
            upstream=group.upstream,
            kind=wanted.kind,
            image=wanted.image,
            references=references,
            digest=digest,
            content_type=content_type,
            size=content.size,
            upstream_image=name,
        )

    async def _keep(self, wanted: Wanted, new: NewEntry, content: Spooled) -> EntryRow:
        await keep(self.house, Kept(entry=new, content=content, actor=wanted.actor))
        entry = await self._look(wanted)
        if entry is None:
            raise UpstreamFailed("The cache of this group was emptied meanwhile: try again")
        return entry

    @contextlib.asynccontextmanager
    async def _asked(self, method: str, wanted: Wanted, image: str, tail: str) -> AsyncIterator[tuple[str, Incoming]]:
        """The upstream's 200 under the first name that it knows the image by. Raises what its other answers mean."""
        source = self._source(wanted.group)
        async with contextlib.AsyncExitStack() as stack:
            refused: RegistryError | None = None
            for name in await self._names_of(wanted.group, image):
                try:
                    incoming = await stack.enter_async_context(self.registry.ask(method, source, name, tail))
                except Forbidden as error:
                    refused = error
                    continue
                if incoming.status == 200:
                    if name != image:
                        self._remember_name(wanted.group.upstream, image, name)
                    yield name, incoming
                    return
                refused = refusal(incoming.status, incoming.headers, f"{name}:{wanted.reference}" if wanted.image else wanted.reference)
                if not isinstance(refused, NotFound | Forbidden):
                    break
            assert refused is not None
            raise refused

    async def _names_of(self, group: Group, image: str) -> Sequence[str]:
        """What the upstream may call an image: a name without a slash may lie in its official namespace."""
        prefix = group.setting.library_prefix
        if "/" in image or prefix is False:
            return (image,)
        if prefix:
            return (LIBRARY + image,)
        known = self._names.get((group.upstream, image))
        if known is None:
            row = await self.house.database.point(proxies.NAME, {"group": group.id, "upstream": group.upstream, "image": image})
            known = None if row is None else str(row[0])
        return (image, LIBRARY + image) if known is None or known == image else (known, image)

    def _remember_name(self, upstream: str, image: str, name: str) -> None:
        if len(self._names) >= REMEMBERED:
            self._names.clear()
        self._names[upstream, image] = name

    def _source(self, group: Group) -> Source:
        return source_of(group.setting, group.upstream, self._box, self._hosts)

    # -- what the upstream does not have -----------------------------------------------------------------------------

    # by the image that was named: what one image lacks, another may have
    def _check_absent(self, wanted: Wanted, image: str = "") -> None:
        until = self._absent.get((*wanted.key, image))
        if until is not None and time.monotonic() < until:
            raise _not_found(wanted)

    @contextlib.contextmanager
    def _noting(self, wanted: Wanted, image: str = ""):  # type: ignore[no-untyped-def]
        """What the upstream does not know is not asked for again at once."""
        try:
            yield
        except NotFound as error:
            if len(self._absent) >= REMEMBERED:
                self._absent.clear()
            self._absent[(*wanted.key, image)] = time.monotonic() + NOT_THERE_SECONDS
            raise _not_found(wanted) from error


def blob_of(entry: EntryRow) -> Blob:
    return Blob(sha256=entry.sha256, size=entry.size)


def _not_found(wanted: Wanted) -> NotFound:
    if wanted.image:
        return VersionNotFound(f"The upstream registry does not know {wanted.image}:{wanted.reference}")
    return BlobNotFound(f"The upstream registry does not know {wanted.reference}")
