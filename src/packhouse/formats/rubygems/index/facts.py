"""What is kept of a gem beside its bytes, and which versions are listed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

import msgspec

from packhouse.formats.rubygems import names
from packhouse.model import FileRow, Instant, Rows, Struct, VersionRow

Requirement: TypeAlias = tuple[tuple[str, str], ...]
"""Pairs of operator and number, in the order of their texts."""

ANY: Requirement = ((">=", "0"),)


class Dependency(Struct, omit_defaults=True):
    """`kind`: runtime or development."""

    name: str
    requirement: Requirement = ANY
    kind: str = "runtime"


class Spec(Struct, omit_defaults=True):
    """A gem's specification: the facts of its file. `made_by` is the version of RubyGems that built it."""

    name: str
    number: str
    platform: str = names.RUBY
    dependencies: tuple[Dependency, ...] = ()
    ruby: Requirement = ANY
    rubygems: Requirement = ANY
    made_by: str = "0"
    summary: str = ""
    description: str = ""
    homepage: str = ""
    authors: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    licenses: tuple[str, ...] = ()
    metadata: Mapping[str, str] = {}


class Release(Struct):
    """A version that is listed."""

    row: VersionRow
    file: FileRow
    spec: Spec

    @property
    def full_name(self) -> str:
        return f"{self.spec.name}-{self.row.version}"


_read_facts = msgspec.json.Decoder(Spec).decode


def list_releases(rows: Rows) -> list[Release]:
    """What is listed, oldest first. Of equal versions in several projects the one published first: a lock file of that time still holds."""
    found: dict[tuple[str, str], Release] = {}
    for row in list_versions(rows):
        for file in row.files:
            if file.path.endswith(".gem"):
                spec = _read_facts(file.facts)
                found.setdefault((spec.name, row.version), Release(row=row, file=file, spec=spec))
    return list(found.values())


def list_versions(rows: Rows) -> Iterator[VersionRow]:
    """The rows that are neither hidden nor yanked, oldest first."""
    for row in sorted((each for package in rows.packages for each in package.versions), key=_age):
        if row.status != "hidden" and row.yanked is None:
            yield row


def _age(row: VersionRow) -> tuple[Instant, int]:
    return row.created, row.id


def join_requirement(requirement: Requirement, separator: str) -> str:
    """The pairs as one text."""
    return separator.join(f"{operator} {number}" for operator, number in requirement)
