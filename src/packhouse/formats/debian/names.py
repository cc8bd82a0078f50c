"""Names, versions and their order (Debian policy 5.6), and the parts of paths below `dists` and `pool`."""

from __future__ import annotations

import re

from packhouse.errors import FileNotFound, InvalidName, InvalidParameter, InvalidVersion
from packhouse.grammar.debversions import Order, version_order
from packhouse.grammar.distributions import COMPONENT
from packhouse.model import Struct

SHOWN = 80
LONGEST = 200  # of a name or version: both are segments of paths
NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")
VERSION = re.compile(r"(?:(?P<epoch>[0-9]{1,10}):)?(?P<upstream>[A-Za-z0-9][A-Za-z0-9.+~-]*(?::[A-Za-z0-9.+~-]+)*)")
FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+~_-]{0,254}")
BINARY = re.compile(r".+\.(deb|udeb|ddeb)")
HIGHEST_EPOCH = 2**31 - 1  # what dpkg can count to


class Spot(Struct):
    """Where a file lies: the distribution, and the source package that it was built from."""

    distribution: str
    name: str
    version: str
    file: str

    @property
    def path(self) -> str:
        return stored_path(self.distribution, self.file)


def name_key(name: str) -> str:
    """The name itself. Raises `InvalidName`."""
    if len(name) > LONGEST or not NAME.fullmatch(name):
        raise InvalidName(
            f"Package name {name[:SHOWN]!r} is invalid: use two or more small letters, digits and + - . and begin with a letter or digit"
        )
    return name


def version_id(version: str) -> str:
    """The version itself, its epoch included. Raises `InvalidVersion`."""
    found = VERSION.fullmatch(version) if len(version) <= LONGEST else None
    if found is None or (":" in found["upstream"] and found["epoch"] is None) or int(found["epoch"] or 0) > HIGHEST_EPOCH:
        raise InvalidVersion(f"Version {version[:SHOWN]!r} is invalid: it is [epoch:]upstream[-revision] of letters, digits and . + ~ -")
    return version


def without_epoch(version: str) -> str:
    """The version as names of files have it."""
    return version.partition(":")[2] if ":" in version else version


def version_key(version: str) -> Order:
    """Sorts as dpkg does: the epoch, the upstream version, the revision."""
    return version_order(version)


def is_prerelease(version: str) -> bool:
    """Whether a tilde makes it sort before its release."""
    return "~" in version


def letter_of(name: str) -> str:
    """The folder of a source package in the pool."""
    return name[:4] if name.startswith("lib") and len(name) > 3 else name[:1]


def stored_path(distribution: str, file: str) -> str:
    """The path of a file in its version: builds of one version for two distributions stand beside each other."""
    return f"{distribution}/{file}"


def file_name(package: str, version: str, architecture: str, kind: str) -> str:
    """What a binary package is called, whatever it was called on its way here."""
    return f"{package}_{without_epoch(version)}_{architecture}.{kind}"


def read_component(text: str) -> str:
    """Raises `InvalidParameter`."""
    if not COMPONENT.fullmatch(text):
        raise InvalidParameter("component is invalid: use letters, digits and . _ -", parameter="component")
    return text


def read_spot(distribution: str, letter: str, name: str, version: str, file: str) -> Spot:
    """The parts of a path in the pool. Raises `FileNotFound` for what can be no file."""
    try:
        spot = Spot(distribution=distribution, name=name_key(name), version=version_id(version), file=file)
    except (InvalidName, InvalidVersion) as error:
        raise FileNotFound from error
    if letter != letter_of(name):
        raise FileNotFound
    return spot
