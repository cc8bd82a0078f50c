"""What dput sends beside packages: `.changes`, which says what an upload consists of, and `.dsc`, a source package. Clear-signed or not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from packhouse.errors import InvalidName, InvalidUpload, InvalidVersion
from packhouse.formats.debian import names
from packhouse.formats.debian.parse.debs import SOURCE, Facts, Read, describe
from packhouse.grammar.distributions import COMPONENT, DISTRIBUTION
from packhouse.grammar.stanzas import LARGEST, Fields, read_stanza
from packhouse.model import Blob, Struct, replace

HEAD, TAIL = b"-----BEGIN PGP SIGNED MESSAGE-----", b"-----BEGIN PGP SIGNATURE-----"
MOST_FILES = 1000
SUMS = {"files": "md5", "checksums-sha1": "sha1", "checksums-sha256": "sha256"}


class Sum(Struct):
    """A file as a list of files has it."""

    name: str
    size: int
    sha256: str
    section: str = ""
    priority: str = ""

    @property
    def component(self) -> str:
        """`contrib/net` is a section of contrib, plain `net` one of main."""
        area, slash, _ = self.section.partition("/")
        return area if slash else "main"


class Changes(Struct):
    """What an upload consists of."""

    name: str
    version: str
    distribution: str
    files: tuple[Sum, ...]


class Source(Struct):
    """A source package: its facts, without what only the place of its files tells, and those files."""

    read: Read
    files: tuple[Sum, ...]
    lists: tuple[tuple[str, tuple[str, ...]], ...] = ()  # Files, Checksums-Sha1, Checksums-Sha256, line by line


def read_changes(path: str) -> Changes:
    """The list of an upload. Raises `InvalidUpload`."""
    values = _values(_read(path, ".changes"))
    distribution = values.get("distribution", "").strip()
    if not DISTRIBUTION.fullmatch(distribution):
        raise InvalidUpload(f"Field Distribution of the .changes is {distribution[:80]!r}, it must name one distribution")
    name, version = read_source(values)
    return Changes(name=name, version=version, distribution=distribution, files=_sums(values, ".changes"))


def read_dsc(path: str) -> Source:
    """A source package's own description. Raises `InvalidUpload`."""
    fields = _read(path, ".dsc")
    values = _values(fields)
    name, version = read_source(values)
    # Package comes first, and where the files are is said by whoever lists them
    plain = tuple((key, value) for key, value in fields if key.lower() not in ("source", "package", "directory", "section", "priority", *SUMS))
    stanza = "".join(f"{key}:{'' if not value or value[0] == chr(10) else ' '}{value}\n" for key, value in (("Package", name), *plain))
    file = f"{name}_{names.without_epoch(version)}.dsc"
    facts = Facts(kind="dsc", package=name, version=version, architecture="source", stanza=stanza)
    lists = tuple((field, tuple(line.strip() for line in value.split("\n") if line.strip())) for field, value in fields if field.lower() in SUMS)
    read = Read(name=name, version=version, file=file, facts=facts, about=describe(fields))
    return Source(read=read, files=_sums(values, ".dsc"), lists=lists)


def read_source(values: Mapping[str, str]) -> tuple[str, str]:
    """Name and version of the source package. Raises `InvalidUpload`."""
    found = SOURCE.fullmatch(values.get("source", "").strip())
    if found is None:
        raise InvalidUpload("Field Source is missing, or is no name")
    try:
        return names.name_key(found[1]), names.version_id(found[2] or values.get("version", "").strip())
    except (InvalidName, InvalidVersion) as error:
        raise InvalidUpload(error.message) from error


def _read(path: str, what: str) -> Fields:
    content = Path(path).read_bytes() if Path(path).stat().st_size <= LARGEST else b"\n" * (LARGEST + 1)
    return read_stanza(_unsigned(content.replace(b"\r\n", b"\n")), f"The {what}")


def _unsigned(content: bytes) -> bytes:
    """The text of a clear-signed message (RFC 9580, section 7); who signed it is not asked."""
    if not content.startswith(HEAD):
        return content
    _, blank, rest = content.partition(b"\n\n")
    text, tail, _ = rest.partition(b"\n" + TAIL)
    if not blank or not tail:
        raise InvalidUpload("The clear-signed text is cut short")
    return re.sub(rb"(?m)^- ", b"", text)


def _values(fields: Fields) -> dict[str, str]:
    return {name.lower(): value for name, value in fields}


def _sums(values: Mapping[str, str], what: str) -> tuple[Sum, ...]:
    """The files that are listed, by name. Raises `InvalidUpload` where the lists disagree, or a name is none of a file."""
    listed = {line.split()[-1]: line.split() for line in values.get("checksums-sha256", "").split("\n") if line.strip()}
    named = {line.split()[-1]: line.split() for line in values.get("files", "").split("\n") if line.strip()}
    if not named or set(named) != set(listed) or len(named) > MOST_FILES:
        raise InvalidUpload(f"The {what} must list the same 1 to {MOST_FILES} files in Files and in Checksums-Sha256")
    return tuple(_sum(name, listed[name], named[name], what) for name in sorted(named))


def _sum(name: str, listed: list[str], named: list[str], what: str) -> Sum:
    digest, size = listed[0].lower(), listed[1] if len(listed) == 3 else ""
    if len(named) not in (3, 5) or not (names.FILE.fullmatch(name) and re.fullmatch(r"[0-9a-f]{64}", digest) and re.fullmatch(r"[0-9]{1,15}", size)):
        raise InvalidUpload(f"The {what} lists {name[:80]!r} without a plain name, a SHA-256 and a size")
    section, priority = (named[2], named[3]) if len(named) == 5 else ("", "")
    found = Sum(name=name, size=int(size), sha256=digest, section=section, priority=priority)
    if not COMPONENT.fullmatch(found.component):
        raise InvalidUpload(f"The {what} has the section {section[:80]!r}, whose first part is no component")
    return found


def write_source(source: Source, blob: Blob, one: Sum) -> Facts:
    """The facts of a .dsc that was published: with its place among the sections, and the lists of its files, itself among them."""
    facts = source.read.facts
    placed = "".join(f"{name}: {value}\n" for name, value in (("Section", one.section), ("Priority", one.priority)) if value not in ("", "-"))
    itself = {"md5": blob.md5, "sha1": blob.sha1, "sha256": blob.sha256}
    lists = ""
    for field, lines in source.lists:
        lists += f"{field}:\n" + "".join(f" {line}\n" for line in (f"{itself[SUMS[field.lower()]]} {blob.size} {one.name}", *lines))
    return replace(facts, stanza=f"{facts.stanza}{placed}{lists}")
