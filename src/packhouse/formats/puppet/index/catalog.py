"""All names with their versions, and what a search looks through: small, so that it can be held whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from packhouse.formats.puppet import names
from packhouse.formats.puppet.index.facts import list_releases, pick_current, write_time
from packhouse.model import Documents, Instant, Moment, NewDocument, Rows, Struct

CATALOG = "catalog.json"


class Entry(Struct):
    """A name, the text that is searched, and its versions with when they came, the newest version first."""

    name: str
    text: str
    versions: tuple[tuple[str, Instant], ...]

    @property
    def owner(self) -> str:
        return names.split_name(self.name)[0]

    @property
    def newest(self) -> Instant:
        return max(created for _, created in self.versions)


_decode = msgspec.json.Decoder(list[Entry]).decode


def write_catalog(rows: Rows, _reads: Mapping[str, Documents], _moment: Moment) -> Documents:
    """Every name that has a visible version, in order; nothing where there is none."""
    by_key: dict[str, list[Any]] = {}
    for package in rows.packages:
        by_key.setdefault(package.key, []).append(package)
    found = [entry for key in sorted(by_key) for entry in _write_entry(Rows(packages=tuple(by_key[key])))]
    return {CATALOG: NewDocument(body=msgspec.json.encode(found), media_type="application/json")} if found else {}


def _write_entry(rows: Rows) -> Iterator[Entry]:
    releases = list_releases(rows)
    if releases:
        current = pick_current(releases)
        text = "\n".join((current.row.name, current.facts.summary, *current.facts.tags)).lower()
        yield Entry(name=current.row.name, text=text, versions=tuple((each.row.version, each.row.created) for each in releases))


def read_catalog(body: bytes) -> list[Entry]:
    """The entries again."""
    return _decode(body)


SORTS: Mapping[str, tuple[Callable[[Entry], Any], bool]] = {
    "latest_release": (lambda entry: entry.newest, True),
}
"""Sort key, and whether the greatest is first. Whatever else is asked for, names come in their order: nothing is counted here."""


def find_entries(entries: list[Entry], query: str, owner: str, sort_by: str = "") -> list[Entry]:
    """Those of an owner that have every word of a query in name, summary or tags; those whose name has them all first."""
    words = query.lower().replace("/", "-").split()
    found = [entry for entry in entries if (not owner or entry.owner.lower() == owner.lower()) and all(word in entry.text for word in words)]
    if sort_by in SORTS:
        key, turned = SORTS[sort_by]
        return sorted(found, key=key, reverse=turned)
    return sorted(found, key=lambda entry: not all(word in entry.name.lower() for word in words))


def list_users(entries: list[Entry]) -> list[dict[str, Any]]:
    """The owners, each as the Forge tells of a user."""
    owned: dict[str, list[Entry]] = {}
    for entry in entries:
        owned.setdefault(entry.owner.lower(), []).append(entry)
    return [_write_user(mine) for _, mine in sorted(owned.items())]


def _write_user(mine: list[Entry]) -> dict[str, Any]:
    owner = mine[0].owner
    return {
        "uri": f"/v3/users/{owner}",
        "slug": owner,
        "gravatar_id": None,
        "username": owner,
        "display_name": owner,
        "release_count": sum(len(entry.versions) for entry in mine),
        "module_count": len(mine),
        "created_at": write_time(min(created for entry in mine for _, created in entry.versions)),
        "updated_at": write_time(max(entry.newest for entry in mine)),
    }
