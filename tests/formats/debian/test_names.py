"""Names, versions and their order: dpkg is the reference."""

from __future__ import annotations

import itertools
import shutil
import subprocess

import pytest
from requirements import miss

from packhouse.errors import FileNotFound, InvalidName, InvalidVersion
from packhouse.formats.debian import names

VERSIONS = (
    "1", "1.0", "1.00", "1.0~", "1.0~~", "1.0~rc1", "1.0~rc1-1", "1.0-1", "1.0-0", "1.0-1~bpo1", "1.0a", "1.0+b", "1.0.1", "1.10", "1.9", "0:1.0",
    "1:0.5", "10:0", "2:1.0-1-1", "a", "a0", "1.0.", "1.0+", "1.0-a", "1.0z~", "00:1",
)  # fmt: skip


def test_order_is_that_of_dpkg() -> None:
    """The newest version on a page, or the order of a list, could be another than the one that apt takes."""
    dpkg = shutil.which("dpkg")
    if dpkg is None:
        miss("dpkg-deb")
    for one, other in itertools.combinations(VERSIONS, 2):
        left, right = names.version_key(one), names.version_key(other)
        sign = "lt" if left < right else "gt" if left > right else "eq"  # type: ignore[operator]
        assert subprocess.run([str(dpkg), "--compare-versions", one, sign, other], stderr=subprocess.DEVNULL).returncode == 0, (one, sign, other)


@pytest.mark.parametrize("name", ["", "a", "Toy", "-a", "a_b", "a/b", "..", "a b", "ä1", "a" * 201, "toy\n"])
def test_bad_names(name: str) -> None:
    """A name that no client could ask for, or that leaves its folder, could be published."""
    with pytest.raises(InvalidName):
        names.name_key(name)


@pytest.mark.parametrize("version", ["", "-1", "~1", "a:1", "1:", ":1", "1_0", "1/0", "1 0", "2147483648:1", "1:2\n", "1" * 201, "..", "1.0:2"])
def test_bad_versions(version: str) -> None:
    """A version that dpkg refuses could be published."""
    with pytest.raises(InvalidVersion):
        names.version_id(version)


def test_keys_are_their_own() -> None:
    """A key could be another one the second time."""
    for name in ("toy", "lib3", "g++", "0ad"):
        assert names.name_key(names.name_key(name)) == name
    for version in VERSIONS:
        assert names.version_id(names.version_id(version)) == version


def test_folders_of_the_pool() -> None:
    """A file could be looked for in another folder than the one that it is listed in."""
    assert [names.letter_of(name) for name in ("toy", "libfoo", "lib", "lib3", "0ad")] == ["t", "libf", "l", "lib3", "0"]
    assert names.file_name("toy", "2:1.0-1", "all", "deb") == "toy_1.0-1_all.deb"
    with pytest.raises(FileNotFound):
        names.read_spot("bookworm", "l", "libfoo", "1.0", "libfoo_1.0_all.deb")
    with pytest.raises(FileNotFound):
        names.read_spot("bookworm", ".", "..", "1.0", "x")
