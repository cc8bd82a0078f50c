"""Names, versions and their order, and the addresses of packages."""

from __future__ import annotations

import itertools
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requirements import miss

from packhouse.errors import FileNotFound, InvalidName, InvalidParameter, InvalidVersion
from packhouse.formats.rpm import names


@pytest.mark.parametrize("name", ["toy", "libstdc++", "Toy_2", "python3.11-x", "_odd", "0ad", "a%b"])
def test_names(name: str) -> None:
    """A name that rpmbuild takes could be refused, or become another one."""
    assert names.name_key(name) == name == names.name_key(names.name_key(name))


@pytest.mark.parametrize("name", ["", "-toy", ".toy", "to y", "toy/x", "../x", "tö", "toy\n", "x" * 129, "toy:1", "%toy"])
def test_bad_names(name: str) -> None:
    """A name could leave its place in an address or in the name of a file."""
    with pytest.raises(InvalidName):
        names.name_key(name)


@pytest.mark.parametrize(
    ("text", "id_"), [("1.0-1", "1.0-1"), ("0:1.0-1", "1.0-1"), ("002:1-2.el9", "2:1-2.el9"), ("1^git~x+y_z-1", "1^git~x+y_z-1")]
)
def test_versions(text: str, id_: str) -> None:
    """The same version could be two, for an epoch that says nothing."""
    assert names.version_id(text) == id_ == names.version_id(id_)


@pytest.mark.parametrize("text", ["", "1.0", "1.0-", "-1", "1-2-3", "a:1-1", "4294967296:1-1", "1 0-1", "1/0-1", "1.0-1\n", "1" * 130 + "-1", "1:-1"])
def test_bad_versions(text: str) -> None:
    """A version without a release, or with something that no rpm can compare, could be published."""
    with pytest.raises(InvalidVersion):
        names.version_id(text)


VERSIONS = (
    "1.0-1", "1.0~-1", "1.0~~-1", "1.0~rc1-1", "1.0~rc2-1", "1.0~1-1", "1.0^-1", "1.0^20260101-1", "1.0^git1-1", "1.0^git1~pre-1", "1.0^~-1",
    "1.0~^-1", "1.0a-1", "1.0.a-1", "1.0b-1", "1.0B-1", "1.0.1-1", "1.00-1", "1_0-1", "1.-1", "1-1", "1.9-1", "1.10-1", "1.010-1", "10-1", "a-1",
    "a1-1", "1a-1", "0-0", "1:0-1", "2:0~-1", "10:0-1", "1.0-1.1", "1.0-1.a", "1.0-1^", "1.0-1~", "1.0-01", "1.0-2.el9", "1.0-10.el9", "..-1",
    "1.0+-1", "1.0%-1",
)  # fmt: skip


def test_order_is_that_of_rpm() -> None:
    """The newest version on a page, or the order of a list, could be another than the one that machines take."""
    rpm = shutil.which("rpm")
    if rpm is None:
        miss("rpmbuild")
    pairs = list(itertools.combinations(VERSIONS, 2))
    script = "".join(f"print(rpm.vercmp('{one.replace('%', '%%')}', '{other.replace('%', '%%')}')) print(' ') " for one, other in pairs)
    done = subprocess.run([str(rpm), "--eval", f"%{{lua: {script}}}"], check=True, capture_output=True, text=True)
    theirs = [int(number) for number in done.stdout.split()]
    for (one, other), sign in zip(pairs, theirs, strict=True):
        left, right = names.version_key(one), names.version_key(other)
        assert (left > right) - (left < right) == sign, (one, other)  # type: ignore[operator]


def test_same_order() -> None:
    """Zeros in front, or another separator, could make a version newer."""
    assert names.version_key("1.0-01") == names.version_key("1_0-1") == names.version_key("1..00-1")


@given(st.lists(st.from_regex(names.VERSION, fullmatch=True).filter(lambda text: len(text) < 60), min_size=3, max_size=3))
def test_order_is_one(versions: list[str]) -> None:
    """Two versions could have no order, and a list differ from reading to reading."""
    keys = [names.version_key(version) for version in versions]
    for one, other in itertools.combinations(keys, 2):
        assert (one < other) + (other < one) + (one == other) == 1


def test_prereleases() -> None:
    """A release candidate could pass for a release."""
    assert names.is_prerelease("1.0~rc1-1") and not names.is_prerelease("1.0-1")


def test_files() -> None:
    """A file could be called by its epoch, which no client expects, or not be found by its name."""
    assert names.file_name("toy-x", "3:1.0-1.el9", "x86_64") == "toy-x-1.0-1.el9.x86_64.rpm"
    found = names.FILE.fullmatch("toy-x-1.0-1.el9.x86_64.rpm")
    assert found is not None and (found["name"], found["version"], found["architecture"]) == ("toy-x", "1.0-1.el9", "x86_64")


@pytest.mark.parametrize("group", ["", "el9", "el9/stable", "a/b/c", "el9.2", "a+b"])
def test_groups(group: str) -> None:
    """A group could be refused, or share its shelf with another."""
    assert names.read_group(group) == group
    assert "/" not in names.shelf_of(group)


@pytest.mark.parametrize("group", ["/", "a/", "/a", "a//b", "..", "a/../b", ".", "a/b/c/d", "repodata", "a/package", "ä", "a b", "x" * 65, "a:b"])
def test_bad_groups(group: str) -> None:
    """A group could hide addresses of ours, or leave its place."""
    with pytest.raises(InvalidParameter):
        names.read_group(group)


def test_shelves_differ() -> None:
    """Packages in no group could stand on the shelf of a group."""
    groups = ["", "a", "a/b", "ab", "a.b", "a-b", "a+b"]
    shelves = {names.shelf_of(group) for group in groups}
    assert len(shelves) == len(groups) and all(shelves)


@pytest.mark.parametrize(
    "parts", [("..", "toy", "1-1", "noarch"), ("", "to y", "1-1", "noarch"), ("", "toy", "1", "noarch"), ("", "toy", "1-1", "x/y")]
)
def test_no_such_spot(parts: tuple[str, str, str, str]) -> None:
    """An address of nothing could be an error of the server's."""
    with pytest.raises(FileNotFound):
        names.read_spot(*parts)
