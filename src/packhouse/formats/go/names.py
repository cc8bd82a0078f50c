"""Module paths and versions as the go command writes them (golang.org/ref/mod): escaping, order, major suffixes, pseudo-versions."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from packhouse.errors import InvalidName, InvalidVersion
from packhouse.grammar import semver
from packhouse.model import Struct

SHOWN = 120  # characters of a bad value that a message repeats
INCOMPATIBLE = "+incompatible"

_VERSION = re.compile(r"v(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(\+incompatible)?", re.ASCII)
_SEGMENT = re.compile(r"[A-Za-z0-9._~-]+", re.ASCII)
_MAJOR = re.compile(r"(.*)/v([1-9][0-9]*)", re.ASCII)
_GOPKG = re.compile(r"gopkg\.in/.+\.v(0|[1-9][0-9]*)(-unstable)?", re.ASCII)
_PSEUDO = re.compile(
    r"v(\d+)\.(\d+)\.(\d+)-(?:(?P<base>(?:[0-9A-Za-z-]+\.)*?)(?P<zero>0)\.)?(?P<time>\d{14})-(?P<rev>[0-9a-f]{12})(?:\+incompatible)?", re.ASCII
)
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[1-9]|lpt[1-9])(?:\..*)?", re.IGNORECASE)


class Pseudo(Struct):
    """A pseudo-version in its parts. `base` is the version before it, "" for none; `time` is the commit's, in seconds since 1970."""

    base: str
    time: int
    revision: str


def decode(text: str) -> str:
    """`!x` back to `X`. Raises `InvalidName` for what the go command would not have written."""
    parts = text.split("!")
    if any(c.isupper() for c in text) or any(not part[:1].islower() or not part[:1].isascii() for part in parts[1:]):
        raise InvalidName(f"{text[:SHOWN]!r} is not escaped: upper-case letters are written as ! and the small letter")
    return parts[0] + "".join(part[0].upper() + part[1:] for part in parts[1:])


def encode(text: str) -> str:
    """Upper-case letters as `!` and the small one."""
    return re.sub(r"[A-Z]", lambda found: "!" + found[0].lower(), text)


def name_key(name: str) -> str:
    """The module path itself. Raises `InvalidName`."""
    segments = name.split("/")
    well = len(name) <= 255 and all(_SEGMENT.fullmatch(one) and one[0] != "." and one[-1] != "." and not _RESERVED.fullmatch(one) for one in segments)
    if not well or name.startswith("-") or "~" in segments[0] or "_" in segments[0]:
        raise InvalidName(f"{name[:SHOWN]!r} is no module path: letters, digits and . _ - ~ between slashes, no part beginning or ending with a dot")
    if major_of(name) == 1:
        raise InvalidName(f"{name[:SHOWN]!r} is no module path: the first major version has no suffix")
    return name


def version_id(version: str) -> str:
    """The version itself. Raises `InvalidVersion`."""
    if len(version) > 255 or not _VERSION.fullmatch(version) or not semver.is_valid(version[1:].removesuffix(INCOMPATIBLE)):
        raise InvalidVersion(f"{version[:SHOWN]!r} is no version of a module: expected something like v1.2.3 or v1.2.3-rc.1")
    return version


def is_version(text: str) -> bool:
    """Whether this is a canonical version: no build metadata but `+incompatible`."""
    try:
        version_id(text)
    except InvalidVersion:
        return False
    return True


def version_key(version: str) -> semver.Key:
    """Orders versions by precedence."""
    return semver.sort_key(version_id(version)[1:].removesuffix(INCOMPATIBLE))


def is_prerelease(version: str) -> bool:
    """Whether the version carries a pre-release, as every pseudo-version does."""
    return "-" in version


def major(version: str) -> int:
    return int(version[1:].partition(".")[0])


def split_major(module: str) -> tuple[str, int]:
    """The path without its `/vN`, and N; 0 where it has none."""
    found = _MAJOR.fullmatch(module)
    return (module, 0) if found is None else (found[1], int(found[2]))


def major_of(module: str) -> int:
    return split_major(module)[1]


def fits(module: str, version: str) -> bool:
    """Whether a module of this path may have this version (the major version suffix rule)."""
    number = major(version)
    if version.endswith(INCOMPATIBLE):
        return number >= 2 and major_of(module) == 0
    gopkg = _GOPKG.fullmatch(module)
    if gopkg is not None:
        return number == int(gopkg[1])
    suffix = major_of(module)
    return number == suffix if suffix else number < 2


def modules_of_tag(repository: str, tag: str) -> tuple[str, ...]:
    """The modules of a repository at this address that a tag `v1.2.3`, or `folder/v1.2.3`, makes a version of; none for other tags."""
    folder, _, version = tag.rpartition("/")
    if not is_version(version):
        return ()
    module = f"{repository}/{folder}" if folder else repository
    return (module,) if major(version) < 2 else (module, f"{module}/v{major(version)}")


def read_pseudo(version: str) -> Pseudo | None:
    """The parts of a pseudo-version; None where it is none."""
    found = _PSEUDO.fullmatch(version)
    if found is None:
        return None
    first, second, third = int(found[1]), int(found[2]), int(found[3])
    before = found["base"] or ""
    if found["zero"] is None:
        if (second, third) != (0, 0):
            return None
        base = ""
    elif before:
        base = f"v{first}.{second}.{third}-{before.rstrip('.')}"
    elif third == 0:
        return None  # nothing comes before v1.0.0-0
    else:
        base = f"v{first}.{second}.{third - 1}"
    try:
        moment = datetime.strptime(found["time"], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return Pseudo(base=base, time=int(moment.timestamp()), revision=found["rev"])


def is_pseudo(version: str) -> bool:
    return read_pseudo(version) is not None


def make_pseudo(number: int, base: str, seconds: int, commit: str) -> str:
    """The pseudo-version of a commit after a base version, "" for none; `number` is the major version."""
    stamp = f"{datetime.fromtimestamp(seconds, UTC):%Y%m%d%H%M%S}-{commit[:12]}"
    if not base:
        return f"v{number}.0.0-{stamp}"
    base = base.removesuffix(INCOMPATIBLE)
    if "-" in base:
        return f"{base}.0.{stamp}"
    parts = semver.parse(base[1:])
    return f"v{parts.major}.{parts.minor}.{parts.patch + 1}-0.{stamp}"


def timestamp(seconds: int) -> str:
    """RFC 3339 in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
