"""Tiny real crates and the frames that Cargo publishes them in, built in memory."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

README = "# Toy\n\nA toy.\n"


@dataclass(frozen=True)
class Sample:
    """A version ready to be published, and what its client says of it."""

    name: str
    version: str
    content: bytes
    document: Mapping[str, Any] = field(default_factory=dict)

    @property
    def filename(self) -> str:
        return f"{self.name}-{self.version.partition('+')[0]}.crate"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def marks(self) -> tuple[bytes, ...]:
        """What a line of the index tells of it: not the name of its file."""
        return (self.sha256.encode(),)

    @property
    def params(self) -> Mapping[str, str]:
        lower = self.name.lower()
        return {"package": lower, "length": str(len(lower)), "first": lower[:1], "ab": lower[:2], "cd": lower[2:4]}

    def frame(self, **changes: Any) -> bytes:
        """What Cargo sends; `changes` replaces keys of the document."""
        return frame(json.dumps({**self.document, **changes}).encode(), self.content)


def frame(document: bytes, content: bytes) -> bytes:
    return struct.pack("<I", len(document)) + document + struct.pack("<I", len(content)) + content


def sample(name: str = "toy", version: str = "1.0.0", variant: int = 0, *, manifest: str = "", **document: Any) -> Sample:
    """A version, with more lines in its Cargo.toml and other keys in its document; another variant has other bytes under the same coordinates."""
    toml = f'[package]\nname = "{name}"\nversion = "{version}"\nedition = "2021"\n{manifest}'
    content = crate({"Cargo.toml": toml.encode(), "src/lib.rs": b"pub const VARIANT: u32 = %d;\n" % variant}, f"{name}-{version}")
    said = {
        "name": name, "vers": version, "deps": [], "features": {}, "authors": [], "description": "A toy", "documentation": None, "homepage": None,
        "readme": README, "readme_file": "README.md", "keywords": ["toy"], "categories": [], "license": "MIT", "license_file": None,
        "repository": "https://code.example/toy", "badges": {}, "links": None, "rust_version": None, **document,
    }  # fmt: skip
    return Sample(name, version, content, said)


def dep(name: str, req: str = "^1", **more: Any) -> dict[str, Any]:
    """A dependency as a document has it."""
    return {
        "name": name, "version_req": req, "features": [], "optional": False, "default_features": True, "target": None, "kind": "normal",
        "registry": None, "explicit_name_in_toml": None, **more,
    }  # fmt: skip


def crate(files: Mapping[str, bytes], folder: str) -> bytes:
    """The files below a folder, packed; the same files give the same bytes."""
    return gzip_of(tar({f"{folder}/{name}": content for name, content in files.items()}))


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


def gzip_of(plain: bytes) -> bytes:
    """A gzip file of stored blocks: its bytes, and so the golden digests, do not depend on the release of zlib."""
    blocks = [plain[start : start + 0xFFFF] for start in range(0, len(plain), 0xFFFF)] or [b""]
    stored = b"".join(struct.pack("<BHH", block is blocks[-1], len(block), len(block) ^ 0xFFFF) + block for block in blocks)
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + stored + struct.pack("<II", zlib.crc32(plain), len(plain) & 0xFFFFFFFF)
