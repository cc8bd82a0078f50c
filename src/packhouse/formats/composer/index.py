"""The documents that Composer reads: the root, the versions of a package for Composer 2 and 1, and the hashes that Composer 1 follows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from packhouse.formats.composer import names
from packhouse.model import Documents, Moment, NewDocument, PackageRow, Rows, Struct, VersionRow

JSON = "application/json"
MINIFIED = "composer/2.0"
UNSET = "__unset"
MISSING = object()
LAST_SECOND = 253_402_300_799  # of the year 9999: commits may claim any time


class Facts(Struct, omit_defaults=True):
    """What a version's main file knows. `composer` is the object of its composer.json."""

    composer: msgspec.Raw
    reference: str
    shasum: str
    file: str = ""  # an upload's file; "" for what was made from a commit
    time: str = ""
    default: bool = False


_FACTS = msgspec.json.Decoder(Facts)
_OBJECT = msgspec.json.Decoder(dict[str, Any])


def facts_of(version: VersionRow) -> Facts | None:
    """The facts of a version's main file; None while it has none."""
    for file in version.files:
        if not file.derived and len(file.facts) > 2:
            return _FACTS.decode(file.facts)
    return None


def timestamp(seconds: int) -> str:
    """RFC 3339 in UTC, as Composer writes it."""
    return f"{datetime.fromtimestamp(min(max(seconds, 0), LAST_SECOND), UTC):%Y-%m-%dT%H:%M:%S}+00:00"


def list_entries(packages: Iterable[PackageRow], moment: Moment) -> list[dict[str, Any]]:
    """Every version of a package as clients see it; of a version that two projects have, the one of the first project."""
    entries: dict[str, dict[str, Any]] = {}
    for package in sorted(packages, key=lambda each: each.project):
        for version in package.versions:
            if version.version not in entries and (facts := facts_of(version)) is not None:
                entries[version.version] = write_entry(package, version, facts, moment)
    return list(entries.values())


def write_entry(package: PackageRow, version: VersionRow, facts: Facts, moment: Moment) -> dict[str, Any]:
    """A version's composer.json, and where its code is."""
    key = package.key
    base = moment.project(version.project)
    url = f"{base}/archives/{key}/{quote(facts.file)}" if facts.file else f"{base}/archives/{key}.zip?sha={facts.reference}"
    entry: dict[str, Any] = {
        **_OBJECT.decode(facts.composer),
        "name": key,
        "version": version.version,
        "version_normalized": names.normalize(version.version),
        "uid": version.id,
        "time": facts.time or timestamp(version.created // 1_000_000),
        "dist": {"type": "zip", "url": url, "reference": facts.reference, "shasum": facts.shasum},
    }
    if not facts.file:
        # what was served at a moment stays, wherever the project goes: then it is named by its number, which leads to it too
        home = str(package.project) if moment.as_of else quote(package.home)
        entry["source"] = {"type": "git", "url": f"{moment.api.removesuffix('/api/v4')}/{home}.git", "reference": facts.reference}
    if facts.default:
        entry["default-branch"] = True
    return entry


def minify(entries: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each version as what differs from the one before."""
    out: list[dict[str, Any]] = []
    before: Mapping[str, Any] = {}
    for entry in entries:
        changed = {key: value for key, value in entry.items() if before.get(key, MISSING) != value}
        out.append(changed | {key: UNSET for key in before if key not in entry})
        before = entry
    return out


def write_package(rows: Rows, reads: Mapping[str, Documents], moment: Moment) -> Documents:
    """`stable` and `dev` for Composer 2, `all` for Composer 1."""
    if not rows.packages:
        return {}
    key = rows.packages[0].key
    entries = list_entries(rows.packages, moment)
    if not entries:
        return {}
    entries.sort(key=lambda entry: (names.version_key(entry["version"]), entry["version"]), reverse=True)
    documents: dict[str, NewDocument] = {"all": NewDocument(write_all(key, entries), JSON)}
    for stability, dev in (("stable", False), ("dev", True)):
        chosen = minify(entry for entry in entries if names.is_dev(entry["version"]) is dev)
        documents[stability] = _document({"minified": MINIFIED, "packages": {key: chosen}})
    return documents


def write_all(key: str, entries: Iterable[Mapping[str, Any]]) -> bytes:
    """Every version, by its text."""
    return msgspec.json.encode({"packages": {key: {entry["version"]: entry for entry in sorted(entries, key=lambda each: each["version"])}}})


# -- the root ------------------------------------------------------------------------------------------------------------


def write_root(rows: Rows, reads: Mapping[str, Documents], moment: Moment) -> Documents:
    """`root` for Composer 2, and `list`: the names alone."""
    known = sorted({package.key for package in rows.packages})
    return {"root": _document(_root(known, moment)), "list": _document({"packageNames": known})}


def write_legacy(rows: Rows, reads: Mapping[str, Documents], moment: Moment) -> Documents:
    """`root` with what Composer 1 needs besides, and `providers`: the hash of each package's document."""
    hashes = {key: {"sha256": hashlib.sha256(body).hexdigest()} for key, body in _bodies(rows, moment)}
    providers = msgspec.json.encode({"providers": hashes})
    root = _root(sorted(hashes), moment) | {
        "providers-url": f"{here(moment)}/%package%$%hash%.json",
        "provider-includes": {"p/%hash%.json": {"sha256": hashlib.sha256(providers).hexdigest()}},
    }
    return {"root": _document(root), "providers": NewDocument(providers, JSON)}


def _bodies(rows: Rows, moment: Moment) -> Iterator[tuple[str, bytes]]:
    by_key: dict[str, list[PackageRow]] = {}
    for package in rows.packages:
        by_key.setdefault(package.key, []).append(package)
    for key in sorted(by_key):
        entries = list_entries(by_key[key], moment)
        if entries:
            yield key, write_all(key, entries)


def here(moment: Moment) -> str:
    """The path of this repository on its host: GitLab's own address of a group says `group`."""
    if moment.level == "group" and not moment.as_of:
        return f"{urlsplit(moment.api).path}/group/{moment.place}/-/packages/{moment.format}"
    return urlsplit(moment.here).path


def _root(known: Sequence[str], moment: Moment) -> dict[str, Any]:
    base = here(moment)
    return {
        "packages": [],
        "metadata-url": f"{base}/p2/%package%.json",
        "available-packages": list(known),
        "list": f"{base}/list.json",
        "search": f"{base}/search.json?q=%query%&type=%type%",
    }


def _document(value: Any) -> NewDocument:
    return NewDocument(msgspec.json.encode(value), JSON)
