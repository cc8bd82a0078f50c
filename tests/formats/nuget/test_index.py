"""Registrations, versions, search results and feeds, byte for byte, and what must hold of them whatever the rows."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import msgspec
import pytest

from packhouse.formats.nuget import parse
from packhouse.formats.nuget.index import feed, registration, search, service
from packhouse.formats.nuget.index.releases import list_releases
from packhouse.model import FileRow, Moment, PackageRow, Rows, VersionRow

from .fake import HOUR, MOMENT, NOW, spooled
from .samples import PNG, README, Sample, sample

GOLDEN = Path(__file__).parent / "golden"
GROUP = Moment(at=NOW + 9 * HOUR, api="https://packhouse.example/api/v4", format="nuget", level="group", place=3)
AS_OF = Moment(at=NOW, api="https://packhouse.example/api/v4", format="nuget", as_of="/-/at/2024-01-01T00:00:00Z", place=7)
HERE = "https://packhouse.example/api/v4/projects/7/packages/nuget"
ATOM, DATA = "{http://www.w3.org/2005/Atom}", "{http://schemas.microsoft.com/ado/2007/08/dataservices}"


def row(folder: Path, new: Sample, number: int, *, project: int = 7, yanked: str | None = None, status: str = "default") -> VersionRow:
    """A version published `number` hours after the first."""
    content = spooled(new.content, folder)
    made = parse.make_upload(parse.read_package(content.path), content).files
    files = tuple(
        FileRow(
            id=number * 10 + place, project=project, path=file.path, facts=file.facts, derived=file.derived,
            blob=content.blob if isinstance(file.content, type(content)) else spooled(file.content, folder).blob,
        )
        for place, file in enumerate(made)
    )  # fmt: skip
    return VersionRow(
        id=number, project=project, name=new.name, version=new.version, created=NOW + number * HOUR, files=files, yanked=yanked, status=status
    )  # fmt: skip


def rows(*versions: VersionRow) -> Rows:
    first = versions[0]
    return Rows(packages=(PackageRow(id=1, project=first.project, name=first.name, key=first.name.lower(), versions=versions),))


def both(*several: Rows) -> Rows:
    return Rows(packages=tuple(package for each in several for package in each.packages))


def several(folder: Path, *versions: str) -> Rows:
    return rows(*(row(folder, sample(version=version), number) for number, version in enumerate(versions)))


def shapes(folder: Path) -> Mapping[str, tuple[Rows, Moment]]:
    """One set of rows for each shape of document."""
    rich = sample(
        "Acme.Toy", "1.0.0", files={"icon.png": PNG, "LICENSE": b"x", "README.md": README}, icon="icon.png", readme="README.md",
        license='<license type="file">LICENSE</license>', tags="a b", title="The toy", summary="Short", projectUrl="https://toy.example/",
        copyright="(c) Ann", language="en", releaseNotes="first", requireLicenseAcceptance="true", developmentDependency="true",
        packageTypes='<packageTypes><packageType name="DotnetTool"/></packageTypes>',
        dependencies='<dependencies><group targetFramework="net8.0"><dependency id="Other.One" version="[1.0,2.0)"/></group>'
        '<group targetFramework=".NETStandard2.0"/></dependencies>',
    )  # fmt: skip
    first, second = sample(version="1.0"), sample(version="1.1.0")
    return {
        "one": (rows(row(folder, rich, 1)), MOMENT),
        "unlisted": (
            rows(row(folder, first, 1, yanked='broken "badly"'), row(folder, second, 2, yanked=""), row(folder, sample(version="1.2"), 3)),
            MOMENT,
        ),
        "prerelease": (
            rows(row(folder, sample(version="2.0.0-beta.1"), 1), row(folder, first, 2), row(folder, sample(version="2.0.0-rc"), 3)),
            MOMENT,
        ),
        "build": (rows(row(folder, sample(version="1.0.0+Build.7"), 1)), MOMENT),
        "unicode": (rows(row(folder, sample(description='ünï 📦 </script> \u2028 "q" & \\u0001', authors="名前"), 1)), MOMENT),
        "group": (both(rows(row(folder, first, 1)), rows(row(folder, second, 2, project=8))), GROUP),
        "as_of": (rows(row(folder, first, 1)), AS_OF),
        "many": (several(folder, *(f"1.{number}.0" for number in range(65))), MOMENT),
    }


SHAPES = ["one", "unlisted", "prerelease", "build", "unicode", "group", "as_of", "many"]


def compare(name: str, body: bytes) -> None:
    path = GOLDEN / name
    if os.environ.get("PACKHOUSE_GOLDEN") == "write":
        path.write_bytes(body)
    assert body == path.read_bytes(), name


@pytest.mark.parametrize("shape", SHAPES)
def test_documents_are_the_golden_ones(shape: str, tmp_path: Path) -> None:
    """A document that clients have stored changes though its rows do not. `PACKHOUSE_GOLDEN=write` writes them anew."""
    given, moment = shapes(tmp_path)[shape]
    sets = {
        "registration": {**registration.write_registration(given, {}, moment), **registration.write_pages(given, {}, moment)},
        "registration1": {**registration.write_registration_1(given, {}, moment), **registration.write_pages_1(given, {}, moment)},
        "versions": registration.write_versions(given, {}, moment),
    }
    for kind, documents in sets.items():
        for path, document in documents.items():
            if path != "index" and "/1.64.0/" not in f"{path}/":
                continue  # one page of many is enough
            compare(f"{shape}.{kind}.{path.replace('/', '_')}.json", document.body)


@pytest.mark.parametrize("shape", ["one", "unlisted", "unicode", "group"])
def test_feeds_and_results_are_the_golden_ones(shape: str, tmp_path: Path) -> None:
    """A feed or a search result changes though its rows do not."""
    given, moment = shapes(tmp_path)[shape]
    lines = feed.mark_latest(list_releases(given))
    compare(f"{shape}.feed.xml", feed.write_feed(lines, moment, "FindPackagesById").encode())
    compare(f"{shape}.entry.xml", feed.write_entry_document(lines[-1], moment).encode())
    result = search.write_result(given, search.choose(given, search.Taste()), moment)
    compare(f"{shape}.search.json", msgspec.json.encode(result))


@pytest.mark.parametrize("level", ["project", "group"])
def test_service_index_is_the_golden_one(level: str) -> None:
    """Clients look for a resource in vain."""
    here = HERE if level == "project" else GROUP.here
    compare(f"service.{level}.json", msgspec.json.encode(service.write_service_index(here, project=level == "project")))


def test_v2_descriptions_are_the_golden_ones() -> None:
    """Old clients cannot read what the feed says of itself."""
    for name, text in (("v2.service.xml", service.write_v2_service(HERE)), ("v2.metadata.xml", service.write_v2_metadata())):
        fromstring(text.encode())
        compare(name, text.encode())


# -- what must hold ----------------------------------------------------------------------------------------------------


def read(given: Rows, moment: Moment = MOMENT, *, semver1: bool = False) -> dict[str, Any]:
    write = registration.write_registration_1 if semver1 else registration.write_registration
    value: dict[str, Any] = json.loads(write(given, {}, moment)["index"].body)
    return value


def items(given: Rows, moment: Moment = MOMENT, *, semver1: bool = False) -> list[dict[str, Any]]:
    return [item for page in read(given, moment, semver1=semver1)["items"] for item in page["items"]]


def versions(given: Rows, *, semver1: bool = False) -> list[str]:
    return [item["catalogEntry"]["version"] for item in items(given, semver1=semver1)]


def test_nothing_listed_is_no_document(tmp_path: Path) -> None:
    """A package whose last version is gone is still there, with nothing in it."""
    hidden = row(tmp_path, sample(), 1, status="hidden")
    bare = msgspec.structs.replace(row(tmp_path, sample(), 1), files=())
    for given in (Rows(), rows(hidden), rows(bare)):
        assert registration.write_registration(given, {}, MOMENT) == {}
        assert registration.write_versions(given, {}, MOMENT) == {}
    assert registration.write_registration_1(several(tmp_path, "1.0-a.b"), {}, MOMENT) == {}


def test_same_rows_same_bytes(tmp_path: Path) -> None:
    """Two processes make different documents of the same rows."""
    given, moment = shapes(tmp_path)["group"]
    turned = Rows(packages=tuple(reversed(given.packages)))
    assert registration.write_registration(turned, {}, moment) == registration.write_registration(given, {}, moment)


def test_versions_stand_in_their_order(tmp_path: Path) -> None:
    """A client takes the version published last for the highest."""
    given = several(tmp_path, "1.10.0", "1.9", "2.0.0-rc.2", "1.10.0-a", "2.0.0-rc.10")
    assert versions(given) == ["1.9", "1.10.0-a", "1.10.0", "2.0.0-rc.2", "2.0.0-rc.10"]
    flat = json.loads(registration.write_versions(given, {}, MOMENT)["index"].body)["versions"]
    assert flat == ["1.9.0", "1.10.0-a", "1.10.0", "2.0.0-rc.2", "2.0.0-rc.10"]


def test_semver2_is_kept_from_those_who_cannot_read_it(tmp_path: Path) -> None:
    """An old client fails over a version that it cannot read, or is not offered one that it can."""
    dependent = sample(version="1.5", dependencies='<dependencies><dependency id="b" version="1.0-a.1"/></dependencies>')
    given = rows(*(row(tmp_path, new, n) for n, new in enumerate([*(sample(version=v) for v in ("1.0", "1.1-a", "1.2-a.1", "1.3+b")), dependent])))
    assert versions(given, semver1=True) == ["1.0", "1.1-a"]
    assert versions(given) == ["1.0", "1.1-a", "1.2-a.1", "1.3+b", "1.5"]


def test_digest_is_that_of_the_package(tmp_path: Path) -> None:
    """Clients refuse the package, or take one that is not what was published."""
    new = sample()
    entry = items(rows(row(tmp_path, new, 1)))[0]["catalogEntry"]
    assert base64.b64decode(entry["packageHash"]) == hashlib.sha512(new.content).digest()
    assert (entry["packageHashAlgorithm"], entry["packageSize"]) == ("SHA512", len(new.content))
    unknown = row(tmp_path, new, 1)
    blob = msgspec.structs.replace(unknown.files[0].blob, sha512=None)
    files = (msgspec.structs.replace(unknown.files[0], blob=blob),)
    assert "packageHash" not in items(rows(msgspec.structs.replace(unknown, files=files)))[0]["catalogEntry"]


def test_unlisting_is_told(tmp_path: Path) -> None:
    """A version that is no longer offered is offered, or one that is, is not."""
    given, _ = shapes(tmp_path)["unlisted"]
    told = {item["catalogEntry"]["version"]: (item["catalogEntry"]["listed"], item["catalogEntry"].get("deprecation")) for item in items(given)}
    assert told == {"1.0": (False, {"reasons": ["Other"], "message": 'broken "badly"'}), "1.1.0": (False, None), "1.2": (True, None)}
    assert [release.row.version for release in search.choose(given, search.Taste())] == ["1.2"]


@pytest.mark.parametrize(("count", "pages"), [(1, 1), (64, 1), (65, 2), (128, 2), (129, 3)])
def test_pages(count: int, pages: int, tmp_path: Path) -> None:
    """A package of many versions is one huge document, or a version falls between two pages."""
    given = several(tmp_path, *(f"{number}.0.0" for number in range(count)))
    documents = {**registration.write_registration(given, {}, MOMENT), **registration.write_pages(given, {}, MOMENT)}
    index = json.loads(documents["index"].body)
    assert index["count"] == len(index["items"]) == pages and sum(page["count"] for page in index["items"]) == count
    found = []
    for page in index["items"]:
        whole = page
        if pages > 1:
            assert "items" not in page
            path = page["@id"].removeprefix(f"{HERE}/metadata/acme.toy/").removesuffix(".json")
            whole = json.loads(documents[path].body)
            assert {name: whole[name] for name in ("@id", "count", "lower", "upper")} == page
        assert (whole["items"][0]["catalogEntry"]["version"], whole["items"][-1]["catalogEntry"]["version"]) == (page["lower"], page["upper"])
        found += [item["catalogEntry"]["version"] for item in whole["items"]]
    assert found == [f"{number}.0.0" for number in range(count)]


def test_page_that_is_gone_is_made_of_what_is_there(tmp_path: Path) -> None:
    """A client that read the index just before a publish cannot go on."""
    given = several(tmp_path, "1.0", "1.1", "1.2", "2.0")
    page = registration.write_page(given, "1.0.5", "1.9", MOMENT, registration.HIVE)
    assert page is not None and [item["catalogEntry"]["version"] for item in json.loads(page)["items"]] == ["1.1", "1.2"]
    assert registration.write_page(given, "3.0", "4.0", MOMENT, registration.HIVE) is None


def test_leaf_is_the_item_of_its_page(tmp_path: Path) -> None:
    """A version alone says something else than among the others, or one that is not there is made up."""
    given, moment = shapes(tmp_path)["unlisted"]
    leaf = registration.write_leaf(given, "1.0.0", moment)
    assert leaf is not None and json.loads(leaf) == items(given, moment)[0]
    assert registration.write_leaf(given, "9.0.0", moment) is None


def test_group_names_its_projects(tmp_path: Path) -> None:
    """In a group, a package is fetched from a project that does not have it, or its registration is looked for in one project only."""
    given, moment = shapes(tmp_path)["group"]
    found = items(given, moment)
    assert [item["packageContent"].split("/packages/")[0][-11:] for item in found] == ["/projects/7", "/projects/8"]
    assert all(item["registration"] == f"{GROUP.here}/metadata/acme.toy/index.json" for item in found)


def test_group_tells_equal_versions_once(tmp_path: Path) -> None:
    """Of equal versions in two projects, not the one published last is offered."""
    older, newer = row(tmp_path, sample(version="1.0", variant=1), 1, project=8), row(tmp_path, sample(version="1.0.0", variant=2), 2)
    for given in (both(rows(older), rows(newer)), both(rows(newer), rows(older))):
        [item] = items(given, GROUP)
        assert base64.b64decode(item["catalogEntry"]["packageHash"]) == hashlib.sha512(sample(version="1.0.0", variant=2).content).digest()


# -- search ------------------------------------------------------------------------------------------------------------


def test_result_shows_the_highest_of_what_is_wanted(tmp_path: Path) -> None:
    """A search offers a pre-release to who does not want one, or an older version as the newest."""
    given = several(tmp_path, "2.0.0-rc", "1.10", "1.9")
    for taste, latest in ((search.Taste(), "2.0.0-rc"), (search.Taste(prereleases=False), "1.10")):
        result = search.write_result(given, search.choose(given, taste), MOMENT)
        assert result["version"] == latest == result["versions"][-1]["version"]


def test_result_has_the_ten_newest_versions(tmp_path: Path) -> None:
    """A search result grows with every version, or lacks one that was published last because it is not the highest."""
    given = several(tmp_path, *(f"{number}.0" for number in range(2, 14)), "1.0")
    result = search.write_result(given, search.choose(given, search.Taste()), MOMENT)
    assert [each["version"] for each in result["versions"]] == ["1.0", *(f"{number}.0" for number in range(5, 14))]
    assert result["version"] == "13.0"


def test_types_are_chosen(tmp_path: Path) -> None:
    """`dotnet tool search` finds libraries, or a template is taken for a dependency."""
    tool = row(tmp_path, sample(packageTypes='<packageTypes><packageType name="DotnetTool"/></packageTypes>'), 1)
    plain = row(tmp_path, sample(version="2.0"), 2)
    chosen = {
        kind: [each.row.version for each in search.choose(rows(tool, plain), search.Taste(type=kind))] for kind in ("dotnettool", "dependency", "x")
    }
    assert chosen == {"dotnettool": ["1.0.0"], "dependency": ["2.0"], "x": []}


# -- feeds -------------------------------------------------------------------------------------------------------------


def entries(text: str) -> list[Element]:
    return list(fromstring(text.encode()).iter(f"{ATOM}entry"))


def properties(entry: Element) -> dict[str, str | None]:
    return {element.tag.removeprefix(DATA): element.text for element in entry.iter() if element.tag.startswith(DATA)}


def test_feed_marks_the_highest(tmp_path: Path) -> None:
    """An old client installs a pre-release, an unlisted version, or not the highest."""
    given = rows(
        *(row(tmp_path, sample(version=version), number) for number, version in enumerate(["1.0", "1.1", "2.0-rc"])),
        row(tmp_path, sample(version="3.0"), 9, yanked=""),
    )
    found = [properties(entry) for entry in entries(feed.write_feed(feed.mark_latest(list_releases(given)), MOMENT, "Packages"))]
    assert [(each["Version"], each["IsLatestVersion"], each["IsAbsoluteLatestVersion"], each["Listed"]) for each in found] == [
        ("1.0", "false", "false", "true"), ("1.1", "true", "false", "true"), ("2.0-rc", "false", "true", "true"), ("3.0", "false", "false", "false"),
    ]  # fmt: skip
    assert found[-1]["Published"] == "1900-01-01T00:00:00Z"


def test_feed_tells_dependencies_in_one_line(tmp_path: Path) -> None:
    """An old client installs a package without what it depends on."""
    given, moment = shapes(tmp_path)["one"]
    [entry] = entries(feed.write_feed(feed.mark_latest(list_releases(given)), moment, "Packages"))
    assert properties(entry)["Dependencies"] == "Other.One:[1.0.0, 2.0.0):net8.0|::.NETStandard2.0"


def test_feed_escapes(tmp_path: Path) -> None:
    """A description acts as markup in a feed."""
    given = rows(row(tmp_path, sample(description="x <b>&'\"]]>"), 1))
    [entry] = entries(feed.write_feed(feed.mark_latest(list_releases(given)), MOMENT, "Packages", 'https://x.example/?a="&b'))
    assert properties(entry)["Description"] == "x <b>&'\"]]>"
