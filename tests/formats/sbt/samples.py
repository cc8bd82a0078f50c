"""Tiny files and descriptors of Ivy's layout, built in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

JAR = b"PK\x05\x06" + bytes(18)


@dataclass(frozen=True)
class Sample:
    """A jar ready to be published. `marks`: what the listing of its package holds."""

    name: str
    version: str
    filename: str
    content: bytes
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def folder(self) -> str:
        return self.name.replace("#", "/")

    @property
    def path(self) -> str:
        return f"{self.folder}/{self.version}/jars/{self.filename}"

    @property
    def marks(self) -> tuple[bytes, ...]:
        return (f'href="{self.version}/"'.encode(), f"<title>{self.folder}/</title>".encode())


def sample(name: str = "toy", version: str = "1.0.0", variant: int = 0) -> Sample:
    """A jar; another variant has other bytes under the same file name. A name without an organisation is of `com.acme`."""
    name = name if "#" in name else f"com.acme#{name}"
    folder = name.replace("#", "/")
    return Sample(name, version, f"{name.partition('#')[2]}.jar", JAR + f"{name} {version} {variant}".encode(), {"path": folder})


def descriptor(*inner: str, info: str = "", **attributes: str) -> bytes:
    """An ivy.xml: attributes and content of `<info>`, and what follows it."""
    said = {"organisation": "com.acme", "module": "lib", "revision": "1.0.0", **attributes}
    listed = " ".join(f'{name}="{escape(value)}"' for name, value in said.items() if value)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<ivy-module version="2.0" xmlns:e="http://ant.apache.org/ivy/extra">'
    return "\n".join((head, f"  <info {listed}>{info}</info>", *inner, "</ivy-module>", "")).encode()
