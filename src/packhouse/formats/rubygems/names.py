"""Names, versions and platforms of gems: `Gem::Version` and its order, and the full names that files go by.

A version of this house is a number and, where it is not for every machine, its platform: `1.0`, `1.0-java`. A number has no dash: `Gem::Version`
reads one as `.pre.`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

from packhouse.errors import InvalidName, InvalidVersion
from packhouse.grammar.gemversions import Segment, number_key

LIMIT = 255
RUBY = "ruby"  # the platform of a gem that runs on every one

Key: TypeAlias = tuple[tuple[Segment, ...], bool, str]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9A-Za-z]+)*", re.ASCII)
_DASHED = re.compile(r"[0-9]+(?:\.[0-9A-Za-z]+)*(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?", re.ASCII)
_PLATFORM = re.compile(r"[A-Za-z][A-Za-z0-9._-]*", re.ASCII)


def name_key(name: str) -> str:
    """The name in lower case: two gems may not differ in case alone. Raises `InvalidName`."""
    if len(name) > LIMIT:
        raise InvalidName(f"Gem name {name[:40]!r}... is longer than {LIMIT} characters")
    if not _NAME.fullmatch(name) or name.isdigit() or not any(letter.isalpha() for letter in name):
        raise InvalidName(f"Gem name {name!r} is invalid: begin with a letter or digit, use letters, digits, dots, - and _, and at least one letter")
    return name.lower()


def version_id(version: str) -> str:
    """The version as it stands: 1.0 and 1 are two texts, though they sort alike. Raises `InvalidVersion`."""
    number, dash, platform = version.partition("-")
    if len(version) > LIMIT:
        raise InvalidVersion(f"Version {version[:32]!r}... is longer than {LIMIT} characters")
    if not _NUMBER.fullmatch(number):
        raise InvalidVersion(f"Version {version!r} is invalid: write numbers, and letters for prereleases, with dots between them")
    if dash and (not _PLATFORM.fullmatch(platform) or platform == RUBY):
        raise InvalidVersion(f"Version {version!r} has no valid platform behind its dash: such as java or x86_64-linux")
    return version


def version_key(version: str) -> Key:
    """Orders versions as `Gem::Version` does; of equal numbers the one for every machine is last. Raises `InvalidVersion`."""
    number, platform = split_version(version_id(version))
    return number_key(number), platform == RUBY, platform


def is_prerelease(version: str) -> bool:
    """Whether there is a letter in the number. Raises `InvalidVersion`."""
    return any(letter.isalpha() for letter in split_version(version_id(version))[0])


def read_number(text: str) -> str:
    """A version as a gem or a requirement writes it, as `Gem::Version` keeps it. Raises `InvalidVersion`."""
    stripped = text.strip() or "0"
    if len(stripped) > LIMIT or not _DASHED.fullmatch(stripped):
        raise InvalidVersion(f"Version {text[:40]!r} is invalid: write numbers, and letters for prereleases, with dots between them")
    number = stripped.replace("-", ".pre.")
    if not _NUMBER.fullmatch(number):
        raise InvalidVersion(f"Version {text[:40]!r} is invalid: it has an empty part")
    return number


def join_version(number: str, platform: str) -> str:
    """The version of this house for a number and a platform. Raises `InvalidVersion`."""
    return version_id(number if platform in ("", RUBY) else f"{number}-{platform}")


def split_version(version: str) -> tuple[str, str]:
    """(number, platform)."""
    number, _, platform = version.partition("-")
    return number, platform or RUBY


def file_name(name: str, version: str) -> str:
    """The name of a version's file."""
    return f"{name}-{version}.gem"


def read_full_name(text: str) -> Iterator[tuple[str, str]]:
    """Each (name, version) that a full name may mean: `a-1-b-2` is 2 of a-1-b, or 1 of a for the platform b-2. The longest name comes first."""
    at = len(text) if len(text) <= 2 * LIMIT else 0
    while (at := text.rfind("-", 0, max(at, 0))) > 0:
        name, version = text[:at], text[at + 1 :]
        if version[:1].isdigit():
            try:
                name_key(name)
                yield name, version_id(version)
            except (InvalidName, InvalidVersion):
                continue
