"""Everything that opkg reads of a feed: Packages, plain and packed, and Packages.manifest with what routers are spared. Pure."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping

import msgspec

from packhouse.formats.opkg.parse import Facts
from packhouse.model import Documents, FileRow, Moment, NewDocument, Rows, Struct

TEXT, PACKED = "text/plain; charset=utf-8", "application/gzip"


class Listed(Struct):
    """A package of the feed, and where it is from the feed's own address."""

    facts: Facts
    file: FileRow
    path: str


def write_feed(rows: Rows, _reads: Mapping[str, Documents], moment: Moment) -> Documents:
    """The lists, empty ones too."""
    listed = sorted(_listed(rows, moment), key=lambda one: (one.file.path, one.file.project))
    packages = pad("".join(_write_record(one) for one in listed).encode())
    manifest = "".join(_write_record(one, one.facts.more) for one in listed).encode()
    return {
        "Packages": NewDocument(body=packages, media_type=TEXT),
        "Packages.gz": NewDocument(body=gzip.compress(packages, 6, mtime=0), media_type=PACKED),
        "Packages.manifest": NewDocument(body=manifest, media_type=TEXT),
    }


def _listed(rows: Rows, moment: Moment) -> Iterator[Listed]:
    """Every package once: the same one in two projects of a group counts as one."""
    seen = set()
    served = _choose_served(rows)
    for package in rows.packages:
        for version in package.versions:
            for file in version.files:
                if file.blob.sha256 not in seen and served[file.project, file.path] == (-len(package.name), file.id):
                    seen.add(file.blob.sha256)
                    name = file.path.rpartition("/")[2]
                    path = f"{file.project}/{name}" if moment.level == "group" else name
                    yield Listed(facts=msgspec.json.decode(file.facts, type=Facts), file=file, path=path)


def _choose_served(rows: Rows) -> Mapping[tuple[int, str], tuple[int, int]]:
    """The file that is found at each path: two can have one there where an earlier release has taken both."""
    served: dict[tuple[int, str], tuple[int, int]] = {}
    for package in rows.packages:
        for version in package.versions:
            for file in version.files:
                rank = -len(package.name), file.id  # the shorter name is looked for first, then the newer file
                served[file.project, file.path] = max(rank, served.get((file.project, file.path), rank))
    return served


def _write_record(one: Listed, more: str = "") -> str:
    """The description comes last, and an empty line behind it: without one opkg forgets the last description."""
    facts, blob = one.facts, one.file.blob
    return f"{facts.fields}{more}Filename: {one.path}\nSize: {blob.size}\nSHA256sum: {blob.sha256}\n{facts.description}\n"


def pad(packages: bytes) -> bytes:
    """With two empty lines where usign hashes such a length wrong, as OpenWrt's own lists have them: it would call the signature bad."""
    return packages + b"\n\n" if (64 + len(packages)) % 128 in (110, 111) else packages
