"""`packages` of one shelf, `release` of a whole distribution that digests them, and the list of all names. Pure."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import msgspec

from packhouse.model import Documents, FileRow, Instant, Moment, NewDocument, Rows, Struct, VersionRow

TEXT = "text/plain; charset=utf-8"
GZIP = "application/gzip"


class Facts(Struct):
    """The fields of a package, in their order."""

    fields: tuple[tuple[str, str], ...] = ()


def write_packages(rows: Rows, _reads: Mapping[str, Documents], moment: Moment) -> Documents:
    """One stanza for each file on the shelf, plain and packed. The same file in two projects of a group is listed once."""
    listed = sorted(_listed(rows), key=lambda one: (one[1].name, one[1].version, one[0].path, one[0].project))
    if not listed:
        return {}
    text = "\n".join(_stanza(file, version, moment) for file, version in listed).encode()
    return {"packages": NewDocument(body=text, media_type=TEXT), "packages.gz": NewDocument(body=gzip.compress(text, mtime=0), media_type=GZIP)}


def _listed(rows: Rows) -> Iterator[tuple[FileRow, VersionRow]]:
    seen = set()
    for package in rows.packages:
        for version in package.versions:
            for file in version.files:
                if (file.path, file.blob.sha256) not in seen:
                    seen.add((file.path, file.blob.sha256))
                    yield file, version


def _stanza(file: FileRow, version: VersionRow, moment: Moment) -> str:
    fields = msgspec.json.decode(file.facts, type=Facts).fields
    lines = [f"{key}: {value}" for key, value in fields]
    lines += [f"File: pool/{file.path}", f"Size: {file.blob.size}", f"SHA256: {file.blob.sha256}"]
    if version.yanked is not None:
        lines.append(f"Held: {version.yanked or 'yes'}")
    return "\n".join([*lines, ""])


def write_release(_rows: Rows, reads: Mapping[str, Documents], moment: Moment) -> Documents:
    """Digest, size and path of every list of the distribution. There even when all of them are gone, so that clients do not fail."""
    lines = [f"Date: {timestamp(moment.at)}", "SHA256:"]
    for key in sorted(reads):
        shelf = key.removeprefix("packages/").partition("/")[2]
        for path, document in sorted(reads[key].items()):
            lines.append(f" {hashlib.sha256(document.body).hexdigest()} {len(document.body)} {shelf}/{path}")
    return {"release": NewDocument(body="\n".join([*lines, ""]).encode(), media_type=TEXT)}


def write_names(rows: Rows, _reads: Mapping[str, Documents], moment: Moment) -> Documents:
    """Every name, one a line."""
    names = sorted({package.key for package in rows.packages})
    return {"names": NewDocument(body="".join(f"{name}\n" for name in names).encode(), media_type=TEXT)}


def timestamp(instant: Instant) -> str:
    return datetime.fromtimestamp(instant // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
