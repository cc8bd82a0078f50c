"""Names, versions, and the slugs of releases."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import Invalid, InvalidName, InvalidVersion
from packhouse.formats.puppet import names

VERSIONS = st.from_regex(r"(0|[1-9][0-9]{0,2})\.(0|[1-9])\.(0|[1-9])(-[a-z]{1,3}(\.[1-9])?)?(\+[a-z0-9]{1,3})?", fullmatch=True)
NAMES = st.from_regex(r"[A-Za-z0-9]{1,9}-[A-Za-z][A-Za-z0-9_]{0,9}", fullmatch=True)


@given(NAMES)
def test_one_name(name: str) -> None:
    """A name could be another one when it is asked for again, or differ from itself in capitals."""
    key = names.name_key(name)
    assert key == names.name_key(key) == names.name_key(name.upper()) and names.split_name(name)[1] in name


@given(NAMES, VERSIONS)
def test_slugs_lead_back(name: str, version: str) -> None:
    """A slug could mean another release than the one that it was made of."""
    assert names.split_release(f"{name}-{version}") == (name, version)
    assert names.file_name(name, version) == f"{name.lower()}-{version.partition('+')[0]}.tar.gz"


@pytest.mark.parametrize(
    "name",
    ["", "-", "acme", "acme-", "-ntp", "acme/ntp", "acme-1ntp", "acme-_ntp", "a_b-ntp", "acme-ntp-x", "acme-ntp\n", "acme ntp", "acmé-ntp", "acme-..",
     "a" * 65 + "-ntp", "acme-" + "n" * 65],
)  # fmt: skip
def test_bad_names(name: str) -> None:
    """A name could be stored that no slug leads to."""
    with pytest.raises(InvalidName):
        names.name_key(name)


@pytest.mark.parametrize(
    "version", ["", "1", "1.0", "v1.0.0", "1.0.0.0", "01.0.0", "1.0.0-", "1.0.0-01", "1.0.0 ", "1.0.0\n", "1.x", "1.0.0-" + "a" * 200]
)
def test_bad_versions(version: str) -> None:
    """A release could be stored that puppet leaves out of every choice."""
    with pytest.raises(InvalidVersion):
        names.version_id(version)


@pytest.mark.parametrize(
    "slug", ["", "acme", "acme-ntp", "acme-ntp-", "acme-ntp-1", "-acme-ntp-1.0.0", "acme/ntp-1.0.0", "acme-ntp-1.0.0/x", "acme--1.0.0"]
)
def test_bad_slugs(slug: str) -> None:
    """An address that means nothing could be answered with an error of the server."""
    with pytest.raises(Invalid):
        names.split_release(slug)


@given(st.lists(VERSIONS, min_size=3, max_size=3))
def test_order_is_one(three: list[str]) -> None:
    """Three versions could have no order."""
    keys = sorted(map(names.version_key, three))
    assert all(one <= other for one, other in itertools.combinations(keys, 2))


def test_order_and_prereleases() -> None:
    """A prerelease could be newer than its release, or 1.9 than 1.10."""
    rising = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-rc1", "1.0.0", "1.9.0", "1.10.0"]
    assert sorted(["1.10.0", "1.0.0", *rising[:3], "1.9.0"], key=names.version_key) == rising
    assert [version for version in rising if names.is_prerelease(version)] == rising[:3]
    assert names.version_id("1.0.0+linux") == names.version_id("1.0.0+other") == "1.0.0"
