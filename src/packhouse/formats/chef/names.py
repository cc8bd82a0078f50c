"""Names, versions and constraints of cookbooks (Chef's `metadata.rb`, `Chef::Version`, `Chef::VersionConstraint`)."""

from __future__ import annotations

import re
from typing import TypeAlias

from packhouse.errors import InvalidName, InvalidVersion

Key: TypeAlias = tuple[int, int, int]

SHOWN = 80
LONGEST = 200  # of a name: it is a segment of addresses
ANY = ">= 0.0.0"

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_NUMBER = r"(?:0|[1-9][0-9]{0,17})"
_VERSION = re.compile(rf"({_NUMBER})\.({_NUMBER})(?:\.({_NUMBER}))?")
_CONSTRAINT = re.compile(rf"(=|>|<|>=|<=|~>)? *({_NUMBER}(?:\.{_NUMBER}){{0,2}})")


def name_key(name: str) -> str:
    """The name in lower case: two may not differ in case alone. Raises `InvalidName`."""
    if len(name) > LONGEST or not _NAME.fullmatch(name):
        raise InvalidName(f"Cookbook name {name[:SHOWN]!r} is invalid: use up to {LONGEST} letters, digits, - and _")
    return name.lower()


def version_id(version: str) -> str:
    """The version in three numbers: 1.2 is 1.2.0. Raises `InvalidVersion`."""
    return ".".join(map(str, version_key(version)))


def version_key(version: str) -> Key:
    """Sorts number by number. Raises `InvalidVersion`."""
    found = _VERSION.fullmatch(version)
    if found is None:
        raise InvalidVersion(f"Version {version[:SHOWN]!r} is invalid: use two or three numbers without zeros in front, such as 1.2.0")
    return int(found[1]), int(found[2]), int(found[3] or 0)


def is_prerelease(version: str) -> bool:
    """Never: cookbooks know no such thing. Raises `InvalidVersion`."""
    version_key(version)
    return False


def read_version(segment: str) -> str:
    """The version in three numbers, as an address has it: with dots, or with `_` in their place. Raises `InvalidVersion`."""
    return version_id(segment.replace("_", "."))


def read_constraint(text: str) -> str:
    """A constraint as clients write it: an operator, a blank and a version; nothing is anything. Raises `InvalidVersion`."""
    if not text.strip():
        return ANY
    found = _CONSTRAINT.fullmatch(text.strip())
    if found is None:
        raise InvalidVersion(f"Constraint {text[:SHOWN]!r} is invalid: use = > < >= <= or ~> and a version, such as ~> 1.2")
    return f"{found[1] or '='} {found[2]}"


def file_name(name: str, version: str) -> str:
    """What the file of a version is called, whatever it was called on its way here. Raises `InvalidName`, `InvalidVersion`."""
    return f"{name_key(name)}-{version_id(version)}.tar.gz"
