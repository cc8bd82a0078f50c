"""The nuspec: what a package says of itself (the .nuspec reference), read without entities and judged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from packhouse.errors import InvalidName, InvalidUpload, InvalidVersion
from packhouse.formats.nuget import names
from packhouse.grammar.xml import children, read_xml, text_of
from packhouse.model import Struct

MIB = 1024**2
NUSPEC_LIMIT = MIB

LINE_LIMIT, TEXT_LIMIT, URL_LIMIT = 512, 35_000, 2048
MOST_DEPENDENCIES, MOST_TAGS, MOST_TYPES = 4096, 256, 32

SYMBOLS_TYPE = "SymbolsPackage"
_TYPE = re.compile(r"[A-Za-z0-9_.-]{1,100}", re.ASCII)
_FRAMEWORK = re.compile(r"[A-Za-z0-9_.,=+ /\[\]*-]{1,100}", re.ASCII)


class Dependency(Struct):
    """What must be there. `range` is in its normalised form."""

    id: str
    range: str
    semver2: bool = False


class Group(Struct):
    """Dependencies for a target framework, "" for any. One without dependencies says that this framework needs none."""

    framework: str
    dependencies: tuple[Dependency, ...] = ()


class PackageType(Struct):
    """What a package is for; `version` is mostly ""."""

    name: str
    version: str = ""


class Nuspec(Struct):
    """The metadata of a package. `license_file`, `icon` and `readme` are paths in the package."""

    id: str
    version: str
    title: str = ""
    authors: str = ""
    description: str = ""
    summary: str = ""
    release_notes: str = ""
    copyright: str = ""
    language: str = ""
    tags: tuple[str, ...] = ()
    project_url: str = ""
    license_url: str = ""
    license: str = ""
    license_file: str = ""
    icon_url: str = ""
    icon: str = ""
    readme: str = ""
    repository: str = ""
    min_client: str = ""
    acceptance: bool = False
    development: bool = False
    groups: tuple[Group, ...] = ()
    types: tuple[PackageType, ...] = ()

    @property
    def symbols(self) -> bool:
        """Whether this is a package of symbols, which goes with another one."""
        return any(one.name.lower() == SYMBOLS_TYPE.lower() for one in self.types)


def read_nuspec(data: bytes, where: str) -> Nuspec:
    """The nuspec, checked. `where` names the file in messages. Raises `InvalidUpload`."""
    root = read_xml(data, where, "package")
    found = list(children(root, "metadata"))
    if len(found) != 1:
        raise InvalidUpload(f"{where} must have one <metadata>, it has {len(found)}")
    metadata = found[0]
    id_, version = read_once(metadata, "id", where), read_once(metadata, "version", where)
    check_coordinates(id_, version, where)
    license_, license_file = read_license(metadata)
    return Nuspec(
        id=id_,
        version=version,
        title=line(metadata, "title"),
        authors=line(metadata, "authors"),
        description=text_of(metadata, "description")[:TEXT_LIMIT],
        summary=text_of(metadata, "summary")[:TEXT_LIMIT],
        release_notes=text_of(metadata, "releaseNotes")[:TEXT_LIMIT],
        copyright=line(metadata, "copyright"),
        language=line(metadata, "language"),
        tags=tuple(text_of(metadata, "tags").replace(",", " ").split()[:MOST_TAGS]),
        project_url=url(metadata, "projectUrl"),
        license_url=url(metadata, "licenseUrl"),
        license=license_,
        license_file=license_file,
        icon_url=url(metadata, "iconUrl"),
        icon=path(text_of(metadata, "icon")),
        readme=path(text_of(metadata, "readme")),
        repository=web_address(next((one.get("url", "") for one in children(metadata, "repository")), "")),
        min_client=metadata.get("minClientVersion", "")[:64],
        acceptance=text_of(metadata, "requireLicenseAcceptance").lower() == "true",
        development=text_of(metadata, "developmentDependency").lower() == "true",
        groups=tuple(read_groups(metadata, where)),
        types=tuple(read_types(metadata, where)),
    )


def read_once(metadata: Element, name: str, where: str) -> str:
    values = [(element.text or "").strip() for element in children(metadata, name)]
    if len(values) != 1 or not values[0]:
        raise InvalidUpload(f"{where} must say <{name}> once, it has {len(values) or 'none'}{' that is empty' if values == [''] else ''}")
    return values[0]


def check_coordinates(id_: str, version: str, where: str) -> None:
    """Nothing, if both are valid. Raises `InvalidUpload`."""
    try:
        names.name_key(id_)
        names.version_id(version)
    except (InvalidName, InvalidVersion) as error:
        raise InvalidUpload(f"{where}: {error.message}") from error


def line(metadata: Element, name: str) -> str:
    """One line of printable text."""
    text = " ".join(text_of(metadata, name).split())
    return "".join(letter for letter in text if letter.isprintable())[:LINE_LIMIT]


def url(metadata: Element, name: str) -> str:
    return web_address(text_of(metadata, name))


def web_address(text: str) -> str:
    """The address, "" for one that a page may not link to: no script, no data."""
    fitting = text.lower().startswith(("https://", "http://")) and len(text) <= URL_LIMIT and not any(letter.isspace() for letter in text)
    return text if fitting else ""


def path(text: str) -> str:
    """A path in the package as archives write it: some nuspecs have backslashes."""
    return text.replace("\\", "/").removeprefix("./").lstrip("/")[:LINE_LIMIT]


def read_license(metadata: Element) -> tuple[str, str]:
    """The licence expression, and the path of a licence file: one of them, or neither."""
    for element in children(metadata, "license"):
        text = (element.text or "").strip()
        return ("", path(text)) if element.get("type", "").lower() == "file" else (text[:LINE_LIMIT], "")
    return "", ""


# -- dependencies and types --------------------------------------------------------------------------------------------


def read_groups(metadata: Element, where: str) -> Iterator[Group]:
    """The groups in the order of the nuspec; dependencies outside of one are a group for any framework."""
    left = MOST_DEPENDENCIES
    for element in children(metadata, "dependencies"):
        loose = list(children(element, "dependency"))
        pairs = [("", loose)] if loose else []
        pairs += [(group.get("targetFramework", ""), list(children(group, "dependency"))) for group in children(element, "group")]
        for framework, held in pairs:
            left -= len(held) + 1
            if left < 0:
                raise InvalidUpload(f"{where} has more than {MOST_DEPENDENCIES} dependencies and groups")
            if framework and not _FRAMEWORK.fullmatch(framework):
                raise InvalidUpload(f"{where} names a target framework that is none: {framework[: names.SHOWN]!r}")
            yield Group(framework=framework, dependencies=tuple(read_dependency(each, where) for each in held))


def read_dependency(element: Element, where: str) -> Dependency:
    id_ = element.get("id", "").strip()
    try:
        names.name_key(id_)
        found = names.read_range(element.get("version", ""))
    except (InvalidName, InvalidVersion) as error:
        raise InvalidUpload(f"{where} depends on {id_[: names.SHOWN]!r}: {error.message}") from error
    return Dependency(id=id_, range=found.text, semver2=found.semver2)


def read_types(metadata: Element, where: str) -> Iterator[PackageType]:
    found = list(children(metadata, "packageTypes", "packageType"))
    if len(found) > MOST_TYPES:
        raise InvalidUpload(f"{where} names more than {MOST_TYPES} package types")
    for element in found:
        name, version = element.get("name", "").strip(), element.get("version", "").strip()
        if not _TYPE.fullmatch(name):
            raise InvalidUpload(f"{where} names a package type that is none: {name[: names.SHOWN]!r}")
        yield PackageType(name=name, version=version[:64])
