"""Tiny modules built in memory: a folder with `metadata.json`, packed as PDK packs it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from packhouse.formats.puppet import names


@dataclass(frozen=True)
class Sample:
    """A module ready to be published."""

    name: str
    version: str
    content: bytes

    @property
    def filename(self) -> str:
        return f"{self.name}-{self.version}.tar.gz"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def md5(self) -> str:
        return hashlib.md5(self.content).hexdigest()

    @property
    def marks(self) -> tuple[bytes, ...]:
        """What a list tells of it: its address and its digest."""
        return (f"/v3/files/{self.filename}".encode(), self.sha256.encode())

    @property
    def params(self) -> Mapping[str, str]:
        return {"release": f"{self.name}-{self.version}", "user": self.name.partition("-")[0]}

    @property
    def encoded(self) -> bytes:
        """The body that PDK sends: a line break after every 60 digits, as Ruby writes them."""
        digits = base64.b64encode(self.content).decode()
        return json.dumps({"file": "".join(f"{line}\n" for line in re.findall(".{1,60}", digits))}).encode()


def describe(name: str = "acme-toy", version: str = "1.0.0", **said: Any) -> bytes:
    """A `metadata.json`; None leaves a key out."""
    usual = {
        "name": name, "version": version, "author": "Zoë", "license": "Apache-2.0", "summary": "A toy", "source": "https://code.example/toy",
        "dependencies": [], **said,
    }  # fmt: skip
    return json.dumps({key: value for key, value in usual.items() if value is not None}).encode()


def sample(name: str = "acme-toy", version: str = "1.0.0", variant: int = 0, files: Mapping[str, bytes] = {}, **said: Any) -> Sample:
    """A module; another variant has other bytes under the same coordinates."""
    if not names._NAME.fullmatch(name):
        name = "acme-" + re.sub(r"\W", "_", name).lower()
    top = f"{name}-{version}"
    inside = {"metadata.json": describe(name, version, **said), "manifests/init.pp": b"# %d\n" % variant, **files}
    return Sample(name, version, pack({f"{top}/{path}": content for path, content in inside.items()}))


def pack(files: Mapping[str, bytes], *others: tarfile.TarInfo) -> bytes:
    """A packed tar archive of files, and of members that have no bytes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for other in others:
            archive.addfile(other)
    return gzip.compress(out.getvalue(), mtime=0)
