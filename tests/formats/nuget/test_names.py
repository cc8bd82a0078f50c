"""Ids, versions, ranges and file names as NuGet's clients read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import FileNotFound, InvalidName, InvalidVersion
from packhouse.formats.nuget import names

IDS = st.from_regex(r"[A-Za-z0-9_+-][A-Za-z0-9_+.-]{0,30}", fullmatch=True)
LABEL = st.from_regex(r"(0|[1-9][0-9]{0,5}|[a-zA-Z-][a-zA-Z0-9-]{0,4})", fullmatch=True)
NUMBER = st.integers(0, 2**31 - 1).map(str)
VERSIONS = st.builds(
    lambda numbers, labels, build: ".".join(numbers) + (f"-{'.'.join(labels)}" if labels else "") + (f"+{build}" if build else ""),
    st.lists(NUMBER, min_size=2, max_size=4),
    st.lists(LABEL, max_size=3),
    st.sampled_from(["", "b1", "x.y-z"]),
)


@pytest.mark.parametrize("name", ["Acme.Toy", "a", "A+b-c_d.e", "1", ".hidden", "x" * 128])
def test_good_ids_fold_case_only(name: str) -> None:
    """An id that clients publish is refused, or another one is taken for it."""
    assert names.name_key(name) == name.lower()


@pytest.mark.parametrize("name", ["", "a b", "a/b", "é", ".", "..", "a\n", "a%2fb", "x" * 129, "<b>", "a\\b", "\u212a"])
def test_bad_ids_are_refused(name: str) -> None:
    """An id that is a path, or that no client takes, would be stored."""
    with pytest.raises(InvalidName):
        names.name_key(name)


@given(IDS)
def test_key_is_its_own_key(name: str) -> None:
    """The key of a key would be another package."""
    assert names.name_key(names.name_key(name)) == names.name_key(name)


@pytest.mark.parametrize(
    ("version", "normal"),
    [
        ("1.0", "1.0.0"), ("1.0.0", "1.0.0"), ("1.0.0.0", "1.0.0"), ("1.2.3.4", "1.2.3.4"), ("1.0.0.007", "1.0.0.7"), ("1.0-Beta", "1.0.0-beta"),
        ("1.0.0-rc.1", "1.0.0-rc.1"), ("1.0.0+Build.7", "1.0.0"), ("1.0.0-a+b", "1.0.0-a"), ("2147483647.0", "2147483647.0.0"),
    ],
)  # fmt: skip
def test_versions_are_normalised(version: str, normal: str) -> None:
    """Two spellings of a version would be two versions, while clients see one."""
    assert names.version_id(version) == normal


@pytest.mark.parametrize(
    "version",
    [
        "", "1", "v1.0", "1.0.0.0.0", "01.0", "1.00", "1.0.00", "1.0-", "1.0+", "1.0-01", "1.0-a..b", "1.0 ", "1.0\n", "1.0.0-é", "2147483648.0",
        "1.0.0.99999999999", "9" * 5000 + ".0", "1.0-" + "a" * 300, "../1.0", "1.0/x", "latest", "1.0.0-" + "a" * 249 + ".1",
    ],
)  # fmt: skip
def test_versions_that_clients_cannot_read(version: str) -> None:
    """One version that clients cannot read would break the list of all others for them."""
    with pytest.raises(InvalidVersion):
        names.version_id(version)


@given(VERSIONS)
def test_normalised_form_is_its_own(version: str) -> None:
    """The normalised form in an address would lead to another version."""
    assert names.version_id(names.version_id(version)) == names.version_id(version)
    assert names.version_key(names.version_id(version)) == names.version_key(version)


@given(VERSIONS, VERSIONS)
def test_equal_places_are_equal_versions(one: str, other: str) -> None:
    """Two versions would have no order, or one version two places."""
    assert (names.version_key(one) == names.version_key(other)) == (names.version_id(one) == names.version_id(other))


def test_order_is_that_of_the_clients() -> None:
    """A client would be offered an older version as the newest one."""
    ordered = [
        "0.9",
        "1.0.0-1",
        "1.0.0-2",
        "1.0.0-10",
        "1.0.0-a",
        "1.0.0-A.1",
        "1.0.0-a.2",
        "1.0.0-a.b",
        "1.0.0-ab",
        "1.0.0-b-c",
        "1.0.0-bc",
        "1.0",
        "1.0.0.1",
        "1.0.1-x",
        "1.0.1",
        "1.2",
        "1.10",
        "2.0",
    ]
    mixed = sorted(ordered)
    assert mixed != ordered and sorted(mixed, key=names.version_key) == ordered
    # What is too long for 32 bits is a word, and words come after numbers.
    assert names.version_key("1.0-9999999999") > names.version_key("1.0-2147483647")


@pytest.mark.parametrize(
    ("version", "prerelease", "semver2"), [("1.0", False, False), ("1.0-a", True, False), ("1.0-a.1", True, True), ("1.0+b", False, True)]
)
def test_kinds_of_versions(version: str, prerelease: bool, semver2: bool) -> None:
    """A pre-release is offered to who does not want one, or a version to a client that cannot read it."""
    assert (names.is_prerelease(version), names.is_semver2(version)) == (prerelease, semver2)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("", "(, )"), ("1", "[1.0.0, )"), ("1.0", "[1.0.0, )"), ("1.01.0", "[1.1.0, )"), ("[1.0]", "[1.0.0]"), ("(1,2]", "(1.0.0, 2.0.0]"),
        ("[1.0, )", "[1.0.0, )"), ("(,1.0.0-b]", "(, 1.0.0-b]"), ("1.*", "[1.*, )"), (" [ 1.0 , 2.0 ) ", "[1.0.0, 2.0.0)"),
    ],
)  # fmt: skip
def test_ranges_are_normalised(text: str, normal: str) -> None:
    """A dependency is shown with a range that means another one, or that clients cannot read."""
    assert names.read_range(text).text == normal


@pytest.mark.parametrize(
    "text", ["x", "$version$", "(1.0)", "[]", "()", "[1.0", "1.0]", "[1,2,3]", "[1.0;2.0]", "1.0.0.0.0", "[9999999999,)", "1." + "0" * 5000]
)
def test_ranges_that_are_none(text: str) -> None:
    """One range that clients cannot read would break the whole package for them."""
    with pytest.raises(InvalidVersion):
        names.read_range(text)


@pytest.mark.parametrize(("text", "semver2"), [("[1.0.0-a,2.0]", False), ("[1.0.0-a.1,2.0]", True), ("(,2.0.0+b)", True), ("1.0", False)])
def test_ranges_tell_what_they_take(text: str, semver2: bool) -> None:
    """A package with such a dependency is offered to clients that cannot read it, or hidden from those that can."""
    assert names.read_range(text).semver2 is semver2


@pytest.mark.parametrize(
    ("version", "file", "stored"),
    [
        ("1.0.0", "acme.toy.1.0.0.nupkg", "acme.toy.1.0.0.nupkg"), ("1.0", "Acme.Toy.1.0.NUPKG", "acme.toy.1.0.0.nupkg"),
        ("1.0.0", "acme.toy.1.0.0.0.nupkg", "acme.toy.1.0.0.nupkg"), ("1.0.0+b", "acme.toy.1.0.0+b.nupkg", "acme.toy.1.0.0.nupkg"),
        ("1.0.0", "acme.toy.1.0.0.snupkg", "acme.toy.1.0.0.snupkg"), ("1.0.0", "acme.toy.nuspec", "acme.toy.nuspec"), ("1.0.0", "readme", "readme"),
    ],
)  # fmt: skip
def test_addresses_lead_to_the_stored_file(version: str, file: str, stored: str) -> None:
    """A client that spells the version another way finds nothing."""
    assert names.stored_name("Acme.Toy", version, file) == stored


@pytest.mark.parametrize(
    "file", ["acme.toy.1.0.1.nupkg", "other.1.0.0.nupkg", "acme.toy.1.0.0.zip", "acme.toy..nupkg", "", "other.nuspec", "acme.toy.nupkg"]
)
def test_other_file_names_lead_nowhere(file: str) -> None:
    """An address leads to a file that it does not name."""
    with pytest.raises(FileNotFound):
        names.stored_name("Acme.Toy", "1.0.0", file)


@pytest.mark.parametrize(
    ("file", "readings"),
    [
        ("Acme.Toy.1.0.0.nupkg", [("acme.toy", "1.0.0"), ("acme.toy.1", "0.0.0")]),
        ("a.1.2.3.4.5.nupkg", [("a.1", "2.3.4.5"), ("a.1.2", "3.4.5"), ("a.1.2.3", "4.5.0")]),
        ("package.nupkg", []),
        ("upload.bin", []),
        ("a.1.0-b.symbols.nupkg", [("a", "1.0.0-b")]),
        ("a.1.0.snupkg", [("a", "1.0.0")]),
        ("", []),
        ("x" * 1000 + ".1.0.nupkg", []),
    ],
)
def test_file_names_say_what_they_may_mean(file: str, readings: list[tuple[str, str]]) -> None:
    """A name that contradicts the content goes unnoticed, or one that says nothing is held against it."""
    assert list(names.read_file_names(file)) == readings
