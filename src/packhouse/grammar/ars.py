"""What the archives of dpkg and opkg are made of: members of an ar archive (deb(5)), and the control file in its tar archive."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from packhouse.errors import InvalidUpload
from packhouse.grammar.archive import MIB, Limits
from packhouse.grammar.tars import read_tar
from packhouse.grammar.zstd import unpack_zstd

AR = b"!<arch>\n"
CONTROL = re.compile(r"control\.tar(?:\.(\w+))?")
LARGEST_CONTROL = 16 * MIB  # packed
MOST_MEMBERS = 100

_HEADER = 60
_LIMITS = Limits(members=10_000, produced=64 * MIB)
_COMPRESSIONS = {None: "", "gz": "gz", "xz": "xz", "zst": "zst"}


def list_members(file: BinaryIO, size: int) -> Iterator[tuple[str, int]]:
    """(name, size) of each, the file at its first byte. GNU ar ends names in a slash. Raises `InvalidUpload`."""
    if file.read(len(AR)) != AR:
        raise InvalidUpload("The file is no package: it is no ar archive")
    at, count = len(AR), 0
    while at < size:
        count += 1
        if count > MOST_MEMBERS:
            raise InvalidUpload(f"The ar archive has more than {MOST_MEMBERS} members")
        file.seek(at)
        header = file.read(_HEADER)
        length = header[48:58].strip()
        if len(header) < _HEADER or header[58:] != b"`\n" or not length.isdigit():
            raise InvalidUpload(f"The ar archive is damaged: no header at byte {at}")
        start, at = at + _HEADER, at + _HEADER + int(length) + int(length) % 2
        if start + int(length) > size:
            raise InvalidUpload("The ar archive is cut short")
        name = header[:16].decode("ascii", "replace").rstrip(" ").removesuffix("/")
        yield name, int(length)


def read_control(file: BinaryIO, length: int, compression: str | None) -> bytes:
    """The file `control` of a control.tar of so many bytes; the compression is what its name ends in. Raises `InvalidUpload`."""
    if compression not in _COMPRESSIONS:
        raise InvalidUpload(f"control.tar is packed with {compression}: build the package with xz, gzip or zstd")
    if length > LARGEST_CONTROL:
        raise InvalidUpload(f"control.tar has {length} bytes, more than {LARGEST_CONTROL}")
    content = file.read(length)
    if compression == "zst":
        content, compression = unpack_zstd(content, "control.tar", _LIMITS.produced), None
    found = read_tar(content, lambda name: name == "control", compression=_COMPRESSIONS[compression], limits=_LIMITS)  # type: ignore[arg-type]
    if "control" not in found.members:
        raise InvalidUpload("control.tar holds no file control")
    return found.members["control"]
