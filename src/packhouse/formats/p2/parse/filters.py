"""Filters of units (RFC 1960): one that cannot be read keeps a client from reading the whole repository."""

from __future__ import annotations

import re

from packhouse.errors import InvalidUpload

LONGEST, DEEPEST = 16 * 1024, 32

_OPEN = re.compile(r"\(\s*([&|!])\s*")
# a value has one character at least; only after `=` may it have a `*` that is not escaped
_COMPARISON = re.compile(
    r"\(\s*[^\s()<>=~!&|*\\\"'][^()<>=~]*(?:=(?=\s*[^\s)])(?:[^()\\]|\\.)*|[~<>]=(?=\s*[^\s)])(?:[^()\\*]|\\.)*)\)\s*", re.DOTALL
)
_CLOSE = re.compile(r"\)\s*")


def check_filter(text: str, *, needed: bool = False) -> None:
    """Raises `InvalidUpload`."""
    text = text.strip()
    if (text or needed) and (len(text) > LONGEST or _read_filter(text, 0, 0) != len(text)):
        raise InvalidUpload(f"Filter {text[:80]!r} is malformed: write it as (&(osgi.os=linux)(osgi.arch=x86_64))")


def _read_filter(text: str, at: int, depth: int) -> int:
    """Where the filter that begins here ends; -1 where none does."""
    found = _OPEN.match(text, at)
    if found is None:
        comparison = _COMPARISON.match(text, at)
        return comparison.end() if comparison else -1
    at, count = found.end(), 0
    while depth < DEEPEST and (at := _read_filter(text, at, depth + 1)) >= 0:
        count += 1
        close = _CLOSE.match(text, at)
        if close is not None:
            return close.end() if found[1] != "!" or count == 1 else -1
    return -1
