"""Names and versions of R packages, their order (R's `package_version`), and the trees of a repository."""

from __future__ import annotations

import re

from packhouse.errors import InvalidName, InvalidParameter, InvalidVersion
from packhouse.model import Struct

SHOWN = 80
LONGEST = 200  # of a name or version: together they are a segment of paths
LARGEST = 2**31 - 1  # what R can count to
SOURCES = "src"  # the shelf of source packages

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9.]*[A-Za-z0-9]")
_VERSION = re.compile(r"[0-9]+(?:[.-][0-9]+)+")
_PART = r"[a-z0-9][a-z0-9._-]{0,59}"  # small letters, as R writes them: trees do not differ in case
_PLATFORM = re.compile(f"{_PART}(?:/{_PART})?")
_R_VERSION = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}")
_FILE = re.compile(rf"({_NAME.pattern})_({_VERSION.pattern})\.(?:tar\.gz|tgz|zip)")


class Tree(Struct):
    """Where built packages for one platform and version of R are. A platform may have two parts: `macosx/big-sur-arm64`."""

    platform: str
    r_version: str

    @property
    def shelf(self) -> str:
        """Without a slash: what comes before one moves together."""
        return f"bin:{self.platform.replace('/', ':')}:{self.r_version}"

    @property
    def suffix(self) -> str:
        """Windows takes zip files, everybody else tar files."""
        return "zip" if self.platform.partition("/")[0] == "windows" else "tgz"


def name_key(name: str) -> str:
    """The name in lower case: two that differ in case alone are one folder on some file systems. Raises `InvalidName`."""
    if len(name) > LONGEST or not _NAME.fullmatch(name):
        raise InvalidName(
            f"Package name {name[:SHOWN]!r} is invalid: use two or more letters, digits and dots, begin with a letter and do not end with a dot"
        )
    return name.lower()


def version_id(version: str) -> str:
    """The numbers, without zeros that mean nothing: 1.0, 1-0 and 1.0.0 are one version to R. Raises `InvalidVersion`."""
    numbers = version_key(version)
    return ".".join(map(str, (*numbers, 0, 0)[: max(2, len(numbers))]))


def version_key(version: str) -> tuple[int, ...]:
    """Sorts as R does: number by number, `.` and `-` alike, and what is missing counts as 0. Raises `InvalidVersion`."""
    numbers = re.split("[.-]", version) if len(version) <= LONGEST and _VERSION.fullmatch(version) else []
    if not numbers or any(int(number) > LARGEST for number in numbers):
        raise InvalidVersion(f"Version {version[:SHOWN]!r} is invalid: use two or more numbers with . or - between them, each below 2147483648")
    found = [int(number) for number in numbers]
    while found and not found[-1]:
        found.pop()
    return tuple(found)


def is_prerelease(version: str) -> bool:
    """Never: R knows no such thing. Raises `InvalidVersion`."""
    version_key(version)
    return False


def file_name(name: str, version: str, tree: Tree | None) -> str:
    """What the file is called, whatever it was called on its way here."""
    return f"{name}_{version}.{'tar.gz' if tree is None else tree.suffix}"


def split_file(file: str) -> tuple[str, str] | None:
    """The name and the version in the name of a file; None where it is none of a package."""
    found = _FILE.fullmatch(file)
    return None if found is None else (found[1], found[2])


def stored_path(file: str, tree: Tree | None) -> str:
    """The path of a file in its version: what was built for several platforms lies side by side."""
    return file if tree is None else f"{tree.platform}/{tree.r_version}/{file}"


def read_tree(platform: str, r_version: str) -> Tree:
    """Raises `InvalidParameter`."""
    if not _PLATFORM.fullmatch(platform):
        raise InvalidParameter("platform is missing or invalid: use windows, macosx or macosx/big-sur-arm64 and the like", parameter="platform")
    if not _R_VERSION.fullmatch(r_version):
        raise InvalidParameter("rversion is missing or invalid: use two numbers, such as 4.2", parameter="rversion")
    return Tree(platform=platform, r_version=r_version)
