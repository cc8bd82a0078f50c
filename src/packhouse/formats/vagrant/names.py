"""Names of boxes, versions in the order of RubyGems, and the addresses of files: `box/1.0.0/virtualbox.box`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from packhouse.errors import InvalidName, InvalidParameter, InvalidVersion
from packhouse.grammar.gemversions import Segment, number_key
from packhouse.model import Struct

SHOWN = 80
LONGEST = 128  # of each part of a name, of a version, of a provider
RESERVED = frozenset({"api", "authenticate", "box", "boxes", "search"})  # where clients ask for something else
SUFFIX = ".box"

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
# the client takes a whole catalog for broken over one version that it cannot read
_VERSION = re.compile(r"[0-9]+(?:\.[0-9A-Za-z]+)*(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?")
_PROVIDER = re.compile(r"[a-z][a-z0-9_-]*")  # with a letter first: that is what tells it from a version


class Address(Struct):
    """Where a file is: `architecture` is "" where nobody said one."""

    name: str
    version: str
    provider: str
    architecture: str = ""

    @property
    def stored(self) -> str:
        """The path within the version."""
        return f"{self.provider}/{self.architecture}{SUFFIX}" if self.architecture else f"{self.provider}{SUFFIX}"


def name_key(name: str) -> str:
    """The name itself: one or two parts. Raises `InvalidName`."""
    parts = name.split("/")
    if len(parts) > 2 or any(len(part) > LONGEST or not _PART.fullmatch(part) or ".." in part for part in parts):
        raise InvalidName(f"Box name {name[:SHOWN]!r} is invalid: use one or two parts of letters, digits and . _ - with a slash between them")
    if parts[0] in RESERVED:
        raise InvalidName(f"Box name {name[:SHOWN]!r} is invalid: {parts[0]} is an address of the registry itself")
    return name


def version_id(version: str) -> str:
    """The version as it stands. Raises `InvalidVersion`."""
    if len(version) > LONGEST or not _VERSION.fullmatch(version):
        raise InvalidVersion(
            f"Version {version[:SHOWN]!r} is invalid: write numbers, and words for prereleases, with dots between them, such as 1.0.0"
        )
    return version


def version_key(version: str) -> tuple[Segment, ...]:
    """Sorts as `Gem::Version` does, to which a dash is a word. Raises `InvalidVersion`."""
    return number_key(version_id(version).replace("-", ".pre."))


def is_prerelease(version: str) -> bool:
    """Whether a word is in it, or a dash. Raises `InvalidVersion`."""
    return not version_id(version).replace(".", "").isdigit()


def read_provider(text: str, what: str = "provider") -> str:
    """A provider or an architecture, in lower case. Raises `InvalidParameter`."""
    folded = text.lower()
    if len(folded) > LONGEST or not _PROVIDER.fullmatch(folded):
        raise InvalidParameter(f"{what} {text[:SHOWN]!r} is invalid: begin with a letter, and use letters, digits, - and _", parameter=what)
    return folded


def read_address(segments: Sequence[str]) -> Address:
    """The file at a path: a name of one part or two, a version, the provider, and the architecture where there is one.

    Raises `InvalidName`, `InvalidVersion`, `InvalidParameter`.
    """
    *folders, file = segments
    if not file.endswith(SUFFIX):
        raise InvalidParameter(f"file name {file[:SHOWN]!r} is invalid: it must be a provider and {SUFFIX}, such as virtualbox.box", parameter="file")
    name, version, *rest = split_name(folders)
    provider, *architecture = [*rest, file.removesuffix(SUFFIX)]
    return Address(
        name=name_key(name),
        version=version_id(version),
        provider=read_provider(provider),
        architecture=read_provider(architecture[0], "architecture") if architecture else "",
    )


def split_name(segments: Sequence[str]) -> list[str]:
    """The folders of a path with those of the name put together: a version begins with a digit, a provider does not."""
    if len(segments) > 3 or (len(segments) == 3 and segments[2][:1].isdigit()):
        return ["/".join(segments[:2]), *segments[2:]]
    return list(segments)
