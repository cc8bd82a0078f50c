"""Zip archives: the structure is checked byte for byte, then members are inflated under limits (APPNOTE 6.3).

The standard library's reader takes the directory's word for everything; members are inflated straight from the ranges
checked here, so that there is no second reading that could differ.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any, BinaryIO, NamedTuple, NoReturn

from isal import igzip_lib, isal_zlib

from packhouse.errors import InvalidUpload
from packhouse.grammar.archive import BLOCK, LIMITS, MIB, Archive, Limits, Source, Wanted, check_name, find_clash, folded, opened, shown
from packhouse.grammar.zipdirectory import MAX_NEEDED, Entry, read_directory, read_extra, widen

_LOCAL = struct.Struct("<4s5H3L2H")
_DESCRIPTORS = {12: "<3L", 16: "<4x3L", 20: "<L2Q", 24: "<4xL2Q"}  # clause 4.3.9
_SAME_FLAGS = 0x2869  # encryption, descriptor, patch data, UTF-8, masked header


def read_zip(
    source: Source, wanted: Wanted, *, limit_each: int = 5 * MIB, digest: bool = False, whole: bool = True, limits: Limits = LIMITS
) -> Archive:
    """The wanted members and everything's names and sizes. Raises `InvalidUpload`.

    Every member is inflated and compared with its size and CRC; `whole=False` does so for the wanted ones only (for
    archives larger than `limits.produced`). `digest` adds the sha256 of each member that is inflated.
    """
    with opened(source) as (file, size):
        entries, directory_at = read_directory(file, size, limits)
        _check_names(entries)
        picked = {entry.offset for entry in entries if not entry.folder and wanted(entry.name)}
        _check_sizes(entries, picked, size, limit_each, whole, limits)
        members: dict[str, bytes] = {}
        digests: dict[str, str] = {}
        ordered = sorted(entries, key=attrgetter("offset"))
        position = 0
        bounds = [*(entry.offset for entry in ordered), directory_at]
        for entry, end in zip(ordered, bounds[1:], strict=True):
            data_end = _check_place(file, entry, position, end)
            position = end
            if not whole and entry.offset not in picked:
                continue
            content, sha256 = _inflate(file, entry, data_end, keep=entry.offset in picked, digest=digest)
            if entry.offset in picked:
                members[entry.name] = content
            if digest and not entry.folder:
                digests[entry.name] = sha256
        if position != directory_at:
            raise InvalidUpload("The zip archive has bytes before its first member")
    files = [entry for entry in entries if not entry.folder]
    return Archive(
        names=tuple(entry.name for entry in files),
        members=members,
        sizes={entry.name: entry.size for entry in files},
        unpacked_size=sum(entry.size for entry in files),
        file_count=len(files),
        folders=tuple(entry.name for entry in entries if entry.folder),
        digests=digests,
    )


def _check_names(entries: Sequence[Entry]) -> None:
    for entry in entries:
        check_name(entry.name, "zip")
        if "\\" in entry.name:
            raise InvalidUpload(f"Member {shown(entry.name)} of the zip archive has a backslash in its name: use '/'")
        padded = f"/{entry.name}/"
        if "//" in padded or "/./" in padded:
            raise InvalidUpload(f"Member {shown(entry.name)} of the zip archive has an empty or '.' segment in its name")
    clash = find_clash((entry.name for entry in entries if not entry.folder), (entry.name for entry in entries if entry.folder), folded)
    if clash is not None:
        raise InvalidUpload(f"Members {shown(clash[0])} and {shown(clash[1])} of the zip archive are the same file on some systems")


def _check_sizes(entries: Sequence[Entry], picked: set[int], archive_size: int, limit_each: int, whole: bool, limits: Limits) -> None:
    for entry in entries:
        if entry.offset in picked and entry.size > limit_each:
            raise InvalidUpload(f"Member {shown(entry.name)} of the zip archive has {entry.size} bytes, more than {limit_each}")
    if sum(entry.size for entry in entries) > limits.ratio_budget(archive_size):
        raise InvalidUpload(f"The zip archive unpacks to more than {limits.ratio} times its size")
    if sum(entry.size for entry in entries if whole or entry.offset in picked) > limits.produced:
        raise InvalidUpload(f"The zip archive unpacks to more than {limits.produced // MIB} MiB")


class _Local(NamedTuple):
    signature: bytes
    version: int
    flags: int
    method: int
    time: int
    date: int
    crc: int
    packed: int
    size: int
    name_length: int
    extra_length: int


def _check_place(file: BinaryIO, entry: Entry, position: int, end: int) -> int:
    """Where the entry's data ends; the file stands where it begins. All bytes up to `end` must be accounted for."""
    if entry.offset != position:
        found = "share bytes" if entry.offset < position else "have other bytes between them"
        raise InvalidUpload(f"Members of the zip archive {found}, at {shown(entry.name)}")
    file.seek(entry.offset)
    head = file.read(_LOCAL.size)
    if len(head) != _LOCAL.size:
        _refuse(entry, "is cut short")
    local = _Local._make(_LOCAL.unpack(head))
    names = file.read(local.name_length + local.extra_length)
    data_end = entry.offset + _LOCAL.size + local.name_length + local.extra_length + entry.packed
    if local.signature != b"PK\3\4" or len(names) != local.name_length + local.extra_length or data_end > end:
        _refuse(entry, "is not where the directory says")
    _check_local(entry, local, names[: local.name_length], names[local.name_length :])
    if entry.flags & 0x0008:
        _check_descriptor(file, entry, data_end, end)
    elif data_end != end:
        _refuse(entry, "is followed by bytes that belong to nothing")
    return data_end


