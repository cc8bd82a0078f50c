"""What `gem` reads, in Marshal: lists of all versions, a specification of each, and what dependencies each has."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from packhouse.formats.rubygems import names
from packhouse.formats.rubygems.index.facts import Dependency, Release, Requirement, Spec, join_requirement, list_releases, list_versions
from packhouse.formats.rubygems.index.marshal import Built, Dumped, Plain, Symbol, Value, dump
from packhouse.model import Documents, Moment, NewDocument, Rows, VersionRow

BINARY, PACKED = "application/octet-stream", "application/gzip"
GEMSPEC = ".gemspec.rz"
SPECIFICATION = 4  # the version of what a gem says about itself, the only one since 2009


def write_lists(rows: Rows, _reads: Mapping[str, Documents], _moment: Moment) -> Documents:
    """Releases, prereleases, and of each gem and platform the newest release; plain and packed."""
    listed = sorted({(row.name, row.version): row for row in list_versions(rows)}.values(), key=_order)
    lists = {
        "specs.4.8": [row for row in listed if not names.is_prerelease(row.version)],
        "latest_specs.4.8": list(_latest(listed)),
        "prerelease_specs.4.8": [row for row in listed if names.is_prerelease(row.version)],
    }
    documents: dict[str, NewDocument] = {}
    for path, found in lists.items():
        body = dump([_write_row(row) for row in found])
        documents[path] = NewDocument(body=body, media_type=BINARY)
        documents[f"{path}.gz"] = NewDocument(body=gzip.compress(body, 6, mtime=0), media_type=PACKED)
    return documents


def _order(row: VersionRow) -> tuple[Any, ...]:
    return names.name_key(row.name), row.name, names.version_key(row.version), row.version


def _latest(listed: Iterable[VersionRow]) -> Iterable[VersionRow]:
    """Of the releases in order, the last of each gem and platform."""
    newest = {(row.name, names.split_version(row.version)[1]): row for row in listed if not names.is_prerelease(row.version)}
    return newest.values()


def _write_row(row: VersionRow) -> Value:
    number, platform = names.split_version(row.version)
    return [row.name, _version(number), platform]


def write_gemspecs(rows: Rows, _reads: Mapping[str, Documents], _moment: Moment) -> Documents:
    """The specification of each version by its full name, packed by zlib: `gem` installs nothing without it."""
    documents = {}
    for release in list_releases(rows):
        body = zlib.compress(dump(Dumped(of="Gem::Specification", payload=dump(_write_spec(release.spec)))), 6)
        documents[release.full_name + GEMSPEC] = NewDocument(body=body, media_type=BINARY)
    return documents


def _write_spec(spec: Spec) -> Sequence[Value]:
    """The items in the order that `Gem::Specification` dumps them; no date, as the day it was built is nobody's business here."""
    return [
        spec.made_by,
        SPECIFICATION,
        spec.name,
        _version(spec.number),
        None,
        spec.summary,
        _requirement(spec.ruby),
        _requirement(spec.rubygems),
        spec.platform,
        [_write_dependency(each) for each in spec.dependencies],
        "",  # where projects of 2004 lay
        list(spec.emails),
        list(spec.authors),
        spec.description,
        spec.homepage,
        True,
        spec.platform,
        list(spec.licenses),
        dict(spec.metadata),
    ]


def _write_dependency(dependency: Dependency) -> Value:
    variables = {"name": dependency.name, "requirement": _requirement(dependency.requirement), "type": Symbol(name=dependency.kind)}
    return Plain(of="Gem::Dependency", variables={**variables, "prerelease": False})  # whether it is one, its requirement tells


def _version(number: str) -> Value:
    return Built(of="Gem::Version", payload=[number])


def _requirement(requirement: Requirement) -> Value:
    return Built(of="Gem::Requirement", payload=[[[operator, _version(number)] for operator, number in requirement]])


def write_dependencies(releases: Iterable[Release]) -> bytes:
    """What Bundler asks for where it finds no compact index: of each version the names that it needs, and which versions of them."""
    return dump([_write_needs(release.spec) for release in releases])


def _write_needs(spec: Spec) -> Value:
    needed = [[each.name, join_requirement(each.requirement, ", ")] for each in spec.dependencies if each.kind == "runtime"]
    values = {"name": spec.name, "number": spec.number, "platform": spec.platform, "dependencies": needed}
    return {Symbol(name=key): value for key, value in values.items()}
