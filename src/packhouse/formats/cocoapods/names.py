"""Names of pods, versions in the order of `Pod::Version`, and where the source has each podspec: `Specs/1/3/5/Foo/1.0.0/Foo.podspec.json`."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import TypeAlias

from packhouse.errors import InvalidName, InvalidVersion

SHOWN = 80
LONGEST_NAME = 200  # bytes: with `.podspec.json` it is the name of a file
LONGEST_VERSION = 100
SHARD_PARTS = 3  # digits of the name's MD5, one for each folder; a live source never changes this
KINDS = ("zip", "tgz", "tbz", "txz")  # of archives, as the client calls them

SHARD = re.compile("_".join(["[0-9a-f]"] * SHARD_PARTS))

Segment: TypeAlias = tuple[int, int, str]

_NAME = re.compile(r"(?:[A-Za-z0-9_!~+@()-]|[^\x00-\x7f])(?:[A-Za-z0-9_!~+@().-]|[^\x00-\x7f])*")
_VERSION = re.compile(r"[0-9]+(?:\.[0-9A-Za-z-]+)*(?:\+[0-9A-Za-z.-]+)?")
_SEGMENT = re.compile(r"[0-9]+|[A-Za-z]+")


def fold(text: str) -> str:
    """The text without its case, its accents in one form."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", unicodedata.normalize("NFD", text).casefold()))


def name_key(name: str) -> str:
    """The name without its case: the client keeps podspecs in folders, which many disks do not tell apart. Raises `InvalidName`."""
    if not _NAME.fullmatch(name) or not name.isprintable() or len(name.encode()) > LONGEST_NAME:
        raise InvalidName(
            f"Pod name {name[:SHOWN]!r} is invalid: use letters, digits and . _ - + ! ~ @ ( ), begin with something else than a dot, "
            f"and use at most {LONGEST_NAME} bytes"
        )
    return fold(name)


def version_id(version: str) -> str:
    """The segments that the client compares: 1.0, 1.0.0 and 1.0.0+5 are one version to it. Raises `InvalidVersion`."""
    numbers, words = _split(version)
    return ".".join(map(str, (*(numbers or (0,)), *words))).lower()


def version_key(version: str) -> tuple[tuple[int, ...], tuple[Segment, ...]]:
    """Sorts as the client does: numbers, then a version without words after those with some. Raises `InvalidVersion`."""
    numbers, words = _split(version)
    return numbers, tuple((0, word, "") if isinstance(word, int) else (1, 0, word) for word in words) or ((2, 0, ""),)


def _split(version: str) -> tuple[tuple[int, ...], tuple[int | str, ...]]:
    """The numbers without zeros at their end, and everything from the first word on; what comes after a plus does not count."""
    if len(version) > LONGEST_VERSION or not _VERSION.fullmatch(version):
        raise InvalidVersion(
            f"Version {version[:SHOWN]!r} is invalid: begin with a number, then numbers and words with dots between them, such as 1.0.0 or 1.0.0-rc.1"
        )
    segments = [int(text) if text.isdigit() else text for text in _SEGMENT.findall(version.partition("+")[0])]
    numbers: list[int] = []
    for segment in segments:
        if not isinstance(segment, int):
            break
        numbers.append(segment)
    words = tuple(segments[len(numbers) :])
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers), words


def is_prerelease(version: str) -> bool:
    """Whether there is a letter or a dash before the plus. Raises `InvalidVersion`."""
    _split(version)
    return re.search("[A-Za-z-]", version.partition("+")[0]) is not None


def shard_of(name: str) -> str:
    """The shard of a name, which is the shelf that its versions are listed on: `1_3_5`."""
    return "_".join(hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()[:SHARD_PARTS])


def podspec_file(name: str) -> str:
    """What the client calls a podspec."""
    return f"{name}.podspec.json"


def podspec_path(name: str, version: str) -> str:
    """Where the source has a podspec."""
    return f"Specs/{shard_of(name).replace('_', '/')}/{name}/{version}/{podspec_file(name)}"


def archive_file(name: str, version: str, kind: str) -> str:
    """What an archive is called here, whatever it was called on its way."""
    return f"{name}-{version}.{kind}"
