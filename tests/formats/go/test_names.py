"""Module paths, versions and pseudo-versions, against what golang.org/ref/mod says of them."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import InvalidName, InvalidVersion
from packhouse.formats.go import names

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TIME = 1_767_323_045  # 2026-01-02T03:04:05Z


@pytest.mark.parametrize(("plain", "escaped"), [("example.test/Toy/LIB", "example.test/!toy/!l!i!b"), ("v1.0.0-RC.1", "v1.0.0-!r!c.1"), ("a", "a")])
def test_escaping(plain: str, escaped: str) -> None:
    """Capital letters are lost on the way, or not found again."""
    assert names.encode(plain) == escaped
    assert names.decode(escaped) == plain


@given(st.text("abcXYZ09./-_~", max_size=30))
def test_escaping_goes_both_ways(text: str) -> None:
    """Two paths share one escaped form."""
    assert names.decode(names.encode(text)) == text


@pytest.mark.parametrize("text", ["A", "a!", "a!!b", "!A", "!1", "a!é"])
def test_odd_escapes(text: str) -> None:
    """What go never writes means a module all the same."""
    with pytest.raises(InvalidName):
        names.decode(text)


@pytest.mark.parametrize("name", ["example.test/lib", "example.test/Lib/v2", "github.test/a_b/c-d.e", "x.test/~me"])
def test_paths(name: str) -> None:
    """A path that go takes is refused."""
    assert names.name_key(name) == name


@pytest.mark.parametrize(
    "name", ["", "a//b", "/a", "a/", ".a/b", "a./b", "a/../b", "a/con", "a/NUL.txt", "-x/y", "a b", "x.test/v1", "x.test/ü", "~a/b", "a@b"]
)
def test_bad_paths(name: str) -> None:
    """A path that go cannot unpack is published."""
    with pytest.raises(InvalidName):
        names.name_key(name)


@pytest.mark.parametrize("version", ["v0.0.0", "v1.2.3", "v1.2.3-rc.1", "v2.0.0+incompatible", "v1.0.0-0.20260102030405-0123456789ab"])
def test_versions(version: str) -> None:
    """A version that go takes is refused."""
    assert names.version_id(version) == version


@pytest.mark.parametrize(
    "version", ["", "1.2.3", "v1.2", "v1.2.3.4", "v01.2.3", "v1.2.3-01", "v1.2.3+meta", "v1.2.3-", "V1.2.3", "v1.2.3-a..b", "main"]
)
def test_bad_versions(version: str) -> None:
    """A text that is no canonical version is taken for one."""
    with pytest.raises(InvalidVersion):
        names.version_id(version)


ORDERED = [
    "v0.0.0-20260102030405-0123456789ab",
    "v0.0.1",
    "v1.0.0-alpha",
    "v1.0.0-alpha.1",
    "v1.0.0-beta.2",
    "v1.0.0-beta.11",
    "v1.0.0",
    "v1.0.1-0.20260102030405-0123456789ab",
    "v1.0.1",
    "v1.10.0",
    "v2.0.0+incompatible",
]


def test_order() -> None:
    """The newest version is not the newest."""
    mixed = ORDERED.copy()
    random.Random(7).shuffle(mixed)
    assert sorted(mixed, key=names.version_key) == ORDERED


@pytest.mark.parametrize(
    ("module", "version", "fitting"),
    [
        ("x.test/a", "v0.1.0", True),
        ("x.test/a", "v1.0.0", True),
        ("x.test/a", "v2.0.0", False),
        ("x.test/a", "v2.0.0+incompatible", True),
        ("x.test/a/v2", "v2.1.0", True),
        ("x.test/a/v2", "v1.0.0", False),
        ("x.test/a/v2", "v3.0.0", False),
        ("x.test/a/v2", "v2.0.0+incompatible", False),
        ("x.test/a/v0", "v0.0.1", True),
        ("gopkg.in/yaml.v2", "v2.4.0", True),
        ("gopkg.in/yaml.v2", "v1.0.0", False),
    ],
)
def test_major_suffix(module: str, version: str, fitting: bool) -> None:
    """A version is served under a path that cannot have it."""
    assert names.fits(module, version) is fitting


@pytest.mark.parametrize(
    ("number", "base", "version"),
    [
        (0, "", "v0.0.0-20260102030405-0123456789ab"),
        (2, "", "v2.0.0-20260102030405-0123456789ab"),
        (1, "v1.2.3", "v1.2.4-0.20260102030405-0123456789ab"),
        (1, "v1.2.3-pre", "v1.2.3-pre.0.20260102030405-0123456789ab"),
        (1, "v1.2.3-rc.1", "v1.2.3-rc.1.0.20260102030405-0123456789ab"),
    ],
)
def test_pseudo_versions(number: int, base: str, version: str) -> None:
    """A commit has another name here than where go reads it from git."""
    assert names.make_pseudo(number, base, TIME, COMMIT) == version
    assert names.read_pseudo(version) == names.Pseudo(base=base, time=TIME, revision=COMMIT[:12])
    assert names.is_prerelease(version)


@pytest.mark.parametrize(
    "version",
    [
        "v1.0.0",
        "v1.0.1-20260102030405-0123456789ab",
        "v1.0.0-0.20260102030405-0123456789ab",
        "v1.0.1-0.20269902030405-0123456789ab",
        "v1.0.1-0.20260102030405-0123456789a",
        "v1.0.1-0.20260102030405-0123456789AB",
    ],
)
def test_no_pseudo_versions(version: str) -> None:
    """A version is taken for a commit."""
    assert names.read_pseudo(version) is None
