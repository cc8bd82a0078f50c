"""Names, versions and their order (CEP 26, CEP 33), names of files, and the parts of paths below a channel."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cmp_to_key
from itertools import zip_longest
from typing import Any, TypeAlias
from urllib.parse import quote

from packhouse.errors import FileNotFound, Invalid, InvalidName, InvalidUpload, InvalidVersion
from packhouse.model import Struct

SHOWN = 80
LONGEST = 64  # a name, a version, a build string
LONGEST_FILE = 211
LONGEST_CHANNEL = 150
EXTENSIONS = (".conda", ".tar.bz2")

NAME = re.compile(r"_?[a-z0-9]+(?:[._-][a-z0-9]+)*")
_PARTS = r"[0-9a-z]+(?:[._][0-9a-z]+)*"
VERSION = re.compile(rf"(?:([0-9]+)!)?({_PARTS})(?:\+({_PARTS}))?")
BUILD = re.compile(r"[A-Za-z0-9_.+]+")
SUBDIR = re.compile(r"noarch|[a-z][a-z0-9]*-[a-z0-9_]+")
CHANNEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
LONG_NUMBER = re.compile(r"[0-9]{19}")  # clients count in 64 bits
PRERELEASE = re.compile(r"(?:^|[0-9._])(?:dev|rc|alpha|beta|pre)[0-9]*(?:[._+]|$)")
NOARCH = "noarch"
TAKEN = frozenset({"shards", "yank"})  # parts of addresses

# what clients ask for on their machines: empty where nothing is there, so that they do not remember it as missing
PLATFORMS = frozenset(
    {
        NOARCH, "emscripten-wasm32", "freebsd-64", "linux-32", "linux-64", "linux-aarch64", "linux-armv6l", "linux-armv7l", "linux-loongarch64",
        "linux-ppc64", "linux-ppc64le", "linux-riscv32", "linux-riscv64", "linux-s390x", "osx-64", "osx-arm64", "wasi-wasm32", "win-32", "win-64",
        "win-arm64", "zos-z",
    }
)  # fmt: skip

Part: TypeAlias = list[int | str]


class FileName(Struct):
    """What the name of a file says."""

    name: str
    version: str
    build: str
    extension: str


class Spot(Struct):
    """Where a file lies: the channel ("" for the root of the project), and the platform that it is for."""

    channel: str
    subdir: str
    file: str

    @property
    def path(self) -> str:
        return "/".join(part for part in (self.channel, self.subdir, self.file) if part)


def name_key(name: str) -> str:
    """The name itself. Raises `InvalidName`."""
    if len(name) > LONGEST or not NAME.fullmatch(name):
        raise InvalidName(
            f"Package name {name[:SHOWN]!r} is invalid: use small letters and digits, with single - _ . between them, at most {LONGEST} characters"
        )
    return name


def version_id(version: str) -> str:
    """The version itself, its epoch and local part included. Raises `InvalidVersion`."""
    if len(version) > LONGEST or not VERSION.fullmatch(version) or LONG_NUMBER.search(version):
        raise InvalidVersion(f"Version {version[:SHOWN]!r} is invalid: it is [epoch!]version[+local] of digits and small letters, parted by . or _")
    return version


def is_prerelease(version: str) -> bool:
    """Whether a part of it says so: clients order versions, and know no other difference."""
    return PRERELEASE.search(version) is not None


# -- order -----------------------------------------------------------------------------------------------------------


def version_key(version: str) -> Any:
    """Sorts as conda does: the epoch, the parts one by one, those behind the plus; what is missing counts as 0. Raises `InvalidVersion`."""
    found = VERSION.fullmatch(version_id(version))
    assert found is not None
    return _Key(([[int(found[1] or 0)], *_split(found[2])], _split(found[3] or "")))


def _split(text: str) -> list[Part]:
    return [_runs(part) for part in re.split(r"[._]", text)] if text else []


def _runs(part: str) -> Part:
    """Numbers and words by turns, a number first: `1rc2` → 1, rc, 2."""
    runs: Part = [int(run) if run.isdigit() else run for run in re.findall(r"[0-9]+|[a-z]+", part)]
    return runs if isinstance(runs[0], int) else [0, *runs]


def _compare(left: tuple[list[Part], list[Part]], right: tuple[list[Part], list[Part]]) -> int:
    for mine, theirs in zip(left, right, strict=True):
        for a, b in zip_longest(mine, theirs, fillvalue=[0]):
            for x, y in zip_longest(a, b, fillvalue=0):
                if (one := _rank(x)) != (other := _rank(y)):
                    return -1 if one < other else 1
    return 0


def _rank(run: int | str) -> tuple[int, int, str]:
    """`dev` before all words, words before numbers, `post` after them."""
    if isinstance(run, int):
        return 2, run, ""
    return {"dev": 0, "post": 3}.get(run, 1), 0, run


_Key = cmp_to_key(_compare)


# -- files and places ------------------------------------------------------------------------------------------------


def read_file_name(file: str) -> FileName:
    """`name-version-build` and what kind of archive it is. Raises `InvalidUpload`, `InvalidName`, `InvalidVersion`."""
    extension = next((ending for ending in EXTENSIONS if file.endswith(ending)), None)
    if extension is None:
        raise InvalidUpload(f"File name {file[:SHOWN]!r} ends in neither .conda nor .tar.bz2")
    parts = file.removesuffix(extension).rsplit("-", 2)
    if len(parts) != 3 or len(file) > LONGEST_FILE:
        raise InvalidUpload(f"File name {file[:SHOWN]!r} is not name-version-build{extension}, or longer than {LONGEST_FILE} characters")
    name, version, build = parts
    return FileName(name=name_key(name), version=version_id(version), build=read_build(build), extension=extension)


def read_build(build: str) -> str:
    """Raises `InvalidUpload`."""
    if len(build) > LONGEST or not BUILD.fullmatch(build):
        raise InvalidUpload(f"Build string {build[:SHOWN]!r} is invalid: use letters, digits and _ . +, at most {LONGEST} characters")
    return build


def read_subdir(subdir: str) -> str:
    """Raises `InvalidUpload`."""
    if len(subdir) > LONGEST or not SUBDIR.fullmatch(subdir):
        raise InvalidUpload(f"Platform {subdir[:SHOWN]!r} is invalid: it is noarch, or a system and a machine such as linux-64")
    return subdir


def read_channel(segments: Sequence[str]) -> str:
    """The parts of a channel's path as one text. Raises `Invalid` for those that could be taken for a platform, or for nothing."""
    for segment in segments:
        if not CHANNEL.fullmatch(segment):
            raise Invalid(f"Channel {segment[:SHOWN]!r} is invalid: use letters, digits and . _ - and begin with a letter or digit")
        if segment in PLATFORMS or segment in TAKEN:
            raise Invalid(f"A channel cannot be called {segment}: that is a part of addresses below a channel")
    channel = "/".join(segments)
    if len(channel) > LONGEST_CHANNEL:
        raise Invalid(f"Channel {channel[:SHOWN]!r} is longer than {LONGEST_CHANNEL} characters")
    return channel


