"""Names, versions and their order, names of files, channels and platforms."""

from __future__ import annotations

import itertools
import re
from urllib.parse import urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import FileNotFound, Invalid, InvalidName, InvalidUpload, InvalidVersion
from packhouse.formats.conda import names

ORDER = (
    "0.4", "0.4.1.rc", "0.4.1", "0.5a1", "0.5b3", "0.5c1", "0.5", "0.9.6", "0.960923", "1.0", "1.1dev1", "1.1_", "1.1a1", "1.1.0rc1", "1.1.0",
    "1.1.0post1", "1996.07.12", "1!0.4.1", "1!3.1.1.6", "2!0.4.1",
)  # fmt: skip
VERSIONS = st.from_regex(re.compile(names.VERSION.pattern, re.ASCII), fullmatch=True).filter(
    lambda text: len(text) <= names.LONGEST and not names.LONG_NUMBER.search(text)
)


@pytest.mark.parametrize("name", ["a", "toy", "_libgcc_mutex", "r-base", "ruamel.yaml", "7zip", "x" * 64])
def test_names(name: str) -> None:
    """A name that is in use could be refused, or changed."""
    assert names.name_key(names.name_key(name)) == name


@pytest.mark.parametrize("name", ["", "Toy", "__glibc", "-toy", "toy-", "to--y", "to._y", "tö", "toy ", "toy\n", "../toy", "a/b", "x" * 65, "a=b"])
def test_bad_names(name: str) -> None:
    """A name could be one that clients cannot decode, and lose them the whole channel."""
    with pytest.raises(InvalidName):
        names.name_key(name)


@pytest.mark.parametrize(
    "version", ["", "1..0", ".1", "1.", "1-0", "1!", "!1", "1!2!3", "1.0+", "+1", "1._0", "1.0RC1", "ä", "1\n", "1.0 ", "9" * 19, "1" + ".0" * 40]
)
def test_bad_versions(version: str) -> None:
    """A version could be one that clients cannot decode, and lose them the whole channel."""
    with pytest.raises(InvalidVersion):
        names.version_id(version)


def test_order() -> None:
    """What is shown as the newest version could be an older one."""
    ordered = [version for version in ORDER if version != "1.1_"]
    for (i, a), (j, b) in itertools.product(enumerate(ordered), repeat=2):
        assert (names.version_key(a) < names.version_key(b)) == (i < j), (a, b)


@pytest.mark.parametrize(
    ("a", "b"), [("1.0", "1"), ("1.1.0", "1.1"), ("1_0", "1.0"), ("0!1", "1"), ("1.01", "1.1"), ("1.1.rc", "1.1.0rc"), ("1+0", "1")]
)
def test_equal_in_order(a: str, b: str) -> None:
    """Of two spellings of one number one could count as newer."""
    assert names.version_key(a) == names.version_key(b)


@given(VERSIONS, VERSIONS, VERSIONS)
def test_order_is_total(a: str, b: str, c: str) -> None:
    """Sorting could depend on the order that versions come in."""
    one, two, three = sorted([a, b, c], key=names.version_key)
    assert not names.version_key(two) < names.version_key(one)
    assert not names.version_key(three) < names.version_key(one)
    assert (names.version_key(a) < names.version_key(b)) + (names.version_key(b) < names.version_key(a)) <= 1


@pytest.mark.parametrize("version", ["1.0rc1", "2.0.dev3", "1!1.0alpha", "1.0beta2+local", "1.0.pre", "dev"])
def test_prereleases(version: str) -> None:
    """What comes before a release could be shown as one."""
    assert names.is_prerelease(version)


@pytest.mark.parametrize("version", ["1.0", "1.1.1a", "1.0post1", "2024a", "9e", "1.0+rcx", "1.0.developer", "3.0.press1"])
def test_releases(version: str) -> None:
    """A release could be taken for what comes before one."""
    assert not names.is_prerelease(version)


@pytest.mark.parametrize("file", ["toy-1.0-0.conda", "r-base-1!2.0+a.b-h1_0.tar.bz2", "_libgcc_mutex-0.1-conda_forge.conda"])
def test_file_names(file: str) -> None:
    """A file could be read as one of another package."""
    read = names.read_file_name(file)
    assert f"{read.name}-{read.version}-{read.build}{read.extension}" == file


@pytest.mark.parametrize(
    "file", ["toy-1.0.conda", "toy.conda", "-1.0-0.conda", "toy-1.0-.conda", "toy-1.0-0.zip", "toy-1.0-a b.conda", f"toy-1.0-{'0' * 65}.conda"]
)
def test_bad_file_names(file: str) -> None:
    """A file could get a name that says nothing of it."""
    with pytest.raises((InvalidUpload, InvalidName, InvalidVersion)):
        names.read_file_name(file)


@given(st.text(max_size=300))
def test_any_file_name(file: str) -> None:
    """A name that nobody thought of could be an error of the server's."""
    try:
        names.read_file_name(file)
    except Invalid:
        pass


def test_channels() -> None:
    """A channel could be taken for a platform, leave its folder, or share its shelf with another one."""
    assert names.read_channel(()) == "" and names.read_channel(("a", "b.c_d-e")) == "a/b.c_d-e"
    for segment in ("", "..", ".git", "noarch", "linux-64", "shards", "yank", "a b", "ä", "a:b", "x" * 151):
        with pytest.raises(Invalid):
            names.read_channel((segment,))
    shelves = [names.shelf_of(channel, "noarch") for channel in ("", "a", "a/b", "a/b/c")]
    assert len(set(shelves)) == 4 and not any("/" in shelf for shelf in shelves)


@pytest.mark.parametrize(
    ("channel", "subdir", "file"), [("", "../x", "toy-1-0.conda"), ("noarch", "noarch", "toy-1-0.conda"), ("", "noarch", "x"), ("", "", "")]
)
def test_no_such_spot(channel: str, subdir: str, file: str) -> None:
    """A path that leads to no file could be an error, or lead to one."""
    with pytest.raises(FileNotFound):
        names.read_spot(channel, subdir, file)


@pytest.mark.parametrize(
    ("level", "base"),
    [
        ("project", "/t/x/api/v4/projects/1"),
        ("project", "/api/v4/projects/a%2Fb"),
        ("group", "/api/v4/groups/1/-"),
        ("group", "/t/x/api/v4/groups/a%2Fb/-"),
    ],
)
@pytest.mark.parametrize("channel", ["", "a", "a/b"])
def test_addresses_of_old_shards(level: str, base: str, channel: str) -> None:
    """A shard that has changed could be looked for in another place, or without the token that the address begins with."""
    tail = f"packages/conda/shards/2026-01-31T12:00:00Z/{channel}/noarch/x.msgpack.zst".replace("//", "/")
    moved = urljoin(f"http://host{base}/{tail}", names.shard_address(level, "2026-01-31T12:00:00Z", channel, "noarch", "x.msgpack.zst"))
    assert moved == f"http://host{base.removesuffix('/-')}/-/at/2026-01-31T12:00:00Z/{tail}"
