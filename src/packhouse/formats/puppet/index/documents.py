"""A module and its releases. All addresses are relative to the root and begin with `/v3/`: clients put the base in front themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from packhouse.formats.puppet import names
from packhouse.formats.puppet.index.facts import (
    SAID,
    Release,
    list_releases,
    pick_current,
    read_facts,
    read_reason,
    read_said,
    read_texts,
    write_time,
)
from packhouse.model import Documents, Instant, Moment, NewDocument, Published, Rows, Struct, Upload, VersionRow, replace

MODULE, RELEASES = "module.json", "releases.json"
JSON = "application/json"


class Addresses(Struct):
    """What a module says of itself."""

    project_page: Any = None
    issues_url: Any = None


class Deprecation(Struct):
    """When a module was deprecated, in its document."""

    deprecated_at: str | None = None


_read_deprecation = msgspec.json.Decoder(Deprecation).decode
_read_addresses = msgspec.json.Decoder(Addresses).decode


def write_module(rows: Rows, _reads: Mapping[str, Documents], moment: Moment) -> Documents:
    """The module, and the list of its releases, both without texts; nothing where none is visible."""
    releases = [each for each in list_releases(rows) if each.said is not None]
    if not releases:
        return {}
    current = pick_current(releases)
    minimal = write_minimal(current.row.name, find_deprecation(releases, moment.at))
    written = {each.slug: write_release(each, minimal) for each in releases}
    said = _read_addresses(written[current.slug]["metadata"])
    module = {
        **minimal,
        "downloads": 0,
        "created_at": write_time(min(each.row.created for each in releases)),
        "updated_at": write_time(max(each.row.created for each in releases)),
        "deprecated_for": None,
        "superseded_by": None,
        **write_deprecation(releases),
        "supported": False,
        "endorsement": None,
        "module_group": "base",
        "premium": False,
        "current_release": written[current.slug],
        "releases": [write_abbreviation(each) for each in releases],
        "feedback_score": None,
        "homepage_url": said.project_page,
        "issues_url": said.issues_url,
    }
    return {
        MODULE: NewDocument(body=msgspec.json.encode(module), media_type=JSON),
        RELEASES: NewDocument(body=msgspec.json.encode(list(written.values())), media_type=JSON),
    }


def write_minimal(name: str, deprecated_at: str | None) -> dict[str, Any]:
    """A module as its releases name it."""
    owner, rest = names.split_name(name)
    return {
        "uri": f"/v3/modules/{name}",
        "slug": name,
        "name": rest,
        "deprecated_at": deprecated_at,
        "owner": {"uri": f"/v3/users/{owner}", "slug": owner, "username": owner, "gravatar_id": None},
    }


def write_release(release: Release, module: Mapping[str, Any]) -> dict[str, Any]:
    """A release without its texts."""
    assert release.said is not None
    return {
        "uri": f"/v3/releases/{release.slug}",
        "slug": release.slug,
        "module": module,
        "version": release.row.version,
        "metadata": read_said(release.said.facts).metadata,
        "tags": release.facts.tags,
        "supported": False,
        "pdk": release.facts.pdk,
        "validation_score": None,
        "file_uri": f"/v3/files/{release.slug}{names.SUFFIX}",
        "file_size": release.file.blob.size,
        "file_md5": release.facts.md5,
        "file_sha256": release.file.blob.sha256,
        "downloads": 0,
        "readme": None,
        "changelog": None,
        "license": None,
        "reference": None,
        "created_at": write_time(release.row.created),
        "updated_at": write_time(release.row.created),
        "deleted_at": None,
        "deleted_for": None,
    }


def write_one(rows: Rows, module: bytes) -> dict[str, Any] | None:
    """The release that is listed of these rows of one version, with its texts and what its module's document says of that, or None."""
    listed = next((each for each in list_releases(rows) if each.said is not None), None)
    if listed is None or listed.said is None:
        return None
    return {**write_release(listed, write_minimal(listed.row.name, _read_deprecation(module).deprecated_at)), **read_texts(listed.said.facts)}


def write_published(upload: Upload, published: Published) -> dict[str, Any]:
    """A release that has just come, with its texts."""
    facts = {new.path: new.facts for new in upload.files}
    # where another one had been made from the same file, that one is kept, and is not among what was published
    row = next(row for row in published.files if row.path != SAID)
    file, said = replace(row, facts=facts[row.path]), replace(row, path=SAID, facts=facts[SAID])
    version = VersionRow(id=published.version_id, project=file.project, name=upload.name, version=published.version, created=file.created)
    release = Release(row=version, file=file, facts=read_facts(file.facts), said=said)
    return {**write_release(release, write_minimal(upload.name, None)), **read_texts(said.facts)}


def write_abbreviation(release: Release) -> dict[str, Any]:
    """A release as its module lists it."""
    return {
        "uri": f"/v3/releases/{release.slug}",
        "slug": release.slug,
        "version": release.row.version,
        "supported": False,
        "created_at": write_time(release.row.created),
        "deleted_at": None,
        "file_uri": f"/v3/files/{release.slug}{names.SUFFIX}",
        "file_size": release.file.blob.size,
    }


# -- deprecation -------------------------------------------------------------------------------------------------------


def find_deprecation(releases: list[Release], at: Instant) -> str | None:
    """When the module was deprecated, which it is when all of its versions are: no earlier than this, as nothing has changed since."""
    return write_time(at) if all(each.row.yanked is not None for each in releases) else None


def write_deprecation(releases: list[Release]) -> dict[str, Any]:
    """Why, and what takes its place, as the newest release says."""
    if any(each.row.yanked is None for each in releases):
        return {}
    reason, replacement = read_reason(releases[0].row.yanked or "")
    return {"deprecated_for": reason or None, "superseded_by": write_minimal(replacement, None) if replacement else None}
