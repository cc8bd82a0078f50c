"""Tiny real packages as zips, built in memory: stored members, so that their bytes depend on nothing."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Sample:
    """A version ready to be published, and what it is."""

    name: str
    version: str
    content: bytes

    @property
    def filename(self) -> str:
        return f"{self.name}-{self.version}.zip".replace("/", "-")

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def params(self) -> dict[str, str]:
        """What goes into paths that only this format has."""
        return {
            "document": f"{self.name}.json",
            "archive": f"{self.name}/{self.filename}",
            "provider": f"{self.name}${'0' * 64}.json",
            "hash": "0" * 64 + ".json",
        }


def write_zip(files: Mapping[str, bytes]) -> bytes:
    """A zip of stored members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    return out.getvalue()


def sample(name: str = "acme/toy", version: str = "1.0.0", variant: int = 0, **fields: Any) -> Sample:
    """A version; another variant has other bytes under the same name."""
    manifest = {"name": name, "description": "A toy", "license": "MIT", "autoload": {"psr-4": {"Acme\\Toy\\": "src/"}}, **fields}
    files = {"composer.json": json.dumps(manifest).encode(), "src/Toy.php": b"<?php // %d\n" % variant}
    return Sample(name, version, write_zip(files))
