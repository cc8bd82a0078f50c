"""The lines that clients resolve from, and results of a search, made from rows. What cannot change of a line is ready in the facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from packhouse.formats.cargo import names
from packhouse.model import Documents, FileRow, Instant, Moment, NewDocument, Rows, Struct, VersionRow

TEXT = "text/plain; charset=utf-8"


class Facts(Struct):
    """Of a crate: the name as it is spelled inside, and its line but for the digest, the time and whether it is yanked."""

    name: str
    line: msgspec.Raw
    description: str = ""


class Release(Struct):
    """A version that is listed."""

    row: VersionRow
    file: FileRow
    facts: Facts


_read_facts = msgspec.json.Decoder(Facts).decode


def write_lines(rows: Rows, _reads: Mapping[str, Documents], _moment: Moment) -> Documents:
    """A document for each spelling of the name in lower case, a line for each version in the order of publishing; none where nothing is listed."""
    lines: dict[str, list[bytes]] = {}
    for release in list_releases(rows):
        lines.setdefault(release.facts.name.lower(), []).append(write_line(release))
    return {name: NewDocument(body=b"".join(found), media_type=TEXT) for name, found in lines.items()}


def list_releases(rows: Rows) -> list[Release]:
    """What is listed, oldest first. Of equal versions in several projects the one published first: a lock file of that time still holds."""
    found: dict[tuple[str, str], Release] = {}
    for row in sorted((each for package in rows.packages for each in package.versions), key=_age):
        for file in row.files:
            if row.status != "hidden" and file.path.endswith(".crate"):
                facts = _read_facts(file.facts)
                found.setdefault((facts.name.lower(), names.version_id(row.version)), Release(row=row, file=file, facts=facts))
    return list(found.values())


def _age(row: VersionRow) -> tuple[Instant, int]:
    return row.created, row.id


def write_line(release: Release) -> bytes:
    """The line of a version."""
    yanked = b"true" if release.row.yanked is not None else b"false"
    moving = (release.file.blob.sha256.encode(), yanked, write_time(release.row.created).encode())
    return bytes(release.facts.line)[:-1] + b',"cksum":"%b","yanked":%b,"pubtime":"%b"}\n' % moving


def write_time(instant: Instant) -> str:
    """RFC 3339 in UTC, to the second."""
    return f"{datetime.fromtimestamp(instant // 1_000_000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def write_result(rows: Rows) -> dict[str, Any] | None:
    """A crate found by a search, by its highest version that is not yanked; None where nothing is listed."""
    releases = list_releases(rows)
    if not releases:
        return None
    best = newest([each for each in releases if each.row.yanked is None] or releases)
    return {"name": best.facts.name, "max_version": best.row.version, "description": best.facts.description}


def newest(releases: Iterable[Release]) -> Release:
    """The release with the highest version."""
    return max(releases, key=lambda each: (names.version_key(each.row.version), _age(each.row)))
