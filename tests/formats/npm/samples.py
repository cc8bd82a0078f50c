"""Tiny real tarballs and the documents clients publish them with, built in memory."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import struct
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

README = b"# Toy\n\nA toy.\n"


@dataclass(frozen=True)
class Sample:
    """A version ready to be published, and what it is."""

    name: str
    version: str
    content: bytes
    manifest: Mapping[str, Any]
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def filename(self) -> str:
        return f"{self.name}-{self.version}.tgz"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    def document(self, **changes: Any) -> dict[str, Any]:
        """What npm sends; `changes` replaces keys of it."""
        dist = {"integrity": integrity(self.content), "shasum": hashlib.sha1(self.content).hexdigest(), "tarball": "http://elsewhere.example/x.tgz"}
        manifest = {"name": self.name, "version": self.version, **self.manifest, "_id": f"{self.name}@{self.version}", "dist": dist}
        return {
            "_id": self.name,
            "name": self.name,
            "dist-tags": {"latest": self.version},
            "versions": {self.version: manifest},
            "access": None,
            "_attachments": {self.filename: attachment(self.content)},
            **self.more,
            **changes,
        }

    def body(self, **changes: Any) -> bytes:
        return json.dumps(self.document(**changes)).encode()


def sample(name: str = "@acme/toy", version: str = "1.0.0", variant: int = 0, **package: Any) -> Sample:
    """A version with these fields in package.json; another variant has other bytes under the same coordinates."""
    manifest = {"name": name, "version": version, "description": "A toy", "license": "MIT", **package}
    content = tarball({"package.json": json.dumps(manifest).encode(), "index.js": b"module.exports = %d\n" % variant, "README.md": README})
    return Sample(name, version, content, manifest)


def attachment(content: bytes) -> dict[str, Any]:
    return {"content_type": "application/octet-stream", "data": base64.b64encode(content).decode(), "length": len(content)}


def integrity(content: bytes) -> str:
    return f"sha512-{base64.b64encode(hashlib.sha512(content).digest()).decode()}"


def tarball(files: Mapping[str, bytes], folder: str = "package/") -> bytes:
    """A gzipped tar archive; the same files give the same bytes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(folder + name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return gzip_of(out.getvalue())


def gzip_of(plain: bytes) -> bytes:
    """A gzip file of stored blocks: its bytes, and so the golden digests, do not depend on the release of zlib."""
    blocks = [plain[start : start + 0xFFFF] for start in range(0, len(plain), 0xFFFF)] or [b""]
    stored = b"".join(struct.pack("<BHH", block is blocks[-1], len(block), len(block) ^ 0xFFFF) + block for block in blocks)
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + stored + struct.pack("<II", zlib.crc32(plain), len(plain) & 0xFFFFFFFF)


def package(**fields: Any) -> bytes:
    """A tarball with only a package.json of these fields."""
    return tarball({"package.json": json.dumps({"name": "toy", "version": "1.0.0", **fields}).encode()})


def bundle(name: str, version: str, content: bytes, predicate: str = "https://slsa.dev/provenance/v1", **changes: Any) -> str:
    """A provenance bundle for a tarball, unsigned."""
    subject = {"name": f"pkg:npm/{name.replace('@', '%40')}@{version}", "digest": {"sha512": hashlib.sha512(content).hexdigest()}}
    statement = {"_type": "https://in-toto.io/Statement/v1", "subject": [subject], "predicateType": predicate, "predicate": {}, **changes}
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    envelope = {"payload": payload, "payloadType": "application/vnd.in-toto+json", "signatures": [{"sig": "c2ln", "keyid": ""}]}
    return json.dumps({"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "dsseEnvelope": envelope})


def with_provenance(new: Sample, text: str | None = None) -> Sample:
    """The sample with a provenance bundle beside its tarball, as `npm publish --provenance` sends it."""
    text = bundle(new.name, new.version, new.content) if text is None else text
    both = {
        new.filename: attachment(new.content),
        f"{new.name}-{new.version}.sigstore": {"content_type": "application/vnd.dev.sigstore.bundle.v0.3+json", "data": text, "length": len(text)},
    }
    return Sample(new.name, new.version, new.content, new.manifest, {"_attachments": both})
