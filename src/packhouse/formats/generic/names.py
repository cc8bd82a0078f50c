"""Names and versions of Generic packages, and the stored name of a file in a folder. Case counts; nothing is folded."""

from __future__ import annotations

import re

from packhouse.errors import InvalidName, InvalidParameter, InvalidVersion

NAME = re.compile(r"[A-Za-z0-9._+-]{1,255}")
VERSION = re.compile(r"[A-Za-z0-9_.+-]{1,255}")
SEGMENT = re.compile(r"[A-Za-z0-9._+~@-]{1,255}")
PIECE = re.compile(r"[0-9]+|[A-Za-z]+")
PRERELEASE = re.compile(r"(?:^|[0-9._+-])(?:alpha|beta|rc|pre|preview|dev|snapshot|nightly)(?:[0-9._+-]|$)", re.IGNORECASE)
STORED_LIMIT = 1024
SHOWN = 80  # characters of a bad value that a message repeats


def name_key(name: str) -> str:
    """The name itself. Raises `InvalidName`."""
    if not NAME.fullmatch(name) or is_traversal(name):
        raise InvalidName(f"package_name is invalid: {name[:SHOWN]!r} may hold letters, digits and . _ - + and no two dots in a row")
    return name


def version_id(version: str) -> str:
    """The version itself. Raises `InvalidVersion`."""
    if not VERSION.fullmatch(version) or is_traversal(version):
        raise InvalidVersion(f"package_version is invalid: {version[:SHOWN]!r} may hold letters, digits and . _ - + and no two dots in a row")
    return version


def version_key(version: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """Numbers by value, words by letters, a number after a word; the text itself decides where all else is equal."""
    pieces = tuple(order_piece(piece) for piece in PIECE.findall(version))
    return (*pieces, (1, 0, "")), version


def order_piece(piece: str) -> tuple[int, int, str]:
    # Words stand below the end of a version and numbers above it, so that 1.0-rc < 1.0 < 1.0.1.
    if piece.isdigit():
        digits = piece.lstrip("0")
        return 2, len(digits), digits
    return 0, 0, piece.lower()


def is_prerelease(version: str) -> bool:
    """Whether the version carries one of the usual words: alpha, beta, rc, dev, snapshot and the like."""
    return PRERELEASE.search(version) is not None


def stored_name(path: str) -> str:
    """The name a file is kept and listed under: `dir/app.tgz` becomes `dir%2Fapp.tgz`. Raises `InvalidParameter`."""
    *folders, file_name = path.split("/")
    if not SEGMENT.fullmatch(file_name) or is_traversal(file_name) or file_name[0] in "~@" or file_name[-1] in "~@":
        raise InvalidParameter(
            f"file_name is invalid: {file_name[:SHOWN]!r} may hold letters, digits and . _ - + ~ @, not ~ or @ at its ends",
            parameter="file_name",
        )
    for folder in folders:
        if not SEGMENT.fullmatch(folder) or is_traversal(folder):
            raise InvalidParameter(f"path is invalid: {folder[:SHOWN]!r} may hold letters, digits and . _ - + ~ @", parameter="path")
    if len(path) > STORED_LIMIT:
        raise InvalidParameter(f"path is invalid: it is longer than {STORED_LIMIT} characters", parameter="path")
    # No part may hold a per cent sign, so this can be undone.
    return "%2F".join((*folders, file_name))


def shown_path(stored: str) -> str:
    """The path within the version that a stored name stands for."""
    return stored.replace("%2F", "/")


def is_traversal(text: str) -> bool:
    return ".." in text or text == "."
