"""Paths, coordinates, snapshots, and the order of versions against pairs that Maven's own comparison has decided."""

from __future__ import annotations

from itertools import pairwise, permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import InvalidName, InvalidUpload, InvalidVersion
from packhouse.maven2 import names
from packhouse.maven2.names import Build, Spot, version_key

# Each below the next, by Maven 3.8.7.
RISING = (
    ("1-alpha", "1-alpha-2", "1-alpha10", "1-beta", "1-beta-2", "1-m1", "1-milestone2", "1-rc", "1-cr2",
     "1-SNAPSHOT", "1", "1-sp", "1-sp-2", "1-abc", "1-def",
     "1-1-SNAPSHOT", "1-1", "1.1-alpha", "1.1"),
    ("1.0-alpha-1-SNAPSHOT", "1.0-alpha-1", "1.0-beta.1",
      "1.0-SNAPSHOT", "1.0", "1.0.1", "1.0.1-20260102.030405-3", "1.0.10", "1.1", "1.2.a", "1.2.1", "1.10"),
    ("2.0.0.M1", "2.0.0.M2", "2.0.0.M10", "2.0.0.RC1", "2.0.0.RELEASE", "2.0.1.RC1", "2.0.1"),
    ("0.9", "0.9.9", "1.0-rc", "1.0", "1.0-jre", "1.0.1", "2020.1", "20040616"),
    ("1", "1.0.0.0.0.1", "1.0.0.0.1", "1.1"),
    ("31.0.1-android", "31.0.1-jre", "31.1-android", "31.1-jre"),
    ("1.0-a", "1.0-aa", "1.0-b", "1.0-x1", "1.0-x2", "1.0-x10"),
    ("9", "10", "99999999999999999999", "100000000000000000000"),
)  # fmt: skip
SAME = (
    ("1", "1.0", "1.0.0", "1-0", "1.0-0", "01", "1-ga", "1-final", "1-FINAL", "1.release", "1.0.ga"),
    ("1-rc", "1-cr", "1-RC", "1.0-cr"),
    ("1-a1", "1-alpha-1", "1alpha1", "1a1", "1-ALPHA1"),
    ("1-b2", "1-beta-2", "1b2"),
    ("1-m3", "1-milestone-3", "1M3"),
    ("1.x", "1-x", "1.0.0-x", "1.0.x"),
)
VERSIONS = sorted({version for group in (*RISING, *SAME) for version in group})
TEXT = st.text("01239abmrcSNAPHOTxfinlgspo.-_+", min_size=1, max_size=24)


@pytest.mark.parametrize("rising", RISING, ids=lambda rising: rising[0])
def test_order_is_mavens(rising: tuple[str, ...]) -> None:
    """LATEST or the end of a range would be another version than the one Maven takes for the newest."""
    for low, high in pairwise(rising):
        assert version_key(low) < version_key(high), (low, high)


@pytest.mark.parametrize("same", SAME, ids=lambda same: same[0])
def test_equal_versions_sort_alike(same: tuple[str, ...]) -> None:
    """Two spellings of one version would stand apart."""
    assert len({version_key(version) for version in same}) == 1


@given(TEXT, TEXT, TEXT)
def test_order_is_total(one: str, two: str, three: str) -> None:
    """The list of versions would depend on the order in which they came."""
    keys = [version_key(text) for text in (one, two, three)]
    low, middle, high = sorted(keys)
    assert low <= middle <= high and low <= high
    assert all(sorted(order) == [low, middle, high] for order in permutations(keys))


@given(st.lists(st.integers(0, 30), min_size=1, max_size=5), st.sampled_from(["", "-SNAPSHOT"]))
def test_short_cut_for_plain_versions(numbers: list[int], suffix: str) -> None:
    """A version of numbers alone would stand elsewhere than the long way puts it."""
    version = ".".join(map(str, numbers)) + suffix
    assert version_key(version) == names.list_key(names.read_items(version))


def test_long_versions_are_ordered_at_once() -> None:
    """A version made to be slow would hold the server up."""
    for text in ("1" * 255, "1." * 127 + "1", "a-" * 127 + "a", "a1" * 127, "-" * 255, "1-0" * 85):
        assert version_key(text) <= version_key(text + "1") or version_key(text) > version_key(text + "1")


