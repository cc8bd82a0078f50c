"""Names, versions and their order (dpkg's), names of files, and the feeds that packages of a project are kept in."""

from __future__ import annotations

import re
from collections.abc import Iterator

from packhouse.errors import InvalidName, InvalidParameter, InvalidVersion
from packhouse.grammar.debversions import Order, version_order

SHOWN = 80
LONGEST = 128  # of a name or version
LONGEST_FILE = 255  # what file systems of clients take
MOST_UNDERSCORES = 10  # of a file's name: each may be where the package's name ends
HIGHEST_EPOCH = 2**31 - 1  # what clients can count to
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*")
VERSION = re.compile(r"(?:(?P<epoch>[0-9]{1,10}):)?(?P<rest>[A-Za-z0-9][A-Za-z0-9.+~_-]*)")
ARCHITECTURE = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]{0,63}")
FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9:+.~_-]*\.ipk")
FEED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
DEEPEST = 6
LONGEST_FEED = 200
TAKEN = re.compile(r"keys?|key\..*|feed|upload|Packages.*|.*\.ipk")  # what our own addresses go on with, or may one day


def name_key(name: str) -> str:
    """The name itself. Raises `InvalidName`."""
    if len(name) > LONGEST or not NAME.fullmatch(name):
        raise InvalidName(f"Package name {name[:SHOWN]!r} is invalid: use up to {LONGEST} letters, digits and + - . _, a letter or digit first")
    return name


def version_id(version: str) -> str:
    """The version without an epoch of 0. Raises `InvalidVersion`."""
    found = VERSION.fullmatch(version) if len(version) <= LONGEST else None
    epoch = int(found["epoch"] or 0) if found else 0
    if found is None or epoch > HIGHEST_EPOCH:
        raise InvalidVersion(f"Version {version[:SHOWN]!r} is invalid: it is [epoch:]upstream[-revision] of letters, digits and . + ~ _ -")
    return f"{epoch}:{found['rest']}" if epoch else found["rest"]


def version_key(version: str) -> Order:
    """Sorts as opkg does: the epoch, the upstream version, the revision."""
    return version_order(version)


def is_prerelease(version: str) -> bool:
    """Whether a tilde makes it sort before its release."""
    return "~" in version


def file_name(package: str, version: str, architecture: str) -> str:
    """What a package is called, whatever it was called on its way here."""
    return f"{package}_{version}_{architecture}.ipk"


def possible_names(file: str) -> Iterator[str]:
    """The names of packages that a file may be of: names, versions and architectures may have underscores, so any but the last two can part them."""
    if not FILE.fullmatch(file) or len(file) > LONGEST_FILE or file.count("_") > MOST_UNDERSCORES:
        return
    parts = file.split("_")
    for end in range(1, len(parts) - 1):
        name = "_".join(parts[:end])
        if len(name) <= LONGEST and NAME.fullmatch(name):
            yield name


# -- feeds -----------------------------------------------------------------------------------------------------------


def read_feed(text: str) -> str:
    """A feed as addresses have it. Raises `InvalidParameter`."""
    parts = text.split("/")
    fits = all(FEED.fullmatch(part) and not TAKEN.fullmatch(part) for part in parts)
    if not fits or len(parts) > DEEPEST or len(text) > LONGEST_FEED:
        raise InvalidParameter(
            f"feed is invalid: use up to {DEEPEST} names of letters, digits and . _ + - with slashes between, none of them key, keys, feed or upload",
            parameter="feed",
        )
    return text


def shelf_of(feed: str) -> str:
    """The shelf of a feed's packages. No slash is left in it, so that a feed moves alone."""
    return feed.replace("/", ":")


def stored_path(feed: str, file: str) -> str:
    """The path of a file in its version: the same version can be in several feeds."""
    return f"{feed}/{file}"
