"""A control file → what a feed says of the package, so that opkg reads the same out of it.

opkg takes a line for a field where it begins with the field's name: `Package-Type: x` names a package anew. It reads one line of each field but
Description, and does not survive an empty item in a list of packages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from packhouse.errors import InvalidUpload
from packhouse.grammar.stanzas import Fields
from packhouse.model import About, Dependency, Struct

LONGEST_DESCRIPTION = 16 * 1024  # every router reads it with every list
MOST_SHOWN = 500  # dependencies on a page

RELATIONS: Mapping[str, str] = {
    "Pre-Depends": "before", "Depends": "runtime", "Recommends": "recommended", "Suggests": "suggested",
    "Provides": "", "Conflicts": "", "Replaces": "",
}  # fmt: skip
READ = (
    "ABIVersion", "Alternatives", "Architecture", "Auto-Installed", "Essential", "Installed-Size", "Maintainer", "Package", "Priority", "Section",
    "Source", "Tags", "Version", *RELATIONS,
)  # fmt: skip
# ours to say, or opkg's own notes about an installed package
DROPPED = ("Conffiles", "Filename", "Installed-Time", "MD5Sum", "SHA1", "SHA256", "SHA256sum", "SHA512", "Size", "Status")
SPELLED = {name.lower(): name for name in (*READ, *DROPPED, "Description")}
UNREAD = ("Maintainer", "LicenseFiles", "Source", "Require")  # OpenWrt leaves what begins with these out of what routers read

_ITEM = re.compile(r"([^\s,|()*]+)\s*(?:\(\s*(<<|<=|>=|>>|<|=|>)?\s*([A-Za-z0-9][^\s,|()*]*)\s*\))?\s*(\*)?")


class Facts(Struct, omit_defaults=True):
    """What a feed says of a package, but for where it is. `more`: what only Packages.manifest has. Lines end in a newline."""

    fields: str = ""
    more: str = ""
    description: str = ""


def spell(fields: Fields) -> Mapping[str, str]:
    """The fields by their names as opkg spells them: it tells capital letters from small ones."""
    return {SPELLED.get(name.lower(), name): value for name, value in fields}


def write_facts(fields: Mapping[str, str]) -> Facts:
    """The fields as opkg shall read them, the package's name first. Raises `InvalidUpload`."""
    told = {"Package": "", **dict(_tell(fields))}
    description = told.pop("Description", "")
    if len(description) > LONGEST_DESCRIPTION:
        raise InvalidUpload(f"Description has {len(description)} characters, more than {LONGEST_DESCRIPTION}: every router reads it with every list")
    more = {name: value for name, value in told.items() if name.startswith(UNREAD) or is_misread(name)}
    return Facts(
        fields=_write({name: value for name, value in told.items() if name not in more}),
        more=_write(more),
        description=f"Description: {description}\n" if description else "",
    )


def _tell(fields: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        if name in DROPPED:
            continue
        told = fold_description(value) if name == "Description" else " ".join(value.split())
        if name in RELATIONS:
            told = ", ".join(write_relation(item) for item in read_relations(name, told))
        if told:
            yield name, told


def _write(fields: Mapping[str, str]) -> str:
    return "".join(f"{name}: {value}\n" for name, value in fields.items())


def is_misread(name: str) -> bool:
    """Whether opkg takes this field for another one, whose name it begins with."""
    return name not in READ and name.startswith(tuple(SPELLED.values()))


def fold_description(value: str) -> str:
    """The lines, each but the first behind one blank: opkg does not know tabs there, and wants something on each."""
    return "\n ".join(filter(None, map(str.strip, value.split("\n"))))


Alternatives = Sequence[tuple[str, str, str, str]]
"""(name, operator, version, star) of each."""


def read_relations(field: str, value: str) -> Iterator[Alternatives]:
    """The items of a list of packages, each with its alternatives; empty ones are left out. Raises `InvalidUpload`."""
    for item in filter(None, map(str.strip, value.split(","))):
        found = [_ITEM.fullmatch(one.strip()) for one in item.split("|")]
        if not all(found):
            raise InvalidUpload(f"Field {field} has {item[:80]!r}: it must be a name, or a name and a version such as foo (>= 1.0)")
        yield [(one[1], one[2] or "", one[3] or "", one[4] or "") for one in found if one is not None]


def write_relation(item: Alternatives) -> str:
    """One item, as opkg wants its blanks."""
    return " | ".join(" ".join(filter(None, (name, f"({f'{op} {version}'.strip()})" if version else "", star))) for name, op, version, star in item)


# -- for people ------------------------------------------------------------------------------------------------------


def describe(fields: Mapping[str, str]) -> About:
    """What a page shows of the package."""
    values = {name: " ".join(value.split()) for name, value in fields.items()}
    summary, _, rest = fold_description(fields.get("Description", "")).partition("\n")
    home = next((values[name] for name in ("URL", "Homepage", "HomePage") if name in values), "")
    return About(
        summary=summary[:500],
        readme="\n".join("" if line == "." else line for line in map(str.strip, rest.split("\n"))) if rest else "",
        readme_type="text/plain",
        license=values.get("License", "")[:255],
        author=values.get("Maintainer", "")[:255],
        keywords=tuple(word[:100] for word in (values.get("Section", ""),) if word),
        links={"Homepage": home[:1000]} if re.fullmatch(r"https?://[^\s<>\"]+", home) else {},
        dependencies=tuple(_dependencies(values))[:MOST_SHOWN],
    )


def _dependencies(values: Mapping[str, str]) -> Iterator[Dependency]:
    for field, kind in RELATIONS.items():
        for alternatives in read_relations(field, values.get(field, "")) if kind else ():
            name, operator, version, _ = alternatives[0]
            yield Dependency(name=name, range=f"{operator} {version}".strip(), kind=kind)
