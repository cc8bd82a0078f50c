"""Uploads that nobody finished, and their end after a week."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from packhouse.db.engine import now
from packhouse.formats.conan import FORMAT, names
from packhouse.packages import upkeep

from ..maven.house import House
from .samples import PID, PREV, RREV

OTHER = "0123456789abcdef0123456789abcdef"
DAY = 86400


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path / "house", (FORMAT,))
    yield house
    house.close()


def put(house: House, project: int, tail: str, body: bytes) -> None:
    house.ask("PUT", f"/api/v4/projects/{project}/packages/conan/v2/conans/toy/1.0/_/_/revisions/{tail}", body).expect(200)


def files(house: House, project: int) -> set[str]:
    found = set()
    for package in house.ask("GET", f"/api/v4/projects/{project}/packages").expect(200).json():
        listed = house.ask("GET", f"/api/v4/projects/{project}/packages/{package['id']}/package_files").expect(200).json()
        found |= {file["file_name"] for file in listed}
    return found


def sweep(house: House, days: int = 0) -> int:
    return house.work(upkeep.sweep_unfinished, now() + days * DAY * 1_000_000)  # type: ignore[no-any-return]


def test_unfinished_upload_goes_after_a_week(house: House) -> None:
    """What a broken upload left would stay for ever, go while the client is still at it, or take what is complete along."""
    project = house.project()
    put(house, project, f"{RREV}/files/conanfile.py", b"pass\n")
    put(house, project, f"{RREV}/files/conanmanifest.txt", b"1\n")
    put(house, project, f"{OTHER}/files/conan_sources.tgz", b"half")
    put(house, project, f"{RREV}/packages/{PID}/revisions/{PREV}/files/conan_package.tgz", b"half")

    assert sweep(house) == 0
    assert sweep(house, 6) == 0
    assert sweep(house, 8) == 2

    assert files(house, project) == {"conanfile.py", "conanmanifest.txt"}
    house.ask("GET", f"/api/v4/projects/{project}/packages/conan/v2/conans/toy/1.0/_/_/revisions/{RREV}/files/conanfile.py").expect(200)


def test_upload_that_goes_on_stays(house: House) -> None:
    """A slow upload would lose its first files while the others arrive."""
    project = house.project()
    put(house, project, f"{OTHER}/files/conan_sources.tgz", b"half")
    house.age(8 * DAY)
    put(house, project, f"{OTHER}/files/conanfile.py", b"pass\n")

    assert sweep(house) == 0
    assert sweep(house, 8) == 2
    assert house.ask("GET", f"/api/v4/projects/{project}/packages").json() == []


def test_unfinished_are_the_units_without_a_manifest() -> None:
    """A complete unit would be taken for one that nobody finished, because another one of the same recipe is not."""
    paths = [
        "a/export/conanfile.py",
        "a/export/conanmanifest.txt",
        "b/export/metadata/x/y",
        "a/package/p/1/conaninfo.txt",
        "a/package/p/2/conanmanifest.txt",
    ]
    assert list(names.unfinished(paths)) == [("a/package/p/1/conaninfo.txt",), ("b/export/metadata/x/y",)]
