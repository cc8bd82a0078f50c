"""A binary package: an ar archive with a control paragraph inside a tar archive (deb(5))."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from packhouse.errors import InvalidName, InvalidUpload, InvalidVersion
from packhouse.formats.debian import names
from packhouse.grammar.ars import CONTROL, list_members, read_control
from packhouse.grammar.distributions import ARCHITECTURE
from packhouse.grammar.stanzas import Fields, read_stanza, write_stanza
from packhouse.model import About, Dependency, Struct

SOURCE = re.compile(r"(\S+)(?:\s+\(([^()\s]+)\))?")
RELATION = re.compile(r"([a-z0-9][a-z0-9+.-]+)(?::[a-z0-9-]+)?\s*(?:\(([^()]*)\))?.*", re.DOTALL)
# ours to say, or dpkg's own notes about an installed package
DROPPED = frozenset({"status", "conffiles", "filename", "size", "md5sum", "sha1", "sha256", "sha512"})


class Facts(Struct, omit_defaults=True):
    """What an index needs of a file. `kind`: deb, udeb, ddeb, dsc, or other, which is on no list. The stanza lacks where the file is."""

    kind: str
    component: str = ""
    package: str = ""
    version: str = ""
    architecture: str = ""
    stanza: str = ""


class Read(Struct):
    """A file that was read: the source package it belongs to, what it is called, its facts."""

    name: str
    version: str
    file: str
    facts: Facts
    about: About = About()
    section: str = ""


def read_deb(path: str, kind: str) -> Read:
    """What a binary package says about itself. Raises `InvalidUpload`."""
    with Path(path).open("rb") as file:
        control = _read_control(file, Path(path).stat().st_size)
    fields = read_stanza(control, "The control file")
    values = {name.lower(): value for name, value in fields}
    package, version, architecture = (_need(values, name) for name in ("Package", "Version", "Architecture"))
    if not ARCHITECTURE.fullmatch(architecture):
        raise InvalidUpload(f"Architecture {architecture[:80]!r} is invalid: use small letters, digits and -")
    name, source_version = _source_of(values.get("source", ""), package, version)
    facts = Facts(
        kind=kind,
        package=package,
        version=version,
        architecture=architecture,
        stanza=write_stanza(tuple((name, value) for name, value in fields if name.lower() not in DROPPED)),
    )
    return Read(
        name=name,
        version=source_version,
        file=names.file_name(package, version, architecture, kind),
        facts=facts,
        about=describe(fields),
        section=values.get("section", ""),
    )


def _need(values: dict[str, str], name: str) -> str:
    value = values.get(name.lower(), "").strip()
    if not value:
        raise InvalidUpload(f"The control file has no field {name}: build the package again")
    if name == "Package":
        return _checked(names.name_key, value)
    return _checked(names.version_id, value) if name == "Version" else value


def _checked(check: object, value: str) -> str:
    try:
        return str(check(value))  # type: ignore[operator]
    except (InvalidName, InvalidVersion) as error:
        raise InvalidUpload(error.message) from error


def _source_of(text: str, package: str, version: str) -> tuple[str, str]:
    """The name and version of the source package: `Source: name (version)`, where they differ from the package's own."""
    if not text.strip():
        return package, version
    found = SOURCE.fullmatch(text.strip())
    if found is None:
        raise InvalidUpload(f"Field Source is {text[:80]!r}, it must be a name, or name (version)")
    return _checked(names.name_key, found[1]), _checked(names.version_id, found[2] or version)


# -- the archives ----------------------------------------------------------------------------------------------------


def _read_control(file: BinaryIO, size: int) -> bytes:
    members = list_members(file, size)
    first, length = next(members, ("", 0))
    if first != "debian-binary" or not file.read(min(length, 4)).startswith(b"2."):
        raise InvalidUpload("The file is no Debian package: an ar archive must begin with the member debian-binary of version 2.0")
    control: bytes | None = None
    for name, length in members:
        found = CONTROL.fullmatch(name)
        if name.startswith("_") and found is None:
            continue
        if found is not None and control is None:
            control = read_control(file, length, found[1])
        elif name.startswith("data.tar") and control is not None:
            return control
        else:
            raise InvalidUpload(f"The package has the member {name[:40]!r} where control.tar and data.tar must be")
    raise InvalidUpload("The package is incomplete: it has no control.tar and data.tar")


# -- for people ------------------------------------------------------------------------------------------------------


def describe(fields: Fields) -> About:
    """What a page shows of the package."""
    values = {name.lower(): value for name, value in fields}
    summary, _, rest = values.get("description", "").partition("\n")
    readme = "\n".join("" if line.strip() == "." else line[1:] for line in rest.split("\n")) if rest else ""
    homepage = values.get("homepage", "").strip()
    return About(
        summary=summary.strip()[:500],
        readme=readme,
        readme_type="text/plain",
        author=values.get("maintainer", "").strip()[:255],
        keywords=tuple(word for word in (values.get("section", "").strip(),) if word),
        links={"Homepage": homepage} if homepage.startswith(("http://", "https://")) and "\n" not in homepage else {},
        dependencies=tuple(_dependencies(values)),
    )


def _dependencies(values: dict[str, str]) -> Iterator[Dependency]:
    for field, kind in (("pre-depends", "before"), ("depends", "runtime"), ("recommends", "recommended")):
        for relation in values.get(field, "").split(","):
            found = RELATION.fullmatch(relation.partition("|")[0].strip())
            if found is not None:
                yield Dependency(name=found[1], range=(found[2] or "").strip(), kind=kind)
