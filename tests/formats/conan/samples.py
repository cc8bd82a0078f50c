"""Recipes, manifests and configurations as Conan writes them, made in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

TIME = 1_700_000_000
# A revision that the conformance suite takes for the digest of something served: it is that of an empty search.
RREV = hashlib.md5(b"{}").hexdigest()
PREV = hashlib.md5(b'{"files":{}}').hexdigest()
PID = hashlib.sha1(b"").hexdigest()
OWNER = "the-people-who-make-the-toys-of-this-house-1234567"
CHANNEL = "a-channel-with-a-name-as-long-as-it-may-be-1234567"

CONANFILE = """\
from conan import ConanFile


class Toy(ConanFile):
    name = "{name}"
    version = "{version}"
    license = "MIT"
    author = "Somebody <somebody@mail.example>"
    description = "A toy,\\n of {variant}"
    homepage = "https://toys.example/"
    topics = ("toy", "test")
    requires = "zlib/[>=1.2]", "bricks/2.0@toys/stable"
    settings = "os", "arch"
    options = {{"shared": [True, False]}}

    def package(self):
        pass
"""

INFO = """\
[settings]
arch=x86_64
os={os}
[options]
shared={shared}
[requires]
zlib/1.2.Z
"""

INFO_1 = """\
[settings]
    arch=x86_64
    os=Linux

[requires]
    zlib/1.Y.Z

[options]
    shared=False

[full_settings]
    arch=x86_64

[full_requires]
    zlib/1.2.11:5c6b08cd716c1ced4c456117ea83897fc80f22f8

[full_options]
    shared=False

[recipe_hash]
    0123456789abcdef0123456789abcdef

[env]

"""


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def manifest(files: Mapping[str, bytes], time: int = TIME) -> bytes:
    """The manifest of an export or a package."""
    return "".join([f"{time}\n", *(f"{name}: {md5(content)}\n" for name, content in sorted(files.items()))]).encode()


def revision(content: bytes) -> str:
    """The revision that Conan gives to a manifest: the digest of all but its time."""
    return md5(content.partition(b"\n")[2])


@dataclass(frozen=True)
class Part:
    """What is uploaded together: a recipe or a binary, in the order in which clients send it."""

    files: Mapping[str, bytes]
    revision: str


def recipe(name: str = "toy", version: str = "1.0", variant: str = "wood") -> Part:
    """A recipe with sources."""
    files = {"conanfile.py": CONANFILE.format(name=name, version=version, variant=variant).encode()}
    whole = manifest({**files, "export_source/toy.h": b"#define TOY\n"})
    return Part({"conan_sources.tgz": b"an archive of sources", **files, "conanmanifest.txt": whole}, revision(whole))


def binary(os: str = "Linux", shared: bool = False, header: bytes = b"#define TOY\n") -> Part:
    """A binary of a recipe."""
    info = {"conaninfo.txt": INFO.format(os=os, shared=shared).encode()}
    whole = manifest({**info, "include/toy.h": header})
    return Part({"conan_package.tgz": b"an archive of " + header, **info, "conanmanifest.txt": whole}, revision(whole))


@dataclass(frozen=True)
class Sample:
    """The one file that the conformance suite publishes: a manifest, with which a recipe is complete. `filename` is what a search shows of it."""

    name: str
    version: str
    content: bytes
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def filename(self) -> str:
        return f"{self.name}/{self.version}@{OWNER}/{CHANNEL}"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def sample(name: str = "toy", version: str = "1.0", variant: int = 0) -> Sample:
    """A manifest; another variant has another time."""
    params = {"user": OWNER, "channel": CHANNEL, "rrev": RREV, "package_id": PID, "prev": PREV, "file": "conanmanifest.txt"}
    # Conan has no names of one letter.
    return Sample(name if len(name) > 1 else name * 2, version, f"{TIME + variant}\n".encode(), params)
