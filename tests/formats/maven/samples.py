"""Tiny POMs and files of the layout, built in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

GROUP = "com/example"


@dataclass(frozen=True)
class Sample:
    """A file ready to be published, and where. `marks`: what the metadata that lists it holds."""

    name: str
    version: str
    filename: str
    content: bytes
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def path(self) -> str:
        return f"{self.name}/{self.version}/{self.filename}"

    @property
    def marks(self) -> tuple[bytes, ...]:
        return (f"<version>{self.version}</version>".encode(), f"<artifactId>{self.name.rpartition('/')[2]}</artifactId>".encode())


def sample(name: str = f"{GROUP}/toy", version: str = "1.0", variant: int = 0) -> Sample:
    """A POM; another variant has other bytes under the same file name."""
    artifact = name.rpartition("/")[2]
    filename = f"{artifact}-{version}.pom"
    content = pom(name, version, description=f"variant {variant}")
    return Sample(name, version, filename, content, {"folder": name, "path": f"{name}/{version}/{filename}"})


def pom(package: str = f"{GROUP}/toy", version: str = "1.0", *inner: str, namespace: bool = True, **fields: str) -> bytes:
    """A POM of these coordinates with more elements in it."""
    group, _, artifact = package.rpartition("/")
    known = {"modelVersion": "4.0.0", "groupId": group.replace("/", "."), "artifactId": artifact, "version": version, **fields}
    lines = [f"  <{key}>{escape(value)}</{key}>" for key, value in known.items() if value]
    head = '<project xmlns="http://maven.apache.org/POM/4.0.0">' if namespace else "<project>"
    return "\n".join(('<?xml version="1.0" encoding="UTF-8"?>', head, *lines, *inner, "</project>", "")).encode()


def metadata(*versions: str, artifact: str = "toy") -> bytes:
    """A maven-metadata.xml as a client sends it."""
    listed = "".join(f"<version>{escape(version)}</version>" for version in versions)
    return f"<metadata><artifactId>{artifact}</artifactId><versioning><versions>{listed}</versions></versioning></metadata>".encode()