def depth_of(key: object) -> int:
    return 1 + max(map(depth_of, key), default=0) if isinstance(key, list | tuple) else 0


def test_keys_are_neither_deep_nor_kept_when_long() -> None:
    """Some hundred versions made for it would hold a worker up for seconds whenever somebody looks at them, and stay in its memory."""
    texts = [("1a" * 124 + str(number))[:255] for number in range(400)]
    kept = names.kept_key.cache_info().currsize
    for text in (*texts[:2], "a1" * 127, "-" * 255, "1-" * 127 + "1", "1-0" * 85, "1.0-" + "a.1." * 60 + "b"):
        assert depth_of(version_key(text)) == 2
        assert depth_of(names.read_items(text)) <= names.DEEPEST + 1
        names.is_prerelease(text)
    shuffled = Random(1).sample(texts, len(texts))
    assert sorted(shuffled, key=version_key) == sorted(texts, key=version_key)
    assert names.kept_key.cache_info().currsize == kept


def test_what_is_far_in_still_counts() -> None:
    """A snapshot of a commit's number, which is many changes between digits and letters, would be newer than its release."""
    commit = "1.0-" + "3f" * 20
    assert version_key(f"{commit}-SNAPSHOT") < version_key(commit) < version_key(f"{commit}-1")
    assert names.is_prerelease(f"{commit}-SNAPSHOT") and not names.is_prerelease(commit)


@pytest.mark.parametrize(
    ("version", "early"),
    [("1.0", False), ("1.0-SNAPSHOT", True), ("1.0-rc1", True), ("1.0.M2", True), ("1.0-alpha-1", True), ("1.0-b3", True), ("1.0.Final", False),
     ("1.0-jre", False), ("1.0-sp1", False), ("1.0.RELEASE", False), ("2.0-beta.1", True)],
)  # fmt: skip
def test_prereleases(version: str, early: bool) -> None:
    """A page would offer a pre-release as the newest version, or hide a release."""
    assert names.is_prerelease(version) is early


@pytest.mark.parametrize("name", ["com/acme/lib", "a/b", "com/acme/lib_2.13", "com/acme/c++", "@scope/x/y", "com.acme/lib"])
def test_names_are_kept(name: str) -> None:
    """A package would be folded into another one, or not be found again by its own key."""
    assert names.name_key(name) == name == names.name_key(names.name_key(name))
    assert names.read_shelf(names.folder_shelf(name)) == (name, "")
    assert names.read_shelf(names.version_shelf(name, "1.0/x".replace("/", "-"))) == (name, "1.0-x")


@pytest.mark.parametrize(
    "name", ["", "lib", "/lib", "com/", "com//lib", "com/acme/li b", "com/../lib", "com/a..b/lib", "com/./lib", "c+/lib", "é/lib", "a/" * 128 + "b"]
)
def test_odd_names_are_refused(name: str) -> None:
    """A name that is none of the layout would be stored."""
    with pytest.raises(InvalidName):
        names.name_key(name)


@pytest.mark.parametrize("version", ["", "1..0", ".", "..", "1/2", "1 0", "$1", "1:2", "x" * 256, "é"])
def test_odd_versions_are_refused(version: str) -> None:
    """A version that is none would become a folder."""
    with pytest.raises(InvalidVersion):
        names.version_id(version)


def test_version_ids_are_not_folded() -> None:
    """1.0 and 1.0.0, which lie in two folders, would be one version."""
    assert names.version_id("1.0") != names.version_id("1.0.0")


def test_path_is_read() -> None:
    """A file would be looked for in another package."""
    assert names.read_spot("com/acme/lib/1.0/lib-1.0.jar") == Spot(name="com/acme/lib", version="1.0", file="lib-1.0.jar")
    for path in ("lib.jar", "1.0/lib.jar", "lib/1.0/lib.jar", "", "/", "com/acme/lib/1.0/"):
        with pytest.raises((InvalidName, InvalidVersion, InvalidUpload)):
            names.read_spot(path)


