"""Names, branches and versions as Composer reads them: normal form and order (its page on versions, and its own parser)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TypeAlias

from packhouse.errors import InvalidName, InvalidVersion
from packhouse.grammar import semver

SHOWN = 120  # characters of a bad value that a message repeats
BRANCH = "9999999"  # what a wildcard of a branch counts as
Key: TypeAlias = tuple[tuple[int, int], ...]

_NAME = re.compile(r"[a-z0-9]+(?:[_.-][a-z0-9]+)*/[a-z0-9]+(?:(?:[_.]|-{1,2})[a-z0-9]+)*", re.ASCII)
_MODIFIER = r"[._-]?(?:(stable|beta|b|rc|alpha|a|patch|pl|p)((?:[.-]?\d++)*)?)?([.-]?dev)?"
_CLASSIC = re.compile(rf"v?(\d{{1,5}})(\.\d+)?(\.\d+)?(\.\d+)?{_MODIFIER}", re.IGNORECASE | re.ASCII)
_DATE = re.compile(rf"v?(\d{{4}}(?:[.:-]?\d{{2}}){{1,6}}(?:[.:-]?\d{{1,3}}){{0,2}}){_MODIFIER}", re.IGNORECASE | re.ASCII)
_NUMERIC = re.compile(r"v?(\d+)(\.(?:\d+|[xX*]))?(\.(?:\d+|[xX*]))?(\.(?:\d+|[xX*]))?", re.IGNORECASE | re.ASCII)
_PART = re.compile(r"\d+|[a-z]+", re.IGNORECASE | re.ASCII)
_LONG = {"a": "alpha", "b": "beta", "p": "patch", "pl": "patch", "rc": "RC"}
_RANKS = {"dev": 1, "alpha": 2, "beta": 3, "rc": 4, "patch": 6}
_NUMBER = 5
_END = (_NUMBER, -1)
_MAINLINES = frozenset({"master", "trunk", "default"})


def name_key(name: str) -> str:
    """The name in small letters. Raises `InvalidName`."""
    key = name.lower()
    if len(name) > 255 or not _NAME.fullmatch(key):
        raise InvalidName(f"{name[:SHOWN]!r} is no name of a package: expected vendor/project in small letters, digits and . _ -")
    return key


def check_name(name: str) -> str:
    """A name that one may publish under. Raises `InvalidName` for capital letters too, which Composer refuses."""
    if name_key(name) != name:
        raise InvalidName(f"{name[:SHOWN]!r} has capital letters, which Composer refuses: write {name.lower()[:SHOWN]!r}")
    return name


def is_dev(version: str) -> bool:
    """Whether the version stands for a branch, and so may move."""
    return version.startswith("dev-") or version.endswith("-dev")


def version_id(version: str) -> str:
    """The version itself. Raises `InvalidVersion` for what is neither a branch's nor Semantic Versioning that Composer can read."""
    well = 0 < len(version) <= 255 and version.isprintable() and not any(c in " ,#@|\\~^:?*[" for c in version)
    if not well or not (is_dev(version) or semver.is_valid(version)) or version in ("dev-", "-dev"):
        raise InvalidVersion(f"Validation failed: Version is invalid: {version[:SHOWN]!r} is neither like 1.2.3 or 1.2.3-beta.1, nor a branch's")
    normalize(version)
    return version


@lru_cache(65536)
def normalize(version: str) -> str:
    """The normal form that Composer compares. Raises `InvalidVersion` where it would find none."""
    text = version.strip()
    if text in _MAINLINES:
        return f"dev-{text}"
    if text[:4].lower() == "dev-":
        return f"dev-{text[4:]}"
    text = text.partition("+")[0] if re.fullmatch(r"[^,\s+]+\+\S+", text) else text
    found = _CLASSIC.fullmatch(text)
    if found is not None:
        numbers = "".join((found[1], *(found[n] or ".0" for n in (2, 3, 4))))
        return numbers + _modifier(found[5], found[6], found[7])
    found = _DATE.fullmatch(text)
    if found is not None:
        return re.sub(r"\D", ".", found[1]) + _modifier(found[2], found[3], found[4])
    if text.lower().endswith("dev"):
        branch = normalize_branch(text[:-4] if text[-4:-3] in (".", "-") else text[:-3])
        if not branch.startswith("dev-"):
            return branch
    raise InvalidVersion(f"Validation failed: Version is invalid: Composer cannot read {version[:SHOWN]!r}, write it like 1.2.3 or 1.2.3-beta.1")


def _modifier(stability: str | None, number: str | None, dev: str | None) -> str:
    text = ""
    if stability:
        if stability == "stable":
            return ""
        low = stability.lower()
        text = f"-{_LONG.get(low, low)}{(number or '').lstrip('.-')}"
    return f"{text}-dev" if dev else text


def normalize_branch(branch: str) -> str:
    """The normal form of a branch's name."""
    found = _NUMERIC.fullmatch(branch.strip())
    if found is None:
        return f"dev-{branch.strip()}"
    parts = (found[1], *(re.sub("[*X]", "x", found[n]) if found[n] else ".x" for n in (2, 3, 4)))
    return "".join(parts).replace("x", BRANCH) + "-dev"


def version_of_tag(tag: str) -> str:
    """What a tag says: a `v` in front is dropped. Raises `InvalidVersion`."""
    version = tag[1:] if tag[:1] == "v" else tag
    if not semver.is_valid(version):
        raise InvalidVersion(f"Validation failed: Version is invalid: the tag {tag[:SHOWN]!r} is not like v1.2.3 or 1.2.3-beta.1")
    return version_id(version)


def version_of_branch(branch: str) -> str:
    """`1.2` is `1.2.x-dev`, anything else `dev-` and its name. Raises `InvalidVersion`."""
    if _NUMERIC.fullmatch(branch) is None:
        return version_id(f"dev-{branch}")
    text = re.sub("[*X]", "x", branch.lstrip("vV"))
    return version_id(f"{text}-dev" if text.endswith(".x") else f"{text}.x-dev")


def version_key(version: str) -> Key:
    """Orders versions as Composer does: by numbers, dev before alpha before beta before RC before none before patch; other branches first."""
    normal = normalize(version)
    if normal.startswith("dev-"):
        return ((0, 0), *((1, ord(c)) for c in normal[4:]))
    return (*(_part(part) for part in _PART.findall(normal)), _END)


def _part(text: str) -> tuple[int, int]:
    return (_NUMBER, int(text)) if text.isdigit() else (_RANKS.get(text.lower(), 0), 0)


def is_prerelease(version: str) -> bool:
    """Whether Composer's default minimum stability passes it over."""
    return is_dev(version) or re.search(r"-(?:dev|alpha|beta|RC)", normalize(version)) is not None
