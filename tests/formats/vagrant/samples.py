"""Tiny boxes built in memory: a tar archive with `metadata.json`, packed with gzip."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Sample:
    """A box ready to be published."""

    name: str
    version: str
    content: bytes
    filename: str = "virtualbox.box"
    params: Mapping[str, str] = field(default_factory=lambda: {"provider": "virtualbox"})

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def marks(self) -> tuple[bytes, ...]:
        """What a catalog tells of it: all files of a provider are called alike."""
        return (f"{self.name}/{self.version}/{self.filename}".encode(), self.sha256.encode())


def sample(name: str = "toy", version: str = "1.0.0", variant: int = 0, provider: str = "virtualbox", **info: Any) -> Sample:
    """A box; another variant has other bytes under the same coordinates."""
    return Sample(name, version, box(provider, variant, **info), f"{provider}.box")


def box(provider: str = "virtualbox", variant: int = 0, **info: Any) -> bytes:
    files = {"./metadata.json": json.dumps({"provider": provider}).encode(), **({"./info.json": json.dumps(info).encode()} if info else {})}
    return gzip.compress(tar({**files, "./Vagrantfile": b"# %d\n" % variant, "./disk.vmdk": bytes(4096)}), mtime=0)


def tar(files: Mapping[str, bytes], *others: tarfile.TarInfo, format: int = tarfile.GNU_FORMAT) -> bytes:
    """A tar archive of files, and of members that have no bytes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for other in others:
            archive.addfile(other)
    return out.getvalue()
