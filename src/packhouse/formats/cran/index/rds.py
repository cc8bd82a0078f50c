"""R's own format of data (`saveRDS`, R Internals 1.8): as much of it as an index needs, in XDR, version 2, packed with gzip."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

Attributes: TypeAlias = Mapping[str, bytes]
"""Name → value, which is written already."""

# written by R 4.2.2, for R 2.3 and later
_HEADER = b"X\n" + struct.pack(">iii", 2, 0x00040202, 0x00020300)
_NULL = struct.pack(">i", 254)
_NA = struct.pack(">ii", 9, -1)
_ASCII, _UTF8 = 64 << 12, 8 << 12
_OBJECT, _ATTRIBUTES, _TAG = 0x100, 0x200, 0x400
_SYMBOL, _PAIR, _CHAR, _LOGICAL, _REAL, _INTEGER, _STRING, _LIST = 1, 2, 9, 10, 14, 13, 16, 19


def write_file(value: bytes) -> bytes:
    """A file of one value."""
    return gzip.compress(_HEADER + value, 6, mtime=0)


def write_matrix(columns: Mapping[str, Sequence[str | None]], rows: int) -> bytes:
    """A matrix of texts, None for NA; its columns have names."""
    cells = [cell for column in columns.values() for cell in column]
    names = write_list([_NULL, write_texts(list(columns))])
    return write_texts(cells, {"dim": write_integers([rows, len(columns)]), "dimnames": names})


def write_frame(columns: Mapping[str, bytes], rows: Sequence[str]) -> bytes:
    """A data frame; its rows have names."""
    attributes = {"names": write_texts(list(columns)), "class": write_texts(["data.frame"]), "row.names": write_texts(rows)}
    return write_list(list(columns.values()), attributes)


def write_list(values: Sequence[bytes], attributes: Attributes | None = None) -> bytes:
    return _vector(_LIST, len(values), values, attributes)


def write_texts(texts: Sequence[str | None], attributes: Attributes | None = None) -> bytes:
    known: dict[str | None, bytes] = {None: _NA}  # most texts come many times
    return _vector(_STRING, len(texts), [known.get(text) or known.setdefault(text, _text(text or "")) for text in texts], attributes)


def write_integers(numbers: Sequence[int]) -> bytes:
    return _vector(_INTEGER, len(numbers), [struct.pack(f">{len(numbers)}i", *numbers)])


def write_logicals(values: Sequence[bool]) -> bytes:
    return _vector(_LOGICAL, len(values), [struct.pack(f">{len(values)}i", *values)])


def write_reals(numbers: Sequence[float], attributes: Attributes | None = None) -> bytes:
    return _vector(_REAL, len(numbers), [struct.pack(f">{len(numbers)}d", *numbers)], attributes)


def write_times(seconds: Sequence[float]) -> bytes:
    """Instants, in seconds since 1970."""
    return write_reals(seconds, {"class": write_texts(["POSIXct", "POSIXt"])})


def _vector(kind: int, length: int, content: Iterable[bytes], attributes: Attributes | None = None) -> bytes:
    flags = kind | (_ATTRIBUTES if attributes else 0) | (_OBJECT if attributes and "class" in attributes else 0)
    return b"".join((struct.pack(">ii", flags, length), *content, *_pairs(attributes or {})))


def _pairs(attributes: Attributes) -> Iterable[bytes]:
    for name, value in attributes.items():
        yield struct.pack(">ii", _PAIR | _TAG, _SYMBOL) + _text(name)
        yield value
    if attributes:
        yield _NULL


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack(">ii", _CHAR | (_ASCII if text.isascii() else _UTF8), len(encoded)) + encoded
