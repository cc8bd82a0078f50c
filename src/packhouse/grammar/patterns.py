"""Patterns that people write: matched in linear time whatever they say (RE2), and globs in which only `*` is special."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from packhouse.errors import Invalid

LONGEST = 1024


@lru_cache(1024)
def compile_pattern(text: str) -> Any:
    """A regular expression in RE2's syntax. Raises `Invalid`."""
    import re2  # type: ignore[import-untyped]  # 20 ms that most commands need not pay

    if len(text) > LONGEST:
        raise Invalid(f"The regular expression is longer than {LONGEST} characters")
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(text, options)
    except re2.error as error:
        reason = error.args[0].decode("utf-8", "replace") if error.args and isinstance(error.args[0], bytes) else str(error)
        raise Invalid(f"{text[:80]!r} is not a valid regular expression: {reason}") from error


def matches_whole(pattern: str, text: str) -> bool:
    """Whether the expression matches the text from end to end. Raises `Invalid`."""
    return compile_pattern(pattern).fullmatch(text) is not None


def matches_inside(pattern: str, text: str) -> bool:
    """Whether the expression matches somewhere in the text. Raises `Invalid`."""
    return compile_pattern(pattern).search(text) is not None


def matches_glob(glob: str, text: str) -> bool:
    """Whether the text is the glob, `*` standing for anything, in either case of letters."""
    return matches_exact_glob(glob.lower(), text.lower())


def matches_exact_glob(glob: str, text: str) -> bool:
    """The same where the case of letters counts."""
    first, *inner = glob.split("*")
    if not inner:
        return text == glob
    last = inner.pop()
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    # each part where it comes first: what follows has the most room then, so nothing is ever tried twice
    for part in inner:
        at = text.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True
