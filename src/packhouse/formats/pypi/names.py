"""Names, versions and file names of Python packages: the name normalisation and version specifications of the packaging guide."""

from __future__ import annotations

import re
from collections.abc import Iterator

from packaging.utils import InvalidWheelFilename, canonicalize_name, canonicalize_version, parse_wheel_filename
from packaging.version import InvalidVersion as InvalidPep440
from packaging.version import Version

from packhouse.errors import InvalidName, InvalidUpload, InvalidVersion
from packhouse.model import Struct

NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,253}[A-Za-z0-9])?")
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,254}")
LONG_NUMBER = re.compile(r"[0-9]{19}")
LIMIT = 255
SHOWN = 80  # characters of a bad value that a message repeats
SDIST_SUFFIXES = (".tar.gz", ".zip")


class FileName(Struct):
    """What a file name says. `version` is as written in it."""

    kind: str  # wheel, sdist
    name: str
    version: str


def fold(text: str) -> str:
    """The text with - _ . and runs of them alike."""
    return canonicalize_name(text)


def name_key(name: str) -> str:
    """The normalised name: lower case, runs of - _ . as one dash. Raises `InvalidName`."""
    if not NAME.fullmatch(name):
        raise InvalidName(f"Validation failed: Name is invalid: {name[:SHOWN]!r} must be letters and digits with - _ . between, at most {LIMIT} long")
    return fold(name)


def read_version(version: str) -> Version:
    """The version as a value. Raises `InvalidVersion`."""
    # The length of a number is bounded before the library makes an int of it.
    plain = len(version) <= LIMIT and version.isascii() and version == version.strip() and not LONG_NUMBER.search(version)
    try:
        if plain:
            return Version(version)
    except InvalidPep440:
        pass
    raise InvalidVersion(f"Validation failed: Version is invalid: {version[:SHOWN]!r} is not a version such as 1.0, 2.1rc1 or 3.0.post1")


def version_id(version: str) -> str:
    """The canonical form: 1.0, 1.0.0 and v1 are the same version. Raises `InvalidVersion`."""
    return canonicalize_version(read_version(version))


def version_key(version: str) -> Version:
    """The order of the version specification. Raises `InvalidVersion`."""
    return read_version(version)


def is_prerelease(version: str) -> bool:
    """Whether installers pass it over unless asked: a, b, rc and dev releases. Raises `InvalidVersion`."""
    return read_version(version).is_prerelease


def read_file_names(filename: str) -> Iterator[FileName]:
    """Every reading of a file name, the likeliest first: `a-1-2.zip` may be a 1.post2 or a-1 2. None for a name of another kind."""
    if not FILE_NAME.fullmatch(filename):
        return
    if filename.endswith(".whl"):
        yield from read_wheel_name(filename)
    for suffix in SDIST_SUFFIXES:
        if filename.endswith(suffix):
            yield from read_sdist_names(filename.removesuffix(suffix))


def read_wheel_name(filename: str) -> Iterator[FileName]:
    try:
        name, version, _build, _tags = parse_wheel_filename(filename)
        read_version(str(version))
    except (InvalidWheelFilename, InvalidVersion, ValueError):
        return
    yield FileName(kind="wheel", name=name, version=str(version))


def read_sdist_names(stem: str) -> Iterator[FileName]:
    # Newest rule first: neither part holds a dash; then old names, which may.
    if len(stem) > 2 * LIMIT:
        return
    for dash in reversed([place for place, letter in enumerate(stem) if letter == "-"]):
        name, version = stem[:dash], stem[dash + 1 :]
        try:
            name_key(name)
            read_version(version)
        except (InvalidName, InvalidVersion):
            continue
        yield FileName(kind="sdist", name=name, version=version)


def check_file_name(filename: str, kind: str, name: str, version: str) -> None:
    """Nothing, if the file name is one for this name and version. Raises `InvalidUpload`."""
    wanted = (kind, name_key(name), version_id(version))
    readings = list(read_file_names(filename))
    if not any((reading.kind, name_key(reading.name), version_id(reading.version)) == wanted for reading in readings):
        said = f"speaks of {readings[0].name} {readings[0].version}" if readings else "is no file name of a wheel or source distribution"
        raise InvalidUpload(f"File name {filename[:LIMIT]} {said}, the metadata inside says {name} {version}")
