"""Ids, versions and file names of NuGet packages (NuGet package versioning; Semantic Versioning 2.0.0 with up to four numbers)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

from packhouse.errors import FileNotFound, InvalidName, InvalidVersion
from packhouse.model import Struct

NAME_LIMIT = 128
VERSION_LIMIT = 255
NUMBER_LIMIT = 2**31 - 1  # clients read each number into 32 bits; what they cannot read breaks the list of versions for them
SHOWN = 80  # characters of a bad value that a message repeats

PACKAGE, SYMBOLS, NUSPEC = ".nupkg", ".snupkg", ".nuspec"
README, LICENSE, PNG, JPEG = "readme", "license", "icon.png", "icon.jpg"
SIDES = frozenset({README, LICENSE, PNG, JPEG})
"""What a package may bring for people to look at, as its address ends in the flat container."""

NAME = re.compile(r"[A-Za-z0-9_+.-]+", re.ASCII)
_NUMBER = r"(?:0|[1-9][0-9]*)"
_LABEL = rf"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_VERSION = re.compile(
    rf"({_NUMBER})\.({_NUMBER})(?:\.({_NUMBER})(?:\.([0-9]+))?)?(?:-({_LABEL}(?:\.{_LABEL})*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?", re.ASCII
)

_PLAIN = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})", re.ASCII)

Key: TypeAlias = tuple[int, int, int, int, int, tuple[tuple[int, int, str], ...]]


class Version(Struct):
    """A version in its parts. `labels` are those of a pre-release, none for a release."""

    numbers: tuple[int, int, int, int]
    labels: tuple[str, ...] = ()
    build: str = ""

    @property
    def normal(self) -> str:
        """The normalised form: three numbers, a fourth that is not 0, no build metadata, letters as they are."""
        numbers = ".".join(map(str, self.numbers if self.numbers[3] else self.numbers[:3]))
        return f"{numbers}-{'.'.join(self.labels)}" if self.labels else numbers

    @property
    def semver2(self) -> bool:
        """Whether only clients that know Semantic Versioning 2 can read it."""
        return len(self.labels) > 1 or bool(self.build)


def name_key(name: str) -> str:
    """The id in lower case. Raises `InvalidName`."""
    if len(name) > NAME_LIMIT or not NAME.fullmatch(name) or not name.strip("."):
        raise InvalidName(f"Package id {name[:SHOWN]!r} is invalid: use up to {NAME_LIMIT} letters, digits and - + . _")
    return name.lower()


def read_version(text: str) -> Version:
    """The version in its parts. Raises `InvalidVersion`."""
    if plain := _PLAIN.fullmatch(text):  # as most are: three times as fast
        return Version(numbers=(int(plain[1]), int(plain[2]), int(plain[3]), 0))
    match = _VERSION.fullmatch(text) if len(text) <= VERSION_LIMIT else None
    if match is None:
        raise InvalidVersion(f"Version {text[:SHOWN]!r} is invalid: write two to four numbers, then -label and +build if need be, as 1.2.3-beta.1")
    major, minor, patch, revision, labels, build = match.groups()
    numbers = (_number(major, text), _number(minor, text), _number(patch or "0", text), _number(revision or "0", text))
    version = Version(numbers=numbers, labels=tuple(labels.split(".")) if labels else (), build=build or "")
    if len(version.normal) > VERSION_LIMIT:
        raise InvalidVersion(f"Version {text[:SHOWN]!r} is longer than {VERSION_LIMIT} characters in its normalised form")
    return version


def _number(text: str, version: str) -> int:
    if len(text) < 10:
        return int(text)
    # Bounded before it is read: Python refuses thousands of digits with an error of its own.
    if len(text.lstrip("0")) > 10 or int(text.lstrip("0") or "0") > NUMBER_LIMIT:
        raise InvalidVersion(f"Version {version[:SHOWN]!r} has a number above {NUMBER_LIMIT}, which clients cannot read")
    return int(text.lstrip("0") or "0")


def version_id(version: str) -> str:
    """The normalised form in lower case: 1.0, 1.0.0 and 1.0.0.0+build are one version. Raises `InvalidVersion`."""
    return read_version(version).normal.lower()


def version_key(version: str) -> Key:
    """Orders versions as clients do. Raises `InvalidVersion`."""
    return order_of(read_version(version))


def order_of(version: Version) -> Key:
    """The place of a version among others."""
    return (*version.numbers, 0 if version.labels else 1, tuple(map(_label_key, version.labels)) if version.labels else ())


def _label_key(label: str) -> tuple[int, int, str]:
    # A number too long for 32 bits is a word to clients; words compare without case.
    if label.isdigit() and len(label) <= 10 and int(label) <= NUMBER_LIMIT:
        return (0, int(label), "")
    return (1, 0, label.upper())


def is_prerelease(version: str) -> bool:
    """Whether the version comes before its release. Raises `InvalidVersion`."""
    return bool(read_version(version).labels)


def is_semver2(version: str) -> bool:
    """Whether only clients that know Semantic Versioning 2 can read it. Raises `InvalidVersion`."""
    return read_version(version).semver2


# -- file names --------------------------------------------------------------------------------------------------------


def file_name(name: str, version: str, suffix: str = PACKAGE) -> str:
    """The name of a version's file: lower case, the version normalised, so that every spelling of it is the same file."""
    return f"{name_key(name)}.{version_id(version)}{suffix}"


