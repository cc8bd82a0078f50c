"""Names, versions and places in the index."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import InvalidName, InvalidVersion
from packhouse.formats.cargo import names

WORDS = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,20}", fullmatch=True)


@given(WORDS)
def test_key_of_a_key(name: str) -> None:
    """A key that is folded again could be another package."""
    try:
        key = names.name_key(name)
    except InvalidName:
        return
    assert names.name_key(key) == key


def test_folding() -> None:
    """Names that differ in case and dashes alone could be two packages."""
    assert {names.name_key(name) for name in ("foo-bar", "Foo_Bar", "FOO-bar", "foo_bar")} == {"foo_bar"}
    assert names.name_key("foobar") != names.name_key("foo-bar")


@pytest.mark.parametrize(
    "name",
    ["", "0test", "-a", "_a", "a.b", "a b", "a/b", "..", "é", "aé", "K\u212a", "a\n", "a" * 65, "nul", "CON", "aux", "com1", "LPT9", "\u0661", "a\0"],
)
def test_names_refused(name: str) -> None:
    """A name that Cargo or a file system cannot take could be published."""
    with pytest.raises(InvalidName):
        names.name_key(name)


def test_longest_name() -> None:
    """The longest name that is allowed could be refused."""
    assert names.name_key("a" * 64) == "a" * 64


def test_build_is_no_part_of_a_version() -> None:
    """Two versions that Cargo takes for one could both be published."""
    assert names.version_id("1.0.7+x") == names.version_id("1.0.7") == "1.0.7"
    assert names.version_id("1.0.7-x") != names.version_id("1.0.7")


@pytest.mark.parametrize(
    "version", ["", "-1.0.0", "1.0", "v1.0.0", "01.0.0", "1.0.0-", "1.0.0-01", "1.0.0 ", "1.0.0+", "*", "1.0.0-" + "a" * 150, "9" * 30 + ".0.0"]
)
def test_versions_refused(version: str) -> None:
    """A version that Cargo cannot read could be published, and hide every other one."""
    with pytest.raises(InvalidVersion):
        names.version_id(version)


def test_order() -> None:
    """The highest version could be another than Cargo's."""
    ordered = ["0.9.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-rc.2", "1.0.0-rc.11", "1.0.0", "1.2.0", "1.10.0"]
    for lower, higher in itertools.pairwise(ordered):
        assert names.version_key(lower) < names.version_key(higher)
    assert [names.is_prerelease(each) for each in ("1.0.0-a", "1.0.0+a")] == [True, False]


@pytest.mark.parametrize(
    ("name", "path"),
    [("a", "1/a"), ("Ab", "2/ab"), ("aBc", "3/a/abc"), ("abcd", "ab/cd/abcd"), ("Foo-Bar_b", "fo/o-/foo-bar_b"), ("a-b", "3/a/a-b")],
)
def test_places(name: str, path: str) -> None:
    """A crate could lie where no client looks for it."""
    assert names.index_path(name) == path


def test_file_names() -> None:
    """One version could have two files, whose bytes nobody would compare."""
    assert names.file_name("Foo-bar", "1.0.0+b") == names.file_name("Foo-bar", "1.0.0") == "Foo-bar-1.0.0.crate"
