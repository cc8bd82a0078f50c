"""Tiny cookbooks built in memory: a tar archive packed with gzip, a folder with `metadata.json` in it."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

BOUNDARY = "of-a-cookbook"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


@dataclass(frozen=True)
class Sample:
    """A cookbook ready to be shared."""

    name: str
    version: str
    content: bytes
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def filename(self) -> str:
        return f"{self.name.lower()}-{self.version}.tar.gz"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def marks(self) -> tuple[bytes, ...]:
        """What the cookbook's document tells of it."""
        return (f"/cookbooks/{self.name}/versions/{self.version}".encode(),)


def sample(name: str = "toy", version: str = "1.0.0", variant: int = 0, **said: Any) -> Sample:
    """A cookbook; another variant has other bytes under the same coordinates."""
    return Sample(name, version, cookbook(name, version, variant, **said))


def cookbook(name: str = "toy", version: str = "1.0.0", variant: int = 0, **said: Any) -> bytes:
    """The archive, with a recipe in it that says which variant it is."""
    metadata = {"name": name, "version": version, "description": f"The cookbook {name}", "maintainer": "Zoë", "license": "Apache-2.0", **said}
    return pack({f"{name}/metadata.json": json.dumps(metadata).encode(), f"{name}/recipes/default.rb": b"# %d\n" % variant})


def pack(files: Mapping[str, bytes], *others: tarfile.TarInfo) -> bytes:
    """A tar archive of files, and of members that have no bytes, packed with gzip."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for other in others:
            archive.addfile(other)
    return gzip.compress(out.getvalue(), mtime=0)


def form(content: bytes | None, about: str | None = '{"category":"Other"}', part: str = "tarball", filename: str = "toy.tar.gz") -> bytes:
    """The body that shares an archive, as knife sends it."""
    parts = []
    if about is not None:
        parts.append(f'Content-Disposition: form-data; name="cookbook"\r\n\r\n{about}'.encode())
    if content is not None:
        head = f'Content-Disposition: form-data; name="{part}"; filename="{filename}"\r\nContent-Type: application/octet-stream\r\n\r\n'
        parts.append(head.encode() + content)
    return b"".join(b"--%b\r\n%b\r\n" % (BOUNDARY.encode(), piece) for piece in parts) + f"--{BOUNDARY}--\r\n".encode()
