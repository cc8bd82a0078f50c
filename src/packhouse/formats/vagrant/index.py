"""The catalog of a box: every version, and for each of its files an address and a digest. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from packhouse.formats.vagrant import names
from packhouse.model import Documents, FileRow, Moment, NewDocument, Rows, Struct

CATALOG = "catalog.json"
UNKNOWN = "unknown"  # what the client calls a machine that nobody has named
USUAL = "amd64"


class Facts(Struct):
    """What the catalog needs of a file."""

    provider: str
    architecture: str = ""
    description: str = ""


class Listed(Struct):
    """A file that is offered."""

    version: str
    facts: Facts
    file: FileRow


_read_facts = msgspec.json.Decoder(Facts).decode


def write_catalog(rows: Rows, _reads: Mapping[str, Documents], moment: Moment) -> Documents:
    """The catalog; nothing where no version is visible."""
    found = list_files(rows)
    if not found:
        return {}
    name = rows.packages[0].name
    versions: dict[str, list[Listed]] = {}
    for one in found:
        versions.setdefault(one.version, []).append(one)
    ordered = sorted(versions, key=lambda version: (names.version_key(version), version), reverse=True)
    description = next((one.facts.description for one in versions[ordered[0]] if one.facts.description), "")
    by_machine = any(one.facts.architecture for one in found)
    body = {
        "name": name,
        "description": description,
        "short_description": " ".join(description.split())[:120],
        "versions": [
            {
                "version": version,
                "status": "active",
                "description_markdown": "",
                "description_html": "",
                "providers": list(write_providers(versions[version], f"{moment.here}/{quote(name)}/{quote(version)}", by_machine)),
            }
            for version in ordered
        ],
    }
    return {CATALOG: NewDocument(body=msgspec.json.encode(body), media_type="application/json")}


def write_providers(found: Sequence[Listed], base: str, by_machine: bool) -> Iterator[dict[str, Any]]:
    """The files of a version. Clients before 2.4 know no architectures and take the last one of a provider: that is the default one."""
    last = {one.facts.provider: one for one in found}
    for one in found:
        entry: dict[str, Any] = {
            "name": one.facts.provider,
            "url": f"{base}/{quote(one.file.path)}",
            "checksum_type": "sha256",
            "checksum": one.file.blob.sha256,
        }
        if by_machine:  # once one entry of a catalog has these keys, entries without them fit no machine
            entry |= {"architecture": one.facts.architecture or UNKNOWN, "default_architecture": one is last[one.facts.provider]}
        yield entry


def list_files(rows: Rows) -> list[Listed]:
    """What is offered, by version and provider, of each provider the default last; of the same place in several projects, what came first."""
    found: dict[tuple[str, str], Listed] = {}
    visible = ((version, file) for package in rows.packages for version in package.versions if version.status != "hidden" for file in version.files)
    for version, file in sorted(visible, key=lambda each: each[1].age):
        found.setdefault((version.version, file.path), Listed(version=version.version, facts=_read_facts(file.facts), file=file))
    return sorted(found.values(), key=_place)


def _place(one: Listed) -> tuple[str, str, int, str]:
    architecture = one.facts.architecture
    return one.version, one.facts.provider, 2 if not architecture else int(architecture == USUAL), architecture
