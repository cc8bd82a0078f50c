"""Everything below `dists/<codename>`: lists of packages, plain and packed, and the Release that digests them. Pure."""

from __future__ import annotations

import gzip
import hashlib
import lzma
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from email.utils import formatdate
from typing import Any
from urllib.parse import quote

import msgspec

from packhouse.formats.debian import names
from packhouse.formats.debian.parse import Facts
from packhouse.model import Documents, FileRow, Instant, Moment, NewDocument, Rows, Struct, VersionRow

TEXT = "text/plain; charset=utf-8"
PACKED = {"gz": "application/gzip", "xz": "application/x-xz"}
LARGE = 1024 * 1024
ALL = "all"
KINDS = frozenset({"deb", "udeb", "ddeb", "dsc"})  # what is on a list


class Listed(Struct):
    """A file on its shelf."""

    facts: Facts
    file: FileRow
    version: VersionRow


def write_distribution(rows: Rows, _reads: Mapping[str, Documents], moment: Moment) -> Documents:
    """Each list of each component and architecture, empty ones too, and the Release."""
    listed = sorted(_listed(rows), key=_order)
    binaries = [one for one in listed if one.facts.kind != "dsc"]
    sources = [one for one in listed if one.facts.kind == "dsc"]
    components = sorted({*moment.options.get("components", ()), *(one.facts.component for one in listed)})
    architectures = sorted({ALL, *moment.options.get("architectures", ()), *(one.facts.architecture for one in binaries)})
    documents: dict[str, NewDocument] = {}
    for path, entries in sorted(_lists(binaries, components, architectures).items()):
        documents |= _packed(path, "\n".join(_binary_stanza(one, moment) for one in entries).encode())
    for component in components:
        text = "\n".join(_source_stanza(one, moment) for one in sources if one.facts.component == component)
        documents |= _packed(f"{component}/source/Sources", text.encode())
    release = write_release(documents, components, architectures, moment)
    return {**documents, "Release": NewDocument(body=release.encode(), media_type=TEXT)}


def _listed(rows: Rows) -> Iterator[Listed]:
    """Every file once: the same one in two projects of a group counts as one."""
    seen = set()
    for package in rows.packages:
        for version in package.versions:
            for file in version.files:
                key = (version.name, version.version, file.path, file.blob.sha256)
                facts = msgspec.json.decode(file.facts, type=Facts)
                if key not in seen and facts.kind in KINDS:
                    seen.add(key)
                    yield Listed(facts=facts, file=file, version=version)


def _order(one: Listed) -> tuple[Any, ...]:
    return one.facts.package, names.version_key(one.facts.version), one.facts.architecture, one.file.path, one.file.project


def _lists(binaries: Sequence[Listed], components: Sequence[str], architectures: Sequence[str]) -> Mapping[str, list[Listed]]:
    """Path of a list → its files; those for all architectures are on every list of their component."""
    lists: dict[str, list[Listed]] = {f"{component}/binary-{name}/Packages": [] for component in components for name in architectures}
    installer: dict[str, list[Listed]] = defaultdict(list)
    for one in binaries:
        for name in architectures if one.facts.architecture == ALL else (one.facts.architecture,):
            if one.facts.kind == "udeb":
                installer[f"{one.facts.component}/debian-installer/binary-{name}/Packages"].append(one)
            else:
                lists[f"{one.facts.component}/binary-{name}/Packages"].append(one)
    return {**lists, **installer}


def _binary_stanza(one: Listed, moment: Moment) -> str:
    blob = one.file.blob
    return f"{one.facts.stanza}Filename: {pool_path(one, moment)}\nSize: {blob.size}\nMD5sum: {blob.md5}\nSHA1: {blob.sha1}\nSHA256: {blob.sha256}\n"


def _source_stanza(one: Listed, moment: Moment) -> str:
    return f"{one.facts.stanza}Directory: {pool_path(one, moment).rpartition('/')[0]}\n"


def pool_path(one: Listed, moment: Moment) -> str:
    """Where the file is, below the base of the format: of a group with the number of its project."""
    distribution, _, file = one.file.path.partition("/")
    project = f"{one.file.project}/" if moment.level == "group" else ""
    version = quote(one.version.version, safe="+~:")
    return f"pool/{distribution}/{project}{names.letter_of(one.version.name)}/{one.version.name}/{version}/{quote(file, safe='+~')}"


def _packed(path: str, body: bytes) -> Documents:
    packed = {"gz": gzip.compress(body, 6, mtime=0), "xz": lzma.compress(body, preset=6 if len(body) > LARGE else 1)}
    found = {f"{path}.{suffix}": NewDocument(body=made, media_type=PACKED[suffix]) for suffix, made in packed.items()}
    return {path: NewDocument(body=body, media_type=TEXT), **found}


def write_release(documents: Documents, components: Sequence[str], architectures: Sequence[str], moment: Moment) -> str:
    """What the distribution is, and digest and size of each list."""
    options = moment.options
    codename = str(options["codename"])
    seconds = options.get("valid_time_duration_seconds")
    fields = {
        "Origin": options.get("origin"),
        "Label": options.get("label"),
        "Suite": options.get("suite") or codename,
        "Version": options.get("version"),
        "Codename": codename,
        "Date": timestamp(moment.at),
        "Valid-Until": timestamp(moment.at + seconds * 1_000_000) if seconds else None,
        "Acquire-By-Hash": "yes",
        "No-Support-for-Architecture-all": "Packages",  # they are on every list of their component
        "Architectures": " ".join(architectures),
        "Components": " ".join(components),
        "Description": options.get("description"),
    }
    lines = [f"{name}: {value}" for name, value in fields.items() if value]
    for name, algorithm in (("MD5Sum", "md5"), ("SHA256", "sha256")):
        lines.append(f"{name}:")
        for path, document in sorted(documents.items()):
            digest = hashlib.new(algorithm, document.body, usedforsecurity=False).hexdigest()
            lines.append(f" {digest} {len(document.body)} {path}")
    return "\n".join([*lines, ""])


def timestamp(instant: Instant) -> str:
    """As apt reads it: RFC 1123, ending in UTC."""
    return formatdate(instant // 1_000_000, usegmt=True).replace("GMT", "UTC")
