"""The directory of a zip archive: its end record, its entries, their extra fields (APPNOTE 4.3.12 to 4.3.16, 4.5)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import BinaryIO, NamedTuple

from packhouse.errors import InvalidUpload
from packhouse.grammar.archive import MIB, Limits, shown

_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_MAX_DIRECTORY = 64 * MIB
MAX_NEEDED = 63  # clause 4.4.3; others refuse to open what asks for more
_FULL_16, _FULL_32 = 0xFFFF, 0xFFFFFFFF


class Entry(NamedTuple):
    """A member as the directory describes it, zip64 resolved."""

    name: str  # without the trailing slash of folders
    raw_name: bytes
    folder: bool
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int


class _End(NamedTuple):
    entries: int
    size: int
    offset: int


def read_directory(file: BinaryIO, archive_size: int, limits: Limits) -> tuple[list[Entry], int]:
    """The entries in the directory's order, and the offset where the directory begins. Raises `InvalidUpload`."""
    end = _find_end(file, archive_size)
    if end.entries > limits.members:
        raise InvalidUpload(f"The zip archive has {end.entries} members, more than {limits.members}")
    if end.size > _MAX_DIRECTORY:
        raise InvalidUpload(f"The directory of the zip archive has {end.size} bytes, more than {_MAX_DIRECTORY}")
    file.seek(end.offset)
    data = file.read(end.size)
    entries = []
    position = 0
    for _ in range(end.entries):
        entry, position = _read_entry(data, position, limits)
        entries.append(entry)
    if position != len(data):
        raise InvalidUpload("The directory of the zip archive is longer than its entries")
    return entries, end.offset


def _find_end(file: BinaryIO, archive_size: int) -> _End:
    tail_at = max(0, archive_size - _END.size - _FULL_16 - _LOCATOR.size - _END_64.size)
    file.seek(tail_at)
    tail = file.read(archive_size - tail_at)
    found = _end_records(tail)
    if len(found) != 1:
        what = "several end records" if found else "no end record: it is cut short, has bytes after its end, or is not a zip archive"
        raise InvalidUpload(f"The zip archive has {what}")
    at = found[0]
    _, disk, directory_disk, count_here, count, size, offset, _ = _END.unpack_from(tail, at)
    end, directory_end = _End(count, size, offset), tail_at + at
    if tail[at - _LOCATOR.size : at].startswith(b"PK\6\7") and at >= _LOCATOR.size:
        wide, directory_end = _read_end_64(tail, at, tail_at)
        if any(narrow not in (value, full) for narrow, value, full in zip(end, wide, (_FULL_16, _FULL_32, _FULL_32), strict=True)):
            raise InvalidUpload("The two end records of the zip archive differ")
        end = wide
    if {disk, directory_disk} - {0, _FULL_16} or count_here != count:
        raise InvalidUpload("The zip archive is one part of several")
    if end.offset + end.size != directory_end:
        raise InvalidUpload("The zip archive has bytes before its first member, or between its directory and its end")
    return end


def _end_records(tail: bytes) -> list[int]:
    """Where there are end records whose comment reaches exactly to the end; none if the last signature is not such a one."""
    found = []
    at = tail.rfind(b"PK\5\6")
    while at >= 0:
        room = len(tail) - at - _END.size
        if room >= 0 and _END.unpack_from(tail, at)[-1] == room:
            found.append(at)
        elif not found:
            # Readers that search backwards stop here: they would see another archive, or none.
            return []
        at = tail.rfind(b"PK\5\6", 0, at)
    return found


def _read_end_64(tail: bytes, at: int, tail_at: int) -> tuple[_End, int]:
    _, record_disk, record_at, disks = _LOCATOR.unpack_from(tail, at - _LOCATOR.size)
    start = at - _LOCATOR.size - _END_64.size
    if start < 0 or record_at != tail_at + start or record_disk != 0 or disks > 1:
        raise InvalidUpload("The zip64 locator of the zip archive does not point at its end record")
    signature, length, _, _, disk, directory_disk, count_here, count, size, offset = _END_64.unpack_from(tail, start)
    if signature != b"PK\6\6" or length != _END_64.size - 12 or disk or directory_disk or count_here != count:
        raise InvalidUpload("The zip64 end record of the zip archive is malformed")
    return _End(count, size, offset), record_at


