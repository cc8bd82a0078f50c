"""Files to publish: any bytes will do."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """A file ready to be published, and where."""

    name: str
    version: str
    filename: str
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def path(self) -> str:
        return f"{self.name}/{self.version}/{self.filename}"


def sample(name: str = "toy.pkg", version: str = "1.0", variant: int = 0) -> Sample:
    """A file; another variant has other bytes under the same file name."""
    return Sample(name, version, "file.bin", f"{name} {version} {variant}\n".encode())
