"""A package as R makes it: an archive with everything in one folder, and in that a DESCRIPTION. Runs in a child process."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from packhouse.errors import InvalidName, InvalidUpload, InvalidVersion
from packhouse.formats.cran import names
from packhouse.formats.cran.parse.description import LARGEST, read_description
from packhouse.grammar.archives import Archive, read_tar, read_zip
from packhouse.model import About, Dependency, Struct

DESCRIPTION = "DESCRIPTION"
MOST_SHOWN = 500  # dependencies on a page
LONGEST = 64 * 1024  # of a field that lists repeat
GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"

# in R's order; MD5sum is ours to say, as is where the file lies
FIELDS = (
    "Package", "Version", "Priority", "Depends", "Imports", "LinkingTo", "Suggests", "Enhances", "License", "License_is_FOSS",
    "License_restricts_use", "OS_type", "Archs", "NeedsCompilation",
)  # fmt: skip
DEPENDENCIES: Mapping[str, str] = {
    "Depends": "depends",
    "Imports": "imports",
    "LinkingTo": "linking to",
    "Suggests": "suggests",
    "Enhances": "enhances",
}

_NUMBERS = r"[0-9]{1,10}(?:[.-][0-9]{1,10})*"
_ITEM = re.compile(rf"([A-Za-z0-9][A-Za-z0-9.]*) ?(?:\( ?(<=|>=|<|>|==|!=) ?({_NUMBERS}) ?\))?")
_BUILT = re.compile(r"R ([0-9]{1,3}\.[0-9]{1,3})(?:\.[0-9]+)?(?:;[^;]*;[^;]*; ?([a-z]+))?")
_LINK = re.compile(r"https?://[^\s,<>\"]+")


class Facts(Struct):
    """What an index needs of a file: the fields of its record, each on one line. `Version` is as the file's name has it."""

    fields: Mapping[str, str]


class Read(Struct):
    """A file that was read."""

    name: str
    version: str
    facts: Facts
    about: About = About()


def read_package(path: str, platform: str = "", r_version: str = "") -> Read:
    """What a source package says about itself, or one that was built for a platform and a version of R. Raises `InvalidUpload`."""
    tree = names.Tree(platform=platform, r_version=r_version) if platform else None
    archive = _open(path, tree)
    found = [name for name in archive.members if _is_description(name)]
    if len(found) != 1:
        raise InvalidUpload(f"The archive has {len(found) or 'no'} files DESCRIPTION one folder deep: pack the package's folder with R")
    fields = read_description(archive.members[found[0]])
    name, version = _need(fields, "Package"), _need(fields, "Version")
    _check_members(archive, name)
    _check_built(fields.get("Built"), tree)
    return Read(name=name, version=version, facts=Facts(fields=dict(list_fields(fields))), about=describe(fields))


def _is_description(name: str) -> bool:
    folder, slash, rest = name.partition("/")
    return bool(folder and slash) and rest == DESCRIPTION


def _open(path: str, tree: names.Tree | None) -> Archive:
    with Path(path).open("rb") as file:
        magic = file.read(4)
    wanted = ZIP if tree is not None and tree.suffix == "zip" else GZIP
    if not magic.startswith(wanted):
        kind = "a zip archive" if wanted == ZIP else "a tar archive packed with gzip"
        raise InvalidUpload(f"The file is not {kind}, as {'packages' if tree is None else tree.platform + ' packages'} are: build it with R")
    if wanted == ZIP:
        return read_zip(path, _is_description, limit_each=LARGEST)
    return read_tar(path, _is_description, limit_each=LARGEST, compression="gz")


def _need(fields: Mapping[str, str], field: str) -> str:
    value = fields.get(field, "")
    if not value:
        raise InvalidUpload(f"DESCRIPTION has no field {field}")
    try:
        (names.name_key if field == "Package" else names.version_key)(value)
    except (InvalidName, InvalidVersion) as error:
        raise InvalidUpload(error.message) from error
    return value


def _check_members(archive: Archive, name: str) -> None:
    for member in (*archive.names, *archive.folders):
        if not f"{member}/".startswith(f"{name}/") or (member == name and member in archive.names):
            raise InvalidUpload(f"The archive has {member[:100]!r} outside the folder {name}/, which is what DESCRIPTION calls the package")


def _check_built(built: str | None, tree: names.Tree | None) -> None:
    """A package that was built is for the R that built it, and no source."""
    if tree is None:
        if built is not None:
            raise InvalidUpload("The package was built, as its field Built says: send the one that `R CMD build` makes, or send it to bin")
        return
    found = _BUILT.match(built or "")
    if found is None:
        raise InvalidUpload("The package was not built: its DESCRIPTION has no field Built with a version of R. Send its source to src")
    if found[1] != tree.r_version:
        raise InvalidUpload(f"The package was built with R {found[1]}, this is the place of R {tree.r_version}: say rversion={found[1]}")
    system = "windows" if tree.suffix == "zip" else "unix"
    if found[2] not in (None, system):
        raise InvalidUpload(f"The package was built for {found[2]}, {tree.platform} is {system}")


# -- what it says ----------------------------------------------------------------------------------------------------


def list_fields(fields: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The fields of the record, each on one line. Raises `InvalidUpload`."""
    for name in FIELDS:
        value = " ".join(fields.get(name, "").split())
        if len(value) > LONGEST:
            raise InvalidUpload(f"Field {name} has {len(value)} characters, more than {LONGEST}: everybody reads it with every list")
        if name in DEPENDENCIES:
            value = ", ".join(_write(*item) for item in read_items(name, value))
        if value:
            yield name, value


def read_items(field: str, value: str) -> Iterator[tuple[str, str, str]]:
    """(name, operator, version) of each. R cannot read the index of a whole repository where one is spelled otherwise. Raises `InvalidUpload`."""
    for item in filter(None, map(str.strip, " ".join(value.split()).split(","))):
        found = _ITEM.fullmatch(item)
        if found is None or any(int(number) > names.LARGEST for number in re.findall("[0-9]+", found[3] or "")):
            raise InvalidUpload(f"Field {field} has {item[:80]!r}: it must be a name, or a name and a version such as foo (>= 1.0)")
        yield found[1], found[2] or "", found[3] or ""


def _write(name: str, operator: str, version: str) -> str:
    return f"{name} ({operator} {version})" if operator else name


def describe(fields: Mapping[str, str]) -> About:
    """What a page shows of the package."""
    values = {name: " ".join(value.split()) for name, value in fields.items()}
    items = [(kind, item) for field, kind in DEPENDENCIES.items() for item in read_items(field, values.get(field, ""))]
    addresses = _LINK.findall(values.get("URL", ""))
    reports = _LINK.findall(values.get("BugReports", ""))
    return About(
        summary=values.get("Title", "")[:500],
        readme=values.get("Description", ""),
        readme_type="text/plain",
        license=values.get("License", "")[:255],
        author=values.get("Maintainer", values.get("Author", ""))[:255],
        links={title: link[:1000] for title, link in (*_named(addresses), *(("Bug reports", each) for each in reports[:1]))},
        requires=next((f"R {operator} {version}" for _, (name, operator, version) in items if name == "R" and operator), ""),
        dependencies=tuple(
            Dependency(name=name, range=f"{op} {version}".strip(), kind=kind) for kind, (name, op, version) in items[:MOST_SHOWN] if name != "R"
        ),
    )


def _named(addresses: list[str]) -> Iterator[tuple[str, str]]:
    for number, address in enumerate(addresses[:3], 1):
        yield ("Homepage" if number == 1 else f"Homepage {number}"), address