def _read_entry(data: bytes, position: int, limits: Limits) -> tuple[Entry, int]:
    if len(data) - position < _CENTRAL.size or data[position : position + 4] != b"PK\1\2":
        raise InvalidUpload("The directory of the zip archive is cut short or malformed")
    fields = _CENTRAL.unpack_from(data, position)
    needed, flags, method, _, _, crc, packed, size, name_length, extra_length, comment_length, disk, _, attributes, offset = fields[2:]
    start = position + _CENTRAL.size
    extra_at = start + name_length
    following = extra_at + extra_length + comment_length
    if following > len(data):
        raise InvalidUpload("The directory of the zip archive is cut short")
    raw_name = data[start:extra_at]
    name = _read_name(raw_name, flags, limits)
    if disk not in (0, _FULL_16):
        raise InvalidUpload("The zip archive is one part of several")
    if needed & 0xFF > MAX_NEEDED:
        raise InvalidUpload(f"Member {shown(name)} of the zip archive asks for a newer version of zip")
    extra = data[extra_at : extra_at + extra_length]
    if extra or _FULL_32 in (size, packed, offset):
        size, packed, offset = widen((size, packed, offset), read_extra(extra, name), name)
    folder = name.endswith("/")
    entry = Entry(name[:-1] if folder else name, raw_name, folder, flags, method, crc, packed, size, offset)
    _check_kind(entry, attributes >> 16 & 0xF000)
    return entry, following


def _read_name(raw_name: bytes, flags: int, limits: Limits) -> str:
    if len(raw_name) > limits.name:
        raise InvalidUpload(f"Member {shown(raw_name)} of the zip archive has a name of more than {limits.name} bytes")
    try:
        return raw_name.decode("utf-8" if flags & 0x0800 else "ascii")
    except UnicodeDecodeError as error:
        # Without the flag each tool guesses another encoding, and so another name.
        raise InvalidUpload(f"Member {shown(raw_name)} of the zip archive has a name that is not marked as UTF-8") from error


def _check_kind(entry: Entry, kind: int) -> None:
    if entry.flags & 0x2061:
        raise InvalidUpload(f"Member {shown(entry.name)} of the zip archive is encrypted or patched")
    if entry.method not in (0, 8):
        raise InvalidUpload(f"Member {shown(entry.name)} of the zip archive is compressed with method {entry.method}: only deflate is supported")
    if entry.method == 0 and entry.packed != entry.size:
        raise InvalidUpload(f"Member {shown(entry.name)} of the zip archive is stored, but its two sizes differ")
    if kind not in (0, 0x8000, 0x4000) or (kind == 0x4000 and not entry.folder):
        raise InvalidUpload(f"Member {shown(entry.name)} of the zip archive is a link or a special file")
    if entry.folder and entry.size:
        raise InvalidUpload(f"Folder {shown(entry.name)} of the zip archive has content")


def read_extra(extra: bytes, name: str) -> bytes | None:
    """The zip64 field, if there is one. Raises `InvalidUpload` on broken fields and on a second name (clause 4.6.9)."""
    position = 0
    wide: bytes | None = None
    while len(extra) - position >= 4:
        kind, length = struct.unpack_from("<HH", extra, position)
        payload = extra[position + 4 : position + 4 + length]
        position += 4 + length
        if position > len(extra) or (kind == 1 and wide is not None):
            raise InvalidUpload(f"Member {shown(name)} of the zip archive has malformed extra fields")
        if kind == 1:
            wide = payload
        elif kind == 0x7075 and payload[5:].rstrip(b"/") != name.rstrip("/").encode():
            raise InvalidUpload(f"Member {shown(name)} of the zip archive has a second, different name")
    return wide


def widen(fields: Sequence[int], wide: bytes | None, name: str) -> list[int]:
    """The fields, with those that are full replaced from the zip64 field, in its order (clause 4.5.3)."""
    position = 0
    result = []
    for value in fields:
        if value == _FULL_32:
            if wide is None or len(wide) < position + 8:
                raise InvalidUpload(f"Member {shown(name)} of the zip archive lacks its zip64 sizes")
            (value,) = struct.unpack_from("<Q", wide, position)
            position += 8
        result.append(value)
    # Tools differ in whether they read sizes that nothing refers to.
    if wide and position == 0 and wide[:16] != struct.pack("<2Q", fields[0], fields[1]):
        raise InvalidUpload(f"Member {shown(name)} of the zip archive has zip64 sizes that differ from its plain ones")
    return result
