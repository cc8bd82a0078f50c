"""Names, versions and their order (rpm's rpmvercmp), names of files, and the groups that packages of a project can be kept in."""

from __future__ import annotations

import re
from typing import TypeAlias

from packhouse.errors import FileNotFound, InvalidName, InvalidParameter, InvalidVersion
from packhouse.model import Struct

SHOWN = 80
LONGEST = 128  # of a name or version: with the architecture they make the name of a file
HIGHEST_EPOCH = 2**32 - 1
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+%-]*")
VERSION = re.compile(r"(?:(?P<epoch>[0-9]{1,10}):)?(?P<version>[A-Za-z0-9._+%^~]+)-(?P<release>[A-Za-z0-9._+%^~]+)")
ARCHITECTURE = re.compile(r"[A-Za-z0-9_]{1,32}")
FILE = re.compile(r"(?P<name>.+)-(?P<version>[^-]+-[^-]+)\.(?P<architecture>[^.-]+)\.rpm")
GROUP = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
DEEPEST = 3
TAKEN = frozenset({"package", "repodata"})  # what our own addresses go on with
ROOT = "."  # the shelf of packages that are in no group: a name that no group can have
SEGMENT = re.compile(r"[~^]|[0-9]+|[A-Za-z]+")

Order: TypeAlias = tuple[object, ...]


class Spot(Struct):
    """A package in a group, as an address names it."""

    group: str
    name: str
    version: str
    architecture: str

    @property
    def file(self) -> str:
        return file_name(self.name, self.version, self.architecture)

    @property
    def path(self) -> str:
        return stored_path(self.group, self.file)


def name_key(name: str) -> str:
    """The name itself. Raises `InvalidName`."""
    if len(name) > LONGEST or not NAME.fullmatch(name):
        raise InvalidName(f"Package name {name[:SHOWN]!r} is invalid: use up to {LONGEST} letters, digits and . _ + - %, a letter or digit first")
    return name


def version_id(version: str) -> str:
    """epoch:version-release, without an epoch of 0. Raises `InvalidVersion`."""
    found = VERSION.fullmatch(version) if len(version) <= LONGEST else None
    if found is None or int(found["epoch"] or 0) > HIGHEST_EPOCH:
        raise InvalidVersion(f"Version {version[:SHOWN]!r} is invalid: it is [epoch:]version-release of letters, digits and . _ + % ~ ^")
    return join_version(int(found["epoch"] or 0), found["version"], found["release"])


def join_version(epoch: int, version: str, release: str) -> str:
    """The three as one text."""
    return f"{epoch}:{version}-{release}" if epoch else f"{version}-{release}"


def version_key(version: str) -> Order:
    """Sorts as rpm does: the epoch, the version, the release."""
    epoch, colon, rest = version.rpartition(":")
    text, _, release = rest.partition("-")
    return int(epoch) if colon else 0, _order(text), _order(release)


def _order(text: str) -> Order:
    # a tilde is before the end, a caret behind it; then letters, and behind all of them digits
    return (*(_weigh(segment) for segment in SEGMENT.findall(text)), (1,))


def _weigh(segment: str) -> Order:
    if segment in "~^":
        return ("~_^".index(segment),)
    return (4, int(segment)) if segment.isdecimal() else (3, segment)


def is_prerelease(version: str) -> bool:
    """Whether a tilde makes it sort before its release."""
    return "~" in version


def file_name(name: str, version: str, architecture: str) -> str:
    """What a package is called, whatever it was called on its way here: rpm leaves out the epoch."""
    return f"{name}-{version.rpartition(':')[2]}.{architecture}.rpm"


# -- groups ----------------------------------------------------------------------------------------------------------


def read_group(text: str) -> str:
    """A group as addresses have it, "" for none. Raises `InvalidParameter`."""
    parts = text.split("/") if text else []
    if len(parts) > DEEPEST or not all(GROUP.fullmatch(part) for part in parts) or not TAKEN.isdisjoint(parts):
        raise InvalidParameter(
            f"group is invalid: use up to {DEEPEST} names of letters, digits and . _ + - with slashes between, none of {', '.join(sorted(TAKEN))}",
            parameter="group",
        )
    return text


def shelf_of(group: str) -> str:
    """The shelf of a group's packages. No slash is left in it, so that a group moves alone."""
    return group.replace("/", ":") or ROOT


def stored_path(group: str, file: str) -> str:
    """The path of a file in its version: the same version can be in several groups."""
    return f"{group}/{file}" if group else file


def read_spot(group: str, name: str, version: str, architecture: str) -> Spot:
    """The parts of an address. Raises `FileNotFound` for what can be no package."""
    try:
        spot = Spot(group=read_group(group), name=name_key(name), version=version_id(version), architecture=architecture)
    except (InvalidName, InvalidVersion, InvalidParameter) as error:
        raise FileNotFound from error
    if not ARCHITECTURE.fullmatch(architecture):
        raise FileNotFound
    return spot
