"""Tiny packages built in memory: an ar archive with a control paragraph and nothing to install."""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import tarfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

PACK: Mapping[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    ".gz": lambda data: gzip.compress(data, mtime=0),
    ".xz": lambda data: lzma.compress(data, preset=0),
    ".lzma": lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE),
    ".zst": lambda data: zstd(data),
}


def zstd(data: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor().compress(data)


def make_tar(files: Mapping[str, bytes]) -> bytes:
    """A plain tar archive of these files."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return sink.getvalue()


def make_ar(members: Iterable[tuple[str, bytes]]) -> bytes:
    """An ar archive of these members."""
    out = b"!<arch>\n"
    for name, content in members:
        out += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}".encode() + b"`\n" + content + b"\n" * (len(content) % 2)
    return out


def make_control(fields: Mapping[str, str]) -> bytes:
    return "".join(f"{name}: {value}\n" for name, value in fields.items()).encode()


def make_deb(
    control: bytes | Mapping[str, str], *, files: Mapping[str, bytes] | None = None, packed: str = ".xz", slash: str = "", member: str = "./control"
) -> bytes:
    """A package with this control file."""
    content = control if isinstance(control, bytes) else make_control(control)
    return make_ar(
        (
            (f"debian-binary{slash}", b"2.0\n"),
            (f"control.tar{packed}{slash}", PACK[packed](make_tar({member: content}))),
            (f"data.tar.xz{slash}", lzma.compress(make_tar(files or {}), preset=0)),
        )
    )


@dataclass(frozen=True)
class Sample:
    """A package ready to be published, and where it goes."""

    name: str
    version: str
    content: bytes
    architecture: str = "amd64"
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def filename(self) -> str:
        return f"{self.name}_{self.version.rpartition(':')[2]}_{self.architecture}.deb"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def sample(name: str = "toy", version: str = "1.0.0", variant: int = 0, architecture: str = "amd64", **more: str) -> Sample:
    """A package; another variant has other bytes under the same file name."""
    fields = {
        "Package": name, "Version": version, "Architecture": architecture, "Maintainer": "Zoë Ünsal <zoe@mail.example>",
        **{key.replace("_", "-"): value for key, value in more.items()},
        "Description": f"a toy, variant {variant}\n A longer text.\n .\n And its end.",
    }  # fmt: skip
    params = {
        "distribution": "bookworm", "component": "main", "folder": f"binary-{architecture}", "list": "Packages", "letter": name[:1],
        "file_name": f"{name}_{version}_{architecture}.deb",
    }  # fmt: skip
    return Sample(name, version, make_deb(fields), architecture, params)
