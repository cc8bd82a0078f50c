"""The simple repository API 1.4 (PEP 503, 592, 658, 691, 700, 714, 740): the list of projects and the files of one, as HTML and as JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from html import escape
from operator import itemgetter
from typing import Any
from urllib.parse import quote

import msgspec
from packaging.version import Version

from packhouse.formats.pypi import names
from packhouse.model import Documents, FileRow, Instant, Moment, NewDocument, PackageRow, Rows, Struct, VersionRow

API_VERSION = "1.4"
HTML = "text/html; charset=utf-8"
HTML_V1 = "application/vnd.pypi.simple.v1+html; charset=utf-8"
JSON = "application/vnd.pypi.simple.v1+json; charset=utf-8"


class Facts(Struct, omit_defaults=True):
    """What the index needs to know of a file, read out of it once. `metadata` is the sha256 of its metadata file, where that is served."""

    requires_python: str = ""
    metadata: str = ""


class Listed(Struct):
    """One file as the index shows it."""

    row: FileRow
    version: VersionRow
    facts: Facts
    url: str
    provenance: str | None = None


def read_facts(file: FileRow) -> Facts:
    """The facts of a file."""
    return msgspec.json.decode(file.facts, type=Facts)


def write_project(rows: Rows, _reads: Mapping[str, Documents], moment: Moment) -> Documents:
    """The page of one project: every file of every package that goes by the name."""
    listed = list(list_files(rows, moment))
    versions = list_versions(rows)
    if not versions:
        return {}
    key = names.name_key(rows.packages[0].name)
    return {
        "html": NewDocument(body=project_html(key, listed), media_type=HTML),
        "json": NewDocument(body=project_json(key, versions, listed), media_type=JSON),
    }


def write_simple(rows: Rows, _reads: Mapping[str, Documents], moment: Moment) -> Documents:
    """The list of all projects."""
    keys = sorted({names.name_key(package.name) for package in rows.packages})
    value = {"meta": {"api-version": API_VERSION}, "projects": [{"name": key} for key in keys]}
    anchors = [f'<a href="{escape(f"{moment.here}/simple/{key}")}">{escape(key)}</a><br/>' for key in keys]
    return {
        "html": NewDocument(body=page("Links for all projects", anchors), media_type=HTML),
        "json": NewDocument(body=msgspec.json.encode(value), media_type=JSON),
    }


def list_versions(rows: Rows) -> list[str]:
    """The versions of a project in their order, each once, normalised."""
    found: dict[str, Version] = {}
    for package in sorted(rows.packages, key=lambda package: package.project):
        for row in shown_versions(package):
            found.setdefault(names.version_id(row.version), names.read_version(row.version))
    return [str(version) for version in sorted(found.values())]


def list_files(rows: Rows, moment: Moment) -> Iterator[Listed]:
    """The files by version, then by name. The same bytes under the same name in two projects of a group are one file."""
    found: list[tuple[tuple[Any, ...], Listed]] = []
    for package in rows.packages:
        for version in shown_versions(package):
            number, yanked = names.version_key(version.version), version.yanked is not None
            side_files = {file.path for file in version.files if file.derived}
            for file in version.files:
                if not file.derived:
                    found.append(
                        ((number, file.path, yanked, file.project, file.id), describe(file, version, moment, f"{file.path}.provenance" in side_files))
                    )
    found.sort(key=itemgetter(0))
    seen = set()
    for _, one in found:
        if (one.row.path, one.row.blob.sha256) not in seen:
            seen.add((one.row.path, one.row.blob.sha256))
            yield one


def shown_versions(package: PackageRow) -> Iterator[VersionRow]:
    return (version for version in package.versions if version.status in ("default", "deprecated", "hidden"))


def describe(file: FileRow, version: VersionRow, moment: Moment, attested: bool) -> Listed:
    base = moment.project(file.project) if moment.level == "project" else moment.here
    url = f"{base}/files/{file.blob.sha256}/{quote(file.path)}"
    return Listed(row=file, version=version, facts=read_facts(file), url=url, provenance=f"{url}.provenance" if attested else None)


def project_json(key: str, versions: list[str], listed: list[Listed]) -> bytes:
    value = {"meta": {"api-version": API_VERSION}, "name": key, "versions": versions, "files": [file_json(one) for one in listed]}
    return msgspec.json.encode(value)


def file_json(one: Listed) -> dict[str, Any]:
    value: dict[str, Any] = {
        "filename": one.row.path,
        "url": f"{one.url}#sha256={one.row.blob.sha256}",
        "hashes": {"sha256": one.row.blob.sha256},
        "size": one.row.blob.size,
        "upload-time": timestamp(one.row.created if one.row.origin_at is None else one.row.origin_at),
        # "" stands for a yank without a reason, which is `true` here.
        "yanked": False if one.version.yanked is None else one.version.yanked or True,
        "core-metadata": {"sha256": one.facts.metadata} if one.facts.metadata else False,
        "dist-info-metadata": {"sha256": one.facts.metadata} if one.facts.metadata else False,
        "provenance": one.provenance,
    }
    if one.facts.requires_python:
        value["requires-python"] = one.facts.requires_python
    return value


def project_html(key: str, listed: list[Listed]) -> bytes:
    return page(f"Links for {key}", [file_html(one) for one in listed])


def file_html(one: Listed) -> str:
    attributes = {"href": f"{one.url}#sha256={one.row.blob.sha256}", "data-requires-python": one.facts.requires_python}
    if one.facts.metadata:
        attributes["data-core-metadata"] = attributes["data-dist-info-metadata"] = f"sha256={one.facts.metadata}"
    if one.version.yanked is not None:
        attributes["data-yanked"] = one.version.yanked
    if one.provenance:
        attributes["data-provenance"] = one.provenance
    written = " ".join(f'{name}="{escape(value)}"' for name, value in attributes.items())
    return f"<a {written}>{escape(one.row.path)}</a><br/>"


def page(title: str, lines: list[str]) -> bytes:
    head = f'<meta name="pypi:repository-version" content="{API_VERSION}"><title>{escape(title)}</title>'
    body = "".join(f"{line}\n" for line in lines)
    return f"<!DOCTYPE html>\n<html><head>{head}</head><body><h1>{escape(title)}</h1>\n{body}</body></html>\n".encode()


def timestamp(instant: Instant) -> str:
    """RFC 3339 in UTC to the microsecond."""
    return datetime.fromtimestamp(instant // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{instant % 1_000_000:06d}Z"
