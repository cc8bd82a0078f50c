"""The packument: what clients read to find versions, in full and in short, made from rows.

Each version's JSON was made when it was published; here the pieces that may change are put around it, never decoding it.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from packhouse.formats.npm import names
from packhouse.model import Documents, FileRow, Instant, Match, Moment, NewDocument, PackageRow, Rows, Struct, VersionRow, write_time

FULL, SHORT, TAGS = "full", "short", "tags"

JSON = "application/json"
SHORT_JSON = "application/vnd.npm.install-v1+json"

SHORT_FIELDS = (
    "name", "version", "dependencies", "devDependencies", "optionalDependencies", "peerDependencies", "peerDependenciesMeta",
    "bundleDependencies", "acceptDependencies", "bin", "directories", "engines", "cpu", "os", "libc", "funding", "_hasShrinkwrap",
    "hasInstallScript",
)  # fmt: skip

# Told once for the package, as the version behind `latest` says it.
_TOP_FIELDS = ("description", "homepage", "keywords", "repository", "author", "contributors", "bugs", "license")

NO_REASON = "This version is deprecated."


class Facts(Struct):
    """Of a tarball. `readme` is packed: one of them is shown, of thousands that are read."""

    manifest: msgspec.Raw
    short: msgspec.Raw
    dist: msgspec.Raw
    readme: str = ""


class ProvenanceFacts(Struct):
    """Of a provenance bundle."""

    predicate: str


class Release(Struct):
    """A version that is listed: its row, its tarball's facts, and the kind of provenance beside it."""

    row: VersionRow
    file: FileRow
    facts: Facts
    provenance: str | None


_read_facts = msgspec.json.Decoder(Facts).decode
_read_provenance = msgspec.json.Decoder(ProvenanceFacts).decode


def write_packument(rows: Rows, _reads: Mapping[str, Documents], moment: Moment) -> Documents:
    """The documents of one package; none where no version is listed."""
    releases = list_releases(rows)
    if not releases:
        return {}
    name = rows.packages[0].name
    tags = dist_tags(rows, releases)
    top = {"name": name, "dist-tags": tags}
    short = {**top, "modified": write_time(moment.at)}
    latest = releases[tags["latest"]]
    full = {"_id": name, "_rev": revision(releases, tags), **top, **_about(latest), "time": _times(releases.values(), moment)}
    return {
        FULL: NewDocument(body=_document(full, _versions(releases, moment, short=False)), media_type=JSON),
        SHORT: NewDocument(body=_document(short, _versions(releases, moment, short=True)), media_type=SHORT_JSON),
        TAGS: NewDocument(body=msgspec.json.encode(tags), media_type=JSON),
    }


def write_manifest(rows: Rows, version: str, moment: Moment) -> bytes | None:
    """The document of one version alone, or None where it is not listed."""
    for release in list_releases(rows).values():
        if names.version_id(release.row.version) == names.version_id(version):
            return _version_json(release, _bases(moment, release), short=False)
    return None


# -- which versions ----------------------------------------------------------------------------------------------------


def list_releases(rows: Rows) -> dict[str, Release]:
    """Version → what is listed, oldest first. Of equal versions in several projects, the one published last."""
    found: dict[str, Release] = {}
    for row in sorted((each for package in rows.packages for each in package.versions), key=_age):
        if row.status != "hidden" and (release := _read_release(row)):
            same = row.version.partition("+")[0]
            found.pop(same, None)
            found[same] = release
    return {release.row.version: release for release in found.values()}


def _age(row: VersionRow) -> tuple[Instant, int]:
    return row.created, row.id


def _read_release(row: VersionRow) -> Release | None:
    main, provenance = None, None
    for file in row.files:
        if not file.derived and file.path.endswith(".tgz"):
            main = file
        elif file.derived and file.path.endswith(".sigstore"):
            provenance = _read_provenance(file.facts).predicate
    return Release(row=row, file=main, facts=_read_facts(main.facts), provenance=provenance) if main else None


def message_of(row: VersionRow) -> str:
    """The deprecation message, "" where there is none: clients take an empty one for its absence."""
    return "" if row.yanked is None else row.yanked or NO_REASON


# -- tags --------------------------------------------------------------------------------------------------------------


def dist_tags(rows: Rows, releases: Mapping[str, Release]) -> dict[str, str]:
    """Tag → version, `latest` always among them. Of equal tags in several projects, the one whose version was published last."""
    tags: dict[str, str] = {}
    for package in sorted(rows.packages, key=lambda each: each.project):
        for tag, version in package.tags.items():
            known = tags.get(tag)
            if version in releases and (known is None or _age(releases[known].row) <= _age(releases[version].row)):
                tags[tag] = version
    if "latest" not in tags:
        tags["latest"] = newest(releases)
    return dict(sorted(tags.items(), key=lambda each: (each[0] != "latest", each[0])))


