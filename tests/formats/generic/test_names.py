"""Names, versions and paths of Generic packages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import InvalidName, InvalidParameter, InvalidVersion
from packhouse.formats.generic import names

VERSIONS = st.from_regex(r"[A-Za-z0-9_.+-]{1,20}", fullmatch=True).filter(lambda text: not names.is_traversal(text))
SEGMENTS = st.from_regex(r"[a-z0-9_+-][a-z0-9._+~@-]{0,8}[a-z0-9_+-]", fullmatch=True).filter(lambda text: ".." not in text)


@pytest.mark.parametrize("name", ["a", "my.package", "My_Package-1+2", "x" * 255])
def test_names_are_kept_as_they_are(name: str) -> None:
    """A name would be folded into another, or refused."""
    assert names.name_key(name) == name


@pytest.mark.parametrize("name", ["", "a/b", "a b", "..", ".", "a..b", "my-package/../", "ä", "a%2fb", "a@b", "a~b", "x" * 256, "a\n"])
def test_odd_names_are_refused(name: str) -> None:
    """A name that cannot stand in a URL, or climbs, would be taken."""
    with pytest.raises(InvalidName, match=r"^package_name is invalid"):
        names.name_key(name)


@pytest.mark.parametrize("version", ["1.2", "1.2.bananas", "v1.2.4-build", "a" * 40, "1.0+linux_amd64", "latest", "2024-01-01"])
def test_versions_are_free_in_form(version: str) -> None:
    """A version that scripts use would be refused or changed."""
    assert names.version_id(version) == version


@pytest.mark.parametrize("version", ["", "..1.2.3", "1.2.3-4/../../", "../1.2.3", "%2e%2e%2f1.2.3", "1..2", ".", "1 2", "1~2", "1@2", "9" * 256])
def test_odd_versions_are_refused(version: str) -> None:
    """A version that climbs would be taken."""
    with pytest.raises(InvalidVersion, match=r"^package_version is invalid"):
        names.version_id(version)


def test_versions_are_in_the_order_people_expect() -> None:
    """The newest version would not be the last one."""
    ordered = ["latest", "1.0-dev", "1.0-rc.1", "1.0-rc.2", "1.0", "1.0.1", "1.2", "1.2.3", "1.10", "2"]
    assert sorted(sorted(ordered), key=names.version_key) == ordered


@given(VERSIONS, VERSIONS)
def test_versions_have_one_order(one: str, other: str) -> None:
    """Two versions would be neither the same nor one before the other."""
    a, b = names.version_key(one), names.version_key(other)
    assert (a < b) + (one == other) + (a > b) == 1


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1.0-rc1", True),
        ("1.0-rc.1", True),
        ("1.0-beta", True),
        ("1.0.dev3", True),
        ("1.0-SNAPSHOT", True),
        ("1.0", False),
        ("march", False),
        ("1.0-rcs", False),
    ],
)
def test_prereleases_are_known(version: str, expected: bool) -> None:
    """A release candidate would stand for the latest version."""
    assert names.is_prerelease(version) is expected


@pytest.mark.parametrize(
    ("path", "stored"),
    [
        ("app.tgz", "app.tgz"),
        ("path/to/file.tgz", "path%2Fto%2Ffile.tgz"),
        ("a+b~1.2@x.tgz", "a+b~1.2@x.tgz"),
        ("~dir/@dir/file", "~dir%2F@dir%2Ffile"),
        (".profile", ".profile"),
    ],
)
def test_folders_are_kept_in_the_name(path: str, stored: str) -> None:
    """A file in a folder would be listed under another name than GitLab's, or not found again."""
    assert names.stored_name(path) == stored
    assert names.shown_path(stored) == path


@given(st.lists(SEGMENTS, min_size=1, max_size=4), st.lists(SEGMENTS, min_size=1, max_size=4))
def test_two_paths_are_two_names(one: list[str], other: list[str]) -> None:
    """Two different files would be kept under one name."""
    assert (names.stored_name("/".join(one)) == names.stored_name("/".join(other))) == (one == other)
    assert names.shown_path(names.stored_name("/".join(one))) == "/".join(one)


@pytest.mark.parametrize(
    "path", ["", "~a", "a~", "@a", "a@", "a b", "a%2fb", "..", ".", "a..b", "ä", "a\\b", "../.ssh/authorized_keys", "a\0", "x" * 256]
)
def test_odd_file_names_are_refused(path: str) -> None:
    """A file name that climbs, or that GitLab refuses, would be taken."""
    with pytest.raises(InvalidParameter, match=r"(file_name|path) is invalid"):
        names.stored_name(path)


@pytest.mark.parametrize("path", ["../a", "a/../b", "a//b", "/a", "a b/c", "./a", "a/./b", "/".join(["abcdefgh"] * 130)])
def test_odd_folders_are_refused(path: str) -> None:
    """A folder that climbs, is empty, or is endlessly deep would be taken."""
    with pytest.raises(InvalidParameter, match="path is invalid"):
        names.stored_name(path)
