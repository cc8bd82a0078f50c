"""Generation → documents: a bounded memory of finished bytes in front of index writers, one build at a time for each key."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from isal import isal_zlib

from packhouse.model import Documents, Instant, NewDocument
from packhouse.responses import Document

Finished: TypeAlias = Mapping[str, Document]
Key: TypeAlias = tuple[Any, ...]

RENDERER = 1
"""Moves when any writer's output changes for the same rows."""

SMALLEST_GZIP = 1024
GZIP = 31  # the format, as zlib counts
OVERHEAD = 512


def finish(made: Documents, changed_at: Instant, vary: str) -> Finished:
    """Documents with strong ETags and gzip twins; the same bytes in, the same bytes out."""
    return {path: _finish(document, changed_at, vary) for path, document in made.items()}


def _finish(document: NewDocument, changed_at: Instant, vary: str) -> Document:
    etag = hashlib.sha256(document.body).hexdigest()[:40]
    packed: bytes | None = None
    if len(document.body) >= SMALLEST_GZIP:
        packed = isal_zlib.compress(document.body, wbits=GZIP)
        if len(packed) > len(document.body) * 9 // 10:
            packed = None
    return Document(body=document.body, media_type=document.media_type, etag=etag, gzip=packed, changed_at=changed_at, vary=vary)


def weight(finished: Finished) -> int:
    """Bytes of memory."""
    return OVERHEAD + sum(len(d.body) + len(d.gzip or b"") for d in finished.values())


class DocumentCache:
    """Least recently used sets, bounded by bytes. A key holds the generations, so nothing in here is ever stale."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0
        self._sets: OrderedDict[Key, Finished] = OrderedDict()
        self._building: dict[Key, asyncio.Future[tuple[Key, Finished]]] = {}

    def get(self, key: Key) -> Finished | None:
        found = self._sets.get(key)
        if found is not None:
            self._sets.move_to_end(key)
        return found

    def put(self, key: Key, finished: Finished) -> None:
        size = weight(finished)
        if size > self._limit // 2 or key in self._sets:
            return
        self._sets[key] = finished
        self._held += size
        while self._held > self._limit:
            _, old = self._sets.popitem(last=False)
            self._held -= weight(old)

    async def build(self, key: Key, make: Callable[[], Awaitable[tuple[Key, Finished]]]) -> Finished:
        """Make a set once however many ask; `make` answers with the key that its snapshot really had."""
        running = self._building.get(key)
        if running is None:
            running = asyncio.ensure_future(make())
            self._building[key] = running
            running.add_done_callback(lambda _: self._building.pop(key, None))
        # shielded: the first reader may go away while others wait
        real_key, finished = await asyncio.shield(running)
        self.put(real_key, finished)
        return finished
