"""The headers of an RPM file: a lead, the header of signatures, and the main one, as tags → values (rpm.org, "RPM V4 package format").

The payload is never read: what follows the main header is only counted.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping
from typing import BinaryIO, TypeAlias

from packhouse.errors import InvalidUpload
from packhouse.model import Struct

Value: TypeAlias = tuple[int, ...] | tuple[bytes, ...]

LEAD = struct.Struct(">4sBBhh66shh16s")
LEAD_MAGIC = b"\xed\xab\xee\xdb"
INTRO = struct.Struct(">4s4xII")
MAGIC = b"\x8e\xad\xe8\x01"
ENTRY = struct.Struct(">IIiI")
MOST_TAGS = 4096
MOST_ITEMS = 6_000_000  # of all tags of a header: a dozen for each file
LARGEST_SIGNATURES = 1024 * 1024
LARGEST = 64 * 1024 * 1024
NUMBERS: Mapping[int, tuple[str, int]] = {1: ("B", 1), 2: ("B", 1), 3: ("H", 2), 4: ("I", 4), 5: ("Q", 8)}
STRINGS = frozenset({6, 8, 9})
BINARY = 7

SIG_SIZE, SIG_LONG_SIZE = 1000, 270  # of the main header and the payload
SIG_PAYLOAD_SIZE, SIG_LONG_PAYLOAD_SIZE = 1007, 271  # of the payload, unpacked
SIG_SHA1, SIG_SHA256 = 269, 273  # of the main header


class Headers(Struct):
    """What a package says: the tags of its signatures and its own; where its main header begins and ends."""

    signatures: Mapping[int, Value]
    tags: Mapping[int, Value]
    start: int
    end: int


def read_headers(file: BinaryIO, size: int) -> Headers:
    """Raises `InvalidUpload`."""
    lead = file.read(LEAD.size)
    if len(lead) < LEAD.size or not lead.startswith(LEAD_MAGIC):
        raise InvalidUpload("The file is no RPM package: it does not begin with the lead of one")
    if (major := LEAD.unpack(lead)[1]) not in (3, 4):
        raise InvalidUpload(f"The package has format {major}: build it with rpm 4 or later")
    signatures = _read_header(file, LARGEST_SIGNATURES, "header of signatures")
    start = LEAD.size + -(-len(signatures) // 8) * 8
    file.seek(start)
    main = _read_header(file, LARGEST, "main header")
    found = Headers(signatures=_read_once(signatures), tags=_read_once(main), start=start, end=start + len(main))
    _check_whole(found, main, size)
    return found


def _read_header(file: BinaryIO, largest: int, what: str) -> bytes:
    intro = file.read(INTRO.size)
    if len(intro) < INTRO.size or not intro.startswith(MAGIC):
        raise InvalidUpload(f"The package is damaged: its {what} does not begin as one")
    _, count, length = INTRO.unpack(intro)
    if count > MOST_TAGS or length > largest:
        raise InvalidUpload(f"The {what} has {count} tags in {length} bytes: at most {MOST_TAGS} tags in {largest} bytes are read")
    rest = file.read(count * ENTRY.size + length)
    if len(rest) < count * ENTRY.size + length:
        raise InvalidUpload(f"The package is cut short in its {what}")
    return intro + rest


def _read_once(header: bytes) -> dict[int, Value]:
    """The tags of a header. Which of two with one number counts, readers do not agree on."""
    found: dict[int, Value] = {}
    for tag, value in _read_tags(header):
        if tag in found:
            raise InvalidUpload(f"The package is damaged: tag {tag} comes twice in a header")
        found[tag] = value
    return found


def _read_tags(header: bytes) -> Iterator[tuple[int, Value]]:
    _, count, length = INTRO.unpack_from(header)
    store = memoryview(header)[INTRO.size + count * ENTRY.size :]
    read = told = 0
    for number in range(count):
        tag, kind, offset, items = ENTRY.unpack_from(header, INTRO.size + number * ENTRY.size)
        told += 1 if kind == BINARY else items
        if told > MOST_ITEMS:
            raise InvalidUpload(f"The package has more than {MOST_ITEMS} values up to its tag {tag}: split it")
        value, used = _read_value(store, tag, kind, offset, items)
        read += used
        if read > 2 * length + ENTRY.size:  # values that lie on one another are no honest header's
            raise InvalidUpload("The package is damaged: the tags of a header lie on one another")
        yield tag, value


def _read_value(store: memoryview, tag: int, kind: int, offset: int, items: int) -> tuple[Value, int]:
    """The value of a tag, and how many bytes it takes."""
    if not 0 <= offset <= len(store):
        raise InvalidUpload(f"The package is damaged: tag {tag} lies outside of its header")
    if kind in NUMBERS:
        letter, width = NUMBERS[kind]
        if items > (len(store) - offset) // width:
            raise InvalidUpload(f"The package is damaged: tag {tag} is longer than its header")
        return struct.unpack_from(f">{items}{letter}", store, offset), items * width
    if kind == BINARY:
        if items > len(store) - offset:
            raise InvalidUpload(f"The package is damaged: tag {tag} is longer than its header")
        return (bytes(store[offset : offset + items]),), items
    if kind in STRINGS:
        return _read_strings(store, tag, offset, items)
    if kind == 0:
        return (), 0
    raise InvalidUpload(f"The package is damaged: tag {tag} is of the unknown type {kind}")


def _read_strings(store: memoryview, tag: int, offset: int, items: int) -> tuple[Value, int]:
    if items > len(store) - offset:
        raise InvalidUpload(f"The package is damaged: tag {tag} is longer than its header")
    # one string at a time: what lies behind the last one is not looked at
    whole = store.obj
    assert isinstance(whole, bytes)
    base = len(whole) - len(store)
    at, found = base + offset, []
    for _ in range(items):
        end = whole.find(b"\0", at)
        if end < 0:
            raise InvalidUpload(f"The package is damaged: tag {tag} has no end")
        found.append(whole[at:end])
        at = end + 1
    return tuple(found), at - base - offset


def _check_whole(found: Headers, main: bytes, size: int) -> None:
    """What the header of signatures says of the rest. Who signed it is not asked. Raises `InvalidUpload`."""
    for tag, algorithm in ((SIG_SHA256, "sha256"), (SIG_SHA1, "sha1")):
        for told in found.signatures.get(tag, ()):
            if told != hashlib.new(algorithm, main, usedforsecurity=False).hexdigest().encode():
                raise InvalidUpload(f"The package is damaged: its main header has another {algorithm} than the package says")
    for tag in (SIG_SIZE, SIG_LONG_SIZE):
        for told in found.signatures.get(tag, ()):
            if told != size - found.start:
                raise InvalidUpload(f"The package is cut short or damaged: it has {size - found.start} bytes after its signatures, and says {told!r}")
