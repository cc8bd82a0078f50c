"""Sizes, numbers and times as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.ui import words

SECOND = 1_000_000
NOW = 1_784_000_000 * SECOND


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "just now"), (44, "just now"), (50, "50 seconds ago"), (60, "1 minute ago"), (119, "2 minutes ago"), (3600, "1 hour ago"),
        (3 * 3600, "3 hours ago"), (86400, "1 day ago"), (6 * 86400, "6 days ago"), (7 * 86400, "1 week ago"), (40 * 86400, "1 month ago"),
        (364 * 86400, "1 year ago"), (900 * 86400, "2 years ago"), (-7200, "in 2 hours"),
    ],
)  # fmt: skip
def test_an_age_is_told_in_one_unit(seconds: int, text: str) -> None:
    """A reader would be told the wrong age, or one in a unit nobody uses."""
    assert words.age(NOW - seconds * SECOND, NOW) == text


@given(st.integers(-(2**62), 2**62), st.integers(-(2**62), 2**62))
def test_every_instant_has_words(at: int, now: int) -> None:
    """A row with an odd time would make its whole page fail."""
    assert words.age(at, now)
    assert words.full_time(at).endswith(" UTC")
    assert words.iso_time(at).endswith("Z")


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "0.98 KiB"), (1024, "1.00 KiB"), (23411, "22.9 KiB"), (999 * 1024, "999 KiB"), (5 * 1024**3, "5.00 GiB")],
)
def test_a_size_has_three_digits_and_a_unit(count: int, text: str) -> None:
    """Sizes in a column could not be compared at a glance."""
    assert words.size(count) == text


@given(st.integers(0, 2**70))
def test_every_size_is_short(count: int) -> None:
    """A huge file would push the column apart."""
    assert len(words.size(count)) < 14


def test_numbers_and_nouns() -> None:
    """One file would be called 1 files, and 12345 could not be read."""
    assert words.plural(1, "file") == "1 file"
    assert words.plural(2, "entry", "entries") == "2 entries"
    assert words.number(12345) == "12\u202f345"


def test_breaks_keep_the_text_and_escape_it() -> None:
    """A long name would not wrap, or its angle brackets would become markup."""
    broken = words.breaks("a.b/<i>c")
    assert str(broken) == "a.<wbr>b/<wbr>&lt;i&gt;c"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 s"), (0, "0 s"), (48, "48 s"), (60, "1 min"), (185, "3 min 5 s"), (3600, "1 h"), (7800, "2 h 10 min"), (3605, "1 h"),
        (90_000, "1 d 1 h"), (400 * 86400, "400 d"),
    ],
)  # fmt: skip
def test_a_length_of_time_is_told_in_two_units(seconds: int, text: str) -> None:
    """Nobody could tell a quick job from one that took the night."""
    assert words.duration(seconds * SECOND) == text
