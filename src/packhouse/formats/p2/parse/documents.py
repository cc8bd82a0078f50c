"""The documents of a repository: plain, in a jar or packed by xz, under limits on what they unpack to."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from packhouse.errors import InvalidUpload
from packhouse.grammar.archives import read_zip
from packhouse.grammar.xml import read_xml

LARGEST = 64 * 1024 * 1024
XZ_MEMORY = 128 * 1024 * 1024


def read_document(path: str, name: str) -> Element:
    """The root of `content.xml` or `artifacts.xml`; the name says how it is packed. Raises `InvalidUpload`."""
    kind, _, suffix = name.partition(".")
    inner = f"{kind}.xml"
    if suffix == "jar":
        archive = read_zip(path, lambda member: member == inner, limit_each=LARGEST)
        if inner not in archive.members:
            raise InvalidUpload(f"{name} has no {inner} in it")
        return read_xml(archive.members[inner], inner, "repository")
    with open(path, "rb") as file:
        data = file.read(LARGEST + 1)
    return read_xml(_unpack_xz(data, name) if suffix == "xml.xz" else data, inner, "repository")


def _unpack_xz(data: bytes, name: str) -> bytes:
    import lzma

    unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY)
    try:
        plain = unpacker.decompress(data, LARGEST + 1)
    except lzma.LZMAError as error:
        raise InvalidUpload(f"{name} cannot be unpacked: pack it with xz, as one stream and with a smaller dictionary") from error
    if len(plain) > LARGEST or not unpacker.eof or unpacker.unused_data:
        raise InvalidUpload(f"{name} is cut short, has bytes after its end, or unpacks to more than {LARGEST} bytes")
    return plain
