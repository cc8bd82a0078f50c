"""Rows → the digests of every document, in a process of its own: `python -m tests.conformance.write_index <format> < rows`."""

from __future__ import annotations

import hashlib
import json
import sys

import msgspec

from packhouse.contract import Format
from packhouse.model import Documents, Moment, PackageRow, Rows, replace

from .driver import ALL

MOMENT = Moment(at=1_700_000_000_000_000, api="http://registry.example/api/v4", format="", level="project", place=1, options={"codename": "some"})


def write_all(format: Format, rows: Rows, moment: Moment) -> dict[str, str]:
    """Index, key and path → sha256 of the document."""
    found = {}
    for name, index in format.indexes.items():
        for key, part in parts_of(format, name, rows):
            reads: dict[str, Documents] = {}
            for other in index.reads:
                for shelf in sorted({file.shelf for package in rows.packages for version in package.versions for file in version.files}):
                    reads[f"{other}/{shelf}"] = format.indexes[other].write(on_shelf(rows, shelf), {}, moment)
            for path, document in index.write(part, reads, moment).items():
                found[f"{name} {key} {path}"] = hashlib.sha256(document.body + document.media_type.encode()).hexdigest()
    return found


def parts_of(format: Format, name: str, rows: Rows) -> list[tuple[str, Rows]]:
    """What one set of documents of an index is made from, by its key."""
    over = format.indexes[name].over
    if over == "package":
        return [(key, Rows(packages=tuple(p for p in rows.packages if p.key == key))) for key in sorted({p.key for p in rows.packages})]
    if over == "shelf":
        shelves = {file.shelf for package in rows.packages for version in package.versions for file in version.files}
        return [(shelf, on_shelf(rows, shelf)) for shelf in sorted(shelves)]
    return [("", rows)]


def on_shelf(rows: Rows, shelf: str) -> Rows:
    """The rows that stand on a shelf."""
    packages: list[PackageRow] = []
    for package in rows.packages:
        versions = [
            replace(version, files=held) for version in package.versions if (held := tuple(file for file in version.files if file.shelf == shelf))
        ]
        if versions:
            packages.append(replace(package, versions=tuple(versions)))
    return Rows(packages=tuple(packages))


if __name__ == "__main__":
    chosen = ALL[sys.argv[1]]
    read = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Rows)
    sys.stdout.write(json.dumps(write_all(chosen, read, replace(MOMENT, format=chosen.name)), sort_keys=True))
