"""Everything below `repodata`: the three lists of a group's packages, packed, and the repomd.xml that digests them. Pure."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from packhouse.formats.rpm import names
from packhouse.formats.rpm.parse import Facts, unpack
from packhouse.formats.rpm.parse.facts import GZIP
from packhouse.formats.rpm.parse.markup import write_element
from packhouse.model import Documents, FileRow, Moment, NewDocument, Rows, Struct, VersionRow

XML, PACKED = "application/xml", "application/gzip"
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
LINUX = "http://linux.duke.edu/metadata"
# the prefix is `rpm` and nothing else: old clients compare names, not namespaces
LISTS: Mapping[str, tuple[str, str]] = {
    "primary": ("metadata", f'xmlns="{LINUX}/common" xmlns:rpm="{LINUX}/rpm"'),
    "filelists": ("filelists", f'xmlns="{LINUX}/filelists"'),
    "other": ("otherdata", f'xmlns="{LINUX}/other"'),
}


class Listed(Struct):
    """A package of the group."""

    facts: Facts
    file: FileRow
    version: VersionRow


class Packed(Struct):
    """A list, and what repomd.xml says of it unpacked."""

    body: bytes
    sha256: str
    size: int


def write_repository(rows: Rows, _reads: Mapping[str, Documents], moment: Moment) -> Documents:
    """The lists, empty ones too, by names that hold their digests, and what leads to them."""
    listed = sorted(_listed(rows), key=_order)
    documents: dict[str, NewDocument] = {}
    told = []
    for kind in LISTS:
        packed = _pack(_write_list(kind, listed, moment))
        name = f"{hashlib.sha256(packed.body).hexdigest()}-{kind}.xml.gz"
        documents[name] = NewDocument(body=packed.body, media_type=PACKED)
        told.append(_write_data(kind, name, packed, moment))
    content = write_element("revision", _seconds(moment)) + "".join(told)
    repomd = f'{DECLARATION}<repomd xmlns="{LINUX}/repo" xmlns:rpm="{LINUX}/rpm">\n{content}</repomd>\n'
    return {"repomd.xml": NewDocument(body=repomd.encode(), media_type=XML), **documents}


def _listed(rows: Rows) -> Iterator[Listed]:
    """Every package once: the same one in two projects of a group counts as one."""
    seen = set()
    for package in rows.packages:
        for version in package.versions:
            for file in version.files:
                if file.blob.sha256 not in seen:
                    seen.add(file.blob.sha256)
                    yield Listed(facts=msgspec.json.decode(file.facts, type=Facts), file=file, version=version)


def _order(one: Listed) -> tuple[Any, ...]:
    return one.facts.name, names.version_key(one.version.version), one.facts.architecture, one.file.project


def _seconds(moment: Moment) -> str:
    return str(moment.at // 1_000_000)


def _pack(parts: Iterable[bytes]) -> Packed:
    """One package at a time: the whole list, unpacked, can be a thousand times as large."""
    packer, digest, size, packed = zlib.compressobj(6, zlib.DEFLATED, GZIP), hashlib.sha256(), 0, []
    for part in parts:
        digest.update(part)
        size += len(part)
        packed.append(packer.compress(part))
    return Packed(body=b"".join([*packed, packer.flush()]), sha256=digest.hexdigest(), size=size)


def _write_list(kind: str, listed: Sequence[Listed], moment: Moment) -> Iterator[bytes]:
    root, namespaces = LISTS[kind]
    write = WRITERS[kind]
    yield f'{DECLARATION}<{root} {namespaces} packages="{len(listed)}">\n'.encode()
    for one in listed:
        yield write(one, moment)
    yield f"</{root}>\n".encode()


def _write_primary(one: Listed, moment: Moment) -> bytes:
    facts, blob = one.facts, one.file.blob
    return "".join(
        (
            '<package type="rpm">\n', write_element("name", facts.name), write_element("arch", facts.architecture), _write_version(facts),
            f'<checksum type="sha256" pkgid="YES">{blob.sha256}</checksum>\n', facts.described,
            write_element("time", file=one.file.created // 1_000_000, build=facts.built),
            write_element("size", package=blob.size, installed=facts.installed, archive=facts.archive),
            write_element("location", href=package_path(one, moment)), "<format>\n", facts.format, "</format>\n</package>\n",
        )
    ).encode()  # fmt: skip


def _write_filelist(one: Listed, _moment: Moment) -> bytes:
    return _write_beside(one, unpack(one.facts.files))


def _write_changelog(one: Listed, _moment: Moment) -> bytes:
    return _write_beside(one, unpack(one.facts.changes))


def _write_beside(one: Listed, content: bytes) -> bytes:
    facts = one.facts
    head = f'<package pkgid="{one.file.blob.sha256}" name="{facts.name}" arch="{facts.architecture}">\n{_write_version(facts)}'
    return head.encode() + content + b"</package>\n"


WRITERS: Mapping[str, Callable[[Listed, Moment], bytes]] = {"primary": _write_primary, "filelists": _write_filelist, "other": _write_changelog}


def _write_version(facts: Facts) -> str:
    return write_element("version", epoch=facts.epoch, ver=facts.version, rel=facts.release)


def _write_data(kind: str, name: str, packed: Packed, moment: Moment) -> str:
    return "".join(
        (
            f'<data type="{kind}">\n', write_element("checksum", hashlib.sha256(packed.body).hexdigest(), type="sha256"),
            write_element("open-checksum", packed.sha256, type="sha256"), write_element("location", href=f"repodata/{name}"),
            write_element("timestamp", _seconds(moment)), write_element("size", str(len(packed.body))), write_element("open-size", str(packed.size)),
            "</data>\n",
        )
    )  # fmt: skip


def package_path(one: Listed, moment: Moment) -> str:
    """Where the package is, from the folder that holds `repodata`: of a group of projects with the number of its project.

    Not encoded: librepo and libzypp take it for a path, and encode it themselves.
    """
    project = [str(one.file.project)] if moment.level == "group" else []
    file = one.file.path.rpartition("/")[2]
    return "/".join(["package", *project, one.facts.name, one.version.version, one.facts.architecture, file])
