"""Paths of sbt's two layouts: a package of Maven's is named by its folder, `com/acme/lib_2.13`, one of Ivy's as Ivy writes it, `com.acme#lib`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from packhouse.errors import InvalidName, InvalidUpload, InvalidVersion
from packhouse.maven2 import names as maven2
from packhouse.maven2.names import SHOWN, Spot, is_dots, is_prerelease, is_snapshot, state_of, version_key
from packhouse.model import Struct

LIMIT = 255
PATTERN = "organisation/module/(scala_version/)(sbt_version/)revision/types/artifact(-classifier).ext"
DESCRIPTOR = "ivys/ivy.xml"
TYPES = ("jars", "srcs", "docs", "poms", "ivys", "bundles")  # in whatever path: no revision is called so

MODULE = re.compile(r"[A-Za-z0-9_.-]+#[A-Za-z0-9_.+-]+(?:/scala_[A-Za-z0-9_.+-]+)?(?:/sbt_[A-Za-z0-9_.+-]+)?")
WORDS = re.compile(r"[A-Za-z0-9_.+~-]+(?: [A-Za-z0-9_.+~-]+)*")
TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*s")

CROSS = re.compile(r"(?<=.)(?:_(sjs|native|sbt)([0-9.]+))?_(2\.[0-9][0-9A-Za-z.-]*|3(?:\.[0-9A-Za-z.-]+)?)(?:_([0-9]+(?:\.[0-9]+)*))?\Z")
FOLDERS = re.compile(r"/(scala|sbt)_([^/]+)")
PLATFORMS = {"sjs": "Scala.js", "native": "Scala Native", "sbt": "sbt"}


class Folder(Struct):
    """Where the listing of a folder may be: the index, its key, and the document."""

    index: str
    key: str
    document: str = ""


# -- names -----------------------------------------------------------------------------------------------------------


def name_key(name: str) -> str:
    """The name itself. Raises `InvalidName`."""
    if "#" not in name:
        return maven2.name_key(name)
    if not MODULE.fullmatch(name) or len(name) > LIMIT or any(is_dots(part) for part in re.split("[#/]", name)):
        raise InvalidName(
            f"Validation failed: Name is invalid: {name[:SHOWN]!r} must be organisation#module in letters, digits and _ . -, at most {LIMIT} long"
        )
    return name


def version_id(version: str) -> str:
    """The revision itself. Raises `InvalidVersion`."""
    if not WORDS.fullmatch(version) or is_dots(version) or len(version) > LIMIT:
        raise InvalidVersion(
            f"Validation failed: Version is invalid: {version[:SHOWN]!r} may hold letters, digits, _ . + ~ - and single blanks inside, "
            f"no two dots in a row, at most {LIMIT} long"
        )
    return version


def is_ivy(name: str) -> bool:
    """Whether a package lies in Ivy's layout."""
    return "#" in name


def folder_of(name: str) -> str:
    """The folder of a package, in which its revisions lie."""
    return name.replace("#", "/")


def is_movable(spot: Spot) -> bool:
    """Whether other bytes may take the place of the file: a snapshot's without a time in its name."""
    return is_snapshot(spot.version) if is_ivy(spot.name) else maven2.is_movable(spot)


def describe_cross(name: str) -> str:
    """What a package was built for, by its name: `Scala 2.12, sbt 1.0`; "" for a name that says nothing."""
    if is_ivy(name) and (folders := FOLDERS.findall(name)):
        return ", ".join(f"{'Scala' if tool == 'scala' else tool} {version}" for tool, version in folders)
    found = CROSS.search(re.split("[#/]", name)[-1])
    if found is None:
        return ""
    platform, number, scala, sbt = found.groups()
    said = [f"Scala {scala}", f"{PLATFORMS[platform]} {number}" if platform else "", f"sbt {sbt}" if sbt else ""]
    return ", ".join(filter(None, said))


def read_plugin(name: str) -> str:
    """What a plugin of sbt is called where it is added to a build; "" for anything else."""
    module = name.partition("#")[2].partition("/")[0] if is_ivy(name) else name.rpartition("/")[2]
    if "/sbt_" in name and is_ivy(name):
        return module
    found = CROSS.search(module)
    return module[: found.start()] if found is not None and (found[1] == "sbt" or found[4]) else ""


# -- paths -----------------------------------------------------------------------------------------------------------


def read_spot(path: str) -> Spot:
    """The parts of the path of a file, in whichever layout it is. Raises `InvalidName`, `InvalidVersion`, `InvalidUpload`."""
    parts = path.split("/")
    name = join_module(parts[:-3])
    kind, file = parts[-2:] if len(parts) > 4 else ("", parts[-1])
    # A revision may end in s too: Maven's layout has it in the name of the file.
    if kind not in TYPES and not (TYPE.fullmatch(kind) and MODULE.fullmatch(name) and f"-{kind}" not in file):
        if MODULE.fullmatch(join_module(parts)) and len(parts) > 2:
            raise InvalidUpload(f"Validation failed: Path is invalid: {path[:SHOWN]!r} is a folder of Ivy's layout")
        return maven2.read_spot(path)
    if not MODULE.fullmatch(name):
        raise InvalidName(f"Validation failed: Path is invalid: {path[:SHOWN]!r} must be {PATTERN}")
    if not WORDS.fullmatch(file) or is_dots(file) or is_dots(kind) or len(f"{kind}/{file}") > LIMIT:
        raise InvalidUpload(f"Validation failed: File name is invalid: {file[:SHOWN]!r} may hold letters, digits and _ . + ~ -, at most {LIMIT} long")
    return Spot(name=name_key(name), version=version_id(parts[-3]), file=f"{kind}/{file}")


def is_usual(spot: Spot) -> bool:
    """Whether the path can be of nothing but a file: it is named as the layout has it."""
    return is_ivy(spot.name) or f"-{spot.version.removesuffix(maven2.SNAPSHOT)}" in spot.file


def list_folders(path: str) -> Iterator[Folder]:
    """Where the listing of a folder may be: of a package, of a revision, of a type; of what leads to packages."""
    parts = path.split("/")
    for name in list_names(parts):
        yield Folder(index="versions", key=name)
    for name in list_names(parts[:-1]):
        yield Folder(index="contents", key=maven2.version_shelf(name, parts[-1]))
    for name in list_names(parts[:-2]):
        if is_ivy(name):
            yield Folder(index="contents", key=maven2.version_shelf(name, parts[-2]), document=parts[-1])
    yield Folder(index="folders", key="", document=path)


def list_names(parts: list[str]) -> Iterator[str]:
    """The packages that may lie in a folder: Ivy's and Maven's."""
    if len(parts) > 1:
        if MODULE.fullmatch(name := join_module(parts)):
            yield name
        yield "/".join(parts)


def join_module(parts: list[str]) -> str:
    return f"{''.join(parts[:1])}#{'/'.join(parts[1:])}"


__all__ = ["is_prerelease", "name_key", "state_of", "version_id", "version_key"]
