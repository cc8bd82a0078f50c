"""Names and versions of crates, and where a crate lies in a sparse index (Cargo book, "Registry index")."""

from __future__ import annotations

import re

from packhouse.errors import InvalidName, InvalidVersion
from packhouse.grammar import semver

NAME_LIMIT = 64
VERSION_LIMIT = 150

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*", re.ASCII)

# A crate is unpacked into a folder that begins with its name: Windows takes these for devices.
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))})


def fold(text: str) -> str:
    """The text with - and _ alike."""
    return text.lower().replace("-", "_")


def name_key(name: str) -> str:
    """The name in lower case with `_` for `-`: two crates may not differ in these alone. Raises `InvalidName`."""
    if len(name) > NAME_LIMIT:
        raise InvalidName(f"Crate name {name[:40]!r}... is longer than {NAME_LIMIT} characters")
    if not _NAME.fullmatch(name):
        raise InvalidName(f"Crate name {name!r} is invalid: begin with a letter and use letters, digits, - and _")
    if name.lower() in _DEVICES:
        raise InvalidName(f"Crate name {name!r} is the name of a device on Windows: choose another one")
    return fold(name)


def version_id(version: str) -> str:
    """The version without build metadata: Cargo takes 1.0.0 and 1.0.0+a for one version. Raises `InvalidVersion`."""
    if len(version) > VERSION_LIMIT:
        raise InvalidVersion(f"Version {version[:32]!r}... is longer than {VERSION_LIMIT} characters")
    return semver.without_build(version)


def version_key(version: str) -> semver.Key:
    """Orders versions by precedence. Raises `InvalidVersion`."""
    return semver.sort_key(version)


def is_prerelease(version: str) -> bool:
    """Whether the version comes before its release. Raises `InvalidVersion`."""
    return semver.is_prerelease(version)


def index_path(name: str) -> str:
    """Where clients look a name up, below the root of the index: in lower case, `-` and `_` as they are spelled."""
    lower = name.lower()
    if len(lower) < 3:
        return f"{len(lower)}/{lower}"
    return f"3/{lower[0]}/{lower}" if len(lower) == 3 else f"{lower[:2]}/{lower[2:4]}/{lower}"


def file_name(name: str, version: str) -> str:
    """The name of a version's file: without build metadata, so that one version cannot have two."""
    return f"{name}-{version.partition('+')[0]}.crate"
