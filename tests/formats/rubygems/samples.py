"""Tiny real gems, built in memory as `gem build` builds them."""

from __future__ import annotations

import hashlib
import io
import struct
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """A gem ready to be pushed."""

    name: str
    version: str
    content: bytes

    @property
    def full_name(self) -> str:
        return f"{self.name}-{self.version}"

    @property
    def filename(self) -> str:
        return f"{self.full_name}.gem"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def marks(self) -> tuple[bytes, ...]:
        """What the line of a version tells of it: not the name of its file."""
        return (self.sha256.encode(),)

    @property
    def params(self) -> Mapping[str, str]:
        return {"gemspec": f"{self.full_name}.gemspec.rz", "json": f"{self.name}.json"}


def sample(name: str = "toy", version: str = "1.0.0", variant: int = 0, *, dependencies: str = "", fields: str = "") -> Sample:
    """A version, with its platform behind a dash; `fields` are more lines of metadata. Another variant has other bytes under the same name."""
    text = metadata(name, version, dependencies, fields)
    return Sample(name, version, gem({"metadata.gz": gzip_of(text), "data.tar.gz": data({"lib/toy.rb": b"VARIANT = %d\n" % variant})}))


def metadata(name: str = "toy", version: str = "1.0.0", dependencies: str = "", fields: str = "") -> bytes:
    """What a gem says of itself."""
    number, _, platform = version.partition("-")
    return f"""\
--- !ruby/object:Gem::Specification
name: {name}
version: !ruby/object:Gem::Version
  version: {number}
platform: {platform or "ruby"}
authors:
- A toy maker
autorequire:
cert_chain: []
date: 2026-01-02 00:00:00.000000000 Z
dependencies:{f"{chr(10)}{dependencies}" if dependencies else " []"}
summary: A toy
rubygems_version: 3.3.15
specification_version: 4
{fields}""".encode()


def dependency(name: str, *pairs: tuple[str, str], kind: str = "runtime") -> str:
    """A dependency as metadata has it; no pairs is any version."""
    wanted = "".join(
        f"\n    - - \"{operator}\"\n      - !ruby/object:Gem::Version\n        version: '{number}'" for operator, number in pairs or ((">=", "0"),)
    )
    return (
        f"- !ruby/object:Gem::Dependency\n  name: {name}\n  requirement: !ruby/object:Gem::Requirement\n    requirements:{wanted}\n"
        f"  type: :{kind}\n  prerelease: false\n"
    )


def requirement(field: str, *pairs: tuple[str, str]) -> str:
    """A field such as `required_ruby_version`."""
    wanted = "".join(f"\n  - - \"{operator}\"\n    - !ruby/object:Gem::Version\n      version: '{number}'" for operator, number in pairs)
    return f"{field}: !ruby/object:Gem::Requirement\n  requirements:{wanted}\n"


def gem(members: Mapping[str, bytes], *, sums: bool = True) -> bytes:
    """The members, and their checksums, in a plain archive."""
    told = "".join(f"  {name}: {hashlib.sha256(content).hexdigest()}\n" for name, content in members.items())
    return tar({**members, **({"checksums.yaml.gz": gzip_of(f"---\nSHA256:\n{told}".encode())} if sums else {})})


def data(files: Mapping[str, bytes], *others: tarfile.TarInfo) -> bytes:
    """What a gem installs."""
    return gzip_of(tar(files, others))


def tar(files: Mapping[str, bytes], others: Sequence[tarfile.TarInfo] = ()) -> bytes:
    """A tar archive of files, and of members that are no files; the same files give the same bytes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for other in others:
            archive.addfile(other)
    return out.getvalue()


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    """A link, symbolic unless told otherwise."""
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def gzip_of(plain: bytes) -> bytes:
    """A gzip file of stored blocks: its bytes, and so the golden digests, do not depend on the release of zlib."""
    blocks = [plain[start : start + 0xFFFF] for start in range(0, len(plain), 0xFFFF)] or [b""]
    stored = b"".join(struct.pack("<BHH", block is blocks[-1], len(block), len(block) ^ 0xFFFF) + block for block in blocks)
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + stored + struct.pack("<II", zlib.crc32(plain), len(plain) & 0xFFFFFFFF)