def _check_local(entry: Entry, local: _Local, raw_name: bytes, extra: bytes) -> None:
    payload = read_extra(extra, entry.name)
    size, packed = widen((local.size, local.packed), payload, entry.name)
    if local.version & 0xFF > MAX_NEEDED:
        _refuse(entry, "asks for a newer version of zip")
    if raw_name != entry.raw_name or local.method != entry.method or (local.flags ^ entry.flags) & _SAME_FLAGS:
        _refuse(entry, "has a local header that differs from the directory in name, method or flags")
    truth = (entry.crc, entry.packed, entry.size)
    # Clause 4.4.4: with a descriptor the local header says 0.
    told = (local.crc, packed, size)
    if told != truth and not (entry.flags & 0x0008 and all(value in (0, true) for value, true in zip(told, truth, strict=True))):
        _refuse(entry, "has a local header that differs from the directory in size or CRC")


def _check_descriptor(file: BinaryIO, entry: Entry, start: int, end: int) -> None:
    back = file.tell()
    file.seek(start)
    shape = _DESCRIPTORS.get(end - start)
    data = file.read(end - start) if shape else b""
    if shape is None or len(data) != end - start or (shape[1] == "4" and data[:4] != b"PK\7\10"):
        _refuse(entry, "has no proper data descriptor")
    if struct.unpack(shape, data) != (entry.crc, entry.packed, entry.size):
        _refuse(entry, "has a data descriptor that differs from the directory")
    file.seek(back)


def _inflate(file: BinaryIO, entry: Entry, data_end: int, *, keep: bool, digest: bool) -> tuple[bytes, str]:
    sha256 = hashlib.sha256() if digest else None
    chunks: list[bytes] = []
    crc = produced = 0
    for chunk in _chunks(file, entry):
        produced += len(chunk)
        if produced > entry.size:
            _refuse(entry, f"has more than the {entry.size} bytes it says")
        crc = isal_zlib.crc32(chunk, crc)
        if keep:
            chunks.append(chunk)
        if sha256 is not None:
            sha256.update(chunk)
    if produced != entry.size:
        _refuse(entry, f"has {produced} bytes where it says {entry.size}")
    if crc != entry.crc:
        _refuse(entry, "is damaged: its CRC does not match")
    return b"".join(chunks), sha256.hexdigest() if sha256 is not None else ""


def _chunks(file: BinaryIO, entry: Entry) -> Iterator[bytes]:
    left = entry.packed
    inflater = isal_zlib.decompressobj(-15) if entry.method else None
    while left:
        data = file.read(min(left, BLOCK))
        if not data:
            _refuse(entry, "is cut short")
        left -= len(data)
        if inflater is None:
            yield data
        elif inflater.eof:
            _refuse(entry, "has bytes after its compressed data")
        else:
            yield from _inflated(inflater, data, entry)
    if inflater is not None:
        yield from _inflated(inflater, b"", entry)
        if not inflater.eof:
            _refuse(entry, "is cut short")
        if inflater.unused_data:
            _refuse(entry, "has bytes after its compressed data")


def _inflated(inflater: Any, data: bytes, entry: Entry) -> Iterator[bytes]:
    try:
        # zlib can hold back some output although it has taken all input.
        while chunk := inflater.decompress(data, BLOCK):
            yield chunk
            data = inflater.unconsumed_tail
    except igzip_lib.IsalError as error:  # type: ignore[misc]  # a class, though its stub says otherwise
        raise InvalidUpload(f"Member {shown(entry.name)} of the zip archive cannot be inflated") from error


def _refuse(entry: Entry, what: str) -> NoReturn:
    raise InvalidUpload(f"Member {shown(entry.name)} of the zip archive {what}")