def newest(versions: Iterable[str]) -> str:
    """The highest version that is no pre-release, else the highest."""
    return max(versions, key=lambda each: (not names.is_prerelease(each), names.version_key(each), each))


def latest_of(package: PackageRow) -> VersionRow | None:
    """The version that stands for a package."""
    by_version = {row.version: row for row in package.versions}
    if not by_version:
        return None
    return by_version.get(package.tags.get("latest", "")) or by_version[newest(by_version)]


# -- JSON in pieces ----------------------------------------------------------------------------------------------------


def _document(top: Mapping[str, Any], versions: Iterable[bytes]) -> bytes:
    return b'%b,"versions":{%b}}' % (msgspec.json.encode(top)[:-1], b",".join(versions))


def _versions(releases: Mapping[str, Release], moment: Moment, *, short: bool) -> Iterable[bytes]:
    bases: dict[int, tuple[bytes, bytes]] = {}
    for version, release in releases.items():
        project = release.row.project
        if project not in bases:
            bases[project] = _bases(moment, release)
        # A valid version has no character that JSON would escape.
        yield b'"%b":%b' % (version.encode(), _version_json(release, bases[project], short=short))


def _bases(moment: Moment, release: Release) -> tuple[bytes, bytes]:
    """What the addresses of a project's tarballs and attestations begin with, ready to stand inside a JSON string."""
    here, name = moment.project(release.row.project), release.row.name
    attestations = f"{here}/-/npm/v1/attestations/{name.replace('/', '%2f')}@"
    return _inside_string(f"{here}/{name}/-/"), _inside_string(attestations)


def _inside_string(text: str) -> bytes:
    return msgspec.json.encode(text)[1:-1]


def _version_json(release: Release, bases: tuple[bytes, bytes], *, short: bool) -> bytes:
    manifest = bytes(release.facts.short if short else release.facts.manifest)
    pieces = [manifest[:-1], b',"dist":', bytes(release.facts.dist)[:-1], b',"tarball":"', bases[0], release.file.path.encode(), b'"']
    if release.provenance is not None:
        kind = msgspec.json.encode(release.provenance)
        pieces += [b',"attestations":{"url":"', bases[1], release.row.version.encode(), b'","provenance":{"predicateType":', kind, b"}}"]
    pieces.append(b"}")
    if message := message_of(release.row):
        pieces += [b',"deprecated":', msgspec.json.encode(message)]
    pieces.append(b"}")
    return b"".join(pieces)


def _about(latest: Release) -> dict[str, Any]:
    manifest = msgspec.json.decode(latest.facts.manifest, type=dict[str, Any])
    top = {field: manifest[field] for field in _TOP_FIELDS if field in manifest}
    return {**top, "maintainers": people_of(manifest), "readme": unpack_text(latest.facts.readme)}


def people_of(manifest: Mapping[str, Any]) -> list[Any]:
    """Who keeps the package, as it says itself: clients expect a list."""
    people = manifest.get("maintainers") or manifest.get("author") or []
    return people if isinstance(people, list) else [people]


def unpack_text(packed: str) -> str:
    """A text that was packed when the version was published."""
    return zlib.decompress(base64.b64decode(packed)).decode() if packed else ""


# -- search ------------------------------------------------------------------------------------------------------------


def write_match(match: Match) -> dict[str, Any]:
    """A package found, as search clients read it. All matches weigh the same: nothing here is measured."""
    package, about = match.package, match.about
    latest = latest_of(package)
    people = [{"username": about.author}] if about.author else []
    found = {
        "name": package.name,
        "scope": names.split_name(package.name)[0] or "unscoped",
        "version": latest.version if latest else "",
        "description": about.summary,
        "keywords": about.keywords,
        "date": write_time(latest.created if latest else 0),
        "links": {title.lower(): link for title, link in about.links.items()},
        "publisher": {"username": about.author},
        "maintainers": people,
    }
    return {"package": found, "score": {"final": 1, "detail": {"quality": 1, "popularity": 1, "maintenance": 1}}, "searchScore": 1}


# -- time and revision -------------------------------------------------------------------------------------------------


def _times(releases: Iterable[Release], moment: Moment) -> dict[str, str]:
    each = {release.row.version: write_time(release.row.created) for release in releases}
    return {"created": min(each.values()), "modified": write_time(moment.at), **each}


def revision(releases: Mapping[str, Release], tags: Mapping[str, str]) -> str:
    """What a client shows when it wants to unpublish: it changes with every version, tag and deprecation."""
    digest = hashlib.sha256(repr(sorted(tags.items())).encode())
    for release in releases.values():
        row = release.row
        digest.update(repr((row.project, row.version, row.created, row.yanked)).encode())
    return f"{len(releases)}-{digest.hexdigest()[:32]}"
