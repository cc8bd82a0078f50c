"""The packument, byte for byte, and what must hold of it whatever the rows."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from packhouse.formats.npm import index, parse
from packhouse.formats.npm.index import write_manifest, write_packument
from packhouse.model import About, FileRow, Match, Moment, NewFile, PackageRow, Rows, VersionRow

from . import samples
from .fake import HOUR, MOMENT, NOW, spooled
from .samples import Sample, sample

GOLDEN = Path(__file__).parent / "golden"
GROUP = Moment(at=NOW + 9 * HOUR, api="https://packhouse.example/api/v4", format="npm", level="group", place=3)
AS_OF = Moment(at=NOW, api="https://packhouse.example/api/v4", format="npm", as_of="/-/at/2024-01-01T00:00:00Z", place=7)


def files_of(folder: Path, new: Sample) -> tuple[NewFile, ...]:
    document = new.document()
    attached = [name for name in document["_attachments"] if name.endswith(".tgz")]
    found = parse.read_put(json.dumps(document).encode(), name=new.name, attachments=attached, headers={})
    assert isinstance(found, parse.Publish)
    content = spooled(new.content, folder)
    provenance = parse.read_provenance(found.provenance, new.name, new.version, content.sha512) if found.provenance else None
    return parse.make_upload(found, parse.read_tarball(content.path), content, provenance).files


def row(folder: Path, new: Sample, number: int, *, project: int = 7, yanked: str | None = None, status: str = "default") -> VersionRow:
    """A version published `number` hours after the first."""
    files = tuple(
        FileRow(id=number * 10 + place, project=project, path=file.path, blob=spooled(b"", folder).blob, facts=file.facts, derived=file.derived)
        for place, file in enumerate(files_of(folder, new))
    )
    return VersionRow(
        id=number, project=project, name=new.name, version=new.version, created=NOW + number * HOUR, files=files, yanked=yanked, status=status
    )  # fmt: skip


def rows(*versions: VersionRow, **tags: str) -> Rows:
    first = versions[0]
    return Rows(packages=(PackageRow(id=1, project=first.project, name=first.name, key=first.name, versions=versions, tags=tags),))


def both(*several: Rows) -> Rows:
    return Rows(packages=tuple(package for each in several for package in each.packages))


def shapes(folder: Path) -> Mapping[str, tuple[Rows, Moment]]:
    """One set of rows for each shape of document."""
    rich = sample(
        "@acme/toy", "1.0.0", author="Ann <ann@mail.example>", keywords=["a"], bin="cli.js", dependencies={"left": "^1.0.0"},
        devDependencies={"dev": "1"}, optionalDependencies={"opt": "1"}, peerDependencies={"peer": "*"}, bundleDependencies=["left"],
        peerDependenciesMeta={"peer": {"optional": True}}, engines={"node": ">=18"}, os=["linux"], cpu=["x64"], libc=["glibc"],
        funding="https://give.example", directories={"lib": "lib"}, exports={".": "./index.js"}, scripts={"postinstall": "node x"},
        repository="https://code.example/toy.git", acceptDependencies={"left": "2"},
    )  # fmt: skip
    first, second = sample("@acme/toy", "1.0.0"), sample("@acme/toy", "1.1.0")
    return {
        "one": (rows(row(folder, rich, 1), latest="1.0.0"), MOMENT),
        "yanked": (rows(row(folder, first, 1, yanked='broken "badly"'), row(folder, second, 2, yanked=""), latest="1.1.0"), MOMENT),
        "prerelease": (rows(row(folder, first, 1), row(folder, sample("@acme/toy", "2.0.0-beta.1"), 2), beta="2.0.0-beta.1"), MOMENT),
        "provenance": (rows(row(folder, samples.with_provenance(first), 1), latest="1.0.0"), MOMENT),
        "unicode": (rows(row(folder, sample("left", "1.0.0", description="ünï 📦 </script> \u2028", author="名前"), 1), latest="1.0.0"), MOMENT),
        "group": (both(rows(row(folder, first, 1), latest="1.0.0"), rows(row(folder, second, 2, project=8), next="1.1.0")), GROUP),
        "as_of": (rows(row(folder, first, 1), latest="1.0.0"), AS_OF),
    }


def read(document: bytes) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(document)
    return value


def full(given: Rows, moment: Moment = MOMENT) -> dict[str, Any]:
    return read(write_packument(given, {}, moment)["full"].body)


def short(given: Rows, moment: Moment = MOMENT) -> dict[str, Any]:
    return read(write_packument(given, {}, moment)["short"].body)


@pytest.mark.parametrize("shape", ["one", "yanked", "prerelease", "provenance", "unicode", "group", "as_of"])
def test_documents_are_the_golden_ones(shape: str, tmp_path: Path) -> None:
    """A document that clients have stored changes though its rows do not. `PACKHOUSE_GOLDEN=write` writes them anew."""
    given, moment = shapes(tmp_path)[shape]
    for name, document in write_packument(given, {}, moment).items():
        path = GOLDEN / f"{shape}.{name}.json"
        if os.environ.get("PACKHOUSE_GOLDEN") == "write":
            path.write_bytes(document.body)
        assert document.body == path.read_bytes(), path.name


def test_nothing_listed_is_no_document(tmp_path: Path) -> None:
    """A package whose last version is gone is still there, with nothing in it."""
    hidden = row(tmp_path, sample(), 1, status="hidden")
    bare = msgspec.structs.replace(row(tmp_path, sample(), 1), files=())
    package = PackageRow(id=1, project=7, name="@acme/toy", key="@acme/toy")
    for given in (Rows(), Rows(packages=(package,)), rows(hidden), rows(bare)):
        assert write_packument(given, {}, MOMENT) == {}


def test_same_rows_same_bytes(tmp_path: Path) -> None:
    """Two processes make different documents of the same rows, and a client sees the revision change by itself."""
    given, moment = shapes(tmp_path)["group"]
    turned = Rows(packages=tuple(reversed(given.packages)))
    assert write_packument(given, {}, moment) == write_packument(given, {}, moment)
    assert write_packument(turned, {}, moment) == write_packument(given, {}, moment)


def test_digests_are_those_of_the_tarball(tmp_path: Path) -> None:
    """Clients refuse the tarball, or take one that is not what was published."""
    new = sample()
    dist = full(rows(row(tmp_path, new, 1)))["versions"]["1.0.0"]["dist"]
    assert dist["integrity"] == samples.integrity(new.content)
    assert dist["shasum"] == hashlib.sha1(new.content).hexdigest()
    assert dist["fileCount"] == 3


def test_short_form_has_only_what_installing_needs(tmp_path: Path) -> None:
    """The short form is long, or lacks a field that decides what is installed."""
    given, moment = shapes(tmp_path)["one"]
    document = short(given, moment)
    assert set(document) == {"name", "dist-tags", "modified", "versions"}
    assert set(document["versions"]["1.0.0"]) == {
        "name", "version", "dependencies", "devDependencies", "optionalDependencies", "peerDependencies", "peerDependenciesMeta",
        "bundleDependencies", "acceptDependencies", "bin", "directories", "engines", "cpu", "os", "libc", "funding", "hasInstallScript", "dist",
    }  # fmt: skip


def test_deprecation_is_in_both_forms(tmp_path: Path) -> None:
    """Who installs a deprecated version is not told, or a version that is not deprecated says it is."""
    given, moment = shapes(tmp_path)["yanked"]
    for document in (full(given, moment), short(given, moment)):
        said = {version: each.get("deprecated") for version, each in document["versions"].items()}
        assert said == {"1.0.0": 'broken "badly"', "1.1.0": index.NO_REASON}
    assert "deprecated" not in full(rows(row(tmp_path, sample(), 1)))["versions"]["1.0.0"]


def test_tags_whose_version_is_gone_are_not_told(tmp_path: Path) -> None:
    """A tag leads to a version that is not there, and clients fail on it."""
    tags = full(rows(row(tmp_path, sample(), 1), latest="9.0.0", next="9.0.0", old="1.0.0"))["dist-tags"]
    assert tags == {"latest": "1.0.0", "old": "1.0.0"}


@pytest.mark.parametrize(
    ("versions", "latest"),
    [(["1.9.0", "1.10.0", "2.0.0-rc.1"], "1.10.0"), (["1.0.0-rc.1", "1.0.0-rc.10", "1.0.0-rc.2"], "1.0.0-rc.10"), (["2.0.0", "1.0.0"], "2.0.0")],
)
def test_latest_is_computed_where_nobody_set_it(versions: list[str], latest: str, tmp_path: Path) -> None:
    """Installing without a version gets a pre-release, or not the highest release."""
    given = rows(*(row(tmp_path, sample(version=version), number) for number, version in enumerate(versions)))
    assert full(given)["dist-tags"] == {"latest": latest}


def test_group_tells_equal_versions_once(tmp_path: Path) -> None:
    """Of equal versions in two projects, not the one published last is offered, or its tarball is looked for in the other project."""
    older, newer = row(tmp_path, sample(variant=1), 1, project=8), row(tmp_path, sample(variant=2), 2)
    for given in (both(rows(older), rows(newer)), both(rows(newer), rows(older))):
        document = full(given, GROUP)
        assert list(document["versions"]) == ["1.0.0"]
        dist = document["versions"]["1.0.0"]["dist"]
        assert dist["integrity"] == samples.integrity(sample(variant=2).content)
        assert dist["tarball"] == "https://packhouse.example/api/v4/projects/7/packages/npm/@acme/toy/-/@acme/toy-1.0.0.tgz"


def test_versions_stand_in_the_order_of_their_publishing(tmp_path: Path) -> None:
    """The order of versions depends on how the rows came, or on a version that another one has taken the place of."""
    first, again = row(tmp_path, sample(), 1, project=8), row(tmp_path, sample(variant=1), 3)
    between = row(tmp_path, sample(version="0.9.0"), 2)
    assert list(full(both(rows(between, again), rows(first)), GROUP)["versions"]) == ["0.9.0", "1.0.0"]


def test_group_takes_the_tag_of_the_later_version(tmp_path: Path) -> None:
    """A tag in two projects leads to one of them by chance."""
    older = rows(row(tmp_path, sample(version="2.0.0"), 1, project=8), latest="2.0.0", only="2.0.0")
    newer = rows(row(tmp_path, sample(version="1.5.0"), 2), latest="1.5.0")
    assert full(both(older, newer), GROUP)["dist-tags"] == full(both(newer, older), GROUP)["dist-tags"] == {"latest": "1.5.0", "only": "2.0.0"}


def test_revision_moves_with_what_unpublishing_must_not_miss(tmp_path: Path) -> None:
    """Somebody unpublishes what they have not seen: a version, a tag or a deprecation made in between."""
    one, two = row(tmp_path, sample(), 1), row(tmp_path, sample(version="1.1.0"), 2)
    again = msgspec.structs.replace(one, created=NOW)
    yanked = msgspec.structs.replace(one, yanked="x")
    several = [rows(one), rows(one, two), rows(one, next="1.0.0"), rows(yanked), rows(again)]
    assert len({full(given)["_rev"] for given in several}) == len(several)
    assert full(rows(one), MOMENT)["_rev"] == full(rows(one), GROUP)["_rev"]


def test_times_are_when_versions_were_published(tmp_path: Path) -> None:
    """`npm install --before` picks by wrong times."""
    time = full(rows(row(tmp_path, sample(), 1), row(tmp_path, sample(version="1.1.0"), 2)))["time"]
    assert time["1.0.0"] == time["created"] == "2023-11-14T23:13:20.123Z"
    assert time["1.1.0"] == "2023-11-15T00:13:20.123Z"
    assert time["modified"] == "2023-11-14T22:13:20.123Z"


def test_manifest_is_the_version_of_the_packument(tmp_path: Path) -> None:
    """A version alone says something else than in the whole document, or one that is not there is made up."""
    given, moment = shapes(tmp_path)["yanked"]
    alone = write_manifest(given, "1.0.0", moment)
    assert alone is not None and json.loads(alone) == full(given, moment)["versions"]["1.0.0"]
    assert write_manifest(given, "9.0.0", moment) is None


def test_readme_of_latest_is_told_once(tmp_path: Path) -> None:
    """The document repeats a readme for each version, or tells none."""
    document = full(rows(row(tmp_path, sample(), 1), row(tmp_path, sample(version="1.1.0"), 2)))
    assert document["readme"] == samples.README.decode()
    assert all("readme" not in each for each in document["versions"].values())


def test_search_shows_the_latest_version(tmp_path: Path) -> None:
    """`npm search` breaks on a missing field, or shows another version than it installs."""
    package = rows(row(tmp_path, sample(), 1), row(tmp_path, sample(version="2.0.0-rc.1"), 2), latest="1.0.0").packages[0]
    about = About(summary="A toy", author="Ann", keywords=("a",), links={"Homepage": "https://toy.example"})
    found = index.write_match(Match(package=package, about=about))["package"]
    assert (found["name"], found["scope"], found["version"], found["description"]) == ("@acme/toy", "acme", "1.0.0", "A toy")
    assert found["maintainers"] == [{"username": "Ann"}]
    assert found["links"] == {"homepage": "https://toy.example"}
    bare = index.write_match(Match(package=msgspec.structs.replace(package, versions=(), tags={}), about=About()))["package"]
    assert (bare["version"], bare["maintainers"]) == ("", [])
