"""maven-metadata.xml, byte for byte; `PACKHOUSE_GOLDEN=write` writes the golden documents again."""

from __future__ import annotations

import hashlib
import itertools
import os
import random
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from packhouse.formats.maven.index import NEWEST, VERSIONS, Facts, write_folder, write_snapshot
from packhouse.maven2 import names
from packhouse.model import Blob, FileRow, Moment, PackageRow, Rows, VersionRow

GOLDEN = Path(__file__).parent / "golden"
CREATED = 1_700_000_000_123_456  # 2023-11-14 22:13:20
PROJECT = Moment(at=CREATED, api="https://packhouse.example/api/v4", format="maven", place=7)
GROUP = Moment(at=CREATED + 60_000_000, api="https://packhouse.example/api/v4", format="maven", level="group", place=3)
INSTANCE = Moment(at=CREATED, api="https://packhouse.example/api/v4", format="maven", level="instance", place=7)
LIB = "com/acme/lib"
SNAPSHOT = "1.1-SNAPSHOT"
_ids = itertools.count(1)


def file(path: str, shelf: str, *, prefix: str = "", title: str = "", project: int = 7, created: int = CREATED) -> FileRow:
    blob = Blob(sha256=hashlib.sha256(path.encode()).hexdigest(), size=len(path))
    facts = msgspec.json.encode(Facts(prefix=prefix, title=title))
    return FileRow(id=next(_ids), project=project, path=path, blob=blob, facts=facts, shelf=shelf, created=created)


def version(number: str, *files: FileRow, name: str = LIB, project: int = 7, yanked: str | None = None, status: str = "default") -> VersionRow:
    return VersionRow(id=next(_ids), project=project, name=name, version=number, created=CREATED, yanked=yanked, status=status, files=files)


def listed(number: str, name: str = LIB, **more: str) -> VersionRow:
    """A version as the shelf of its artifact holds it: with its POM."""
    return version(number, file(f"{name.rpartition('/')[2]}-{number}.pom", names.folder_shelf(name)), name=name, **more)


def package(*versions: VersionRow, name: str = LIB, project: int = 7) -> PackageRow:
    return PackageRow(id=next(_ids), project=project, name=name, key=name, versions=versions)


def plugin(artifact: str, *described: tuple[str, str, str]) -> PackageRow:
    """A plugin's versions as the shelf of its group holds them: number, prefix, title."""
    name = f"com/acme/{artifact}"
    rows = (
        version(number, file(f"{artifact}-{number}.pom", names.folder_shelf("com/acme"), prefix=prefix, title=title), name=name)
        for number, prefix, title in described
    )
    return package(*rows, name=name)


def builds(*files: str, project: int = 7, created: int = CREATED) -> PackageRow:
    shelf = names.version_shelf(LIB, SNAPSHOT)
    return package(version(SNAPSHOT, *(file(path, shelf, project=project, created=created) for path in files), project=project), project=project)


def build(number: int, tail: str) -> str:
    return f"lib-1.1-20260102.03040{number}-{number}{tail}"


