"""Names, versions and their order: R is the reference."""

from __future__ import annotations

import itertools
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requirements import miss

from packhouse.errors import InvalidName, InvalidParameter, InvalidVersion
from packhouse.formats.cran import names

VERSIONS = (
    "1.0", "1-0", "1.0.0", "1.00", "1.0-1", "1.0.1", "1.0-9", "1.0-10", "1.0.8", "0.9", "0.0", "0.0.0", "0.0.0.9000", "2.0", "10.0", "1.0.0.1",
    "2147483647.0", "01.2",
)  # fmt: skip
WORDS = st.from_regex(r"[0-9]{1,3}([.-][0-9]{1,3}){1,4}", fullmatch=True)


def test_order_is_that_of_r() -> None:
    """The version that a list offers could be another than the newest to R, or two that are one to R be two here."""
    if shutil.which("Rscript") is None:
        miss("R")
    code = f"v <- package_version(c({', '.join(map(repr, VERSIONS))})); for (i in seq_along(v)) cat(v[i] < v, v[i] == v, '\\n')"
    said = subprocess.run(["Rscript", "--vanilla", "-e", code], capture_output=True, text=True, check=True).stdout.splitlines()
    for one, line in zip(VERSIONS, said, strict=True):
        words = line.split()
        for other, less, same in zip(VERSIONS, words[: len(VERSIONS)], words[len(VERSIONS) :], strict=True):
            assert (names.version_key(one) < names.version_key(other)) == (less == "TRUE"), (one, other)
            assert (names.version_id(one) == names.version_id(other)) == (same == "TRUE"), (one, other)


@given(WORDS, WORDS)
def test_ids(one: str, other: str) -> None:
    """The id of an id could be another, or versions that sort alike be two."""
    assert names.version_id(names.version_id(one)) == names.version_id(one)
    assert (names.version_id(one) == names.version_id(other)) == (names.version_key(one) == names.version_key(other))
    assert not names.is_prerelease(one)


@pytest.mark.parametrize(
    "name", ["", "a", "1foo", ".foo", "foo.", "foo_bar", "foo-bar", "a/b", "..", "a b", "äa", "aä", "a" * 201, "foo\n", "a\0b", "R"]
)
def test_bad_names(name: str) -> None:
    """A name that R refuses, or that leaves its folder, could be published."""
    with pytest.raises(InvalidName):
        names.name_key(name)


def test_names_differ_in_more_than_case() -> None:
    """Two packages could share a folder on a file system that ignores case, or one be two."""
    assert names.name_key("Test.Package") == names.name_key("test.package") == "test.package"
    assert names.name_key("a" * 200) == "a" * 200


@pytest.mark.parametrize(
    "version", ["", "1", "1.", ".1", "1..0", "1.0a", "v1.0", "1_0", "1.0\n", "1. 0", "\u0661.0", "2147483648.0", "1." + "0" * 200, "1.0+1"]
)
def test_bad_versions(version: str) -> None:
    """A version that R cannot compare could be published."""
    with pytest.raises(InvalidVersion):
        names.version_id(version)


def test_files() -> None:
    """The name of a file could be split in another place than it was joined, as both parts may have dots."""
    windows = names.read_tree("windows", "4.2")
    mac = names.read_tree("macosx/big-sur-arm64", "4.2")
    for tree, suffix in ((None, "tar.gz"), (windows, "zip"), (mac, "tgz")):
        file = names.file_name("test.package", "1.0-2", tree)
        assert file == f"test.package_1.0-2.{suffix}" and names.split_file(file) == ("test.package", "1.0-2")
    for file in ("", "PACKAGES.xz", "a_1.0.tar.gz", "foo_1.tar.gz", "foo_1.0.tar.bz2", "foo_1.0_2.0.tar.gz", "foo_1.0.tar.gz\n", "foo1.0.zip"):
        assert names.split_file(file) is None
    assert names.stored_path("foo_1.0.zip", windows) == "windows/4.2/foo_1.0.zip"


def test_trees_are_apart() -> None:
    """Two trees could share a shelf, or move together."""
    trees = [names.read_tree(platform, version) for platform in ("windows", "macosx", "macosx/x86_64", "macosx-x86") for version in ("4.1", "4.2")]
    for one, other in itertools.combinations(trees, 2):
        assert one.shelf != other.shelf
    assert not any("/" in tree.shelf or tree.shelf == names.SOURCES for tree in trees)


@pytest.mark.parametrize(
    ("platform", "version", "parameter"),
    [("", "4.2", "platform"), ("windows", "", "rversion"), ("windows", "4", "rversion"), ("windows", "4.2.2", "rversion"), ("..", "4.2", "platform"),
     ("macosx/", "4.2", "platform"), ("a/b/c", "4.2", "platform"), ("a:b", "4.2", "platform"), ("windows\n", "4.2", "platform"),
     ("windows", "4.2\n", "rversion"), ("a" * 61, "4.2", "platform"), ("Windows", "4.2", "platform"), ("windows", "\u0664.2", "rversion")],
)  # fmt: skip
def test_bad_trees(platform: str, version: str, parameter: str) -> None:
    """A tree could be in no place that R looks at, or outside of the repository."""
    with pytest.raises(InvalidParameter, match=parameter):
        names.read_tree(platform, version)
