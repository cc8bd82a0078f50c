"""Spellings that are one name: keys and protection rules must agree on them in every format."""

from __future__ import annotations

import itertools

import pytest

from packhouse.errors import InvalidName
from packhouse.formats import FORMATS

LETTERS = ("a.b", "a-b", "a_b", "a--b", "a-_b", "A.B", "ab")
NAMES = [prefix + name for prefix in ("", "v/", "@s/", "g/h/", "com/x/") for name in LETTERS]


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
def test_what_is_one_package_is_one_to_a_rule(format: object) -> None:
    """A rule that protects one spelling of a name could leave another spelling of the same package open."""
    coordinates = format.coordinates  # type: ignore[attr-defined]
    fold = coordinates.fold or str.lower
    keys: dict[str, list[str]] = {}
    for name in NAMES:
        try:
            keys.setdefault(coordinates.name_key(name), []).append(name)
        except InvalidName:
            continue
    for key, spellings in keys.items():
        for one, other in itertools.combinations([key, *spellings], 2):
            assert fold(one) == fold(other), f"{one} and {other} are one package"
