"""Names, versions, shelves and paths. A file lies at `<dist>/<component>/<arch>/<name>_<version>.pkg`; the first three are its shelf."""

from __future__ import annotations

import re

from packhouse.errors import InvalidName, InvalidUpload, InvalidVersion
from packhouse.model import Struct

NAME = re.compile(r"[a-z0-9][a-z0-9.+-]{0,99}")
VERSION = re.compile(r"[0-9][A-Za-z0-9.+~-]{0,99}")
PART = re.compile(r"[a-z0-9][a-z0-9.+-]{0,63}")


class Spot(Struct):
    """Where a file lies, and what its name says."""

    shelf: str
    name: str
    version: str

    @property
    def path(self) -> str:
        return f"{self.shelf}/{self.name}_{self.version}.pkg"


def name_key(name: str) -> str:
    """The name in lower case. Raises `InvalidName`."""
    key = name.lower()
    if not NAME.fullmatch(key):
        raise InvalidName(f"Name {name[:80]!r} is invalid: use letters, digits and . + -")
    return key


def version_id(version: str) -> str:
    """The version itself. Raises `InvalidVersion`."""
    if not VERSION.fullmatch(version):
        raise InvalidVersion(f"Version {version[:80]!r} is invalid: begin with a digit, go on with letters, digits and . + ~ -")
    return version


def version_key(version: str) -> tuple[tuple[int, str], ...]:
    """Numbers by value, the rest as text; a tilde stands before everything, the end included."""
    pieces = re.findall(r"\d+|~|[^\d~]+", version)
    return (*((int(p), "") if p.isdigit() else (-2, "") if p == "~" else (-1, p) for p in pieces), (-1, ""))


def is_prerelease(version: str) -> bool:
    """Whether the version sorts before its release."""
    return "~" in version


def read_spot(dist: str, component: str, arch: str, file: str) -> Spot:
    """The parts of a path. Raises `InvalidName`, `InvalidVersion`, `InvalidUpload`."""
    for part in (dist, component, arch):
        if not PART.fullmatch(part):
            raise InvalidUpload(f"Path part {part[:80]!r} is invalid: use small letters, digits and . + -")
    name, _, version = file.removesuffix(".pkg").partition("_")
    if not file.endswith(".pkg") or not version:
        raise InvalidUpload(f"File name {file[:80]!r} must be name_version.pkg")
    return Spot(shelf=f"{dist}/{component}/{arch}", name=name_key(name), version=version_id(version))
