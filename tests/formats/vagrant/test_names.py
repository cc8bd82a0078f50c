"""Names, versions in RubyGems' order, and addresses."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requirements import miss

from packhouse.errors import Invalid, InvalidName, InvalidVersion
from packhouse.formats.vagrant import names

VERSIONS = (
    "1", "1.0", "1.0.0", "1.9.0", "1.10.0", "1.0.a", "1.a", "1.a.0.b", "1.a.0.0.b", "1.a.b", "1.a.1", "1.a.0.1", "1.0.pre", "1.0-rc.1", "1.0.0-rc-1",
    "2.0b1", "2.b1", "2.0.B", "2.0.b", "20240101.0.0", "0", "0.0.a", "01.2", "1.0.0.1", "1.2",
)  # fmt: skip
WORDS = st.from_regex(r"[0-9]{1,3}(\.([0-9]{1,3}|[a-z]{1,3})){0,4}(-[a-z0-9]{1,3})?", fullmatch=True)


def test_order_is_that_of_rubygems() -> None:
    """The newest version of a catalog could be another one to the client."""
    if shutil.which("ruby") is None:
        miss("ruby")
    valid = [version for version in VERSIONS if version != "2.0b1"]
    code = "v = JSON.parse(ARGV[0]).map { |t| Gem::Version.new(t) }; puts JSON.dump(v.map { |a| v.map { |b| a <=> b } })"
    said = json.loads(subprocess.run(["ruby", "-rjson", "-e", code, json.dumps(valid)], capture_output=True, text=True, check=True).stdout)
    for one, row in zip(valid, said, strict=True):
        for other, order in zip(valid, row, strict=True):
            mine, theirs = names.version_key(one), names.version_key(other)
            assert (mine > theirs) - (mine < theirs) == order, (one, other)


@given(st.lists(WORDS, min_size=3, max_size=3))
def test_order_is_one(three: list[str]) -> None:
    """Three versions could have no order."""
    keys = sorted(map(names.version_key, three))
    assert all(one <= other for one, other in itertools.combinations(keys, 2))
    assert all(names.version_id(each) == each for each in three)


@pytest.mark.parametrize("version", ["", "a", "1.", ".1", "1..2", "1-", "1.0-a..b", "v1", "1.0+x", "1_0", "1.0 ", "1.0\n", "١.0", "1" * 200])
def test_versions_that_break_a_catalog(version: str) -> None:
    """One version that the client cannot read would take the whole catalog from everybody."""
    with pytest.raises(InvalidVersion):
        names.version_id(version)


def test_prereleases() -> None:
    """A prerelease could count as a release, or the other way round."""
    assert [version for version in VERSIONS[:9] if names.is_prerelease(version)] == ["1.0.a", "1.a", "1.a.0.b", "1.a.0.0.b"]
    assert names.is_prerelease("1.0-1")


@pytest.mark.parametrize(
    "name",
    ["", "/", "a/", "/a", "a/b/c", "a b", "a\n", ".a", "a/..", "a/.b", "-a", "é", "a" * 129, "search", "api/x", "box/toy", "boxes", "authenticate"],
)
def test_bad_names(name: str) -> None:
    """A name could hide an address of the registry, or be a path that leads elsewhere."""
    with pytest.raises(InvalidName):
        names.name_key(name)


@pytest.mark.parametrize("name", ["toy", "acme/toy", "acme/search", "Toy-1.0_x", "a", "generic/debian12"])
def test_good_names(name: str) -> None:
    """A name that people use could be refused, or be another one when it is asked for again."""
    assert names.name_key(name) == name == names.name_key(names.name_key(name))


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("toy/1.0/virtualbox.box", ("toy", "1.0", "virtualbox", "")),
        ("toy/1.0/VMware_Desktop.box", ("toy", "1.0", "vmware_desktop", "")),
        ("toy/1.0/libvirt/ARM64.box", ("toy", "1.0", "libvirt", "arm64")),
        ("acme/toy/1.0/libvirt.box", ("acme/toy", "1.0", "libvirt", "")),
        ("acme/2024/1.0/libvirt.box", ("acme/2024", "1.0", "libvirt", "")),
        ("acme/toy/1.0/libvirt/amd64.box", ("acme/toy", "1.0", "libvirt", "amd64")),
    ],
)
def test_addresses(path: str, wanted: tuple[str, str, str, str]) -> None:
    """A path could mean another box than the one that was published at it."""
    found = names.read_address(path.split("/"))
    assert (found.name, found.version, found.provider, found.architecture) == wanted


@pytest.mark.parametrize(
    "path", ["toy/1.0/virtualbox.zip", "toy/1.0/.box", "toy/1.0/3d.box", "toy/x/virtualbox.box", "a/b/1.0.box", "a/b/c/d.box", "toy/1.0/a b.box",
             "toy/1.0/a/é.box", "a/b/1.0/2.0/x.box", "search/1.0/a.box", "toy/1.0/" + "a" * 200 + ".box"]
)  # fmt: skip
def test_bad_addresses(path: str) -> None:
    """A box could be published where no client finds it."""
    with pytest.raises(Invalid):
        names.read_address(path.split("/"))
