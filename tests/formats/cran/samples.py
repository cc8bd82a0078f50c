"""Tiny R packages built in memory: a folder with a DESCRIPTION, packed as R packs it."""

from __future__ import annotations

import hashlib
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

BUILT = "R 4.2.2; ; 2026-01-31 12:00:00 UTC; {}"


@dataclass(frozen=True)
class Sample:
    """A package ready to be published."""

    name: str
    version: str
    content: bytes
    suffix: str = "tar.gz"
    params: Mapping[str, str] = field(default_factory=lambda: {"platform": "windows", "build": "big-sur-arm64", "r_version": "4.2"})

    @property
    def filename(self) -> str:
        return f"{self.name}_{self.version}.{self.suffix}"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def md5(self) -> str:
        return hashlib.md5(self.content).hexdigest()

    @property
    def marks(self) -> tuple[bytes, ...]:
        """What a list tells of it: not the name of its file."""
        return (self.md5.encode(),)


def describe(name: str, version: str, **fields: str) -> bytes:
    """A DESCRIPTION; an empty field is left out."""
    said = {
        "Package": name, "Version": version, "Title": "A Toy", "Description": "Plays.", "License": "MIT", "Author": "Zoë", "Encoding": "UTF-8",
        "NeedsCompilation": "no", **fields,
    }  # fmt: skip
    return "".join(f"{key}: {value}\n" for key, value in said.items() if value).encode()


def sample(name: str = "toy", version: str = "1.0.0", variant: int = 0, **fields: str) -> Sample:
    """A source package; another variant has other bytes under the same coordinates."""
    return Sample(name, version, source({f"{name}/DESCRIPTION": describe(name, version, **fields), f"{name}/R/code.R": b"# %d\n" % variant}))


def built(name: str = "toy", version: str = "1.0.0", variant: int = 0, suffix: str = "zip", **fields: str) -> Sample:
    """What R made of it for Windows (zip) or macOS (tgz)."""
    said = {"Built": BUILT.format("windows" if suffix == "zip" else "unix"), **fields}
    files = {f"{name}/DESCRIPTION": describe(name, version, **said), f"{name}/R/{name}": b"# %d\n" % variant}
    return Sample(name, version, pack_zip(files) if suffix == "zip" else source(files), suffix)


def source(files: Mapping[str, bytes], *others: tarfile.TarInfo) -> bytes:
    return gzip_of(tar(files, *others))


def tar(files: Mapping[str, bytes], *others: tarfile.TarInfo) -> bytes:
    """A tar archive of files under their whole names, and of members that are no files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for other in others:
            archive.addfile(other)
    return out.getvalue()


def pack_zip(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


def gzip_of(plain: bytes) -> bytes:
    """A gzip file of stored blocks: its bytes, and so the golden digests, do not depend on the release of zlib."""
    blocks = [plain[start : start + 0xFFFF] for start in range(0, len(plain), 0xFFFF)] or [b""]
    stored = b"".join(struct.pack("<BHH", block is blocks[-1], len(block), len(block) ^ 0xFFFF) + block for block in blocks)
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + stored + struct.pack("<II", zlib.crc32(plain), len(plain) & 0xFFFFFFFF)
