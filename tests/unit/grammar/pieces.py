"""What a splitter makes of a body, whole or in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Protocol, TypeAlias

from packhouse.model import PartEnd, PartStart

Parts: TypeAlias = list[tuple[PartStart, bytes]]


class Splitter(Protocol):
    def feed(self, data: bytes) -> Iterable[PartStart | bytes | PartEnd]: ...

    def end(self) -> Iterable[PartStart | bytes | PartEnd]: ...


def split(splitter: Splitter, pieces: Iterable[bytes]) -> Parts:
    """The parts with their whole content; a piece out of place fails the test."""
    parts: Parts = []
    content: list[bytes] | None = None
    start: PartStart | None = None
    for events in (*(splitter.feed(piece) for piece in pieces), splitter.end()):
        for event in events:
            if isinstance(event, PartStart):
                assert content is None, "a part begins inside another"
                start, content = event, []
            elif isinstance(event, PartEnd):
                assert start is not None and content is not None, "a part ends that did not begin"
                parts.append((start, b"".join(content)))
                content = None
            else:
                assert content is not None, "bytes outside a part"
                content.append(event)
    assert content is None, "the last part does not end"
    return parts


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    """The data cut at these places."""
    bounds = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(bounds)]
