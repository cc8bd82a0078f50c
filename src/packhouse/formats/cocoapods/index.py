"""What the client reads: podspecs with the place of their archives, shards with the versions of each pod, and two lists of everything. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from packhouse.formats.cocoapods import names
from packhouse.formats.cocoapods.parse import Facts
from packhouse.model import Documents, FileRow, Moment, NewDocument, Rows, Struct, VersionRow

TEXT, JSON = "text/plain; charset=utf-8", "application/json"
ALL, DEPRECATED = "all_pods.txt", "deprecated_podspecs.txt"
SIZE, EACH = "size", 512  # bytes that a podspec takes in memory besides its own
IN_FAVOR = "in favor of "  # begins the reason of a deprecation that names another pod

# `last` tells the client that this is no Git repository
METADATA = "min: 1.0.0\nlast: 1.16.2\nprefix_lengths:\n" + "- 1\n" * names.SHARD_PARTS

_read_facts = msgspec.json.Decoder(Facts).decode


class Listed(Struct):
    """A version that is offered: `file` is its archive, or its podspec where the archive is elsewhere."""

    row: VersionRow
    file: FileRow


def shard_file(shard: str) -> str:
    """What a shard is called."""
    return f"all_pods_versions_{shard}.txt"


def write_shard(rows: Rows, _reads: Mapping[str, Documents], moment: Moment) -> Documents:
    """The list of a shard, and the podspec of each version in it at its path. Nothing where there is none: the client wants no empty list."""
    found = list_versions(rows)
    made = {names.podspec_path(one.row.name, one.row.version): NewDocument(body=write_podspec(one, moment), media_type=JSON) for one in found}
    if found:
        made[shard_file(names.shard_of(found[0].row.name))] = NewDocument(body=write_lines(found), media_type=TEXT)
    return made


def write_lines(found: Iterable[Listed]) -> bytes:
    """A line for each pod: its name and its versions."""
    versions: dict[str, list[str]] = {}
    for one in found:
        versions.setdefault(one.row.name, []).append(one.row.version)
    return "".join(f"{'/'.join((name, *each))}\n" for name, each in versions.items()).encode()


def write_podspec(one: Listed, moment: Moment) -> bytes:
    """The podspec as it was sent, with where its archive is, and whether it is deprecated by now."""
    facts = _read_facts(one.file.facts)
    source = facts.source if not facts.kind else msgspec.Raw(msgspec.json.encode(locate(one, facts, moment)))
    tail = msgspec.json.encode({"source": source, **facts.marks, **describe_mark(one.row.yanked)})
    return bytes(facts.podspec)[:-1] + b"," + tail[1:]


def locate(one: Listed, facts: Facts, moment: Moment) -> dict[str, Any]:
    """The source of a pod whose archive is here."""
    address = f"{moment.here}/pods/{_quote(one.row.name)}/{_quote(one.row.version)}/{_quote(one.file.path)}"
    flatten = {} if facts.flatten is None else {"flatten": facts.flatten}
    return {"http": address, "type": facts.kind, "sha256": one.file.blob.sha256, **flatten}


def _quote(text: str) -> str:
    return quote(text, safe="!+@()~")


def describe_mark(yanked: str | None) -> dict[str, Any]:
    """What a podspec says of its deprecation."""
    if yanked is None:
        return {}
    other = yanked.removeprefix(IN_FAVOR).strip() if yanked.startswith(IN_FAVOR) else ""
    return {"deprecated": True, "deprecated_in_favor_of": other} if other else {"deprecated": True}


def write_lists(rows: Rows, _reads: Mapping[str, Documents], _moment: Moment) -> Documents:
    """The name of every pod, and the path of every podspec that is deprecated, which clients fetch again on an update."""
    visible = [version for package in rows.packages for version in package.versions if version.status != "hidden"]
    deprecated = {names.podspec_path(version.name, version.version) for version in visible if version.yanked is not None}
    lists = {ALL: {version.name for version in visible}, DEPRECATED: deprecated}
    return {name: NewDocument(body="".join(f"{line}\n" for line in sorted(lines)).encode(), media_type=TEXT) for name, lines in lists.items()}


def write_size(rows: Rows, _reads: Mapping[str, Documents], _moment: Moment) -> Documents:
    """How many bytes the podspecs of a shard take in memory, hidden ones too: for publishing, no client reads it."""
    files = (file for package in rows.packages for version in package.versions for file in version.files if file.facts)
    return {SIZE: NewDocument(body=str(sum(map(weigh, files))).encode(), media_type=TEXT)}


def weigh(file: FileRow) -> int:
    """The bytes that a podspec takes."""
    return len(file.facts) + EACH


def list_versions(rows: Rows) -> list[Listed]:
    """What is offered, by name and oldest version first; of versions that are one to the client, in several projects, the first counts."""
    found: dict[tuple[str, str], Listed] = {}
    for one in sorted(_list_all(rows), key=lambda one: one.file.age):
        found.setdefault((one.row.name, names.version_id(one.row.version)), one)
    return sorted(found.values(), key=lambda one: (one.row.name, names.version_key(one.row.version), one.row.version))


def _list_all(rows: Rows) -> Iterator[Listed]:
    for version in (version for package in rows.packages for version in package.versions if version.status != "hidden"):
        file = find_carrier(version)
        if file is not None:
            yield Listed(row=version, file=file)


def find_carrier(version: VersionRow) -> FileRow | None:
    """The file that puts a version on its shelf: the archive, or the podspec where the archive is elsewhere.

    Others may lie in a version, of uploads in another spelling that an earlier release has taken: they are passed over.
    """
    wanted, shelf = list_carriers(version), names.shard_of(version.name)
    return min((file for file in version.files if file.path in wanted and file.shelf == shelf), key=lambda file: file.age, default=None)


def list_carriers(version: VersionRow) -> list[str]:
    """The paths that such a file can have."""
    return [names.podspec_file(version.name), *(names.archive_file(version.name, version.version, kind) for kind in names.KINDS)]
