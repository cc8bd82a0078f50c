"""What old clients ask of the v2 feed: the operation in the path, and the few filters that they are known to send (OData 2)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from packhouse.errors import Invalid, InvalidParameter
from packhouse.model import Struct

_OPERATION = re.compile(r"(Packages|FindPackagesById|Search|GetUpdates)(?:\((.*)\))?", re.DOTALL)
_KEY = re.compile(r"\s*(Id|Version)\s*=\s*'((?:[^']|'')*)'\s*(?:,|$)")
_TEST = re.compile(
    r"\(*\s*(?:(?:(tolower|toupper)\(\s*Id\s*\)|(Id|Version|NormalizedVersion))\s+eq\s+'((?:[^']|'')*)'"
    r"|(IsLatestVersion|IsAbsoluteLatestVersion|IsPrerelease|Listed)(?:\s+eq\s+(true|false))?)\s*\)*"
)
_AND = re.compile(r"\s+and\s+")

LONGEST = 4096


class Operation(Struct):
    """What is asked for: a collection, or the entry of one version."""

    name: str
    id: str = ""
    version: str = ""


class Filter(Struct):
    """What entries must be. "" and None ask for nothing."""

    id: str = ""
    version: str = ""
    latest: bool | None = None
    highest: bool | None = None
    prerelease: bool | None = None
    listed: bool | None = None


def read_operation(text: str) -> Operation | None:
    """The operation of a path segment, None where it is none. Raises `Invalid` for a key that is not one of id and version."""
    match = _OPERATION.fullmatch(text)
    if match is None:
        return None
    name, arguments = match[1], match[2] or ""
    if not arguments.strip() or name != "Packages":
        return Operation(name=name)
    found: dict[str, str] = {}
    position = 0
    while position < len(arguments):
        pair = _KEY.match(arguments, position)
        if pair is None or pair[1] in found:
            break
        found[pair[1]] = pair[2].replace("''", "'")
        position = pair.end()
    if position != len(arguments) or set(found) != {"Id", "Version"}:
        raise Invalid("The key of an entry is written Packages(Id='name',Version='1.0.0')")
    return Operation(name=name, id=found["Id"], version=found["Version"])


def read_filter(text: str) -> Filter:
    """The filter of a query. Raises `InvalidParameter` for what is more than old clients ask."""
    found: dict[str, str | bool] = {}
    for part in _AND.split(text.strip()[:LONGEST]) if text.strip() else ():
        match = _TEST.fullmatch(part.strip())
        if match is None or part.count("(") - part.count(")") not in range(-4, 5):
            raise InvalidParameter(f"$filter asks for {part[:80]!r}: known are Id, Version and Is… properties, joined by and", parameter="$filter")
        function, name, value, flag, wanted = match.groups()
        if flag:
            found[_FLAGS[flag]] = wanted != "false"
        else:
            found["id" if function or name == "Id" else "version"] = value.replace("''", "'")
    return Filter(**found)  # type: ignore[arg-type]


_FLAGS = {"IsLatestVersion": "latest", "IsAbsoluteLatestVersion": "highest", "IsPrerelease": "prerelease", "Listed": "listed"}


def read_text(query: Mapping[str, str], name: str) -> str:
    """A parameter of an operation, which comes in quotes."""
    text = query.get(name, "").strip()
    return text[1:-1].replace("''", "'") if len(text) >= 2 and text[0] == text[-1] == "'" else text


def read_number(query: Mapping[str, str], name: str, usual: int, most: int) -> int:
    """A count. Raises `InvalidParameter`."""
    text = query.get(name, "").strip()
    if not text:
        return usual
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidParameter(f"{name} is invalid: {text[:40]!r} is no number from 0 on", parameter=name)
    return min(int(text), most)


def read_flag(query: Mapping[str, str], name: str, usual: bool) -> bool:
    """A switch. Raises `InvalidParameter`."""
    text = query.get(name, "").strip().lower()
    if text not in ("", "true", "false", "1", "0"):
        raise InvalidParameter(f"{name} is invalid: {text[:40]!r} is neither true nor false", parameter=name)
    return usual if not text else text in ("true", "1")
