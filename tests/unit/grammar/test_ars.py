"""The members of ar archives, and the control files of packages."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import InvalidUpload
from packhouse.grammar.ars import AR, LARGEST_CONTROL, list_members, read_control


@given(st.binary(max_size=200))
def test_fuzz(content: bytes) -> None:
    """Bytes could end in another error than a refusal, or a member lie outside of its archive."""
    for whole in (content, AR + content, AR + b"a/              0           0     0     100644  " + content):
        try:
            found = list(list_members(BytesIO(whole), len(whole)))
        except InvalidUpload:
            continue
        assert sum(size for _, size in found) <= len(whole)


def test_members_are_counted() -> None:
    """A gigabyte of empty members could keep a reader busy, and its memory filled with their names."""
    member = b"_" * 16 + b" " * 24 + b"100644  0         `\n"
    assert len(list(list_members(BytesIO(AR + member * 100), len(AR + member * 100)))) == 100
    with pytest.raises(InvalidUpload, match="more than 100 members"):
        list(list_members(BytesIO(AR + member * 101), len(AR + member * 101)))


def test_size_is_judged_first() -> None:
    """A control.tar of any size could be read into memory."""
    with pytest.raises(InvalidUpload, match="more than"):
        read_control(BytesIO(), LARGEST_CONTROL + 1, "gz")
