"""Tiny real wheels and source distributions, built in memory."""

from __future__ import annotations

import base64
import csv
import gzip
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

EPOCH = (2020, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Sample:
    """A file ready to be published, and what it is."""

    name: str
    version: str
    filename: str
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def sample(name: str = "toy-pkg", version: str = "1.0", variant: int = 0) -> Sample:
    """A wheel; another variant has other bytes under the same file name."""
    return wheel(name, version, module=f"VALUE = {variant}\n")


def metadata(name: str = "toy-pkg", version: str = "1.0", *lines: str, body: str = "# Toy\n", metadata_version: str = "2.1") -> bytes:
    """A metadata file with these lines between its head and its description."""
    head = (f"Metadata-Version: {metadata_version}", f"Name: {name}", f"Version: {version}", *lines)
    return ("\n".join(head) + "\n\n" + body).encode()


def wheel(
    name: str = "toy-pkg",
    version: str = "1.0",
    *lines: str,
    module: str = "VALUE = 42\n",
    tags: str = "py3-none-any",
    extra: Mapping[str, bytes] | None = None,
    described: bytes | None = None,
) -> Sample:
    """A wheel whose METADATA has these lines; `described` replaces METADATA, `extra` adds members that RECORD lists."""
    stem = f"{escape(name)}-{version}"
    members = {
        f"{escape(name)}/__init__.py": module.encode(),
        f"{stem}.dist-info/METADATA": metadata(name, version, *lines) if described is None else described,
        f"{stem}.dist-info/WHEEL": f"Wheel-Version: 1.0\nGenerator: samples\nRoot-Is-Purelib: true\nTag: {tags}\n".encode(),
        **(extra or {}),
    }
    members[f"{stem}.dist-info/RECORD"] = record(members, f"{stem}.dist-info/RECORD")
    return Sample(name, version, f"{stem}-{tags}.whl", zip_of(members.items()))


def sdist(
    name: str = "toy-pkg", version: str = "1.0", *lines: str, module: str = "VALUE = 42\n", suffix: str = ".tar.gz", metadata_version: str = "2.2"
) -> Sample:
    """A source distribution whose PKG-INFO has these lines."""
    stem = f"{escape(name)}-{version}"
    members = {
        f"{stem}/PKG-INFO": metadata(name, version, *lines, metadata_version=metadata_version),
        f"{stem}/pyproject.toml": b'[build-system]\nrequires = []\nbuild-backend = "toy"\n',
        f"{stem}/{escape(name)}/__init__.py": module.encode(),
    }
    content = zip_of(members.items()) if suffix == ".zip" else tar_of(members.items())
    return Sample(name, version, stem + suffix, content)


def escape(name: str) -> str:
    return name.replace("-", "_").replace(".", "_").lower()


def record(members: Mapping[str, bytes], own_name: str) -> bytes:
    """RECORD for these members."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for name, content in members.items():
        writer.writerow((name, f"sha256={urlsafe(hashlib.sha256(content).digest())}", len(content)))
    writer.writerow((own_name, "", ""))
    return out.getvalue().encode()


def urlsafe(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def zip_of(members: Iterable[tuple[str, bytes]]) -> bytes:
    """A zip archive; a name may come twice."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name, EPOCH), content)
    return out.getvalue()


def tar_of(members: Iterable[tuple[str, bytes]], infos: Iterable[tarfile.TarInfo] = ()) -> bytes:
    """A gzipped tar archive; `infos` are members without content, such as links."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for info in infos:
            archive.addfile(info)
    return gzip.compress(out.getvalue(), mtime=0)


def attestation(filename: str, sha256: str, subjects: int = 1) -> dict[str, Any]:
    """An attestation about a file, whole in its shape; nobody has signed it."""
    subject = {"name": filename, "digest": {"sha256": sha256}}
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [subject] * subjects,
        "predicateType": "https://attestations.example/publish/v1",
        "predicate": None,
    }
    return {
        "version": 1,
        "verification_material": {
            "certificate": plain64(b"certificate"),
            "transparency_entries": [{"logIndex": "7", "nested": {"a": [1, None, True]}}],
        },
        "envelope": {"statement": plain64(json.dumps(statement).encode()), "signature": plain64(b"signature")},
    }


def plain64(data: bytes) -> str:
    return base64.b64encode(data).decode()
