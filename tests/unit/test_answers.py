"""Ranges and file names as headers have them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.web.answer import disposition, read_range


@pytest.mark.parametrize(("value", "size", "wanted"), [
    (None, 10, None), (b"bytes=0-0", 10, (0, 0)), (b"bytes=2-", 10, (2, 9)), (b"bytes=-3", 10, (7, 9)), (b"bytes=-30", 10, (0, 9)),
    (b"bytes=5-99", 10, (5, 9)), (b" bytes = 1 - 2 ", 10, (1, 2)), (b"bytes=9-9", 10, (9, 9)), (b"bytes=10-", 10, "unsatisfiable"),
    (b"bytes=-0", 10, "unsatisfiable"), (b"bytes=0-", 0, "unsatisfiable"), (b"bytes=-5", 0, "unsatisfiable"),
    (b"bytes=0-1,3-4", 10, None), (b"bytes=-", 10, None), (b"lines=0-1", 10, None), (b"bytes=0x1-2", 10, None),
    (b"bytes=" + b"9" * 40 + b"-", 10, None),
    (b"", 10, None), (b"bytes", 10, None),
])  # fmt: skip
def test_ranges(value: bytes | None, size: int, wanted: object) -> None:
    """A client could get other bytes than it asks for."""
    assert read_range(value, size) == wanted


@given(st.binary(max_size=60), st.integers(min_value=0, max_value=1 << 40))
def test_any_range(value: bytes, size: int) -> None:
    """A header could lead outside of the file, or be an error of ours."""
    found = read_range(b"bytes=" + value, size)
    if isinstance(found, tuple):
        first, last = found
        assert 0 <= first <= last < size


@pytest.mark.parametrize(("name", "wanted"), [
    ("a-1.0.tgz", 'attachment; filename="a-1.0.tgz"'),
    ('a"b;c\\d.txt', "attachment; filename=\"a_b_c_d.txt\"; filename*=UTF-8''a%22b%3Bc%5Cd.txt"),
    ("é.bin", "attachment; filename=\"_.bin\"; filename*=UTF-8''%C3%A9.bin"),
])  # fmt: skip
def test_file_names(name: str, wanted: str) -> None:
    """A browser could save a file under another name."""
    assert disposition(name) == wanted


@given(st.text(max_size=80))
def test_any_file_name(name: str) -> None:
    """A file name could end its header and begin another one."""
    try:
        header = disposition(name)
    except UnicodeEncodeError:
        assert any("\ud800" <= c <= "\udfff" for c in name)
        return
    assert header.isascii() and header.isprintable()
    assert header.count('"') == 2 or "filename*" in header
