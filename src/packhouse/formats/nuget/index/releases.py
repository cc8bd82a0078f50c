"""The versions that are listed, from rows: what every document of this room is made of."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from functools import lru_cache
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
    """A version that is listed: its row, its package file, that file's facts; the version in its parts, as addresses have it, and its place."""

    row: VersionRow
    file: FileRow
    facts: Facts
    version: names.Version
    normal: str
    key: names.Key

    @property
    def listed(self) -> bool:
        return self.row.yanked is None


_read_facts = msgspec.json.Decoder(Facts).decode


def list_releases(rows: Rows, *, semver1: bool = False) -> list[Release]:
    """The versions in their order, each once: of equal ones in several projects, the one published last."""
    found: dict[str, Release] = {}
    for row in (each for package in rows.packages for each in package.versions):
        file = _package_file(row)
        if file is None or row.status == "hidden":
            continue
        version, normal, key = _read_version(row.version)
        other = found.get(normal)
        if other is not None and _age(other.row) > _age(row):
            continue
        facts = _read_facts(file.facts)
        if not (semver1 and facts.semver2):
            found[normal] = Release(row=row, file=file, facts=facts, version=version, normal=normal, key=key)
    return sorted(found.values(), key=order_of)


@lru_cache(16384)
def _read_version(text: str) -> tuple[names.Version, str, names.Key]:
    version = names.read_version(text)
    return version, version.normal.lower(), names.order_of(version)


def order_of(release: Release) -> names.Key:
    """The place of a release among the others."""
    return release.key


def _age(row: VersionRow) -> tuple[Instant, int]:
    return row.created, row.id


def _package_file(row: VersionRow) -> FileRow | None:
    for file in row.files:
        if not file.derived and file.path.endswith(names.PACKAGE):
            return file
    return None


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
    hour, rest = divmod(instant, 3_600_000_000)
    return f"{_write_hour(hour)}{rest // 60_000_000:02d}:{rest // 1_000_000 % 60:02d}.{rest // 1000 % 1000:03d}Z"


@lru_cache(1024)
def _write_hour(hour: int) -> str:
    return datetime.fromtimestamp(hour * 3600, UTC).isoformat()[:14]  # thousands of versions share some hundred hours


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
    return fill_entry(release, leaf_address(release, moment), container_address(release, moment))


def fill_entry(release: Release, leaf: str, container: str) -> str:
    """The same, with these addresses."""
    entry = release.facts.entry.replace(LEAF, leaf).replace(CONTENT, container)
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