def stored_name(name: str, version: str, file: str) -> str:
    """The stored name of the file that a download address asks for, with the version in any spelling. Raises `FileNotFound`."""
    key, wanted = name_key(name), file.lower()
    for suffix in (PACKAGE, SYMBOLS):
        text = wanted.removeprefix(f"{key}.").removesuffix(suffix)
        if wanted == f"{key}.{text}{suffix}" and _is_same(text, version):
            return file_name(name, version, suffix)
    if wanted == f"{key}{NUSPEC}" or wanted in SIDES:
        return wanted
    raise FileNotFound


def _is_same(text: str, version: str) -> bool:
    try:
        return version_id(text) == version_id(version)
    except InvalidVersion:
        return False


def read_file_names(file: str) -> Iterator[tuple[str, str]]:
    """Every (id, version) that a file name may speak of, in lower case; none where it names no version."""
    stem = file.lower()
    for suffix in (".symbols.nupkg", PACKAGE, SYMBOLS):
        if stem.endswith(suffix):
            stem = stem.removesuffix(suffix)
            break
    else:
        return
    if len(stem) > NAME_LIMIT + VERSION_LIMIT + 1:
        return
    for dot in (place for place, letter in enumerate(stem) if letter == "."):
        try:
            yield name_key(stem[:dot]), version_id(stem[dot + 1 :])
        except (InvalidName, InvalidVersion):
            continue


# -- ranges ------------------------------------------------------------------------------------------------------------

_BOUND = re.compile(r"([0-9]+(?:\.[0-9]+){0,3})([+-].*)?", re.ASCII)
_RANGE = re.compile(r"([\[(])\s*([^,\s]*)\s*(?:(,)\s*([^,\s]*)\s*)?([\])])")


class Range(Struct):
    """A range of versions as a dependency asks for it. `text` is its normalised form; a floating bound stays as it is."""

    text: str
    semver2: bool = False


def read_range(text: str) -> Range:
    """A range in the form clients show: `1.0` is `[1.0.0, )`, none is any version. Raises `InvalidVersion`."""
    text = text.strip()
    if not text:
        return Range(text="(, )")
    match = _RANGE.fullmatch(text)
    if match is None:
        low = _bound(text)
        return Range(text=f"[{low[0]}, )", semver2=low[1])
    opening, low_text, comma, high_text, closing = match.groups()
    if comma is None and ((opening, closing) != ("[", "]") or not low_text):
        raise InvalidVersion(f"Version range {text[:SHOWN]!r} is invalid: one version alone stands in [ ]")
    low, high = _bound(low_text), _bound(high_text if comma else low_text)
    if not low[0] and not high[0] and comma is None:
        raise InvalidVersion(f"Version range {text[:SHOWN]!r} is empty")
    if comma is None:
        return Range(text=f"[{low[0]}]", semver2=low[1])
    return Range(text=f"{opening}{low[0]}, {high[0]}{closing}", semver2=low[1] or high[1])


def _bound(text: str) -> tuple[str, bool]:
    """A bound in its normalised form, and whether it takes Semantic Versioning 2. "" is no bound."""
    if not text:
        return "", False
    if "*" in text and len(text) <= VERSION_LIMIT and re.fullmatch(r"[0-9A-Za-z.*-]+", text):
        return text, False
    match = _BOUND.fullmatch(text)
    if match is None or len(text) > VERSION_LIMIT:
        raise InvalidVersion(f"Version range bound {text[:SHOWN]!r} is invalid: write it as 1.2.3")
    numbers = [_number(number, text) for number in match[1].split(".")]
    numbers += [0] * (3 - len(numbers))
    # Numbers are read leniently here, as clients do: one is enough, and zeros in front are dropped.
    read = read_version(".".join(map(str, numbers)) + (match[2] or ""))
    return read.normal, read.semver2
