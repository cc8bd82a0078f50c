"""The headers of a tar archive: name, size, kind and target of each member, extended headers applied."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from packhouse.errors import InvalidUpload
from packhouse.grammar.archive import KIB, Limits, check_name, shown
from packhouse.grammar.inflating import Inflated

_ZEROS = bytes(512)
_OCTAL = re.compile(rb" *([0-7]*)[ \0]*")
_MAX_EXTENDED = 64 * KIB
_KINDS = {b"0": "file", b"\0": "file", b"7": "file", b"5": "folder", b"2": "symbolic link", b"1": "hard link"}


class Member(NamedTuple):
    """`kind`: file, folder, symbolic link or hard link. The data of a file follows in the stream, padded to 512 bytes."""

    name: str
    kind: str
    size: int
    target: str = ""

    @property
    def folder(self) -> bool:
        return self.kind == "folder"


class _Header(NamedTuple):
    name: bytes
    size: int
    kind: bytes
    target: bytes


def read_headers(stream: Inflated, limits: Limits) -> Iterator[Member]:
    """The members as they come; the caller reads or skips the data of each. Raises `InvalidUpload`."""
    extended: dict[str, bytes] = {}
    empty = True
    while block := stream.read(512):
        empty = False
        if block == _ZEROS:
            _check_end(stream, extended)
            return
        header = _read_header(block)
        if header.kind in (b"x", b"g", b"L", b"K"):
            _add(extended, header, stream)
            continue
        yield _build_member(header, extended, limits)
        extended = {}
    raise InvalidUpload("The archive is empty" if empty else "The tar archive is cut short: it has no end")


def _check_end(stream: Inflated, extended: dict[str, bytes]) -> None:
    if extended:
        raise InvalidUpload("The tar archive ends with an extended header that belongs to nothing")
    for piece in stream.rest():
        if piece.count(0) != len(piece):
            raise InvalidUpload("The tar archive has bytes after its end")


def _read_header(block: bytes) -> _Header:
    name = block[:100].split(b"\0", 1)[0]
    if len(block) != 512 or _read_number(block[148:156], name) != sum(block) - sum(block[148:156]) + 256:
        raise InvalidUpload("This is not a tar archive, or it is damaged: the checksum of a header does not match")
    prefix = block[345:500].split(b"\0", 1)[0]
    if block[257:263] == b"ustar\0":
        if block[508:512] == b"tar\0":
            raise InvalidUpload(f"Member {shown(name)} of the tar archive has a header of the star program: use the pax format")
        if prefix:
            name = prefix + b"/" + name
    elif prefix:
        # Only ustar has a prefix here; some readers use the bytes as one anyway.
        raise InvalidUpload(f"Member {shown(name)} of the tar archive has an ambiguous header: use the pax format")
    return _Header(name, _read_number(block[124:136], name), block[156:157], block[157:257].split(b"\0", 1)[0])


def _read_number(field: bytes, name: bytes) -> int:
    if field[0] == 0x80:  # the GNU way for large numbers
        return int.from_bytes(field[1:], "big")
    match = _OCTAL.fullmatch(field)
    if match is None:
        raise InvalidUpload(f"Member {shown(name)} of the tar archive has a malformed or negative number in its header")
    return int(match[1] or b"0", 8)


def _add(extended: dict[str, bytes], header: _Header, stream: Inflated) -> None:
    if header.size > _MAX_EXTENDED:
        raise InvalidUpload(f"The tar archive has an extended header of {header.size} bytes, more than {_MAX_EXTENDED}")
    data = stream.read(header.size)
    if len(data) != header.size:
        raise InvalidUpload("The tar archive is cut short")
    stream.skip(-header.size % 512)
    gnu = {b"L": "path", b"K": "linkpath"}.get(header.kind)
    records = {gnu: data.rstrip(b"\0")} if gnu else _read_pax(data)
    if header.kind == b"g":
        if records:
            raise InvalidUpload(f"The tar archive sets {', '.join(records)} for all members at once")
        return
    if extended.keys() & (records.keys() | {""}):
        raise InvalidUpload("The tar archive has two extended headers for one member")
    extended.update(records)
    if header.kind == b"x":
        extended[""] = b""  # also remembers a header without records of interest


def _read_pax(data: bytes) -> dict[str, bytes]:
    """The records that change what a member is: path, linkpath, size."""
    records: dict[str, bytes] = {}
    position = 0
    while position < len(data):
        space = data.find(b" ", position, position + 8)
        digits = data[position:space]
        end = position + int(digits) if space > 0 and digits.isdigit() else 0
        key, equals, value = data[space + 1 : end - 1].partition(b"=")
        if end <= space + 1 or end > len(data) or data[end - 1 : end] != b"\n" or not equals:
            raise InvalidUpload("The tar archive has a malformed pax header")
        if key.startswith(b"GNU.sparse"):
            raise InvalidUpload("The tar archive has a sparse file: pack it without that option")
        if key in (b"path", b"linkpath", b"size"):
            if key.decode() in records:
                raise InvalidUpload(f"The tar archive has a pax header with two records for {key.decode()}")
            records[key.decode()] = value
        position = end
    return records


def _build_member(header: _Header, extended: dict[str, bytes], limits: Limits) -> Member:
    raw_name = extended.get("path", header.name)
    kind = _KINDS.get(header.kind)
    if kind is None:
        what = "a device or FIFO" if header.kind in b"346" else "sparse" if header.kind == b"S" else f"of unknown type {header.kind!r}"
        raise InvalidUpload(f"Member {shown(raw_name)} of the tar archive is {what}")
    if header.kind == b"\0" and raw_name.endswith(b"/"):
        kind = "folder"  # how it was written before ustar
    _check_size(header, kind, extended.get("size"), shown(raw_name), limits)
    name = _read_name(raw_name, limits)
    if kind == "file" and name.endswith("/"):
        raise InvalidUpload(f"Member {shown(raw_name)} of the tar archive is a file with the name of a folder")
    name = name.rstrip("/") or name
    if name == "." and kind == "folder":
        return Member("", kind, 0)
    check_name("" if name == "." else name, "tar")
    target = _read_name(extended.get("linkpath", header.target), limits) if kind.endswith("link") else ""
    return Member(name, kind, header.size, target)


def _check_size(header: _Header, kind: str, extended: bytes | None, name: str, limits: Limits) -> None:
    if extended is not None and extended != b"%d" % header.size:
        raise InvalidUpload(f"Member {name} of the tar archive has two sizes that disagree")
    # Readers disagree on whether data follows for these.
    if header.size and kind != "file":
        raise InvalidUpload(f"Member {name} of the tar archive is a {kind}, but has a size")
    if header.size > limits.produced:
        raise InvalidUpload(f"Member {name} of the tar archive has {header.size} bytes, more than {limits.produced}")


def _read_name(raw_name: bytes, limits: Limits) -> str:
    if len(raw_name) > limits.name:
        raise InvalidUpload(f"Member {shown(raw_name)} of the tar archive has a name of more than {limits.name} bytes")
    try:
        name = raw_name.decode()
    except UnicodeDecodeError as error:
        raise InvalidUpload(f"Member {shown(raw_name)} of the tar archive has a name that is not UTF-8") from error
    return _clean(name)


def _clean(name: str) -> str:
    """The name without `.` and empty segments, so that one file has one name; a leading slash stays to be refused."""
    if not ("//" in name or "./" in name or name.endswith("/.")):
        return name
    parts = [part for part in name.split("/") if part not in ("", ".")]
    slash = "/" if name.endswith("/") and parts else ""
    return ("/" if name.startswith("/") else "") + "/".join(parts or ["."]) + slash
