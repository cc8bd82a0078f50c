"""A compressed file as a stream of bytes under a budget: gzip, bzip2, xz, or none."""

from __future__ import annotations

import bz2
import lzma
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Literal, TypeAlias

from isal import igzip_lib, isal_zlib

from packhouse.errors import InvalidUpload
from packhouse.grammar.archive import BLOCK, MIB, Limits

Compression: TypeAlias = Literal["", "gz", "bz2", "xz"]

_MAGIC: tuple[tuple[bytes, Compression], ...] = ((b"\x1f\x8b", "gz"), (b"BZh", "bz2"), (b"\xfd7zXZ\0", "xz"))
_MAX_STREAMS = 10_000  # parallel compressors write one for each block of about a megabyte


class Inflated:
    """Exact reads from what `chunks` gives. Raises `InvalidUpload` where the stream ends too early."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._chunk = b""
        self._at = 0

    def read(self, size: int) -> bytes:
        """Exactly so many bytes, or b"" at the very end."""
        end = self._at + size
        if end <= len(self._chunk):
            data = self._chunk[self._at : end]
            self._at = end
            return data
        return b"".join(self.pieces(size, at_end=True))

    def pieces(self, size: int, *, at_end: bool = False) -> Iterator[bytes]:
        """Exactly so many bytes, in pieces."""
        left = size
        while left:
            if self._at == len(self._chunk):
                self._chunk, self._at = next(self._chunks, b""), 0
                if not self._chunk:
                    if at_end and left == size:
                        return
                    raise InvalidUpload("The tar archive is cut short")
            piece = self._chunk[self._at : self._at + left]
            self._at += len(piece)
            left -= len(piece)
            yield piece

    def skip(self, size: int) -> None:
        """Pass over so many bytes."""
        end = self._at + size
        if end <= len(self._chunk):
            self._at = end
            return
        for _ in self.pieces(size):
            pass

    def rest(self) -> Iterator[bytes]:
        """What is left, in pieces."""
        yield self._chunk[self._at :]
        yield from self._chunks


def inflate(file: BinaryIO, archive_size: int, compression: Compression | None, limits: Limits) -> Iterator[bytes]:
    """The decompressed bytes; nothing is empty. Raises `InvalidUpload` on damage, on another compression, and over the budget."""
    magic = file.read(6)
    file.seek(0)
    found: Compression = next((name for start, name in _MAGIC if magic.startswith(start)), "")
    if compression is not None and found != compression:
        raise InvalidUpload(f"The archive is compressed with {found or 'nothing'}, not with {compression or 'nothing'}, as its name says")
    produced = 0
    budget = limits.budget(archive_size) if found else limits.produced
    for chunk in _decompress(file, found):
        produced += len(chunk)
        if produced > budget:
            over = f"{limits.produced // MIB} MiB" if budget == limits.produced else f"{limits.ratio} times its size"
            raise InvalidUpload(f"The tar archive unpacks to more than {over}")
        yield chunk


def _decompress(file: BinaryIO, compression: Compression) -> Iterator[bytes]:
    if not compression:
        while data := file.read(BLOCK):
            yield data
        return
    try:
        if compression == "gz":
            yield from _gunzip(file)
        elif compression == "bz2":
            yield from _unpack_streams(file, bz2.BZ2Decompressor)
        else:
            # 128 MiB is twice what the strongest preset needs.
            yield from _unpack_streams(file, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=128 * MIB))
    except (igzip_lib.IsalError, OSError, ValueError, EOFError, lzma.LZMAError) as error:  # type: ignore[misc]  # a class, though its stub says otherwise
        raise InvalidUpload(f"The archive is damaged: its {compression} data cannot be read") from error


def _gunzip(file: BinaryIO) -> Iterator[bytes]:
    inflater = isal_zlib.decompressobj(31)
    while data := file.read(BLOCK):
        while chunk := inflater.decompress(data, BLOCK):
            yield chunk
            data = inflater.unconsumed_tail
        if inflater.eof:
            break
    if not inflater.eof:
        raise InvalidUpload("The archive is cut short: its gz data has no end")
    # Some readers stop after the first gzip member, others go on.
    if inflater.unused_data or file.read(1):
        raise InvalidUpload("The archive has bytes after the end of its gz data")


def _unpack_streams(file: BinaryIO, new: Callable[[], Any]) -> Iterator[bytes]:
    streams, unpacker, data = 1, new(), b""
    while True:
        if unpacker.needs_input and not unpacker.eof and not data:
            data = file.read(BLOCK)
            if not data:
                raise InvalidUpload("The archive is cut short: its compressed data has no end")
        chunk = unpacker.decompress(data, BLOCK)
        data = b""
        if chunk:
            yield chunk
        if unpacker.eof:
            data = unpacker.unused_data or file.read(BLOCK)
            if not data:
                return
            streams, unpacker = streams + 1, new()
            if streams > _MAX_STREAMS:
                raise InvalidUpload(f"The archive has more than {_MAX_STREAMS} compressed streams")
