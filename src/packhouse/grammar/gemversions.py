"""The order of `Gem::Version`, for gems and for whatever else its clients in Ruby compare so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

Segment: TypeAlias = tuple[int, int, str, int]

_SEGMENT = re.compile(r"[0-9]+|[a-z]+", re.ASCII | re.IGNORECASE)
_END: Segment = (1, 0, "", 0)


def number_key(number: str) -> tuple[Segment, ...]:
    """Numbers with equal keys are the same to `Gem::Version`: 1.0 and 1, 1.a and 1.0.a.

    Missing segments count as zeros, so each zero, and the end, says what comes after the zeros: a word, which is less, nothing, or a number.
    """
    key: list[Segment] = [_END]
    after = 0
    for segment in reversed(_canonical(number)):
        if isinstance(segment, str):
            key.append((0, 0, segment, 0))
            after = -1
        elif segment:
            key.append((1, segment, "", 0))
            after = 1
        else:
            key.append((1, 0, "", after))
    return tuple(reversed(key))


def _canonical(number: str) -> Sequence[int | str]:
    """The segments without the zeros before the first word, and without those at the end."""
    segments = [int(text) if text.isdigit() else text for text in _SEGMENT.findall(number)]
    first = next((at for at, segment in enumerate(segments) if isinstance(segment, str)), len(segments))
    return [*_without_zeros(segments[:first]), *_without_zeros(segments[first:])]


def _without_zeros(segments: list[int | str]) -> list[int | str]:
    end = len(segments)
    while end and segments[end - 1] == 0:
        end -= 1
    return segments[:end]
