"""Tiny packages built in memory, in OpenWrt's container and in Yocto's."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..debian.samples import PACK, make_ar, make_control, make_tar

FIELDS = {"Package": "toy", "Version": "1.0-r1", "Depends": "libc", "Section": "utils", "Architecture": "x86_64", "Description": "a toy"}


def make_members(control: bytes | Mapping[str, str], *, packed: str = ".gz", member: str = "./control") -> dict[str, bytes]:
    """What both containers hold, in the order of OpenWrt's builder."""
    content = control if isinstance(control, bytes) else make_control(control)
    return {
        "debian-binary": b"2.0\n",
        "data.tar.gz": PACK[".gz"](make_tar({"./usr/bin/toy": b"#!/bin/sh\necho toy\n"})),
        f"control.tar{packed}": PACK[packed](make_tar({member: content})),
    }


def make_openwrt(members: Mapping[str, bytes], prefix: str = "./") -> bytes:
    """A tar archive packed with gzip."""
    return gzip.compress(make_tar({f"{prefix}{name}": content for name, content in members.items()}), mtime=0)


def make_yocto(members: Mapping[str, bytes]) -> bytes:
    """An ar archive, in the order of Yocto's builder."""
    return make_ar(sorted(members.items(), key=lambda one: (one[0] != "debian-binary", one[0])))


def make_ipk(control: bytes | Mapping[str, str] = FIELDS) -> bytes:
    return make_openwrt(make_members(control))


@dataclass(frozen=True)
class Sample:
    """A package ready to be published, and where it goes."""

    name: str
    version: str
    content: bytes
    architecture: str = "all"
    feed: str = "22.03/all"
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def filename(self) -> str:
        return f"{self.name}_{self.version}_{self.architecture}.ipk"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def sample(name: str = "toy", version: str = "1.0.0", variant: int = 0, architecture: str = "all", feed: str = "22.03/all", **more: str) -> Sample:
    """A package; another variant has other bytes under the same file name."""
    said = {key.replace("_", "-"): value for key, value in more.items()}
    fields = FIELDS | {"Package": name, "Version": version, "Architecture": architecture} | said | {"Description": f"a toy, variant {variant}"}
    file_name = f"{name}_{version}_{architecture}.ipk"
    return Sample(name, version, make_ipk(fields), architecture, feed, {"feed": feed, "file_name": file_name})
