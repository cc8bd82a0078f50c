"""What is kept of a package: its coordinates and numbers, and the parts of the repository's documents that speak of it, as XML."""

from __future__ import annotations

import base64
import zlib

from packhouse.errors import InvalidUpload
from packhouse.model import Struct

LARGEST_LIST = 64 * 1024 * 1024  # of files or changes, as XML
PLAIN, GZIP = 15, 31  # how zlib knows what to unpack


class Facts(Struct, omit_defaults=True):
    """`described` and `format` go into primary.xml, `files` into filelists.xml, `changes` into other.xml; the last two packed."""

    name: str
    epoch: int
    version: str
    release: str
    architecture: str
    built: int = 0
    installed: int = 0
    archive: int = 0
    described: str = ""
    format: str = ""
    files: str = ""
    changes: str = ""


def pack(text: str) -> str:
    """Long lists say the same folders over and over: they are kept compressed. Raises `InvalidUpload`."""
    raw = text.encode()
    if len(raw) > LARGEST_LIST:
        raise InvalidUpload(f"The files or changes of the package take {len(raw)} bytes as XML, and at most {LARGEST_LIST} are kept: split it")
    return base64.b64encode(zlib.compress(raw, 6)).decode() if raw else ""


def unpack(packed: str) -> bytes:
    """What was packed, as UTF-8; nothing where it is larger than what is packed today: one package must not break the lists of all."""
    return inflate(base64.b64decode(packed), PLAIN) or b""


def inflate(packed: bytes, container: int) -> bytes | None:
    """What was packed, nothing where that is more than `LARGEST_LIST`."""
    inflater = zlib.decompressobj(container)
    plain = inflater.decompress(packed, LARGEST_LIST + 1)
    return plain if inflater.eof and len(plain) <= LARGEST_LIST else None
