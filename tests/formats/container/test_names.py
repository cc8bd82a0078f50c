"""Names of repositories, tags and digests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import Invalid, InvalidName, InvalidVersion
from packhouse.formats.container import names


@pytest.mark.parametrize("name", ["a", "a/b", "g/p/img", "a.b/c_d/e__f/g-h/i---j", "0/1", "a" * 255])
def test_takes_good_names(name: str) -> None:
    """A name that the specification allows is refused, or changed."""
    assert names.name_key(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "/", "a/", "/a", "a//b", "A", "a/B", ".a", "a.", "a..b", "a___b", "-a", "a-", "a_", "a._b", "ä", "a b", "a\n", "a" * 256, "a/" * 20 + "a"],
)
def test_refuses_bad_names(name: str) -> None:
    """A name outside of the grammar is taken."""
    with pytest.raises(InvalidName):
        names.name_key(name)


@pytest.mark.parametrize("tag", ["1", "v1.0", "_x", "A-b.c", "a" * 128])
def test_takes_good_tags(tag: str) -> None:
    """A tag that the specification allows is refused."""
    assert names.check_tag(tag) == tag


@pytest.mark.parametrize("tag", ["", ".a", "-a", "a" * 129, "a/b", "a:b", "a b", "a+b", "ä", "a\n"])
def test_refuses_bad_tags(tag: str) -> None:
    """A tag outside of the grammar is taken."""
    with pytest.raises(Invalid):
        names.check_tag(tag)


@pytest.mark.parametrize(
    "digest", ["sha256:" + "a" * 63, "sha256:" + "A" * 64, "sha512:" + "a" * 64, "md5:" + "a" * 32, "sha256" + "a" * 64, "sha256:" + "a" * 64 + "\n"]
)
def test_refuses_bad_digests(digest: str) -> None:
    """Something that is no digest is looked up as one."""
    with pytest.raises(InvalidVersion):
        names.check_digest(digest)


def test_projects_of_a_name() -> None:
    """The deepest path is not asked for first, or a path that can be no project is asked for at all."""
    assert names.projects_of("a/b/c/d") == ("a/b/c/d", "a/b/c", "a/b")
    assert names.projects_of("A/B") == ("a/b",)
    assert names.projects_of("a") == ()
    assert len(names.projects_of("x/" * 60 + "x")) < names.MOST_COMPONENTS


@given(st.text())
def test_any_text(text: str) -> None:
    """Some text is neither a name nor refused as one."""
    for check, error in ((names.name_key, InvalidName), (names.check_tag, Invalid), (names.check_digest, InvalidVersion)):
        try:
            assert check(text) == text
        except error:
            pass
