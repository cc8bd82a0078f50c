"""Names of pods, the order of versions, and the places of podspecs."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import InvalidName, InvalidVersion
from packhouse.formats.cocoapods import names

# `Pod::Version` was asked for their order, least first
ORDERED = (
    "0", "0.0.1", "0.9", "1.0-a", "1.0.a.2", "1.0.a10", "1.0.b1", "1.0.0-rc.1.2", "1.0", "1.0.0.1", "1.0-1.alpha", "1.0.1-rc", "1.0.1", "1.2", "1.10",
    "2.0.0-beta.1", "2.0.0-beta.1.1", "2.0.0-beta.2", "2.0.0-beta.rc", "2.0.0", "10",
)  # fmt: skip


@pytest.mark.parametrize("name", ["Foo", "foo-bar", "Foo+Bar", "!ProtoCompiler", "A.B_c", "Ünicode", "日本語", "R.swift", "~x", "9"])
def test_names(name: str) -> None:
    """A name that pods have could be refused, or a key not be its own."""
    assert names.name_key(names.name_key(name)) == names.name_key(name)


@pytest.mark.parametrize(
    "name",
    ["", ".hidden", "..", "a/b", "a b", "a\tb", "a\nb", "a\0b", "a\\b", "a%b", "a?b", "a#b", 'a"b', "a'b", "a<b", "a\u200bb", "a\u202eb", "a\u00a0b",
     "a\ud800", "x" * 201, "é" * 101, "a:b", "a*b", "a|b", "a$b", "a`b"],
)  # fmt: skip
def test_bad_names(name: str) -> None:
    """A name could leave its line in a list, its folder on a client's disk, or its segment in an address."""
    with pytest.raises(InvalidName, match="invalid"):
        names.name_key(name)


def test_names_that_are_one_on_some_disks() -> None:
    """Two names that differ in case or in how letters are composed could both be published."""
    for twins in (("Foo", "foo", "FOO"), ("Caf\u00e9", "cafe\u0301"), ("Straße", "STRASSE")):
        assert len({names.name_key(name) for name in twins}) == 1
    assert names.name_key("Foo+Bar") != names.name_key("Foo-Bar") != names.name_key("Foo_Bar")


@given(st.text(max_size=30))
def test_any_name(name: str) -> None:
    """A name could be taken whose key is another one's, or be refused without a word."""
    try:
        key = names.name_key(name)
    except InvalidName:
        return
    assert names.name_key(key) == key and not set(name) & set("/\\?#%\n\r\t ")


@pytest.mark.parametrize("version", ["0", "1.0", "1.0.0-rc.1", "1.0.a", "1.0.0+build.5", "1.0.0-rc+1-2", "1.-", "01.0"])
def test_versions(version: str) -> None:
    """A version that the client reads could be refused, or its id not be its own."""
    assert names.version_id(names.version_id(version)) == names.version_id(version)


@pytest.mark.parametrize(
    "version", ["", " 1.0", "1.0 ", ".1", "1..0", "1.", "v1.0", "1-beta", "a", "1.0/2", "1.0\n", "1.0_1", "1.0+", "1." * 60 + "1", "١.0", "1.0+a+b"]
)
def test_bad_versions(version: str) -> None:
    """The client raises an error on the whole pod for one version that it cannot read."""
    with pytest.raises(InvalidVersion, match="invalid"):
        names.version_id(version)


def test_order() -> None:
    """A pod's newest version could be another one than the client's."""
    keys = [names.version_key(version) for version in ORDERED]
    assert all(before < after for before, after in itertools.pairwise(keys))
    assert all(names.version_id(a) != names.version_id(b) for a, b in itertools.combinations(ORDERED, 2))


def test_versions_that_are_one_to_the_client() -> None:
    """Two versions that the client takes for the same could both be published, and it would install either."""
    for twins in (("1", "1.0", "1.0.0", "01.0", "1.0+5", "1.0.0+6"), ("1.0.0-a", "1.0.a", "1.a", "1.0-A"), ("1.0-a1", "1.0-a.1")):
        assert len({names.version_id(version) for version in twins}) == 1
        assert len({names.version_key(version.lower()) for version in twins}) == 1
    assert names.version_id("1.0.a") != names.version_id("1.0.a.0")


@given(st.text(alphabet="019aB.-+", max_size=12))
def test_any_version(version: str) -> None:
    """Two versions could have one id and another order, or a key that does not sort."""
    try:
        key, found = names.version_key(version), names.version_id(version)
    except InvalidVersion:
        return
    assert names.version_key(found) == names.version_key(version.lower()) and (key < names.version_key("5") or key >= names.version_key("5"))
    assert names.is_prerelease(version) == any(letter.isalpha() or letter == "-" for letter in version.partition("+")[0])


def test_places() -> None:
    """A podspec could be where the client does not look: it goes by the MD5 of the name's bytes."""
    assert names.shard_of("Foo") == "1_3_5"
    assert names.podspec_path("Foo", "1.0.0") == "Specs/1/3/5/Foo/1.0.0/Foo.podspec.json"
    assert names.podspec_path("日本語", "1.0") == "Specs/0/0/1/日本語/1.0/日本語.podspec.json"
    assert names.SHARD.fullmatch(names.shard_of("Ünicode")) and names.archive_file("Foo", "1.0", "tgz") == "Foo-1.0.tgz"
