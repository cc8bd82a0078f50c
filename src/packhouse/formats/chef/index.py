"""Documents of cookbooks: the universe that resolvers read, each cookbook with its versions, what depends on it, and lists by time. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from packhouse.formats.chef import names
from packhouse.model import Documents, FileRow, Instant, Moment, NewDocument, PackageRow, Rows, Struct, VersionRow, write_time

UNIVERSE = "universe.json"
COOKBOOK, LATEST = "cookbook.json", "latest"  # beside the versions of a cookbook
JSON = "application/json"
PAGE = 100  # cookbooks in a part of a list: as many as a client can ask for at once
UPDATED, ADDED = "recently_updated", "recently_added"


class Facts(Struct, omit_defaults=True):
    """What documents need of a cookbook's file. The name is as it is spelled inside: a package keeps the spelling of one that is gone."""

    name: str
    description: str = ""
    maintainer: str = ""
    license: str = ""
    category: str = ""
    source_url: str = ""
    issues_url: str = ""
    supports: Mapping[str, str] = {}
    dependencies: Mapping[str, str] = {}


class Listed(Struct):
    """A version that is offered, and its file."""

    row: VersionRow
    file: FileRow

    @property
    def facts(self) -> Facts:
        """What the file says, read when it is asked for: a list needs that of one version among many."""
        return _read_facts(self.file.facts)


class Cookbook(Struct):
    """A cookbook of this scope: its versions, the newest first."""

    name: str
    key: str
    versions: tuple[Listed, ...]

    @property
    def newest(self) -> Listed:
        return self.versions[0]

    @property
    def added(self) -> Instant:
        return min(each.row.created for each in self.versions)

    @property
    def updated(self) -> Instant:
        return max(each.row.created for each in self.versions)


_read_facts = msgspec.json.Decoder(Facts).decode
_encode = msgspec.json.encode


# -- from rows ---------------------------------------------------------------------------------------------------------


def list_cookbooks(rows: Rows) -> list[Cookbook]:
    """What is offered, by name. Of equal versions in several projects, the one that was published first."""
    homes: dict[str, list[PackageRow]] = {}
    for package in rows.packages:
        homes.setdefault(package.key, []).append(package)
    found = (join_homes(key, homes[key]) for key in sorted(homes))
    return [cookbook for cookbook in found if cookbook is not None]


def join_homes(key: str, packages: Sequence[PackageRow]) -> Cookbook | None:
    """The cookbook of one key, called as who published first called it; None where none of its versions is offered."""
    visible = [(version, file) for package in packages for version in package.versions if version.status != "hidden" for file in version.files]
    if not visible:
        return None
    versions: dict[names.Key, Listed] = {}
    for version, file in sorted(visible, key=lambda each: each[1].age):
        versions.setdefault(names.version_key(version.version), Listed(row=version, file=file))
    ordered = tuple(versions[number] for number in sorted(versions, reverse=True))
    return Cookbook(name=_oldest(file for _, file in visible).name, key=key, versions=ordered)


def find_version(rows: Rows, version: str) -> Listed | None:
    """The version that a scope offers, or has hidden: of several projects, the one that is offered."""
    wanted = names.version_key(version)
    found = [
        (each.status == "hidden", file.age, each, file)
        for package in rows.packages
        for each in package.versions
        for file in each.files
        if names.version_key(each.version) == wanted
    ]
    if not found:
        return None
    _, _, row, file = min(found, key=lambda each: each[:2])
    return Listed(row=row, file=file)


def _oldest(files: Iterable[FileRow]) -> Facts:
    return _read_facts(min(files, key=lambda file: file.age).facts)


# -- addresses ---------------------------------------------------------------------------------------------------------


def base_of(moment: Moment) -> str:
    """Where the API is."""
    return f"{moment.here}/api/v1"


def cookbook_url(moment: Moment, name: str) -> str:
    return f"{base_of(moment)}/cookbooks/{name}"


def version_url(moment: Moment, name: str, version: str) -> str:
    return f"{cookbook_url(moment, name)}/versions/{version}"


# -- the universe ------------------------------------------------------------------------------------------------------


def write_universe(rows: Rows, _reads: Mapping[str, Documents], moment: Moment) -> Documents:
    """Every version of every cookbook, with what it depends on; an object without anything where there is none."""
    body = b"{" + b",".join(write_entry(cookbook, moment) for cookbook in list_cookbooks(rows)) + b"}"
    return {UNIVERSE: NewDocument(body=body, media_type=JSON)}


def write_entry(cookbook: Cookbook, moment: Moment) -> bytes:
    """A member of the universe. What depends on itself does not say so: resolvers would look for another version of it."""
    versions = {
        each.row.version: {
            "location_type": "opscode",
            "location_path": base_of(moment),
            "download_url": f"{version_url(moment, cookbook.name, each.row.version)}/download",
            "dependencies": {name: rule for name, rule in each.facts.dependencies.items() if names.name_key(name) != cookbook.key},
        }
        for each in cookbook.versions
    }
    return _encode(cookbook.name) + b":" + _encode(versions)


