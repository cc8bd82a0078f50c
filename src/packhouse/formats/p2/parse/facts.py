"""What is kept of an artifact: its key, what artifacts.xml says of it, and the installable units that need it."""

from __future__ import annotations

import zlib

from packhouse.errors import InvalidUpload
from packhouse.formats.p2.names import Key
from packhouse.model import About, Struct

LARGEST_UNIT = 1024 * 1024  # as XML


class Unit(Struct, omit_defaults=True):
    """An installable unit; `packed` is its XML, compressed."""

    id: str
    version: str
    packed: bytes
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
    """Raises `InvalidUpload` where it is too large."""
    raw = xml.encode()
    if len(raw) > LARGEST_UNIT:
        raise InvalidUpload(f"Unit {id[:80]!r} takes {len(raw)} bytes of XML, and at most {LARGEST_UNIT} are kept")
    return Unit(id=id, version=version, packed=zlib.compress(raw, 6), artifacts=artifacts)
