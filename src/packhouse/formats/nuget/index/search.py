"""Answers of search and autocomplete (NuGet server API): made for one question, from the rows of what was found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from packhouse.formats.nuget.index.registration import HIVE, hive_address
from packhouse.formats.nuget.index.releases import Release, leaf_address, list_releases, read_entry
from packhouse.model import Moment, Rows, Struct

MOST_VERSIONS = 10  # of a package in a search result: the newest by their time

_TOLD = ("authors", "title", "description", "summary", "tags", "iconUrl", "licenseUrl", "licenseExpression", "projectUrl")


class Taste(Struct):
    """Which versions a client wants to see. `type` "" is any package type, else one in lower case."""

    prereleases: bool = True
    semver1: bool = False
    type: str = ""


def choose(rows: Rows, taste: Taste) -> list[Release]:
    """The listed versions of a package that the client wants to see, in their order."""
    return [
        release
        for release in list_releases(rows, semver1=taste.semver1)
        if release.listed and (taste.prereleases or not release.version.labels) and (not taste.type or taste.type in types_of(release))
    ]


def types_of(release: Release) -> tuple[str, ...]:
    """The package types in lower case: one that names none is a dependency."""
    return tuple(name.lower() for name in release.facts.types) or ("dependency",)


def write_result(rows: Rows, releases: Sequence[Release], moment: Moment) -> dict[str, Any]:
    """A package found, as its highest version tells of it."""
    latest = releases[-1]
    entry = read_entry(latest, moment)
    registration = f"{hive_address(rows, moment, HIVE)}/index.json"
    newest = {release.row.id for release in sorted(releases, key=_age)[-MOST_VERSIONS:]}
    return {
        "@id": registration,
        "@type": "Package",
        "registration": registration,
        "id": entry["id"],
        "version": entry["version"],
        "title": entry["id"],
        **{name: entry[name] for name in _TOLD if name in entry},
        "totalDownloads": 0,
        "verified": True,
        "packageTypes": [{"name": name} for name in latest.facts.types] or [{"name": "Dependency"}],
        "versions": [
            {"@id": f"{leaf_address(each, moment)}.json", "version": each.row.version, "downloads": 0} for each in releases if each.row.id in newest
        ],
    }


def _age(release: Release) -> tuple[int, int]:
    return release.row.created, release.row.id
