"""What both archive readers share: the answer, the limits, and the rules of member names."""

from __future__ import annotations

import itertools
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from typing import BinaryIO, TypeAlias

from packhouse.errors import InvalidUpload
from packhouse.model import Struct

KIB, MIB = 1024, 1024**2
BLOCK = 256 * KIB

Source: TypeAlias = str | os.PathLike[str] | bytes
"""A path, or the bytes themselves."""

Wanted: TypeAlias = Callable[[str], bool]
"""Says of a member name whether its bytes are wanted."""


class Limits(Struct):
    """Over any of these is `InvalidUpload`."""

    members: int = 100_000
    produced: int = 512 * MIB  # bytes decompressed while looking
    ratio: int = 200  # produced to archive size, after the first MiB
    name: int = 4096  # bytes

    def budget(self, archive_size: int) -> int:
        """How many bytes an archive of this size may become."""
        return min(self.produced, self.ratio_budget(archive_size))

    def ratio_budget(self, archive_size: int) -> int:
        """How many bytes an archive of this size may claim to become, however large."""
        return max(MIB, self.ratio * archive_size)


LIMITS = Limits()


class Archive(Struct):
    """What is inside. Names have no leading `./` and no trailing `/`; folders are left out of `names`."""

    names: tuple[str, ...]  # files and links, in the archive's order
    members: Mapping[str, bytes]  # the wanted files
    sizes: Mapping[str, int]  # of every file
    unpacked_size: int
    file_count: int
    folders: tuple[str, ...] = ()
    links: Mapping[str, str] = {}  # tar only: name → target, all of them inside
    digests: Mapping[str, str] = {}  # with digest=True: sha256 of every file, lower-case hex


@contextmanager
def opened(source: Source) -> Iterator[tuple[BinaryIO, int]]:
    """The archive as a file, and its size."""
    if isinstance(source, bytes):
        yield BytesIO(source), len(source)
        return
    with open(source, "rb") as file:
        yield file, os.fstat(file.fileno()).st_size


_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_DRIVE = re.compile(r"[A-Za-z]:")


def shown(name: str | bytes) -> str:
    """A name as it may stand in an error message."""
    text = name.decode("utf-8", "replace") if isinstance(name, bytes) else name
    return ascii(text if len(text) <= 100 else text[:100] + "...")


def check_name(name: str, kind: str) -> None:
    """Refuses names that mean another place on some system. Raises `InvalidUpload`."""
    if not name:
        raise InvalidUpload(f"The {kind} archive has a member without a name")
    if _CONTROL.search(name):
        raise InvalidUpload(f"Member {shown(name)} of the {kind} archive has a control character in its name")
    if name[0] in "/\\" or _DRIVE.match(name):
        raise InvalidUpload(f"Member {shown(name)} of the {kind} archive has an absolute name")
    if ".." in name and ".." in name.replace("\\", "/").split("/"):
        raise InvalidUpload(f"Member {shown(name)} of the {kind} archive leaves the archive with '..'")


def folded(name: str) -> str:
    """Names with equal folds are one file on some file system."""
    return name.lower() if name.isascii() else unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def find_clash(leaves: Iterable[str], folders: Iterable[str], fold: Callable[[str], str]) -> tuple[str, str] | None:
    """Two names that cannot both be there: equal when folded, or one below a file or link."""
    # A slash sorts as NUL, so that what lies below a name follows it at once.
    entries = [(fold(name).replace("/", "\0"), name, True) for name in leaves]
    entries += [(fold(name).replace("/", "\0"), name, False) for name in folders]
    entries.sort()
    for (key, name, leaf), (other_key, other, _) in itertools.pairwise(entries):
        if key == other_key or (leaf and other_key.startswith(key + "\0")):
            return name, other
    return None
