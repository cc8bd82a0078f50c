"""One request, authorised: what a handler holds (contract.Call)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import parse_qsl
from zlib import crc32

from packhouse.auth.access import Where
from packhouse.auth.policy import Access, can_see
from packhouse.auth.sessions import Session
from packhouse.blobs.spool import SpoolWriter
from packhouse.contract import ALL_DIGESTS, Form, Part, Splitter
from packhouse.db import places
from packhouse.db.engine import now, this_second
from packhouse.errors import Invalid, TooLarge
from packhouse.model import Actor, Instant, Moment, PartEnd, PartStart, Place, Spooled
from packhouse.packages.house import House
from packhouse.packages.publish import discard
from packhouse.packages.view import View
from packhouse.web.asgi import Receive, Scope
from packhouse.web.match import Entry
from packhouse.web.pace import Pace

P = ParamSpec("P")
T = TypeVar("T")

IDLE_SECONDS = 60
LARGEST_FIELD = 10 * 1024 * 1024
MOST_PARTS = 4096


class ClientGone(Exception):
    """The client closed the connection: nobody is left to answer."""


async def holds_below(house: House, access: Access, where: Where) -> bool:
    """The group that was asked for holds something of the caller's, or a project whose packages they may read."""
    if access.actor.anonymous:
        return False  # nothing below a group is more visible than the group
    place = access.place
    # what is absent is asked for as well, under a number that nothing has: a guesser learns nothing from the time
    group = place.id if place is not None and place.kind != "project" else -1 - crc32(repr(where).encode())
    found = await house.database.point(places.HOLDS_BELOW, {"group": group, **access.reader(this_second()).params()})
    return found is not None and bool(found[0])


class Call:
    """What a handler holds. Bodies are read only when it asks for them, so a refusal comes first."""

    __slots__ = (
        "_headers",
        "_query",
        "_receive",
        "_spooled",
        "_text_headers",
        "_view",
        "_writers",
        "access",
        "address",
        "at",
        "entry",
        "house",
        "lookup",
        "method",
        "moment",
        "params",
        "request_id",
        "scope",
        "session",
        "signed",
    )

    def __init__(
        self,
        house: House,
        scope: Scope,
        receive: Receive,
        entry: Entry,
        method: str,
        params: Mapping[str, str],
        headers: dict[bytes, bytes],
        query: dict[str, str],
        access: Access,
        moment: Moment,
        at: Instant | None,
        request_id: str,
        address: str,
        lookup: Callable[[int], Any],
        session: Session | None,
        signed: bool = False,
    ) -> None:
        self.house = house
        self.scope = scope
        self.entry = entry
        self.method = method
        self.params = params
        self.access = access
        self.moment = moment
        self.at = at
        self.request_id = request_id
        self.address = address
        self.session = session
        self.signed = signed
        self.lookup = lookup
        self._receive = receive
        self._headers = headers
        self._query = query
        self._text_headers: dict[str, str] | None = None
        self._view: View | None = None
        self._spooled: list[Spooled] = []
        self._writers: list[SpoolWriter] = []

    @property
    def actor(self) -> Actor:
        return self.access.actor

    @property
    def now(self) -> Instant:
        return now()

    @property
    def place(self) -> Place:
        """The project or group the route speaks of."""
        assert self.access.place is not None
        return self.access.place

    @property
    def query(self) -> Mapping[str, str]:
        return self._query

    @property
    def raw_headers(self) -> Mapping[bytes, bytes]:
        """Header fields as they came, by lower-case name."""
        return self._headers

    @property
    def query_list(self) -> list[tuple[str, str]]:
        """Every query parameter in order."""
        return parse_qsl(self.scope["query_string"].decode("latin-1"), keep_blank_values=True)

    @property
    def headers(self) -> Mapping[str, str]:
        if self._text_headers is None:
            self._text_headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in self._headers.items()}
        return self._text_headers

    @property
    def packages(self) -> View:
        if self._view is None:
            assert self.entry.format is not None
            self._view = View(
                self.house,
                self.entry.format,
                self.access,
                level="project" if self.entry.route.bound and self.moment.level == "instance" else self.moment.level,
                place=self.moment.place or None,
                moment=self.moment,
                at=self.at,
                lookup=self.lookup,
            )
        return self._view

    async def sees_place(self) -> bool:
        place = self.access.place
        if place is not None and can_see(self.access, place):
            return True
        # a private group may still hold a project that this actor belongs to, or may read
        return self.moment.level != "project" and await holds_below(self.house, self.access, self.params.get("id"))

    # -- bodies ------------------------------------------------------------------------------------------------------

    def _limit(self) -> int:
        if self.entry.route.limit is not None:
            return self.entry.route.limit
        assert self.entry.format is not None
        return self.house.file_limit(self.entry.format)

    def _check_length(self, limit: int) -> int | None:
        declared = self._headers.get(b"content-length")
        if declared is None:
            return None
        if not declared.isdigit():
            raise Invalid("Content-Length is not a number")
        if int(declared) > limit:
            raise TooLarge(limit=limit)
        return int(declared)

    async def stream(self) -> AsyncIterator[bytes]:
        more, pace = True, Pace(time.monotonic())
        while more:
            asked = time.monotonic()
            async with asyncio.timeout(IDLE_SECONDS):
                message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            data = message.get("body", b"")
            more = message.get("more_body", False)
            if more:
                pace.note(len(data), asked, time.monotonic())
            if data:
                yield data

    async def body(self) -> bytes:
        limit = self._limit()
        self._check_length(limit)
        pieces: list[bytes] = []
        size = 0
        async for data in self.stream():
            size += len(data)
            if size > limit:
                raise TooLarge(limit=limit)
            pieces.append(data)
        return b"".join(pieces)

    async def spool(self, splitter: Splitter | None = None, *, inspected: bool = True) -> Form:
        limit = self._limit()
        # parts may be wrapped: base64 is 4/3 of its bytes, and a document comes beside it
        whole = limit if splitter is None else limit * 7 // 5 + 2 * LARGEST_FIELD
        declared = self._check_length(whole)
        self.house.spool.check_space(declared or 0)
        collector = _Collector(self, limit, direct=not inspected, declared=declared)
        try:
            if splitter is None:
                await collector.take(PartStart(name="", file=True, media_type=self.headers.get("content-type", "")))
                async for data in self.stream():
                    await collector.take(data)
                await collector.take(PartEnd())
            else:
                size = 0
                async for data in self.stream():
                    size += len(data)
                    if size > whole:
                        raise TooLarge(limit=limit)
                    for piece in splitter.feed(data):
                        await collector.take(piece)
                for piece in splitter.end():
                    await collector.take(piece)
        except BaseException:
            collector.abort()
            raise
        return Form(files=tuple(collector.files), fields=tuple(collector.fields))

    async def inspect(self, read: Callable[Concatenate[str, P], T], content: Spooled, *args: P.args, **kwargs: P.kwargs) -> T:
        inspector = self.house.inspector
        path = content.memory if content.memory and await inspector.sees(content.memory) else content.path
        return await inspector.run(read, path, *args, **kwargs)

    def close(self) -> None:
        """Forget what is still in the spool: what was published has been moved."""
        for writer in self._writers:
            writer.release()
        if self._spooled:
            discard(self._spooled)