# -- a cookbook --------------------------------------------------------------------------------------------------------


def write_cookbook(rows: Rows, _reads: Mapping[str, Documents], moment: Moment) -> Documents:
    """The cookbook, its newest version, and each by its three numbers; nothing where no version is offered."""
    found = list_cookbooks(rows)
    if not found:
        return {}
    cookbook = found[0]
    versions = {names.version_id(each.row.version): describe_version(cookbook.name, each, moment) for each in cookbook.versions}
    latest = versions[names.version_id(cookbook.newest.row.version)]
    made = {COOKBOOK: describe(cookbook, moment), LATEST: latest, **versions}
    return {name: NewDocument(body=_encode(body), media_type=JSON) for name, body in made.items()}


def describe(cookbook: Cookbook, moment: Moment) -> dict[str, Any]:
    """A cookbook as clients show it. The versions, the newest first, are addresses: clients take what comes last in them."""
    newest, urls = cookbook.newest.facts, [version_url(moment, cookbook.name, each.row.version) for each in cookbook.versions]
    return {
        "name": cookbook.name,
        "maintainer": newest.maintainer,
        "description": newest.description,
        "category": newest.category,
        "latest_version": urls[0],
        "external_url": newest.source_url or None,
        "source_url": newest.source_url or None,
        "issues_url": newest.issues_url or None,
        "average_rating": None,
        "created_at": write_time(cookbook.added),
        "updated_at": write_time(cookbook.updated),
        "up_for_adoption": None,
        "deprecated": False,
        "versions": urls,
    }


def describe_version(name: str, listed: Listed, moment: Moment) -> dict[str, Any]:
    """A version as clients show it, and where its file is."""
    facts = listed.facts
    return {
        "license": facts.license,
        "tarball_file_size": listed.file.blob.size,
        "version": listed.row.version,
        "published_at": write_time(listed.row.created),
        "average_rating": None,
        "cookbook": cookbook_url(moment, name),
        "file": f"{version_url(moment, name, listed.row.version)}/download",
        "supports": facts.supports,
        "dependencies": facts.dependencies,
    }


# -- what depends on it ------------------------------------------------------------------------------------------------


def write_contingents(rows: Rows, _reads: Mapping[str, Documents], moment: Moment) -> Documents:
    """For the key of each cookbook, the versions of others that depend on it, by name and the newest first."""
    cookbooks = list_cookbooks(rows)
    found: dict[str, list[dict[str, str]]] = {cookbook.key: [] for cookbook in cookbooks}
    for cookbook in cookbooks:
        for each in cookbook.versions:
            entry = {"name": cookbook.name, "version": each.row.version, "url": version_url(moment, cookbook.name, each.row.version)}
            for key in {names.name_key(name) for name in each.facts.dependencies} - {cookbook.key}:
                if key in found:
                    found[key].append(entry)
    return {key: NewDocument(body=_encode({"contingents": entries}), media_type=JSON) for key, entries in found.items()}


# -- lists -------------------------------------------------------------------------------------------------------------


def write_item(cookbook: Cookbook, moment: Moment) -> dict[str, str]:
    """A cookbook in a list."""
    newest = cookbook.newest.facts
    return {
        "cookbook_name": cookbook.name,
        "cookbook_maintainer": newest.maintainer,
        "cookbook_description": newest.description,
        "cookbook": cookbook_url(moment, cookbook.name),
    }


def write_lists(rows: Rows, _reads: Mapping[str, Documents], moment: Moment) -> Documents:
    """Lists that are not by name alone, in parts of a page: those by time, and those of each maintainer."""
    cookbooks = list_cookbooks(rows)
    lists = {
        UPDATED: sorted(cookbooks, key=lambda each: (-each.updated, each.key)),
        ADDED: sorted(cookbooks, key=lambda each: (-each.added, each.key)),
    }
    for cookbook in cookbooks:
        lists.setdefault(maintainer_list(cookbook.newest.facts.maintainer), []).append(cookbook)
    return dict(part for name, found in lists.items() for part in _cut(name, found, moment))


def maintainer_list(maintainer: str) -> str:
    """What the list of a maintainer's cookbooks is called."""
    return f"of {maintainer.casefold()}"


def _cut(name: str, found: Sequence[Cookbook], moment: Moment) -> Iterator[tuple[str, NewDocument]]:
    for start in range(0, len(found), PAGE):
        items = [write_item(cookbook, moment) for cookbook in found[start : start + PAGE]]
        yield f"{name}/{start // PAGE}", NewDocument(body=_encode({"total": len(found), "items": items}), media_type=JSON)


class Part(Struct):
    """A part of a list."""

    total: int
    items: list[msgspec.Raw]


read_part = msgspec.json.Decoder(Part).decode


def read_version(body: bytes) -> str:
    """The version that such a document is of."""
    return str(msgspec.json.decode(body)["version"])
