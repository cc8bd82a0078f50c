"""Semantic versions: the grammar and the order of semver.org."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import InvalidVersion
from packhouse.grammar import semver

NUMBERS = st.integers(0, 10**18 - 1) | st.integers(0, 3)
IDENTIFIERS = NUMBERS.map(str) | st.from_regex(r"[0-9A-Za-z-]{0,4}[A-Za-z-][0-9A-Za-z-]{0,4}", fullmatch=True)
BUILDS = st.from_regex(r"[0-9A-Za-z-]{1,5}", fullmatch=True)


@st.composite
def versions(draw: st.DrawFn) -> str:
    text = ".".join(str(draw(NUMBERS)) for _ in range(3))
    if prerelease := draw(st.lists(IDENTIFIERS, max_size=4)):
        text += "-" + ".".join(prerelease)
    if build := draw(st.lists(BUILDS, max_size=2)):
        text += "+" + ".".join(build)
    return text


def precedence(left: str, right: str) -> int:
    """Clause 11 word for word, step by step and without keys: -1, 0 or 1."""

    def parts(text: str) -> tuple[list[int], list[str]]:
        core, _, prerelease = text.partition("+")[0].partition("-")
        return [int(number) for number in core.split(".")], prerelease.split(".") if prerelease else []

    (core, words), (other_core, other_words) = parts(left), parts(right)
    for number, other in zip(core, other_core, strict=True):
        if number != other:
            return -1 if number < other else 1
    if bool(words) != bool(other_words):
        return -1 if words else 1
    for word, other_word in itertools.zip_longest(words, other_words):
        if word == other_word:
            continue
        if word is None or other_word is None:
            return -1 if word is None else 1
        if word.isdigit() and other_word.isdigit():
            return -1 if int(word) < int(other_word) else 1
        if word.isdigit() != other_word.isdigit():
            return -1 if word.isdigit() else 1
        return -1 if word < other_word else 1
    return 0


@given(versions(), versions())
def test_order_is_the_specification(left: str, right: str) -> None:
    """Two versions would be sorted against clause 11."""
    key, other = semver.sort_key(left), semver.sort_key(right)
    assert (key > other) - (key < other) == precedence(left, right)


def test_order_of_the_specification_example() -> None:
    """The example in clause 11.4 would be out of order."""
    ordered = [
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "2.0.0",
        "2.1.0",
    ]
    assert [newer for _, newer in sorted((semver.sort_key(text), text) for text in ordered[::-1])] == ordered


@given(versions())
def test_parse_keeps_every_part(text: str) -> None:
    """A part of a version would be lost or changed."""
    version = semver.parse(text)
    again = f"{version.major}.{version.minor}.{version.patch}"
    again += f"-{version.prerelease}" if version.prerelease else ""
    again += f"+{version.build}" if version.build else ""
    assert again == text
    assert semver.is_valid(text)
    assert semver.is_prerelease(text) == bool(version.prerelease)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1.2",
        "1.2.3.4",
        "v1.2.3",
        "=1.2.3",
        " 1.2.3",
        "1.2.3 ",
        "1.2.3\n",
        "01.2.3",
        "1.02.3",
        "1.2.03",
        "1.2.3-",
        "1.2.3-a..b",
        "1.2.3-01",
        "1.2.3+",
        "1.2.3+a..b",
        "1.2.3+a+b",
        "1.2.3-a_b",
        "1./2.3",
        "../../1.2.3",
        "%2e%2e%2f1.2.3",
        "-1.2.3",
        "1.2.-3",
        "1.2.3-ä",
        "١.2.3",
        "1.2.3-١",
        "1.2.3\0",
        "1.2.3/x",
        "1..3",
    ],
)
def test_what_is_no_version(text: str) -> None:
    """Something that is not SemVer 2.0.0 would be taken as a version."""
    assert not semver.is_valid(text)
    for reader in (semver.parse, semver.sort_key, semver.is_prerelease):
        with pytest.raises(InvalidVersion):
            reader(text)


@pytest.mark.parametrize(
    "text", ["1.0.0--", "1.0.0-0", "1.0.0-0a", "1.0.0-00a", "1.0.0+001", "1.0.0-x-y-z.--", "1.0.0-alpha+-", "0.0.0", "1.0.0+21AF26D3----117B344092BD"]
)
def test_odd_but_valid(text: str) -> None:
    """A version that the specification allows would be refused."""
    assert semver.is_valid(text)


@pytest.mark.parametrize("shape", ["{}.0.0", "0.{}.0", "0.0.{}", "0.0.0-{}", "0.0.0-a.{}"])
def test_numbers_are_capped_at_18_digits(shape: str) -> None:
    """A number could grow until comparing it hurts, or a legal one of 18 digits would be refused."""
    assert semver.is_valid(shape.format("9" * 18))
    assert not semver.is_valid(shape.format("9" * 19))


def test_length_is_capped() -> None:
    """A version could fill a row or an index."""
    assert semver.is_valid("1.0.0-" + "a" * 249)
    assert not semver.is_valid("1.0.0-" + "a" * 250)


@given(st.text(max_size=300))
def test_any_text_is_answered(text: str) -> None:
    """Some text would raise something else than InvalidVersion."""
    try:
        semver.sort_key(text)
    except InvalidVersion:
        assert not semver.is_valid(text)


@pytest.mark.parametrize("unit", ["0", "1.", "a-", "-", "0a.", "."])
def test_long_texts_are_answered(unit: str) -> None:
    """A text of 100 kB would make the pattern backtrack without end (the suite has a time limit)."""
    assert not semver.is_valid("1.0.0-" + unit * (100_000 // len(unit)) + "!")
    assert not semver.is_valid(("1.0.0-" + unit * 250)[:254] + "!")