class _Collector:
    """Pieces of a body → files in the spool, fields in memory."""

    def __init__(self, call: Call, limit: int, *, direct: bool, declared: int | None) -> None:
        self._call = call
        self._direct = direct
        self._declared = declared
        self._limit = limit
        self._digests = call.entry.format.digests if call.entry.format is not None else ALL_DIGESTS
        self._start: PartStart | None = None
        self._writer: SpoolWriter | None = None
        self._field: list[bytes] = []
        self._held = 0
        self.files: list[Part] = []
        self.fields: list[tuple[str, bytes]] = []

    async def take(self, piece: PartStart | bytes | PartEnd) -> None:
        if isinstance(piece, bytes):
            if self._writer is not None:
                await self._writer.write(piece)
            else:
                self._held += len(piece)
                if self._held > 2 * LARGEST_FIELD:
                    raise TooLarge("The fields beside the file are too large", limit=2 * LARGEST_FIELD)
                self._field.append(piece)
        elif isinstance(piece, PartStart):
            self._start = piece
            if len(self.files) + len(self.fields) >= MOST_PARTS:
                raise Invalid(f"The body has more than {MOST_PARTS} parts")
            if piece.file:
                most = None if self._direct else self._declared
                self._writer = self._call.house.spool.begin(self._limit, self._digests, direct=self._direct, most=most)
        else:
            assert self._start is not None
            if self._writer is not None:
                content = await self._writer.finish()
                self._call._writers.append(self._writer)
                self._writer = None
                self._call._spooled.append(content)
                self.files.append(Part(name=self._start.name, filename=self._start.filename, media_type=self._start.media_type, content=content))
            else:
                self.fields.append((self._start.name, b"".join(self._field)))
                self._field = []

    def abort(self) -> None:
        if self._writer is not None:
            self._writer.abort()
            self._writer = None
