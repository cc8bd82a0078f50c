"""Documents byte for byte; `PACKHOUSE_GOLDEN=write` writes the golden ones again."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from packhouse.formats.chef import index, names
from packhouse.formats.chef.index import Facts
from packhouse.model import Blob, Documents, FileRow, Moment, PackageRow, Rows, VersionRow, replace

GOLDEN = Path(__file__).parent / "golden"
NOW = 1_700_000_000_123_456
MOMENT = Moment(at=NOW, api="http://registry.example/api/v4", format="chef", place=7)
GROUP = replace(MOMENT, level="group", place=3)
_ids = itertools.count(1)


def version(name: str, text: str, project: int = 7, age: int = 0, status: str = "default", **facts: Any) -> VersionRow:
    said = Facts(**{"name": name, "description": f"The cookbook {name}", "maintainer": "Zoë", "license": "MIT", "category": "Other", **facts})
    content = f"{name} {text} {project}".encode()
    blob = Blob(sha256=hashlib.sha256(content).hexdigest(), size=len(content))
    created = NOW - age * 1_000_000
    file = FileRow(id=next(_ids), project=project, path=names.file_name(name, text), blob=blob, facts=msgspec.json.encode(said), created=created)
    return VersionRow(id=next(_ids), project=project, name=name, version=text, status=status, created=created, files=(file,))


def package(name: str, *versions: VersionRow, project: int = 7) -> PackageRow:
    return PackageRow(id=next(_ids), project=project, name=name, key=names.name_key(name), versions=versions)


def some() -> tuple[PackageRow, ...]:
    return (
        package("yum", version("yum", "3.0.0", age=50, maintainer="Ann"), version("yum", "3.10", age=40, maintainer="Ann")),
        package(
            "Apt",
            version("Apt", "2.9.2", age=30, dependencies={"yum": ">= 3.0", "APT": "~> 1.0", "other": "= 1.0"}, supports={"debian": ">= 0.0.0"}),
            version("Apt", "2.10.0", age=20, source_url="https://git.example/apt"),
            version("Apt", "9.0.0", age=10, status="hidden"),
        ),
    )


SOME = Rows(packages=some())
WRITERS = {"universe": index.write_universe, "contingents": index.write_contingents, "lists": index.write_lists}


def parsed(documents: Documents) -> Mapping[str, Any]:
    return {name: json.loads(document.body) for name, document in documents.items()}


@pytest.mark.parametrize("kind", [*WRITERS, "cookbook"])
def test_golden(kind: str) -> None:
    """A document could change for the same rows, and every client fetch it again."""
    made = WRITERS[kind](SOME, {}, MOMENT) if kind in WRITERS else index.write_cookbook(Rows(packages=SOME.packages[1:]), {}, MOMENT)
    body = b"".join(b"%b\n%b\n" % (name.encode(), document.body) for name, document in made.items())
    if os.environ.get("PACKHOUSE_GOLDEN") == "write":
        (GOLDEN / f"{kind}.txt").write_bytes(body)
    assert body == (GOLDEN / f"{kind}.txt").read_bytes()
    assert {document.media_type for document in made.values()} == {"application/json"}


@pytest.mark.parametrize("kind", WRITERS)
def test_same_rows_same_bytes(kind: str) -> None:
    """The order in which a database tells its rows could show."""
    turned = Rows(packages=tuple(replace(each, versions=each.versions[::-1]) for each in SOME.packages[::-1]))
    assert WRITERS[kind](turned, {}, MOMENT) == WRITERS[kind](SOME, {}, MOMENT)


def test_universe() -> None:
    """A resolver could miss a version, be offered a hidden one, or look for what depends on itself."""
    said = parsed(index.write_universe(SOME, {}, MOMENT))[index.UNIVERSE]
    assert {name: list(versions) for name, versions in said.items()} == {"Apt": ["2.10.0", "2.9.2"], "yum": ["3.10", "3.0.0"]}
    here = "http://registry.example/api/v4/projects/7/packages/chef/api/v1"
    assert said["Apt"]["2.9.2"] == {
        "location_type": "opscode", "location_path": here, "download_url": f"{here}/cookbooks/Apt/versions/2.9.2/download",
        "dependencies": {"yum": ">= 3.0", "other": "= 1.0"},
    }  # fmt: skip


def test_nothing() -> None:
    """A universe without cookbooks could be no JSON, or a cookbook without versions be there."""
    assert index.write_universe(Rows(), {}, MOMENT)[index.UNIVERSE].body == b"{}"
    hidden = Rows(packages=(package("a", version("a", "1.0", status="hidden")),))
    assert index.write_universe(hidden, {}, MOMENT)[index.UNIVERSE].body == b"{}"
    assert index.write_cookbook(hidden, {}, MOMENT) == {} == index.write_cookbook(Rows(), {}, MOMENT)


def test_first_in_a_group() -> None:
    """A project that publishes a version later could take the place of the first one in a group, or what only it has be missing."""
    rows = (
        package("apt", version("apt", "1.0.0", age=1, dependencies={"late": "> 1.0"}), version("apt", "2.0.0"), project=7),
        package("Apt", version("Apt", "1.0", project=8, age=5, dependencies={"early": "> 1.0"}), project=8),
    )
    for order in (rows, rows[::-1]):
        said = parsed(index.write_universe(Rows(packages=order), {}, GROUP))[index.UNIVERSE]
        assert list(said) == ["Apt"] and list(said["Apt"]) == ["2.0.0", "1.0"]
        assert said["Apt"]["1.0"]["dependencies"] == {"early": "> 1.0"}
        assert said["Apt"]["1.0"]["location_path"] == "http://registry.example/api/v4/groups/3/-/packages/chef/api/v1"
        found = index.find_version(Rows(packages=order), "1.0.0")
        assert found is not None and found.file.project == 8
    assert index.find_version(Rows(packages=rows), "3.0") is None


def test_hidden_after_offered() -> None:
    """A group could list one version and send the bytes of a hidden one."""
    rows = (
        package("apt", version("apt", "1.0", age=9, status="hidden"), project=7),
        package("apt", version("apt", "1.0", project=8), project=8),
    )
    found = index.find_version(Rows(packages=rows), "1.0")
    assert found is not None and found.file.project == 8


def test_parts_of_lists() -> None:
    """A part of a list could hold more than a page, or cookbooks be lost between two."""
    rows = Rows(packages=tuple(package(f"c{number:03}", version(f"c{number:03}", "1.0", age=number)) for number in range(250)))
    made = index.write_lists(rows, {}, MOMENT)
    parts = [index.read_part(made[f"recently_updated/{number}"].body) for number in range(3)]
    assert [len(part.items) for part in parts] == [100, 100, 50] and {part.total for part in parts} == {250}
    found = [json.loads(bytes(item))["cookbook_name"] for part in parts for item in part.items]
    assert found == [f"c{number:03}" for number in range(250)]
    assert "of zoë/2" in made and "recently_added/3" not in made
