"""Tiny images, indexes and artifacts, made in memory."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

OCI_IMAGE = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_IMAGE = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
FOREIGN_LAYER = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
EMPTY = "application/vnd.oci.empty.v1+json"

Json = dict[str, Any]


def digest(body: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, body).hexdigest()}"


def descriptor(body: bytes, media_type: str, algorithm: str = "sha256", **more: Any) -> Json:
    return {"mediaType": media_type, "digest": digest(body, algorithm), "size": len(body), **more}


def layer(files: Mapping[str, bytes]) -> bytes:
    """A gzipped tar."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), mtime=0)


@dataclass(frozen=True)
class Image:
    """A manifest and the blobs it points at."""

    manifest: bytes
    media_type: str
    blobs: tuple[bytes, ...] = ()
    children: tuple[Image, ...] = field(default=())

    @property
    def digest(self) -> str:
        return digest(self.manifest)

    @property
    def document(self) -> Json:
        found: Json = json.loads(self.manifest)
        return found

    def descriptor(self, **more: Any) -> Json:
        return descriptor(self.manifest, self.media_type, **more)


def image(
    text: str = "toy", *, created: str = "2026-01-02T03:04:05Z", layers: Sequence[bytes] | None = None, media_type: str = OCI_IMAGE, **more: Any
) -> Image:
    """An image whose one file holds this text."""
    layers = [layer({"hello.txt": text.encode()})] if layers is None else layers
    config = json.dumps(
        {"architecture": "amd64", "os": "linux", "created": created, "author": text, "config": {"Labels": {"made.by": "tests"}}, "rootfs": {}}
    ).encode()
    document = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": descriptor(config, OCI_CONFIG),
        "layers": [descriptor(each, OCI_LAYER) for each in layers],
        **more,
    }
    return Image(json.dumps(document).encode(), media_type, (config, *layers))


def index(*children: Image, media_type: str = OCI_INDEX, **more: Any) -> Image:
    """An index of images, one for each platform."""
    platforms = ("amd64", "arm64", "riscv64")
    entries = [child.descriptor(platform={"os": "linux", "architecture": platforms[number % 3]}) for number, child in enumerate(children)]
    document = {"schemaVersion": 2, "mediaType": media_type, "manifests": entries, **more}
    return Image(json.dumps(document).encode(), media_type, (), children)


def artifact(subject: Json | None, kind: str = "application/vnd.example.sbom", text: str = "sbom", **more: Any) -> Image:
    """An artifact that refers to something."""
    body = text.encode()
    document: Json = {
        "schemaVersion": 2,
        "mediaType": OCI_IMAGE,
        "artifactType": kind,
        "config": descriptor(b"{}", EMPTY),
        "layers": [descriptor(body, "text/plain")],
        **more,
    }
    if subject is not None:
        document["subject"] = subject
    return Image(json.dumps(document).encode(), OCI_IMAGE, (b"{}", body))
