"""References, revisions, package ids and file names; and the order of versions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import Invalid, InvalidName, InvalidUpload, InvalidVersion
from packhouse.formats.conan import names
from packhouse.formats.conan.names import Reference, Unit

PART = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_+.-]{1,49}", fullmatch=True)
NO_PART = ["", "a", "-ab", ".ab", "+ab", "a" * 51, "a b", "a/b", "a@b", "a:b", "a#b", "../../foo++../..", "äb", "ab\n", "a*"]
RREV, LONG = "75151329520e7685dcf5da49ded2fec0", "75151329520e7685dcf5da49ded2fec075151329"


def params(name: str = "hello", version: str = "0.1", user: str = "grp+proj", channel: str = "beta", **more: str) -> dict[str, str]:
    return {"name": name, "version": version, "user": user, "channel": channel, **more}


@pytest.mark.parametrize("part", ["ab", "a" * 50, "_a", "0a", "My.Lib+1-2_3", "__", "a.."])
def test_good_parts_are_taken_as_they_are(part: str) -> None:
    """A reference that clients may make is refused, or folded into another one."""
    reference = names.read_reference(params(part, part, part, part))
    assert str(reference) == f"{part}/{part}@{part}/{part}"
    assert names.name_key(reference.package) == reference.package


@pytest.mark.parametrize("key", ["name", "version", "user", "channel"])
@pytest.mark.parametrize("part", NO_PART)
def test_bad_parts_are_refused(key: str, part: str) -> None:
    """A part that no client can install, or that reads as another reference, would be stored."""
    with pytest.raises(InvalidVersion if key == "version" else InvalidName, match=key):
        names.read_reference(params(**{key: part}))


def test_user_and_channel_may_be_left_out() -> None:
    """`_` is not taken for "none", or a channel without a user is taken."""
    assert names.read_reference(params(user="_", channel="_")).package == "hello"
    assert names.read_reference(params(channel="_")).package == "hello@grp+proj/_"
    with pytest.raises(InvalidName, match="needs a user"):
        names.read_reference(params(user="_"))
    for part in ("name", "version"):
        with pytest.raises(Invalid):
            names.read_reference(params(**{part: "_"}))


@given(PART, PART, st.one_of(st.just(("_", "_")), st.tuples(PART, st.one_of(PART, st.just("_")))))
def test_what_is_stored_reads_back(name: str, version: str, owner: tuple[str, str]) -> None:
    """Two references would share a package and version, or a shelf."""
    reference = names.read_reference(params(name, version, *owner))
    assert names.reference_of(reference.package, reference.version) == reference
    assert names.name_key(reference.package) == reference.package
    package, slash, kept = reference.shelf.partition("/")
    assert (package.replace(":", "/"), slash, kept) == (reference.package, "/", version)
    assert reference.shelf != names.SHELF_OF_RECIPES


@pytest.mark.parametrize("name", ["", "a", "hello@", "hello@user", "hello@user/", "hello@_/beta", "hello/0.1", "hello@user/a/b", "@user/channel"])
def test_keys_of_no_reference_are_refused(name: str) -> None:
    """The house would look for a package that cannot be."""
    with pytest.raises(InvalidName):
        names.name_key(name)


@pytest.mark.parametrize("user", ["grp+proj", "grp+sub+proj"])
def test_user_names_the_project_of_the_instance(user: str) -> None:
    """An instance remote finds another project, or one where the reference has no user."""
    assert names.project_path(params(user=user)) == user.replace("+", "/")
    assert names.project_path(params(user="_", channel="_")) is None


def test_revisions() -> None:
    """A revision that no client makes is taken, or one of theirs is not."""
    for text in ("0", RREV, LONG, RREV.upper()):
        assert names.read_revision(text) == text
    for text in ("", "1", "00", RREV[:-1], RREV + "0", "x" * 32, RREV + "\n", "latest"):
        with pytest.raises(InvalidVersion, match="Revision"):
            names.read_revision(text)


@pytest.mark.parametrize("text", ["", "../x", "a-b", "a.b", "é", "a" * 129])
def test_package_ids(text: str) -> None:
    """A package id that leaves its folder would be stored."""
    with pytest.raises(InvalidName, match="Package id"):
        names.read_package_id(text)


@pytest.mark.parametrize(
    "file", ["conanfile.py", "conanmanifest.txt", "conan_sources.tgz", "conan_export.txz", "conan_sources.tzst", "metadata/sign/a b.asc"]
)
def test_files_of_a_recipe(file: str) -> None:
    """A file that clients upload with a recipe is refused."""
    spot = names.read_spot(params(rrev=RREV, file=file))
    assert spot.path == f"{RREV}/export/{file}"


@pytest.mark.parametrize("file", ["conaninfo.txt", "conanmanifest.txt", "conan_package.tgz", "conan_package.tzst", "metadata/logs/build.log"])
def test_files_of_a_binary(file: str) -> None:
    """A file that clients upload with a binary is refused."""
    spot = names.read_spot(params(rrev=RREV, package_id="abc", prev=LONG, file=file))
    assert spot.path == f"{RREV}/package/abc/{LONG}/{file}"


@pytest.mark.parametrize(
    "file",
    ["conanfile.pytest", "conanfile.PY", "", "../conanfile.py", "a/conanfile.py", "metadata", "metadata/", "metadata/../conanfile.py", "metadata/./x",
     "metadata//x", "metadata/a\\b", "metadata/a\x00b", "conan_package.tgz", "conaninfo.txt", "conan_sources.zip"],
)  # fmt: skip
def test_other_files_are_refused(file: str) -> None:
    """A file that means nothing to Conan, or leaves its folder, would be stored with a recipe."""
    with pytest.raises(InvalidUpload, match="no file of a recipe"):
        names.read_spot(params(rrev=RREV, file=file))


def test_only_what_clients_overwrite_is_movable() -> None:
    """A published revision could be replaced, or a client without revisions could publish once only."""
    assert Unit(recipe="0").movable and Unit(recipe="0", package_id="a", revision="0").movable
    assert not Unit(recipe=RREV).movable and not Unit(recipe="0", package_id="a", revision=RREV).movable
    assert not Unit(recipe=RREV, package_id="a", revision="0").movable
    assert names.read_spot(params(rrev=RREV, file="metadata/log")).movable
    assert not names.read_spot(params(rrev=RREV, file="conanfile.py")).movable


def test_rivals_of_an_archive() -> None:
    """An archive is put beside its twin in another compression, or a text is taken for one."""
    assert names.archive_rivals("conan_package.tgz") == ("conan_package.txz", "conan_package.tzst")
    assert names.archive_rivals("conanfile.py") == names.archive_rivals("metadata/a.tgz") == ()


ORDER = [
    "0.1",
    "0.9",
    "0.10",
    "1.0-alpha",
    "1.0-alpha.1",
    "1.0-rc.2",
    "1.0-rc.10",
    "1.0",
    "1.0.1",
    "1.0.1+1",
    "1.0.1+2",
    "1.1",
    "2",
    "10",
    "a.b",
    "cci.20200101",
]


def test_order_of_versions() -> None:
    """The newest version is not the one that Conan would take."""
    for seed in (ORDER[::-1], ORDER[1::2] + ORDER[::2]):
        assert sorted(seed, key=names.version_key) == ORDER


@given(PART, PART)
def test_order_is_total(one: str, other: str) -> None:
    """Two versions could not be compared, or two different ones would stand at one place."""
    keys = names.version_key(one), names.version_key(other)
    assert (keys[0] < keys[1]) + (keys[0] > keys[1]) + (one == other) == 1


@pytest.mark.parametrize(("version", "expected"), [("1.0", False), ("1.0-rc1", True), ("1.0+a-b", False), ("1.0-a+b", True), ("2024-01", True)])
def test_prereleases(version: str, expected: bool) -> None:
    """A pre-release would be offered as the latest version."""
    assert names.is_prerelease(version) is expected


def test_reference_reads_well() -> None:
    """A message would show a reference as nobody writes it."""
    assert str(Reference(name="hello", version="0.1")) == "hello/0.1@_/_"
