"""Moments: times in URLs, and the seal that makes a moment final. Events are chained in batches by one job; publishes never wait for it."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from datetime import UTC, datetime

import msgspec
from sqlalchemy import Connection

from packhouse.db import events
from packhouse.db.engine import Database, now, sealed_until
from packhouse.errors import Invalid, Unavailable
from packhouse.model import Instant

_RFC3339 = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:([Zz])|([+-])(\d\d):(\d\d))", re.ASCII)
BATCH = 5000
PATIENCE = 40  # times 50 ms
EVERY_SECONDS = 0.1  # between two seals that readers ask for: each is a commit, and makes every process forget what it remembers


def read_time(text: str) -> Instant:
    """An RFC 3339 time as an instant; a plus that became a blank is forgiven. Raises `Invalid`."""
    found = _RFC3339.fullmatch(text) or _RFC3339.fullmatch(text.replace(" ", "+")) or _RFC3339.fullmatch(text.replace(" ", "T", 1))
    if found is None:
        raise Invalid(f"{repr(text[:40])[:100]} is not an RFC 3339 time such as 2026-01-31T12:00:00Z")
    year, month, day, hour, minute, second = (int(g) for g in found.groups()[:6])
    try:
        moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError as error:
        raise Invalid(f"{repr(text[:40])[:100]} is not a time: {error}") from error
    micros = int(moment.timestamp()) * 1_000_000 + int((found[7] or "0").ljust(6, "0")[:6])
    if found[9]:
        offset = (int(found[10]) * 3600 + int(found[11]) * 60) * 1_000_000
        micros += -offset if found[9] == "+" else offset
    return micros


class Clock:
    """What is known to be final: every event up to here is sealed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._final: Instant = 0
        self._sealing: asyncio.Task[Instant] | None = None  # shared by all who wait
        self._sealed = 0.0

    async def settle(self, at: Instant) -> None:
        """Make the moment final: no commit can slip in behind it any more. Raises `Invalid` for the future, `Unavailable`."""
        if at <= self._final:
            return
        if at > now():
            raise Invalid("This moment has not happened yet: ask for a time that has passed")
        for _ in range(PATIENCE):
            self._final = max(self._final, await self._seal())
            if at <= self._final:
                return
            await asyncio.sleep(0.05)
        raise Unavailable("A publish that began before this moment is still open: ask again")

    async def _seal(self) -> Instant:
        if self._sealing is None or self._sealing.done():
            self._sealing = asyncio.create_task(self._seal_soon())
        return await asyncio.shield(self._sealing)

    async def _seal_soon(self) -> Instant:
        await asyncio.sleep(self._sealed + EVERY_SECONDS - time.monotonic())
        final = await self._database.write(seal_events)
        self._sealed = time.monotonic()
        return final


def seal_events(connection: Connection) -> Instant:
    """Seal every event that can be sealed, in order; the latest final instant."""
    number, until, digest = events.last_seal(connection)
    limit = sealed_until(connection)
    if limit <= until:
        return until  # the clock was set back: what is final stays so
    while batch := events.between(connection, until, limit, BATCH):
        if len(batch) == BATCH and batch[0].at < batch[-1].at:
            batch = [row for row in batch if row.at < batch[-1].at]  # a seal never parts events of one instant
        until = batch[-1].at
        number += 1
        digest = chain(digest, batch)
        events.add_seal(connection, number, until, len(batch), digest)
    events.extend_seal(connection, number, limit)
    return limit


def chain(previous: str, batch: list[events.EventRow]) -> str:
    """The digest over the one before and these events."""
    sink = hashlib.sha256(previous.encode())
    for row in batch:
        sink.update(msgspec.json.encode(row))
    return sink.hexdigest()
