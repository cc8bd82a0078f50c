"""maven-metadata.xml from rows: of an artifact (its versions), of a group (its plugins), of a snapshot (its builds). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from xml.sax.saxutils import escape

import msgspec

from packhouse.maven2 import names
from packhouse.model import Documents, FileRow, Instant, Moment, NewDocument, Rows, Struct

XML = "application/xml"
JSON = "application/json"

VERSIONS = "versions"  # beside the metadata of a folder: the versions it lists, as JSON
NEWEST = "newest"  # beside the metadata of a snapshot: names with -SNAPSHOT → names of the newest files, as JSON


class Facts(Struct, omit_defaults=True):
    """What an index needs to know of a POM. `prefix` is a plugin's."""

    prefix: str = ""
    title: str = ""


class Newest(Struct):
    """The newest file of a classifier and extension of a snapshot."""

    build: names.Build
    file: FileRow
    updated: str
    own: bool  # named after its artifact: another file may be there by mistake, or be an old sbt plugin's

    @property
    def age(self) -> tuple[bool, str, int, int]:
        return self.own, self.updated, self.build.number, self.file.id


def read_facts(file: FileRow) -> Facts:
    """The facts of a file."""
    return msgspec.json.decode(file.facts, type=Facts)


# -- a folder: the versions of an artifact, the plugins of a group ----------------------------------------------------


def write_folder(rows: Rows, _reads: Mapping[str, Documents], moment: Moment) -> Documents:
    """The metadata of a folder. A folder may be an artifact's and a group's at once."""
    folder = next((names.read_shelf(file.shelf)[0] for file in list_files(rows)), "")
    versions = list_versions(rows, folder)
    plugins = dict(sorted(list_plugins(rows, folder).items())) if moment.level != "instance" else {}
    if not versions and not plugins:
        return {}
    lines = [*artifact_lines(folder, versions, moment.at)] if versions else []
    lines += plugin_lines(plugins) if plugins else []
    return {
        names.METADATA: write_metadata(lines),
        VERSIONS: NewDocument(body=msgspec.json.encode(versions), media_type=JSON),
    }


def list_files(rows: Rows) -> Iterator[FileRow]:
    return (file for package in rows.packages for version in package.versions for file in version.files)


def list_versions(rows: Rows, name: str) -> list[str]:
    """The versions of a package that are offered, oldest first, each once; of equal ones the shorter first."""
    found = {
        version.version
        for package in rows.packages
        if package.key == name
        for version in package.versions
        if version.yanked is None and version.status in ("default", "deprecated")
    }
    return sorted(found, key=lambda version: (names.version_key(version), len(version), version))


def list_plugins(rows: Rows, group: str) -> dict[str, Facts]:
    """The plugins of a group, as their newest versions describe them."""
    newest: dict[str, tuple[tuple[object, ...], Facts]] = {}
    for package in rows.packages:
        folder, _, artifact = package.key.rpartition("/")
        if folder != group:
            continue
        for version in package.versions:
            for file in version.files:
                facts, rank = read_facts(file), (names.version_key(version.version), file.id)
                if facts.prefix and (artifact not in newest or newest[artifact][0] < rank):
                    newest[artifact] = rank, facts
    return {artifact: facts for artifact, (_, facts) in newest.items()}


def artifact_lines(name: str, versions: list[str], at: Instant) -> Iterator[str]:
    releases = [version for version in versions if not names.is_snapshot(version)]
    yield from coordinate_lines(name)
    yield "  <versioning>"
    yield f"    <latest>{escape(versions[-1])}</latest>"
    if releases:
        yield f"    <release>{escape(releases[-1])}</release>"
    yield "    <versions>"
    yield from (f"      <version>{escape(version)}</version>" for version in versions)
    yield "    </versions>"
    yield f"    <lastUpdated>{stamp(at)}</lastUpdated>"
    yield "  </versioning>"


def plugin_lines(plugins: Mapping[str, Facts]) -> Iterable[str]:
    yield "  <plugins>"
    for artifact, facts in plugins.items():
        yield "    <plugin>"
        yield f"      <name>{escape(facts.title or artifact)}</name>"
        yield f"      <prefix>{escape(facts.prefix)}</prefix>"
        yield f"      <artifactId>{escape(artifact)}</artifactId>"
        yield "    </plugin>"
    yield "  </plugins>"


# -- the builds of a snapshot ----------------------------------------------------------------------------------------


def write_snapshot(rows: Rows, _reads: Mapping[str, Documents], moment: Moment) -> Documents:
    """The metadata of a snapshot: for each classifier and extension the newest file, whichever project of a group it is from."""
    newest: dict[tuple[str, str], Newest] = {}
    builds: set[tuple[bool, str, int]] = set()
    name = version = ""
    for file in list_files(rows):
        name, version = names.read_shelf(file.shelf)
        build = names.read_build(version, file.path)
        if build is None:
            continue
        own = build.plain.startswith(f"{name.rpartition('/')[2]}-{version}")
        if build.time:
            builds.add((own, build.time, build.number))
        found = Newest(build=build, file=file, updated=build.time.replace(".", "") or stamp(file.created), own=own)
        key = (build.classifier, build.extension)
        if key not in newest or newest[key].age < found.age:
            newest[key] = found
    if not newest:
        return {}
    listed = [newest[key] for key in sorted(newest)]
    return {
        names.METADATA: write_metadata(snapshot_lines(name, version, max(builds, default=None), listed)),
        NEWEST: NewDocument(body=msgspec.json.encode({one.build.plain: one.file.path for one in listed}), media_type=JSON),
    }


def snapshot_lines(name: str, version: str, last: tuple[bool, str, int] | None, listed: list[Newest]) -> Iterator[str]:
    yield from coordinate_lines(name)
    yield f"  <version>{escape(version)}</version>"
    yield "  <versioning>"
    if last is not None:
        yield f"    <snapshot>\n      <timestamp>{last[1]}</timestamp>\n      <buildNumber>{last[2]}</buildNumber>\n    </snapshot>"
    yield f"    <lastUpdated>{max(one.updated for one in listed)}</lastUpdated>"
    yield "    <snapshotVersions>"
    for one in listed:
        yield "      <snapshotVersion>"
        if one.build.classifier:
            yield f"        <classifier>{escape(one.build.classifier)}</classifier>"
        yield f"        <extension>{escape(one.build.extension)}</extension>"
        yield f"        <value>{escape(one.build.value)}</value>"
        yield f"        <updated>{one.updated}</updated>"
        yield "      </snapshotVersion>"
    yield "    </snapshotVersions>"
    yield "  </versioning>"


# -- both ------------------------------------------------------------------------------------------------------------


def coordinate_lines(name: str) -> Iterator[str]:
    yield f"  <groupId>{escape(names.group_of(name))}</groupId>"
    yield f"  <artifactId>{escape(name.rpartition('/')[2])}</artifactId>"


def write_metadata(lines: Iterable[str]) -> NewDocument:
    text = "\n".join(('<?xml version="1.0" encoding="UTF-8"?>', '<metadata modelVersion="1.1.0">', *lines, "</metadata>", ""))
    return NewDocument(body=text.encode(), media_type=XML)


def stamp(instant: Instant) -> str:
    """A time as Maven writes it, to the second in UTC."""
    return datetime.fromtimestamp(instant // 1_000_000, UTC).strftime("%Y%m%d%H%M%S")
