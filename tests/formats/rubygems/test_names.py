"""Names, numbers and platforms, and the full names that files go by."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import InvalidName, InvalidVersion
from packhouse.formats.rubygems import names
from packhouse.grammar.gemversions import number_key

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
NUMBERS = st.from_regex(r"[0-9]{1,2}(\.[0-9a-zA-Z]{1,3}){0,4}", fullmatch=True)
PLATFORMS = st.sampled_from(["ruby", "java", "x86_64-linux", "universal-darwin-20", "x64-mingw-ucrt"])


@given(NAMES)
def test_key_of_a_key(name: str) -> None:
    """A key that is folded again could be another package."""
    try:
        key = names.name_key(name)
    except InvalidName:
        return
    assert names.name_key(key) == key == name.lower()


@pytest.mark.parametrize(
    "name",
    ["", "0", "1.2-3", ".a", "-a", "_a", "a b", "a/b", "..", "é", "aé", "K\u212a", "a\n", "a" * 256, "\u0661a", "a\0", "a,b", "a:b", "a|b", "a&b"],
)
def test_names_refused(name: str) -> None:
    """A name that breaks a line of the index, or that no client can ask for, could be published."""
    with pytest.raises(InvalidName):
        names.name_key(name)


@pytest.mark.parametrize("name", ["a", "7z", "Foo.bar_baz-1", "a" * 255])
def test_names_taken(name: str) -> None:
    """A name that is allowed could be refused."""
    assert names.name_key(name) == name.lower()


@pytest.mark.parametrize(
    "version", ["", "a", "1.", ".1", "1..2", "1.0-", "1.0-ruby", "1.0-1", "1.0 ", "1.0\n", "1.0-a b", "1.0-é", "\u0661", "1" * 256, "1.0+a", "1.0_a"]
)
def test_versions_refused(version: str) -> None:
    """A version that no client can read could be published, and break the list for every other one."""
    with pytest.raises(InvalidVersion):
        names.version_id(version)


@given(NUMBERS, PLATFORMS)
def test_version_and_its_parts(number: str, platform: str) -> None:
    """A version could be read as another number, or for another platform."""
    version = names.join_version(number, platform)
    assert names.version_id(version) == version
    assert names.split_version(version) == (number, platform)


@pytest.mark.parametrize(
    ("text", "number"),
    [(" 1.0 ", "1.0"), ("1.0-beta", "1.0.pre.beta"), ("1-a-b", "1.pre.a.pre.b"), ("", "0"), ("1.0-1.2", "1.0.pre.1.2"), ("01", "01")],
)
def test_numbers_as_they_are_written(text: str, number: str) -> None:
    """A number could be kept otherwise than `Gem::Version` keeps it: the name of the file would be another one."""
    assert names.read_number(text) == number


@pytest.mark.parametrize("text", ["a", "1.0-", "1--1", "1. 0", "1" * 256, ">= 1", "1\n2"])
def test_numbers_refused(text: str) -> None:
    """What is no number could stand in a requirement."""
    with pytest.raises(InvalidVersion):
        names.read_number(text)


ORDER = ["0.a", "0", "1.a.0.b", "1.a", "1.b1", "1.b1.1", "1.rc", "1", "1.0.1.a", "1.0.1", "1.1.a", "1.1", "1.9", "1.10", "2.0.0.pre.1", "2"]


def test_order() -> None:
    """Versions could be sorted otherwise than `Gem::Version` sorts them; the client tests ask Ruby about many more."""
    for older, newer in itertools.pairwise(ORDER):
        assert names.version_key(older) < names.version_key(newer), (older, newer)
    assert names.version_key("1.0-java") < names.version_key("1.0") < names.version_key("1.1-java")


@pytest.mark.parametrize(("one", "other"), [("1", "1.0.0"), ("1.a", "1.0.a"), ("1.0.a", "1.a.0"), ("0", "0.0"), ("1.01", "1.1"), ("1.a1", "1.a.1")])
def test_numbers_that_are_the_same(one: str, other: str) -> None:
    """Two texts for one version could both be published."""
    assert number_key(one) == number_key(other)


def test_prereleases() -> None:
    """A prerelease could be offered as a release, or a platform make one."""
    assert [names.is_prerelease(version) for version in ("1.0", "1.0-java", "1.0.a", "1.0.rc1-java")] == [False, False, True, True]


@given(NAMES, NUMBERS, PLATFORMS)
def test_full_name_is_found_again(name: str, number: str, platform: str) -> None:
    """A gem could be published under a full name in which it is not looked for."""
    try:
        names.name_key(name)
    except InvalidName:
        return
    version = names.join_version(number, platform)
    assert (name, version) in list(names.read_full_name(f"{name}-{version}"))


def test_readings_of_a_full_name() -> None:
    """A full name that may mean two gems could be read as one of them alone."""
    assert list(names.read_full_name("a-1-b-2")) == [("a-1-b", "2"), ("a", "1-b-2")]
    assert list(names.read_full_name("foo-1.0-x86_64-linux")) == [("foo", "1.0-x86_64-linux")]
    for text in ("", "foo", "-1", "foo-", "foo-bar", "foo-é", "1-1", "a-1" * 400):
        assert list(names.read_full_name(text)) == []
