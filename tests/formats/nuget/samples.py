"""Tiny real packages, built in memory: zip archives of stored members, so that their bytes depend on nothing."""

from __future__ import annotations

import hashlib
import io
import struct
import uuid
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

SCHEMA = "http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
README = b"# Toy\n\nA toy.\n"

TYPES = (
    b'<?xml version="1.0" encoding="utf-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    b'<Default Extension="nuspec" ContentType="application/octet"/></Types>'
)


@dataclass(frozen=True)
class Sample:
    """A version ready to be published, and what it is."""

    name: str
    version: str
    content: bytes
    suffix: str = ".nupkg"

    @property
    def filename(self) -> str:
        return f"{self.name}.{self.version}{self.suffix}".lower()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def params(self) -> dict[str, str]:
        """What goes into paths that only this format has."""
        return {
            "operation": f"Packages(Id='{self.name}',Version='{self.version}')",
            "lower": self.version,
            "upper": f"{self.version}.json",
            "symbols": "toy.pdb",
            "same": "toy.pdb",
            "signature": "0" * 32 + "FFFFFFFF",
        }

    def body(self, part: str = "package", filename: str = "package.nupkg") -> tuple[bytes, dict[str, str]]:
        """The multipart body that clients send, and its header."""
        return form([(part, filename, self.content)])


def sample(name: str = "Acme.Toy", version: str = "1.0.0", variant: int = 0, files: Mapping[str, bytes] | None = None, **fields: str) -> Sample:
    """A version whose nuspec has these fields, as XML where they begin with `<`; another variant has other bytes under the same coordinates."""
    held = {"[Content_Types].xml": TYPES, "lib/net45/Toy.dll": b"MZ toy %d" % variant, **(files or {})}
    return Sample(name, version, nupkg({f"{name}.nuspec": nuspec(name, version, **fields), **held}))


def nuspec(name: str, version: str, **fields: str) -> bytes:
    """A nuspec. A field that begins with `<` stands as it is."""
    told = {"id": name, "version": version, "authors": "Ann, Bob", "description": "A toy", **fields}
    body = "".join(value if value.startswith("<") else f"<{key}>{escape(value)}</{key}>" for key, value in told.items())
    return f'<?xml version="1.0" encoding="utf-8"?>\n<package xmlns="{SCHEMA}"><metadata>{body}</metadata></package>'.encode()


def nupkg(files: Mapping[str, bytes]) -> bytes:
    """A zip archive; the same files give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0)), content)
    return out.getvalue()


def form(files: list[tuple[str, str, bytes]], fields: Mapping[str, str] | None = None) -> tuple[bytes, dict[str, str]]:
    """A multipart body of files (part, file name, content), as .NET writes it, and its header."""
    boundary = f"boundary-{hashlib.sha256(b''.join(content for _, _, content in files)).hexdigest()[:32]}"
    pieces = [f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode() for name, value in (fields or {}).items()]
    for part, filename, content in files:
        disposition = f"Content-Disposition: form-data; name={part}; filename={filename}; filename*=utf-8''{filename}"
        pieces.append(f"--{boundary}\r\nContent-Type: application/octet-stream\r\n{disposition}\r\n\r\n".encode() + content + b"\r\n")
    return b"".join(pieces) + f"--{boundary}--\r\n".encode(), {"Content-Type": f'multipart/form-data; boundary="{boundary}"'}


# -- symbols -----------------------------------------------------------------------------------------------------------

GUID = uuid.UUID("01234567-89ab-cdef-0123-456789abcdef")


def pdb(guid: uuid.UUID = GUID, text: bytes = b"") -> bytes:
    """A portable PDB with nothing in it but its id and some text."""
    identity = guid.bytes_le + b"\x01\x02\x03\x04" + bytes(12)
    version = b"PDB v1.0\0\0\0\0"
    streams = [(b"#Strings\0\0\0\0", b"\0" + text + bytes(3 - len(text) % 4)), (b"#Pdb\0\0\0\0", identity)]
    head_size = 16 + len(version) + 4 + sum(8 + len(name) for name, _ in streams)
    head = struct.pack("<4sHHLL", b"BSJB", 1, 1, 0, len(version)) + version + struct.pack("<HH", 0, len(streams))
    offset = head_size
    for name, content in streams:
        head += struct.pack("<LL", offset, len(content)) + name
        offset += len(content)
    return head + b"".join(content for _, content in streams)


def pdb_key(content: bytes) -> tuple[str, str]:
    """The signature and checksum that debuggers ask with."""
    at = content.index(b"\x01\x02\x03\x04") - 16
    zeroed = content[:at] + bytes(20) + content[at + 20 :]
    return uuid.UUID(bytes_le=content[at : at + 16]).hex + "FFFFFFFF", hashlib.sha256(zeroed).hexdigest()


def symbols(name: str = "Acme.Toy", version: str = "1.0.0", files: Mapping[str, bytes] | None = None, **fields: str) -> Sample:
    """The symbol package of a version."""
    kind = '<packageTypes><packageType name="SymbolsPackage"/></packageTypes>'
    held = {"lib/net45/Toy.pdb": pdb()} if files is None else files
    return Sample(name, version, nupkg({f"{name}.nuspec": nuspec(name, version, packageTypes=kind, **fields), **held}), ".snupkg")