PLUGINS = (
    plugin("toy-maven-plugin", ("1.0", "toy", "Toy"), ("1.10", "toys", "Toys & <more>"), ("1.9", "old", "Old")),
    plugin("maven-play-plugin", ("2.0", "play", "")),
)
CASES = {
    "one-version": (write_folder, Rows(packages=(package(listed("1.0")),)), PROJECT),
    "order": (
        write_folder,
        Rows(packages=(package(*map(listed, ("1.10", "1.9", "1.0", "1.0.0", "2.0-SNAPSHOT", "2.0-rc1", "1.0-alpha-1"))),)),
        PROJECT,
    ),
    "only-a-snapshot": (write_folder, Rows(packages=(package(listed("1.0-SNAPSHOT")),)), PROJECT),
    "yanked-and-hidden": (
        write_folder,
        Rows(packages=(package(listed("1.0"), listed("2.0", yanked="broken"), listed("3.0", status="hidden")),)),
        PROJECT,
    ),
    "group": (
        write_folder,
        Rows(packages=(package(listed("1.0"), listed("2.0")), package(listed("1.5"), listed("2.0"), project=9))),
        GROUP,
    ),
    "plugins": (write_folder, Rows(packages=PLUGINS), PROJECT),
    "artifact-and-group": (
        write_folder,
        Rows(packages=(package(listed("1.0", "com/acme"), name="com/acme"), *PLUGINS)),
        PROJECT,
    ),
    "instance-without-plugins": (
        write_folder,
        Rows(packages=(package(listed("1.0", "com/acme"), name="com/acme"), *PLUGINS)),
        INSTANCE,
    ),
    "snapshot": (
        write_snapshot,
        Rows(packages=(builds(build(1, ".jar"), build(1, ".pom"), build(1, "-sources.jar"), build(2, ".jar"), build(2, ".pom"), "notes.txt"),)),
        PROJECT,
    ),
    "snapshot-plain": (write_snapshot, Rows(packages=(builds("lib-1.1-SNAPSHOT.jar", "lib-1.1-SNAPSHOT.pom"),)), PROJECT),
    "snapshot-mixed": (
        write_snapshot,
        Rows(packages=(builds(build(3, ".jar"), build(3, ".pom")), builds("lib-1.1-SNAPSHOT.jar", created=1_900_000_000_000_000, project=9))),
        GROUP,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_golden(case: str) -> None:
    """A document would differ from the one that was reviewed."""
    write, rows, moment = CASES[case]
    body = write(rows, {}, moment)[names.METADATA].body
    path = GOLDEN / f"{case}.xml"
    if os.environ.get("PACKHOUSE_GOLDEN") == "write":
        path.write_bytes(body)
    assert body == path.read_bytes()


@pytest.mark.parametrize("case", CASES)
def test_order_of_rows_does_not_matter(case: str) -> None:
    """Two processes would make two documents of the same rows."""
    write, rows, moment = CASES[case]
    shuffled = random.Random(1)
    wanted = write(rows, {}, moment)
    for _ in range(5):
        packages = [
            msgspec.structs.replace(
                one,
                versions=tuple(
                    shuffled.sample(
                        [msgspec.structs.replace(v, files=tuple(shuffled.sample(v.files, len(v.files)))) for v in one.versions], len(one.versions)
                    )
                ),
            )
            for one in rows.packages
        ]
        assert write(Rows(packages=tuple(shuffled.sample(packages, len(packages)))), {}, moment) == wanted


@pytest.mark.parametrize("case", CASES)
def test_documents_are_well_formed(case: str) -> None:
    """A client could not read the document."""
    write, rows, moment = CASES[case]
    document = write(rows, {}, moment)[names.METADATA]
    assert document.media_type == "application/xml"
    root = ElementTree.fromstring(document.body)
    assert root.tag == "metadata"


def test_nothing_makes_no_document() -> None:
    """An artifact without versions would be there all the same."""
    assert write_folder(Rows(), {}, PROJECT) == {}
    assert write_folder(Rows(packages=(package(listed("1.0", yanked="")),)), {}, PROJECT) == {}
    assert write_snapshot(Rows(), {}, PROJECT) == {}
    assert write_snapshot(Rows(packages=(builds("notes.txt"),)), {}, PROJECT) == {}


def test_what_handlers_look_up() -> None:
    """A listed version would be looked for again, or a name with -SNAPSHOT not lead to the newest build."""
    write, rows, moment = CASES["order"]
    listing = msgspec.json.decode(write(rows, {}, moment)[VERSIONS].body)
    assert listing == ["1.0-alpha-1", "1.0", "1.0.0", "1.9", "1.10", "2.0-rc1", "2.0-SNAPSHOT"]
    write, rows, moment = CASES["snapshot"]
    assert msgspec.json.decode(write(rows, {}, moment)[NEWEST].body) == {
        "lib-1.1-SNAPSHOT.jar": build(2, ".jar"),
        "lib-1.1-SNAPSHOT.pom": build(2, ".pom"),
        "lib-1.1-SNAPSHOT-sources.jar": build(1, "-sources.jar"),
    }


def test_files_of_another_name_stay_behind() -> None:
    """One stray file would break a snapshot for everybody, or an old sbt plugin, whose files are not named after its folder, be without builds."""
    stray = "other-1.1-20990101.000000-9"
    mixed = builds(build(1, ".jar"), build(2, ".jar"), f"{stray}.jar", f"{stray}-x.jar")
    made = write_snapshot(Rows(packages=(mixed,)), {}, PROJECT)
    assert msgspec.json.decode(made[NEWEST].body) == {"lib-1.1-SNAPSHOT.jar": build(2, ".jar"), "other-1.1-SNAPSHOT-x.jar": f"{stray}-x.jar"}
    assert b"<timestamp>20260102.030402</timestamp>\n      <buildNumber>2</buildNumber>" in made[names.METADATA].body
    alone = write_snapshot(Rows(packages=(builds(f"{stray}.jar"),)), {}, PROJECT)
    assert msgspec.json.decode(alone[NEWEST].body) == {"other-1.1-SNAPSHOT.jar": f"{stray}.jar"}
