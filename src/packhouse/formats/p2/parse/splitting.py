"""A zip archive cut into its members while it arrives: none of it is unpacked in memory, and nothing is read twice (APPNOTE 6.3).

The directory at its end must say of each member what was read of it, so that no other reader sees another archive.
"""

from __future__ import annotations

import struct
from collections.abc import Generator, Iterable, Iterator
from typing import Any, BinaryIO, NamedTuple, NoReturn, cast

from isal import igzip_lib, isal_zlib

from packhouse.errors import InvalidUpload
from packhouse.formats.p2 import names
from packhouse.grammar.archive import BLOCK, MIB, Limits, check_name, folded, shown
from packhouse.grammar.multipart import MultipartSplitter, splitter_of
from packhouse.grammar.zipdirectory import Entry, read_directory, read_extra, widen
from packhouse.model import PartEnd, PartStart

METADATA = frozenset(f"{kind}.{suffix}" for kind in ("content", "artifacts") for suffix in ("xml.xz", "jar", "xml"))
MOST_ARTIFACTS = 4000
LARGEST_METADATA = 64 * MIB
LIMITS = Limits(members=10_000, produced=8 * 1024 * MIB, ratio=10, name=1024)  # jars are packed already
FREE = 64 * MIB  # of what is unpacked, before its ratio counts
LARGEST_DIRECTORY = 16 * MIB
STEP = 16 * 1024  # of a member whose end nobody told: what was taken too much is put back

_LOCAL = struct.Struct("<4s5H3L2H")
_DESCRIPTORS = (struct.Struct("<4x3L"), struct.Struct("<4xL2Q"), struct.Struct("<3L"), struct.Struct("<L2Q"))  # clause 4.3.9
_LONGEST_DESCRIPTOR = 24
_SIGNED = b"PK\7\10"

Event = PartStart | bytes | PartEnd


class Seen(NamedTuple):
    """A member as it was read."""

    raw_name: bytes
    method: int
    crc: int
    packed: int
    size: int
    offset: int


class _Tail:
    """The end of a file, under the offsets of the whole: what comes before it reads as zeros."""

    def __init__(self, data: bytes, start: int) -> None:
        self._data, self._start, self._at = data, start, 0

    def seek(self, at: int) -> None:
        self._at = at

    def read(self, count: int) -> bytes:
        zeros = bytes(min(count, max(0, self._start - self._at)))
        first = max(0, self._at - self._start)
        return zeros + self._data[first : first + count - len(zeros)]


