"""Times in addresses and answers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import Invalid
from packhouse.model import write_time
from packhouse.packages.history import read_time

NEW_YEAR = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(("text", "after"), [
    ("2026-01-01T00:00:00Z", 0), ("2026-01-01t00:00:00z", 0), ("2026-01-01 00:00:00Z", 0), ("2026-01-01T00:00:00.000001Z", 1),
    ("2026-01-01T00:00:00.5Z", 500_000), ("2026-01-01T00:00:00.123456789Z", 123_456), ("2026-01-01T02:00:00+02:00", 0),
    ("2026-01-01T02:00:00 02:00", 0),
    ("2025-12-31T19:30:00-04:30", 0), ("2026-01-01T00:00:01Z", 1_000_000), ("2025-12-31T23:59:60Z", -1_000_000),
])  # fmt: skip
def test_reading(text: str, after: int) -> None:
    """A moment could be another one than the address says."""
    assert read_time(text) == NEW_YEAR + after


@pytest.mark.parametrize("text", [
    "", "now", "2026", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01T00:00Z", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z",
    "2026-01-01T24:00:00Z",
    "2026-01-01T00:00:00Z ", "2026-01-01T00:00:00+0200", "0000-01-01T00:00:00Z", "２０２６-01-01T00:00:00Z", "2026-01-01T00:00:00.Z",
    "-026-01-01T00:00:00Z",
])  # fmt: skip
def test_no_times(text: str) -> None:
    """Something that is no time could be taken for one."""
    with pytest.raises(Invalid):
        read_time(text)


@given(st.integers(min_value=0, max_value=250_000_000_000_000_000))
def test_round_trip(at: int) -> None:
    """A time that we wrote could be read as another one."""
    assert read_time(write_time(at)) == at // 1000 * 1000


@given(st.text(max_size=40))
def test_any_text(text: str) -> None:
    """A text in an address could be an error of ours."""
    try:
        read_time(text)
    except Invalid as error:
        assert len(error.message) < 200
