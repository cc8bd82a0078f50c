"""Names, versions, tags and file names: what npm knows, and nothing that means another thing elsewhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import FileNotFound, Invalid, InvalidName, InvalidVersion
from packhouse.formats.npm import names

PART = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_+-]{0,20}", fullmatch=True).filter(lambda text: text.lower() != "node_modules")
SCOPE = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,20}", fullmatch=True)
NAMES = st.one_of(PART, st.builds(lambda scope, part: f"@{scope}/{part}", SCOPE, PART))


@pytest.mark.parametrize("name", ["left", "@acme/left", "Left.Pad", "a+b", "_under", "@a-b.c/d", "@my_org/x-1.0.0", "x" * 214])
def test_good_names_are_taken_as_they_are(name: str) -> None:
    """A name that clients may publish is refused, or folded into another one."""
    assert names.name_key(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "", "my_inv@@lid", "@acme", "@/left", "@acme/", "@acme/a/b", "a/b", "a b", "..", ".", ".bin", "-", "-rf", "@acme/..", "@-acme/left",
        "@acme./left", "@acme.git/left", "@acme.atom/left", "node_modules", "@acme/node_modules", "favicon.ico", "é", "a\nb", "a%2fb", "left?",
        "x" * 215, "@acme%2fleft", "<b>", "@../left", "ａ",
    ],
)  # fmt: skip
def test_bad_names_are_refused(name: str) -> None:
    """A name that no client installs, or that leaves its folder, would be stored."""
    with pytest.raises(InvalidName):
        names.name_key(name)


@given(NAMES)
def test_key_is_its_own_key(name: str) -> None:
    """The key of a key would be another package."""
    assert names.name_key(names.name_key(name)) == names.name_key(name)


@pytest.mark.parametrize("version", ["1", "1.2", "1./2.3", "../../1.2.3", "%2e%2e%2f1.2.3", "v1.0.0", "1.0.0 ", "01.0.0", "", "1.0.0-", "latest"])
def test_versions_that_are_no_versions(version: str) -> None:
    """A version that clients read differently, or as a path, would be stored."""
    with pytest.raises(InvalidVersion):
        names.version_id(version)


def test_build_metadata_makes_no_other_version() -> None:
    """Two builds of a version would stand side by side, and clients that drop the build would get either."""
    assert names.version_id("1.0.0+a") == names.version_id("1.0.0+b") == "1.0.0"
    assert names.version_id("1.0.0-a+b") != names.version_id("1.0.0-b+b")


@pytest.mark.parametrize(
    "tag",
    ["1", "1.0", "1.0.0", "v1", "=1", "x", "*", "1.x", ">=1", "<2", "~1", "^1.2", "1||2", "1.0.0-beta", "1.2.3beta", "~>1", "1.0.0+b", ">", "~"],
)
def test_tags_that_read_as_ranges(tag: str) -> None:
    """A tag that clients take for a version range could be set, and would never be found again."""
    with pytest.raises(Invalid, match="version range"):
        names.check_tag(tag)


@pytest.mark.parametrize("tag", ["latest", "next", "beta.1", "v1-lts", "2024-01-01", "feature/x", "xy", "release-1", "x1", "ünï", "1.2.3.4"])
def test_tags_that_are_tags(tag: str) -> None:
    """A tag that people use is refused."""
    assert names.check_tag(tag) == tag


@pytest.mark.parametrize("tag", ["", " ", "a b", "a\tb", "a\x00b", "x" * 256])
def test_tags_that_are_nothing(tag: str) -> None:
    """A tag that cannot be written into an address or a log line could be set."""
    with pytest.raises(Invalid):
        names.check_tag(tag)


@given(NAMES, st.sampled_from(["1.0.0", "1.0.0-1", "2.0.0-beta.1", "1.0.0+b"]))
def test_version_is_read_back_from_the_file_name(name: str, version: str) -> None:
    """A tarball's name leads to another version than it was made for."""
    assert names.version_of_file(name, names.tarball_name(name, version)) == version
    assert names.version_of_file(name, f"{name.rpartition('/')[2]}-{version}.tgz") == version


@pytest.mark.parametrize("file", ["left-1.0.0.zip", "left-1.0.tgz", "right-1.0.0.tgz", "left-1.0.0.tgz.tgz", "left-.tgz", "../left-1.0.0.tgz", ""])
def test_file_names_of_something_else(file: str) -> None:
    """A file name that names no version of the package leads to one."""
    with pytest.raises(FileNotFound):
        names.version_of_file("left", file)


def test_dashes_and_digits_do_not_move_the_border_of_name_and_version() -> None:
    """`a-1.0.0` in version 2.0.0 and `a` in version 1.0.0-2.0.0 would share a file."""
    assert names.version_of_file("a-1.0.0", "a-1.0.0-2.0.0.tgz") == "2.0.0"
    assert names.version_of_file("a", "a-1.0.0-2.0.0.tgz") == "1.0.0-2.0.0"


@pytest.mark.parametrize(
    ("params", "name", "version"),
    [
        ({"package": "left"}, "left", None),
        ({"package": "@acme/left"}, "@acme/left", None),
        ({"scope": "acme", "name": "left"}, "@acme/left", None),
        ({"scope": "acme/left"}, "@acme/left", None),
        ({"scope": "acme/left", "name": "1.0.0"}, "@acme/left", "1.0.0"),
        ({"scope": "acme", "name": "left", "version": "beta"}, "@acme/left", "beta"),
        ({"package": "@acme/left", "version": "1.0.0"}, "@acme/left", "1.0.0"),
        ({"scope": "acme"}, "@acme", None),
    ],
)
def test_every_form_of_a_path_means_one_name(params: dict[str, str], name: str, version: str | None) -> None:
    """A scoped name is not found when its slash comes escaped, or decoded by a proxy on the way."""
    assert (names.name_in(params), names.version_in(params)) == (name, version)


def test_scope_is_the_root_group() -> None:
    """At instance level a name would be looked for in somebody else's group."""
    assert names.root_group_of({"scope": "acme", "name": "left"}) == "acme"
    assert names.root_group_of({"package": "left"}) is None
    assert names.in_root_group("@acme/left", "acme")
    assert not names.in_root_group("@acme/left", "acme2")
    assert not names.in_root_group("acme", "acme")


def test_newest_is_a_release_where_there_is_one() -> None:
    """`latest` would point at a pre-release, or at the version that sorts last as text."""
    from packhouse.formats.npm.index import newest

    assert newest(["1.9.0", "1.10.0", "2.0.0-beta.1"]) == "1.10.0"
    assert newest(["1.0.0-alpha.2", "1.0.0-alpha.10"]) == "1.0.0-alpha.10"
