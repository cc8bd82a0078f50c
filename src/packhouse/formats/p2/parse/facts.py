"""What is kept of an artifact: its key, what artifacts.xml says of it, and the installable units that need it."""

from __future__ import annotations

import re
import zlib

from packhouse.errors import InvalidUpload
from packhouse.formats.p2.names import Key
from packhouse.model import About, Struct

LARGEST_UNIT = 1024 * 1024  # as XML
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # section 2.2 of XML 1.0


class Unit(Struct, omit_defaults=True):
    """An installable unit; `packed` is its XML, compressed, and `size` how many bytes that is."""

    id: str
    version: str
    packed: bytes
    size: int = 0
    artifacts: tuple[Key, ...] = ()

    @property
    def xml(self) -> bytes:
        """The element, on one line."""
        return zlib.decompressobj().decompress(self.packed, LARGEST_UNIT)


class Facts(Struct, omit_defaults=True):
    """Of a file: `key` None is one that holds nothing but units."""

    key: Key | None = None
    properties: tuple[tuple[str, str], ...] = ()
    units: tuple[Unit, ...] = ()


class Artifact(Struct):
    """A file of an upload, and what the upload says that its bytes are."""

    facts: Facts
    size: str = ""
    sha256: str = ""
    sha512: str = ""


class Read(Struct):
    """What an upload holds: artifacts, and units that have none."""

    version: str
    artifacts: tuple[Artifact, ...]
    loose: tuple[Unit, ...] = ()
    about: About = About()


def pack_unit(id: str, version: str, xml: str, artifacts: tuple[Key, ...]) -> Unit:
    """Raises `InvalidUpload` where it is too large, or has a character that XML has not."""
    found = NOT_XML.search(xml)
    if found is not None:
        raise InvalidUpload(f"Unit {id[:80]!r} has the character {found[0]!r}, which no XML may have: leave it out")
    raw = xml.encode()
    if len(raw) > LARGEST_UNIT:
        raise InvalidUpload(f"Unit {id[:80]!r} takes {len(raw)} bytes of XML, and at most {LARGEST_UNIT} are kept")
    return Unit(id=id, version=version, packed=zlib.compress(raw, 6), size=len(raw), artifacts=artifacts)
