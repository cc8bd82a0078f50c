"""Names, versions and file names against the packaging library and against their own rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from packhouse.errors import InvalidName, InvalidUpload, InvalidVersion
from packhouse.formats.pypi import names

NAMES = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,20}[A-Za-z0-9])?", fullmatch=True)
NUMBERS = st.integers(0, 99).map(str)
VERSIONS = st.builds(
    lambda epoch, release, pre, post, dev, local: f"{epoch}{'.'.join(release)}{pre}{post}{dev}{local}",
    st.sampled_from(["", "1!"]),
    st.lists(NUMBERS, min_size=1, max_size=4),
    st.sampled_from(["", "a1", "b2", "rc3", "-alpha.4", "_pre"]),
    st.sampled_from(["", ".post1", "-2", "r3"]),
    st.sampled_from(["", ".dev4"]),
    st.sampled_from(["", "+local.1", "+ubuntu-2"]),
)


@pytest.mark.parametrize("name", ["My..Package", "my_package", "MY-package", "my.-_package"])
def test_spellings_of_one_name_are_one_package(name: str) -> None:
    """Two spellings that installers take for the same name would be two packages."""
    assert names.name_key(name) == "my-package"


@pytest.mark.parametrize(
    "name", ["", "-a", "a-", ".a", "a.", "a b", "a/b", "@scope/a", "a.$/@!^*", "ä", "a\n", "\u017f", "\u212a", "a" * 256, "..", "a\0b"]
)
def test_odd_names_are_refused(name: str) -> None:
    """A name that no client can ask for would be taken."""
    with pytest.raises(InvalidName, match="Name is invalid"):
        names.name_key(name)


@given(NAMES)
def test_name_key_is_idempotent(name: str) -> None:
    """The key of a key would be another package."""
    assert names.name_key(names.name_key(name)) == names.name_key(name)


@pytest.mark.parametrize("version", ["1.0", "1.0.0", "1", "v1.0", "V1"])
def test_trailing_zeros_do_not_make_another_version(version: str) -> None:
    """1.0 and 1.0.0 would be two versions, which installers take for one."""
    assert names.version_id(version) == "1"


@pytest.mark.parametrize(
    "version", ["", "x", "1..0", "1.0-", "1.0\n", " 1.0", "1.0 ", "1.0+", "1.0+a b", "1.०", "1" * 19, "1." * 200 + "1", "1.0/../2", "1.0*", "\u017f1"]
)
def test_odd_versions_are_refused(version: str) -> None:
    """A version that the specification does not know would be taken."""
    with pytest.raises(InvalidVersion, match="Version is invalid"):
        names.version_id(version)


@given(VERSIONS)
def test_version_id_is_idempotent_and_keeps_the_order(version: str) -> None:
    """The canonical form would be another version than the one it stands for."""
    canonical = names.version_id(version)
    assert names.version_id(canonical) == canonical
    assert names.version_key(canonical) == names.version_key(version)


@given(VERSIONS, VERSIONS)
def test_versions_have_one_order(one: str, other: str) -> None:
    """Two versions would be neither equal nor in order, or not in the order of the reference library."""
    a, b = names.version_key(one), names.version_key(other)
    assert (a < b) + (a == b) + (a > b) == 1
    assert (a == b) == (names.version_id(one) == names.version_id(other))
    assert (a < b) == (Version(one) < Version(other))


@pytest.mark.parametrize(("version", "expected"), [("1.0a1", True), ("1.0.dev1", True), ("1.0rc1", True), ("1.0", False), ("1.0.post1", False)])
def test_prereleases_are_known(version: str, expected: bool) -> None:
    """A pre-release would stand for the latest version, or a release would not."""
    assert names.is_prerelease(version) is expected


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("toy_pkg-1.0-py3-none-any.whl", [("wheel", "toy-pkg", "1.0")]),
        ("toy_pkg-1.0-1-py2.py3-none-any.whl", [("wheel", "toy-pkg", "1.0")]),
        ("toy_pkg-1.0.tar.gz", [("sdist", "toy_pkg", "1.0")]),
        ("toy-pkg-1.0.zip", [("sdist", "toy-pkg", "1.0")]),
        ("a-1-2.zip", [("sdist", "a-1", "2"), ("sdist", "a", "1-2")]),
        ("toy_pkg-1!1.0+local.1.tar.gz", [("sdist", "toy_pkg", "1!1.0+local.1")]),
        ("toy.egg", []),
        ("toy-1.0.tar.bz2", []),
        ("toy-1.0-py3-none.whl", []),
        ("../toy-1.0.tar.gz", []),
        ("toy-.tar.gz", []),
        (".tar.gz", []),
        ("", []),
    ],
)
def test_file_names_are_read(filename: str, expected: list[tuple[str, str, str]]) -> None:
    """A file would be looked for under another name than its own."""
    assert [(found.kind, found.name, found.version) for found in names.read_file_names(filename)] == expected


@given(st.text(max_size=300) | st.from_regex(r"[a-z0-9._+!-]{0,80}\.(whl|tar\.gz|zip)", fullmatch=True))
def test_any_file_name_can_be_read(filename: str) -> None:
    """Some file name would break the reader instead of being no name of ours."""
    for found in names.read_file_names(filename):
        assert names.name_key(found.name)
        assert names.version_id(found.version)


@pytest.mark.parametrize(
    ("filename", "kind", "name", "version"),
    [
        ("toy_pkg-1.0-py3-none-any.whl", "wheel", "Toy.Pkg", "1.0.0"),
        ("a-1-2.zip", "sdist", "a", "1.post2"),
        ("a-1-2.zip", "sdist", "a-1", "2"),
    ],
)
def test_file_name_of_the_distribution_is_taken(filename: str, kind: str, name: str, version: str) -> None:
    """A file name that means this name and version would be refused."""
    names.check_file_name(filename, kind, name, version)


@pytest.mark.parametrize(
    ("filename", "kind", "name", "version"),
    [
        ("toy_pkg-1.0-py3-none-any.whl", "wheel", "toy-pkg", "1.1"),
        ("toy_pkg-1.0-py3-none-any.whl", "wheel", "toy", "1.0"),
        ("toy_pkg-1.0.tar.gz", "wheel", "toy-pkg", "1.0"),
        ("toy.whl", "wheel", "toy", "1.0"),
    ],
)
def test_file_name_of_something_else_is_refused(filename: str, kind: str, name: str, version: str) -> None:
    """A file would be listed under a name that speaks of another version or package."""
    with pytest.raises(InvalidUpload, match="File name"):
        names.check_file_name(filename, kind, name, version)