@given(st.text(max_size=60))
def test_any_path_is_read_or_refused(path: str) -> None:
    """A path would break the server."""
    try:
        spot = names.read_spot(path)
    except (InvalidName, InvalidVersion, InvalidUpload):
        return
    assert f"{spot.name}/{spot.version}/{spot.file}" == path


@pytest.mark.parametrize(
    ("file", "split"),
    [("a/x.jar.sha1", ("a/x.jar", "sha1")), ("x.jar.asc.md5", ("x.jar.asc", "md5")), ("x.sha256", ("x", "sha256")), ("x.jar", ("x.jar", "")),
     ("a/.sha1", ("a/.sha1", "")), ("sha1", ("sha1", "")), ("x.SHA1", ("x.SHA1", ""))],
)  # fmt: skip
def test_checksums_are_told_by_their_ending(file: str, split: tuple[str, str]) -> None:
    """A checksum would be stored as a file, or a file be taken for a checksum."""
    assert names.split_checksum(file) == split


TIMED = {"value": "1.1-20260102.030405-3", "time": "20260102.030405", "number": 3}


@pytest.mark.parametrize(
    ("file", "build"),
    [
        ("lib-1.1-20260102.030405-3.jar", Build(plain="lib-1.1-SNAPSHOT.jar", classifier="", extension="jar", **TIMED)),
        ("lib-1.1-20260102.030405-3-sources.jar", Build(plain="lib-1.1-SNAPSHOT-sources.jar", classifier="sources", extension="jar", **TIMED)),
        ("lib-1.1-20260102.030405-3.jar.asc", Build(plain="lib-1.1-SNAPSHOT.jar.asc", classifier="", extension="jar.asc", **TIMED)),
        ("lib-1.1-20260102.030405-3-a.b-c.jar.asc", Build(plain="lib-1.1-SNAPSHOT-a.b-c.jar.asc", classifier="a.b-c", extension="jar.asc", **TIMED)),
        ("lib-1.1-20260102.030405-3-bin.tar.gz", Build(plain="lib-1.1-SNAPSHOT-bin.tar.gz", classifier="bin", extension="tar.gz", **TIMED)),
        ("lib-1.1-20260102.030405-3.tar.gz", Build(plain="lib-1.1-SNAPSHOT.tar.gz", classifier="", extension="tar.gz", **TIMED)),
        ("lib-1.1-SNAPSHOT.jar", Build(plain="lib-1.1-SNAPSHOT.jar", value="1.1-SNAPSHOT", classifier="", extension="jar")),
        ("old-1.1-SNAPSHOT.pom", Build(plain="old-1.1-SNAPSHOT.pom", value="1.1-SNAPSHOT", classifier="", extension="pom")),
        ("lib-1.2-20260102.030405-3.jar", None),
        ("lib-1.1-2026.03-3.jar", None),
        ("lib-1.1-99999999.999999-3.jar", None),
        ("lib-1.1-20261301.000000-3.jar", None),
        ("lib-1.1-20261201.240000-3.jar", None),
        ("lib-1.1.jar", None),
        ("lib-1.1-SNAPSHOT", None),
        ("lib-1.1-SNAPSHOT-x", None),
    ],
)
def test_snapshot_names_are_read(file: str, build: Build | None) -> None:
    """A build would be listed under a classifier or extension that no client asks for."""
    assert names.read_build("1.1-SNAPSHOT", file) == build


def test_only_plain_snapshots_move() -> None:
    """A release or a build with a time in its name could be replaced."""
    movable = {
        file: names.is_movable(Spot(name="a/lib", version=version, file=file))
        for version, file in (
            ("1.1-SNAPSHOT", "lib-1.1-SNAPSHOT.jar"), ("1.1-SNAPSHOT", "lib-1.1-20260102.030405-3.jar"), ("1.1", "lib-1.1-SNAPSHOT.jar."),
            ("1.1", "lib-1.1.jar"), ("1.1-SNAPSHOT", "other.txt"), ("-SNAPSHOT", "lib--SNAPSHOT.jar"),
        )
    }  # fmt: skip
    assert [file for file, moves in movable.items() if moves] == ["lib-1.1-SNAPSHOT.jar"]
