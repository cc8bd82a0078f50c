"""JSON from outside: one object, no key twice, no number that other readers would read differently, bounded depth."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NoReturn

from packhouse.errors import InvalidUpload

DEPTH = 64
DIGITS = 18


def read_object(data: bytes, what: str) -> dict[str, Any]:
    """The object that the text is. `what` names it in errors. Raises `InvalidUpload`."""
    try:
        # A byte order mark is dropped: npm reads a package.json that has one.
        value = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_pairs, parse_constant=_refuse_number, parse_int=_small, parse_float=_finite)
        # each of these looks is only worth its time where the text can fail it
        too_deep = data.count(b"{") + data.count(b"[") > DEPTH and _depth_over(value, DEPTH)
        if b"\\u" in data:
            json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair cannot be written again
    except InvalidUpload as error:
        raise InvalidUpload(f"Invalid json in {what}: {error.message}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidUpload(f"Invalid json in {what}: {_reason(error)}") from error
    if too_deep:
        raise InvalidUpload(f"Invalid json in {what}: nested deeper than {DEPTH} levels")
    if not isinstance(value, dict):
        raise InvalidUpload(f"Invalid json in {what}: it must be an object")
    return value


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    if isinstance(error, RecursionError):
        return f"nested deeper than {DEPTH} levels"
    return "it is not valid UTF-8"


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise InvalidUpload(f"the key {twice[:80]!r} stands twice in one object, remove one of them")
    return result


def _refuse_number(text: str) -> NoReturn:
    raise InvalidUpload(f"{text[:24]} is not a number of JSON")


def _small(text: str) -> int:
    if len(text) > DIGITS:
        raise InvalidUpload(f"the number {text[:24]} has more than {DIGITS} digits")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise InvalidUpload(f"the number {text[:24]} is too large")
    return value


def _depth_over(value: Any, limit: int) -> bool:
    """Whether lists and objects are nested deeper than the limit. Level by level, so that it needs no stack itself."""
    level: list[Any] = [value]
    for _ in range(limit + 1):
        level = [child for each in level for child in _children(each)]
        if not level:
            return False
    return True


def _children(value: Any) -> Iterable[Any]:
    found: Iterable[Any] = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [child for child in found if isinstance(child, dict | list)]
