"""Names of modules (`acme-ntp`), semantic versions, and the slugs of releases: `acme-ntp-1.2.0`."""

from __future__ import annotations

import re

from packhouse.errors import InvalidName, InvalidVersion
from packhouse.grammar import semver

SHOWN = 80
LONGEST = 64  # of an owner, and of a name
LONGEST_VERSION = 128
SUFFIX = ".tar.gz"

_NAME = re.compile(rf"[A-Za-z0-9]{{1,{LONGEST}}}-[A-Za-z][A-Za-z0-9_]{{0,{LONGEST - 1}}}", re.ASCII)


def name_key(name: str) -> str:
    """The name in small letters: the owner, a dash, and what the owner calls it. Raises `InvalidName`."""
    if not _NAME.fullmatch(name):
        raise InvalidName(
            f"Module name {name[:SHOWN]!r} is invalid: write the owner (letters and digits), a dash, and a name of letters, digits and _, "
            f"each of at most {LONGEST} characters, such as acme-ntp"
        )
    return name.lower()


def version_id(version: str) -> str:
    """The version without build metadata, which makes no other version of it. Raises `InvalidVersion`."""
    if len(version) > LONGEST_VERSION:
        raise InvalidVersion(f"Version {version[:32]!r}... is longer than {LONGEST_VERSION} characters")
    return semver.without_build(version)


def version_key(version: str) -> semver.Key:
    """Orders versions by precedence. Raises `InvalidVersion`."""
    return semver.sort_key(version)


def is_prerelease(version: str) -> bool:
    """Whether the version comes before its release. Raises `InvalidVersion`."""
    return semver.is_prerelease(version)


def split_name(name: str) -> tuple[str, str]:
    """Owner, and what the owner calls it."""
    owner, _, rest = name.partition("-")
    return owner, rest


def split_release(slug: str) -> tuple[str, str]:
    """The name and the version: neither an owner nor a name has a dash. Raises `InvalidName`, `InvalidVersion`."""
    owner, name, version = (*slug.split("-", 2), "", "")[:3]
    full_name = f"{owner}-{name}"
    name_key(full_name)
    version_id(version)
    return full_name, version


def file_name(name: str, version: str) -> str:
    """Where a release's file is kept: without build metadata, so that one version cannot have two."""
    return f"{name_key(name)}-{version_id(version)}{SUFFIX}"
