"""Small answers, kept under the very bytes that asked for them: for as long as nobody commits, and for a minute at most (design 008).

Equal bytes are an equal request: the same address, credential and conditions. What only the clock may change sets the end earlier.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from packhouse.db.engine import now
from packhouse.model import Actor, Instant
from packhouse.web.asgi import Message
from packhouse.web.logs import AccessLog, Record

if TYPE_CHECKING:
    from collections.abc import Callable

    from packhouse.packages.house import House
    from packhouse.web.match import Entry
    from packhouse.web.peers import Peers

HEAD_BYTES = 4096  # of a request that is remembered
BODY_BYTES = 1024 * 1024
TOTAL_BYTES = 64 * 1024 * 1024
SECONDS = 60_000_000
DAY = 86_400_000_000
REQUEST_ID = b"x-request-id"
STATUS = {200: b"HTTP/1.1 200 OK\r\n", 304: b"HTTP/1.1 304 Not Modified\r\n"}


class Head:
    """The bytes of a request that may be remembered, and the state of the database before it was read."""

    __slots__ = ("bytes", "version")

    def __init__(self, data: bytes, version: int) -> None:
        self.bytes = data
        self.version = version


class Given:
    """An answer as it left, without its date and request id, and what the log and the counters say of it."""

    __slots__ = ("body", "counted", "credential", "entry", "fields", "forwarded", "path", "size", "status", "until", "username")

    def __init__(
        self, entry: Entry, path: str, start: Message, body: bytes, counted: int | None, actor: Actor, until: Instant, forwarded: str = ""
    ) -> None:
        self.entry = entry
        self.path = path
        self.status: int = start["status"]
        self.fields = b"".join([b"%s: %s\r\n" % header for header in start["headers"] if header[0] != REQUEST_ID])
        self.body = body
        self.username = actor.username
        self.credential = actor.kind
        self.counted = counted  # the version whose download it is
        self.until = until
        self.forwarded = forwarded  # the hops that the request names
        self.size = len(body) + len(self.fields) + len(path) + 512


class Answers:
    """What this process remembers. Bounded by bytes; the oldest goes first."""

    def __init__(self, house: House, log: AccessLog, new_id: Callable[[], str], peers: Peers) -> None:
        self._state = house.database.state
        self._counters = house.counters
        self._log = log
        self._new_id = new_id
        self._peers = peers
        self._kept: dict[bytes, Given] = {}
        self._version: int | None = None
        self._size = 0

    def find(self, data: bytes) -> Given | None:
        """The answer to these bytes, where it still stands."""
        version = self._state()
        if version != self._version:
            self._kept.clear()
            self._size = 0
            self._version = version
            return None
        given = self._kept.get(data)
        if given is not None and given.until <= now():
            self._forget(data)
            return None
        return given

    def head(self, data: bytes) -> Head | None:
        """What to hand on with a request, so that its answer can be kept; to be asked after `find` did not know it."""
        if self._version is None or len(data) > HEAD_BYTES or data.find(b"\r\n\r\n") != len(data) - 4:
            return None
        return Head(data, self._version)

    def keep(self, head: Head, given: Given) -> None:
        """Remember an answer, unless something was committed since the request came."""
        if head.version != self._version or len(given.body) > BODY_BYTES:
            return
        given.until = min(given.until, now() + SECONDS, (now() // DAY + 1) * DAY)  # memberships end at midnight
        self._forget(head.bytes)
        self._kept[head.bytes] = given
        self._size += given.size + len(head.bytes)
        while self._size > TOTAL_BYTES:
            self._forget(next(iter(self._kept)))

    def _forget(self, data: bytes) -> None:
        given = self._kept.pop(data, None)
        if given is not None:
            self._size -= given.size + len(data)

    def give(self, given: Given, peer: str, date: list[tuple[bytes, bytes]]) -> bytes:
        """Count and log an answer once more; its head, to be sent before its body."""
        began = time.perf_counter()
        request_id = self._new_id()
        if given.counted is not None:
            self._counters.count(given.counted, given.credential, now())
        parts = [STATUS[given.status]]
        for header in date:
            parts.append(b"%s: %s\r\n" % header)
        parts += (given.fields, b"x-request-id: ", request_id.encode(), b"\r\n\r\n")
        address = self._peers.find(peer, given.forwarded)
        seconds = time.perf_counter() - began
        record = Record(
            time.time(), request_id, "GET", given.path, given.entry, given.status, len(given.body), seconds, given.username, given.credential, address
        )  # fmt: skip
        self._log.add(record)
        return b"".join(parts)
