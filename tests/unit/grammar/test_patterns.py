"""Globs: what they match, and that no glob takes longer than the text is long."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.grammar.patterns import matches_exact_glob, matches_glob

SHORT = st.text("ab*", max_size=8)


@given(SHORT, st.text("ab", max_size=10))
def test_a_star_is_anything(glob: str, text: str) -> None:
    """A rule could guard other names than those it says."""
    meant = re.fullmatch(".*".join(map(re.escape, glob.split("*"))), text)
    assert matches_exact_glob(glob, text) is (meant is not None)


@pytest.mark.parametrize(("glob", "text", "matches"), [("Lib-*", "lib-CORE", True), ("a.c", "abc", False), ("a*a", "a", False), ("*", "\n", True)])
def test_names(glob: str, text: str, matches: bool) -> None:
    """A dot could mean any letter, a letter only its own case, or two ends of a glob share one letter of the name."""
    assert matches_glob(glob, text) is matches


def test_no_glob_is_slow() -> None:
    """One rule of somebody's own project could hold up every publish: tried by every way to split the name, this would never end."""
    assert not matches_glob("*a" * 100 + "b", "a" * 255)
