"""What is kept of a package: its coordinates and numbers, and the parts of the repository's documents that speak of it, as XML."""

from __future__ import annotations

import base64
import zlib

from packhouse.model import Struct


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
    """Long lists say the same folders over and over: they are kept compressed."""
    return base64.b64encode(zlib.compress(text.encode(), 6)).decode() if text else ""


def unpack(packed: str) -> bytes:
    """What was packed, as UTF-8."""
    return zlib.decompress(base64.b64decode(packed)) if packed else b""