class SiteSplitter:
    """A `contract.Splitter`: each artifact and each document of a repository becomes a part with its path as its name; the rest is passed over."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._taken = self._made = self._kept = 0  # bytes in, bytes out, artifacts
        self._seen: list[Seen] = []
        self._names: set[str] = set()
        self._steps = self._read_members()
        self._wanted = next(self._steps)

    def feed(self, data: bytes) -> Iterator[Event]:
        """What these bytes complete. Raises `InvalidUpload`."""
        self._taken += len(data)
        self._buffer += data
        while isinstance(self._wanted, int) and len(self._buffer) >= self._wanted:
            step = next(self._steps)
            while not isinstance(step, int):
                yield step
                step = next(self._steps)
            self._wanted = step

    def end(self) -> Iterable[Event]:
        """Nothing more. Raises `InvalidUpload` where the directory is not of what was read."""
        if not self._seen and not self._buffer.startswith(b"PK"):
            raise InvalidUpload("The body is not a zip archive")
        start = self._taken - len(self._buffer)
        entries, at = read_directory(cast(BinaryIO, _Tail(bytes(self._buffer), start)), self._taken, LIMITS)
        if at != start or sorted(map(_seen_of, entries), key=lambda seen: seen.offset) != self._seen:
            raise InvalidUpload("The directory of the zip archive is not of the members before it")
        return ()

    # -- one member after the other: each step says how many bytes must be there before the next, or what there is -------

    def _read_members(self) -> Iterator[int | Event]:
        yield 4
        while self._buffer[:4] == b"PK\3\4":
            yield from self._read_member()
            yield 4
        while len(self._buffer) <= LARGEST_DIRECTORY:
            yield len(self._buffer) + 1
        raise InvalidUpload(f"The directory of the zip archive has more than {LARGEST_DIRECTORY} bytes")

    def _read_member(self) -> Iterator[int | Event]:
        offset = self._taken - len(self._buffer)
        yield _LOCAL.size
        _, _, flags, method, _, _, crc, packed, size, name_length, extra_length = _LOCAL.unpack(self._take(_LOCAL.size))
        yield name_length + extra_length
        raw_name, extra = self._take(name_length), self._take(extra_length)
        name = self._check_name(raw_name, flags, method)
        described = bool(flags & 0x0008)
        size, packed = widen((size, packed), read_extra(extra, name), name)
        kept = self._is_kept(name)
        if kept:
            yield PartStart(name=name, filename=name.rpartition("/")[2], media_type="application/octet-stream", file=True)
        known = packed if packed or not described else None
        truth = yield from self._read_data(name, method, known, kept)
        if described:
            yield _LONGEST_DESCRIPTOR  # as many bytes follow in any case: those of the directory
            self._take(_find_descriptor(bytes(self._buffer[:_LONGEST_DESCRIPTOR]), truth, name))
        # clause 4.4.4: with a descriptor the local header says 0
        if any(told != true and (told or not described) for told, true in zip((crc, packed, size), truth, strict=True)):
            _refuse(name, "is damaged: its size or CRC does not match")
        if kept:
            yield PartEnd()
        self._seen.append(Seen(raw_name, method, *truth, offset))

    def _check_name(self, raw_name: bytes, flags: int, method: int) -> str:
        if len(self._seen) >= LIMITS.members:
            raise InvalidUpload(f"The zip archive has more than {LIMITS.members} members")
        if len(raw_name) > LIMITS.name or flags & 0x2061 or method not in (0, 8):
            _refuse(raw_name, f"has a name of more than {LIMITS.name} bytes, is encrypted, or is compressed with something else than deflate")
        try:
            name = raw_name.decode("utf-8" if flags & 0x0800 else "ascii")
        except UnicodeDecodeError:
            _refuse(raw_name, "has a name that is not marked as UTF-8")
        check_name(name, "zip")
        if "\\" in name or "//" in name or "/./" in f"/{name}/":
            _refuse(name, "has a backslash, or an empty or '.' segment in its name")
        key = folded(name.rstrip("/"))
        if key in self._names:
            _refuse(name, "is there twice, perhaps in other letters")
        self._names.add(key)
        return name

    def _is_kept(self, name: str) -> bool:
        if not names.is_artifact(name):
            return name in METADATA
        self._kept += 1
        if self._kept > MOST_ARTIFACTS:
            raise InvalidUpload(f"The zip archive has more than {MOST_ARTIFACTS} artifacts: publish it in several")
        return True

    def _read_data(self, name: str, method: int, packed: int | None, kept: bool) -> Generator[int | Event, None, tuple[int, int, int]]:
        """What there is of a member as it comes; returns its CRC and its sizes."""
        crc = size = taken = 0
        inflater = isal_zlib.decompressobj(-15) if method else None
        while not inflater.eof if packed is None and inflater is not None else taken < (packed or 0):
            yield 1
            data = self._take(min(len(self._buffer), STEP if packed is None else packed - taken, BLOCK))
            taken += len(data)
            for chunk in (data,) if inflater is None else _inflate(inflater, data, name):
                crc, size = isal_zlib.crc32(chunk, crc), size + len(chunk)
                self._count(name, len(chunk), size)
                if kept:
                    yield chunk
        if inflater is not None:
            after = inflater.unused_data
            if not inflater.eof or (after and packed is not None):
                _refuse(name, "is not as long as the archive says")
            self._buffer[:0] = after
            taken -= len(after)
        return crc, taken, size

    def _count(self, name: str, more: int, size: int) -> None:
        self._made += more
        if self._made > min(FREE + LIMITS.ratio * self._taken, LIMITS.produced):
            raise InvalidUpload(f"The zip archive unpacks to more than {LIMITS.ratio} times its size, or than {LIMITS.produced // MIB} MiB")
        if name in METADATA and size > LARGEST_METADATA:
            _refuse(name, f"has more than {LARGEST_METADATA} bytes")

    def _take(self, count: int) -> bytes:
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data


def _seen_of(entry: Entry) -> Seen:
    return Seen(entry.raw_name, entry.method, entry.crc, entry.packed, entry.size, entry.offset)


def _find_descriptor(data: bytes, truth: tuple[int, int, int], name: str) -> int:
    """How long the data descriptor is."""
    for shape in _DESCRIPTORS:
        if shape.unpack_from(data) == truth and (data[:4] == _SIGNED or shape.size % 8 == 4):
            return shape.size
    raise InvalidUpload(f"Member {shown(name)} of the zip archive has no proper data descriptor")


def _inflate(inflater: Any, data: bytes, name: str) -> Iterator[bytes]:
    try:
        # zlib can hold back some output although it has taken all input
        if inflater.eof and data:
            _refuse(name, "has bytes after its compressed data")
        while not inflater.eof and (chunk := inflater.decompress(data, BLOCK)):
            yield chunk
            data = inflater.unconsumed_tail
    except igzip_lib.IsalError as error:  # type: ignore[misc]  # a class, though its stub says otherwise
        raise InvalidUpload(f"Member {shown(name)} of the zip archive cannot be inflated") from error


def _refuse(name: str | bytes, what: str) -> NoReturn:
    raise InvalidUpload(f"Member {shown(name)} of the zip archive {what}")


class FormSplitter:
    """The same for an archive that is the file of a form."""

    def __init__(self, form: MultipartSplitter) -> None:
        self._form = form
        self._site: SiteSplitter | None = None
        self._inside = False

    def feed(self, data: bytes) -> Iterator[Event]:
        """What these bytes complete. Raises `InvalidUpload`."""
        for event in self._form.feed(data):
            if isinstance(event, PartStart):
                self._inside = event.file
                if event.file and self._site is not None:
                    raise InvalidUpload("The form brings more than one file: send one archive in the field `file`")
                self._site = SiteSplitter() if event.file else self._site
            elif self._site is not None and self._inside:
                yield from self._site.feed(event) if isinstance(event, bytes) else self._site.end()

    def end(self) -> Iterable[Event]:
        """Nothing more. Raises `InvalidUpload` where there was no archive."""
        if self._site is None:
            raise InvalidUpload("The form brings no file: send the archive in the field `file`")
        return self._form.end()


def site_splitter(content_type: str) -> SiteSplitter | FormSplitter:
    """For an archive that is the body, or the file of a form. Raises `InvalidUpload`."""
    form = splitter_of(content_type)
    return SiteSplitter() if form is None else FormSplitter(form)
