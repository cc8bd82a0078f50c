"""Tiny pods built in memory: a podspec as `pod ipc spec` prints it, and an archive around it."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Sample:
    """An archive ready to be published."""

    name: str
    version: str
    content: bytes
    kind: str = "zip"

    @property
    def filename(self) -> str:
        return f"{self.name}-{self.version}.{self.kind}"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def shard(self) -> str:
        """The folders of the podspec."""
        return "/".join(hashlib.md5(self.name.encode()).hexdigest()[:3])

    @property
    def spec(self) -> str:
        """Where the source has the podspec."""
        return f"Specs/{self.shard}/{self.name}/{self.version}/{self.name}.podspec.json"

    @property
    def list(self) -> str:
        """The shard that names the version."""
        return f"all_pods_versions_{self.shard.replace('/', '_')}.txt"

    @property
    def marks(self) -> tuple[bytes, ...]:
        """What a shard tells of it."""
        return (f"{self.name}/".encode(), f"/{self.version}".encode())

    @property
    def params(self) -> Mapping[str, str]:
        a, b, c = self.shard.split("/")
        return {"a": a, "b": b, "c": c, "spec": f"{self.name}.podspec.json", "list": self.list}


def describe(name: str = "toy", version: str = "1.0.0", **more: Any) -> dict[str, Any]:
    """A podspec; what is None is left out."""
    said = {
        "name": name, "version": version, "summary": "A toy", "description": "Plays.", "homepage": "https://toy.example",
        "license": {"type": "MIT"}, "authors": {"Zoë": "zoe@toy.example"}, "platforms": {"ios": "13.0"}, "source_files": "Sources/*.swift",
        "source": {"git": "https://toy.example/toy.git", "tag": version}, **more,
    }  # fmt: skip
    return {key: value for key, value in said.items() if value is not None}


def podspec(name: str = "toy", version: str = "1.0.0", **more: Any) -> bytes:
    return json.dumps(describe(name, version, **more)).encode()


def sample(name: str = "toy", version: str = "1.0.0", variant: int = 0, kind: str = "zip", folder: str = "", **more: Any) -> Sample:
    """An archive; another variant has other bytes under the same coordinates."""
    files = {f"{folder}{name}.podspec.json": podspec(name, version, **more), f"{folder}Sources/{name}.swift": b"// %d\n" % variant}
    return Sample(name, version, pack(files, kind), kind)


def pack(files: Mapping[str, bytes], kind: str = "zip") -> bytes:
    if kind == "zip":
        return pack_zip(files)
    packings = {"tgz": lambda data: gzip.compress(data, mtime=0), "tbz": bz2.compress, "txz": lzma.compress}
    return packings[kind](tar(files))


def pack_zip(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


def tar(files: Mapping[str, bytes], *others: tarfile.TarInfo) -> bytes:
    """A tar archive of files, and of members that have no bytes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for other in others:
            archive.addfile(other)
    return out.getvalue()


def form(**files: bytes) -> tuple[bytes, Mapping[str, str]]:
    """A form with files in it, and the header that says so."""
    parts = (f'--x\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n\r\n'.encode() + body for name, body in files.items())
    return b"\r\n".join((*parts, b"--x--\r\n")), {"Content-Type": "multipart/form-data; boundary=x"}