def read_place(channel: str, subdir: str) -> tuple[str, str]:
    """The channel and the platform that a path asks for. Raises `FileNotFound` for what can be none."""
    try:
        return read_channel(channel.split("/") if channel else ()), read_subdir(subdir)
    except Invalid as error:
        raise FileNotFound from error


def read_spot(channel: str, subdir: str, file: str) -> tuple[Spot, FileName]:
    """The parts of a path that leads to a file. Raises `FileNotFound` for what can be none."""
    channel, subdir = read_place(channel, subdir)
    try:
        return Spot(channel=channel, subdir=subdir, file=file), read_file_name(file)
    except Invalid as error:
        raise FileNotFound from error


def shard_address(level: str, made: str, channel: str, subdir: str, shard: str) -> str:
    """Where a shard is as of an instant, from where it is now: relative, so that a token in front of the path stays there."""
    tail = "/".join(quote(part, safe=":") for part in ("shards", made, *channel.split("/"), subdir, shard) if part)
    up = "../" * (tail.count("/") + 2)
    return f"{up}{'at' if level == 'group' else '-/at'}/{quote(made, safe=':')}/packages/conda/{tail}"


def shelf_of(channel: str, subdir: str) -> str:
    """Where the files of a channel for one platform are listed: without a slash, so that each of them changes by itself."""
    return f"{channel.replace('/', ':')}:{subdir}"
