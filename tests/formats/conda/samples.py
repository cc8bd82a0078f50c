"""Tiny packages built in memory, in both kinds of archives."""

from __future__ import annotations

import bz2
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import zstandard

ABOUT = {"summary": "a toy", "description": "A longer text.", "home": "https://toys.example", "dev_url": "javascript:alert(1)", "license": "MIT"}


def make_tar(files: Mapping[str, bytes] | list[tuple[str, bytes]]) -> bytes:
    """A plain tar archive of these files."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, content in files.items() if isinstance(files, Mapping) else files:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return sink.getvalue()


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=1).compress(data)


def make_zip(members: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip archive of these members."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", method) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return sink.getvalue()


def make_index(name: str = "toy", version: str = "1.0.0", build: str = "0", **more: Any) -> dict[str, Any]:
    """What a package says of itself; a key with None is left out."""
    said = {"name": name, "version": version, "build": build, "build_number": 0, "depends": [], "noarch": "generic", "subdir": "noarch", **more}
    return {key: value for key, value in said.items() if value is not None}


def make_conda(info: Mapping[str, bytes] | list[tuple[str, bytes]], stem: str = "toy-1.0.0-0", method: int = zipfile.ZIP_STORED) -> bytes:
    """A `.conda` file with this info."""
    members = [
        ("metadata.json", b'{"conda_pkg_format_version": 2}'),
        (f"pkg-{stem}.tar.zst", zstd(make_tar({"share/toy.txt": b"a toy\n"}))),
        (f"info-{stem}.tar.zst", zstd(make_tar(info))),
    ]
    return make_zip(members, method)


def make_tar_bz2(info: Mapping[str, bytes] | list[tuple[str, bytes]]) -> bytes:
    """A `.tar.bz2` file with this info and a file."""
    entries = list(info.items()) if isinstance(info, Mapping) else info
    return bz2.compress(make_tar([*entries, ("share/toy.txt", b"a toy\n")]))


def make_info(index: Mapping[str, Any] | bytes, variant: int = 0, about: Mapping[str, Any] | None = None) -> dict[str, bytes]:
    """The files below `info/` that clients expect."""
    payload = b"a toy\n"
    paths = {"paths_version": 1, "paths": [{"_path": "share/toy.txt", "path_type": "hardlink", "size_in_bytes": len(payload),
                                            "sha256": hashlib.sha256(payload).hexdigest()}]}  # fmt: skip
    return {
        "info/index.json": index if isinstance(index, bytes) else json.dumps(index).encode(),
        "info/about.json": json.dumps({**(ABOUT if about is None else about), "extra": {"variant": variant}}).encode(),
        "info/files": b"share/toy.txt\n",
        "info/paths.json": json.dumps(paths).encode(),
    }


@dataclass(frozen=True)
class Sample:
    """A package ready to be published."""

    name: str
    version: str
    content: bytes
    build: str = "0"
    subdir: str = "noarch"
    extension: str = ".conda"

    @property
    def filename(self) -> str:
        return f"{self.name}-{self.version}-{self.build}{self.extension}"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def params(self) -> Mapping[str, str]:
        """Where it is, and beside it a channel that is not there."""
        there = {"subdir": self.subdir, "file_name": self.filename, "path": self.filename}
        return {**there, "channel": "team"}


def sample(
    name: str = "toy", version: str = "1.0.0", variant: int = 0, *, build: str = "0", subdir: str = "noarch", extension: str = ".conda", **more: Any
) -> Sample:
    """A package, with more keys in its index; another variant has other bytes under the same file name."""
    index = make_index(name, version, build, subdir=subdir, noarch="generic" if subdir == "noarch" else None, **more)
    info = make_info(index, variant)
    content = make_conda(info, f"{name}-{version}-{build}") if extension == ".conda" else make_tar_bz2(info)
    return Sample(name, version, content, build, subdir, extension)
