"""Names, versions, files and feeds."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import InvalidName, InvalidParameter, InvalidVersion
from packhouse.formats.opkg import names


@pytest.mark.parametrize("name", ["toy", "kmod-usb-net", "libstdc++6", "GeoIP", "a_b", "7z", "x"])
def test_names_that_feeds_have(name: str) -> None:
    """A package of OpenWrt or Yocto could be refused for its name."""
    assert names.name_key(names.name_key(name)) == name


@pytest.mark.parametrize("name", ["", "-toy", ".toy", "a b", "a/b", "a\n", "toy:1", "ä", "a" * 129])
def test_names_that_are_none(name: str) -> None:
    """A name could break a record or the name of a file."""
    with pytest.raises(InvalidName):
        names.name_key(name)


@pytest.mark.parametrize(
    ("version", "id_"),
    [("1.0-r1", "1.0-r1"), ("0:1.0", "1.0"), ("00:1.0", "1.0"), ("02:1.0", "2:1.0"), ("2023-01-01-abc", "2023-01-01-abc"),
     ("1.0~rc1", "1.0~rc1"), ("2007_365-4", "2007_365-4"), ("git-23.093.57360-e98243e", "git-23.093.57360-e98243e"), ("1.0+git0-r0", "1.0+git0-r0")],
)  # fmt: skip
def test_versions_that_feeds_have(version: str, id_: str) -> None:
    """A version could be refused, or be there twice in two spellings."""
    assert names.version_id(version) == id_ == names.version_id(id_)


@pytest.mark.parametrize("version", ["", "-1", "1 0", "1:2:3", ":1", "a:1", "1.0\n", "1/2", "2147483648:1", "١", "1" * 129])
def test_versions_that_are_none(version: str) -> None:
    """A version could break a record, or mean another one to a client."""
    with pytest.raises(InvalidVersion):
        names.version_id(version)


PARTS = st.text("019ab~+.-_", max_size=6)


@given(st.tuples(PARTS, PARTS))
def test_order_is_that_of_opkg(pair: tuple[str, str]) -> None:
    """A page could call an older version the latest: opkg's own comparison, character by character, says otherwise."""
    one, other = (f"1{text}" for text in pair)
    key, other_key = names.version_key(one), names.version_key(other)
    assert (key > other_key) - (key < other_key) == compare(one, other)


def compare(one: str, other: str) -> int:
    """How opkg compares two versions without epochs, without keys: upstream, then revision."""
    for left, right in zip(split(one), split(other), strict=True):
        found = compare_parts(left, right)
        if found:
            return found
    return 0


def split(version: str) -> tuple[str, str]:
    upstream, dash, revision = version.rpartition("-")
    return (upstream, revision) if dash else (version, "")


def compare_parts(one: str, other: str) -> int:
    def weigh(text: str, at: int) -> int:
        character = text[at : at + 1]
        if character == "~":
            return -1
        return 0 if not character or character.isdigit() else ord(character) + (0 if character.isalpha() else 256)

    i = j = 0
    while i < len(one) or j < len(other):
        while (i < len(one) and not one[i].isdigit()) or (j < len(other) and not other[j].isdigit()):
            left, right = weigh(one, i), weigh(other, j)
            if left != right:
                return 1 if left > right else -1
            i, j = i + 1, j + 1
        left_number, i = number(one, i)
        right_number, j = number(other, j)
        if left_number != right_number:
            return 1 if left_number > right_number else -1
    return 0


def number(text: str, at: int) -> tuple[int, int]:
    end = at
    while end < len(text) and text[end].isdigit():
        end += 1
    return int(text[at:end] or "0"), end


def test_order_is_that_of_dpkg() -> None:
    """A pre-release could come after its release, or a tenth before a ninth: dpkg, which opkg took its order from, says otherwise."""
    pairs = [
        ("1.0~rc1", "1.0"),
        ("1.9", "1.10"),
        ("2.0", "1:0.1"),
        ("1.0-r2", "1.0-r10"),
        ("1.0", "1.0-r1"),
        ("2023-01-01", "2023-01-02"),
        ("1.0a", "1.0+"),
    ]
    for one, other in pairs:
        subprocess.run(["dpkg", "--compare-versions", one, "lt", other], check=True)
        assert names.version_key(one) < names.version_key(other)
    assert names.is_prerelease("1.0~rc1") and not names.is_prerelease("1.0-r1")


@pytest.mark.parametrize(
    ("file", "found"),
    [
        ("toy_1.0-1_all.ipk", ["toy"]), ("toy_1.0_x86_64.ipk", ["toy", "toy_1.0"]), ("a_b_1_all.ipk", ["a", "a_b"]),
        ("toy_1.0.ipk", []), ("toy.ipk", []), ("toy_1_all.deb", []), ("../a_1_all.ipk", []), ("_1_all.ipk", []), (f"{'a_' * 11}all.ipk", []),
        ("a_b:c_all.ipk", ["a"]), (f"{'a' * 129}_1_all.ipk", []),
    ],
)  # fmt: skip
def test_possible_names(file: str, found: list[str]) -> None:
    """A package whose parts have underscores could not be found, or a name of a file could cost as many look-ups as it is long."""
    assert list(names.possible_names(file)) == found


@pytest.mark.parametrize("feed", ["base", "22.03/aarch64_cortex-a53/base", "stable", "a/b/c/d/e/f", "v1.0+x/feeds", "x/key-box"])
def test_feeds(feed: str) -> None:
    """A feed as OpenWrt calls it could be refused."""
    assert names.read_feed(feed) == feed and "/" not in names.shelf_of(feed)


@pytest.mark.parametrize(
    "feed", ["", "keys", "a/keys/b", "feed", "upload", "key.pub", "Packages", "x/Packages.gz", "a.ipk/b", "..", "a/../b", "a//b", "a:b", "a b", "ä",
             "a/b/c/d/e/f/g", "a" * 65, "/".join(["a" * 50] * 5)],
)  # fmt: skip
def test_feeds_that_are_none(feed: str) -> None:
    """A feed could take an address of our own away, or reach into another feed's."""
    with pytest.raises(InvalidParameter):
        names.read_feed(feed)
