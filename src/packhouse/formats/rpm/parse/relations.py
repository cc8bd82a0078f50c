"""What a package provides, requires, conflicts with and the like: names with a comparison, or rich dependencies as they were written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from packhouse.errors import InvalidUpload
from packhouse.formats.rpm.parse.headers import Value
from packhouse.formats.rpm.parse.markup import read_text, write_element
from packhouse.model import Struct

PROVIDES, REQUIRES = "provides", "requires"
# in the order of primary.xml: the tags of names, flags and versions
RELATIONS: Mapping[str, tuple[int, int, int]] = {
    PROVIDES: (1047, 1112, 1113),
    REQUIRES: (1049, 1048, 1050),
    "conflicts": (1054, 1053, 1055),
    "obsoletes": (1090, 1114, 1115),
    "suggests": (5049, 5051, 5050),
    "enhances": (5055, 5057, 5056),
    "recommends": (5046, 5048, 5047),
    "supplements": (5052, 5054, 5053),
}
LESS, GREATER, EQUAL = 2, 4, 8
BEFORE = (1 << 6) | (1 << 9) | (1 << 10)  # needed when the scripts before or after the installation run
FLAGS = {LESS: "LT", GREATER: "GT", EQUAL: "EQ", LESS | EQUAL: "LE", GREATER | EQUAL: "GE"}
SIGNS = {"LT": "<", "GT": ">", "EQ": "=", "LE": "<=", "GE": ">="}


class Relation(Struct):
    """One of them. `flags` is how the version compares, "" where any will do; `before`: needed for the scripts of the installation."""

    name: str
    flags: str = ""
    version: str = ""
    before: bool = False

    @property
    def range(self) -> str:
        return f"{SIGNS[self.flags]} {self.version}" if self.flags and self.version else ""


def read_relations(tags: Mapping[int, Value], kind: str) -> Iterator[Relation]:
    """Those of a kind, in their order. Raises `InvalidUpload`."""
    names, flags, versions = (tags.get(tag, ()) for tag in RELATIONS[kind])
    if any(len(told) not in (0, len(names)) for told in (flags, versions)):
        raise InvalidUpload(f"The package is damaged: it {kind} {len(names)} names in {len(versions)} versions")
    for number, name in enumerate(names):
        flag = flags[number] if flags else 0
        version = versions[number] if versions else b""
        if not (isinstance(name, bytes) and isinstance(version, bytes) and isinstance(flag, int)):
            raise InvalidUpload(f"The package is damaged: what it {kind} is no text")
        yield Relation(
            name=read_text(name), flags=FLAGS.get(flag & 15, ""), version=read_text(version), before=kind == REQUIRES and bool(flag & BEFORE)
        )


def without_needless(required: Sequence[Relation], provided: Sequence[Relation], files: set[str]) -> Iterator[Relation]:
    """Each once, without what rpm itself and the package itself bring."""
    seen = {(one.name, one.flags, one.version) for one in provided}
    kept = set()
    for one in required:
        needless = one.name.startswith("rpmlib(") or one.name in files or (one.name, one.flags, one.version) in seen
        if not needless and one not in kept:
            kept.add(one)
            yield one


def write_relations(kind: str, relations: Sequence[Relation]) -> str:
    """The element of a kind, nothing where there are none."""
    entries = "".join(_write_entry(one) for one in relations)
    return f"<rpm:{kind}>\n{entries}</rpm:{kind}>\n" if entries else ""


def _write_entry(one: Relation) -> str:
    before = "1" if one.before else None
    if not one.flags:
        return write_element("rpm:entry", name=one.name, pre=before)
    epoch, colon, rest = one.version.rpartition(":")
    version, _, release = rest.partition("-")
    epoch = (epoch if colon else "0") if one.version else ""
    return write_element("rpm:entry", name=one.name, flags=one.flags, epoch=epoch, ver=version, rel=release, pre=before)
