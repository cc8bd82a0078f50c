"""The versions that are listed, from rows: what every document of this room is made of."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import msgspec

from packhouse.formats.nuget import names
from packhouse.model import FileRow, Instant, Moment, Rows, Struct, VersionRow

LEAF, CONTENT = "\x01", "\x02"
"""Marks in a ready entry, for the address of the version in the registration and in the flat container. JSON has neither character."""


class Facts(Struct, omit_defaults=True):
    """Of a package file. `entry` is the JSON of its catalog entry without the closing brace, with marks where addresses go."""

    entry: str
    semver2: bool = False
    types: tuple[str, ...] = ()


class Release(Struct):
    """A version that is listed: its row, its package file, that file's facts, the version in its parts, and as addresses have it."""

    row: VersionRow
    file: FileRow
    facts: Facts
    version: names.Version
    normal: str

    @property
    def listed(self) -> bool:
        return self.row.yanked is None


_read_facts = msgspec.json.Decoder(Facts).decode


def list_releases(rows: Rows, *, semver1: bool = False) -> list[Release]:
    """The versions in their order, each once: of equal ones in several projects, the one published last."""
    found: dict[str, Release] = {}
    for row in sorted((each for package in rows.packages for each in package.versions), key=_age):
        file = _package_file(row)
        if file is None or row.status == "hidden":
            continue
        version = names.read_version(row.version)
        release = Release(row=row, file=file, facts=_read_facts(file.facts), version=version, normal=version.normal.lower())
        if not (semver1 and release.facts.semver2):
            found[release.normal] = release
    return sorted(found.values(), key=order_of)


def order_of(release: Release) -> names.Key:
    """The place of a release among the others."""
    return names.order_of(release.version)


def _age(row: VersionRow) -> tuple[Instant, int]:
    return row.created, row.id


def _package_file(row: VersionRow) -> FileRow | None:
    return next((file for file in row.files if not file.derived and file.path.endswith(names.PACKAGE)), None)


# -- addresses: neither ids nor versions hold a character that would have to be escaped, in addresses, in JSON or in XML ----


def leaf_address(release: Release, moment: Moment) -> str:
    """The version in the registration of its project, without the `.json` at the end."""
    return f"{moment.project(release.row.project)}/metadata/{release.row.name}/{release.normal}"


def container_address(release: Release, moment: Moment) -> str:
    """The version in the flat container of its project."""
    return f"{moment.project(release.row.project)}/download/{release.row.name}/{release.normal}"


def content_address(release: Release, moment: Moment) -> str:
    """The package file."""
    return f"{container_address(release, moment)}/{release.file.path}"


def inside_string(text: str) -> str:
    """A text as it may stand inside a JSON string."""
    return msgspec.json.encode(text)[1:-1].decode()


# -- what is said of a release -----------------------------------------------------------------------------------------


def iso(instant: Instant) -> str:
    """ISO 8601 with milliseconds, in UTC."""
    return f"{datetime.fromtimestamp(instant // 1000000, UTC).isoformat()[:19]}.{instant // 1000 % 1000:03d}Z"


def published(release: Release) -> str:
    """When the version was published, upstream's time where it came from one."""
    file = release.file
    return iso(release.row.created if file.origin_at is None else file.origin_at)


def package_hash(release: Release) -> str:
    """The sha512 of the package in base64, "" where it is not known."""
    sha512 = release.file.blob.sha512
    return base64.b64encode(bytes.fromhex(sha512)).decode() if sha512 else ""


def write_entry(release: Release, moment: Moment) -> str:
    """The catalog entry as JSON: the part that was made when the version was published, with its addresses, and what may change."""
    entry = release.facts.entry.replace(LEAF, leaf_address(release, moment))
    entry = entry.replace(CONTENT, container_address(release, moment))
    hashed = package_hash(release)
    told = f',"packageHash":"{hashed}","packageHashAlgorithm":"SHA512"' if hashed else ""
    listed = "true" if release.listed else "false"
    return f'{entry},"published":"{published(release)}","listed":{listed},"packageSize":{release.file.blob.size}{told}{_deprecation(release)}}}'


def _deprecation(release: Release) -> str:
    # An unlisted version with a reason is what clients call deprecated.
    if not release.row.yanked:
        return ""
    return f',"deprecation":{{"reasons":["Other"],"message":{msgspec.json.encode(release.row.yanked).decode()}}}'


def read_entry(release: Release, moment: Moment) -> dict[str, Any]:
    """The catalog entry as a value, for documents of another shape."""
    entry: dict[str, Any] = msgspec.json.decode(write_entry(release, moment))
    return entry
