"""The form of tokens: long enough, of a kind one can see, with a checksum that catches typing errors."""

from __future__ import annotations

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.auth.tokens import ALPHABET, PREFIXES, hash_token, is_mistyped, make_token


@pytest.mark.parametrize("kind", PREFIXES)
def test_form(kind: str) -> None:
    """A token could be guessed, or not be found by those who scan for leaked ones."""
    made = {make_token(kind) for _ in range(200)}
    assert len(made) == 200
    for token in made:
        assert re.fullmatch(rf"{PREFIXES[kind]}_[0-9A-Za-z]{{49}}", token)
        assert not is_mistyped(token)
    assert len({token.partition("_")[2][:8] for token in made}) == 200, "the first letters are as random as the rest"


def test_prefixes_differ() -> None:
    """Two kinds of token could look alike."""
    assert len(set(PREFIXES.values())) == len(PREFIXES)


@given(st.integers(min_value=6, max_value=54), st.sampled_from(ALPHABET))
def test_one_wrong_letter(place: int, letter: str) -> None:
    """A typing error could cost a look-up of passwords, and count as an attempt to guess."""
    token = make_token("personal")
    changed = token[:place] + letter + token[place + 1 :]
    assert is_mistyped(changed) is (changed != token)


@pytest.mark.parametrize("text", ["", "x", "phpat", "phpat_", "phpat_short", "glpat-" + "a" * 20, "password", "phpat_" + "é" * 49])
def test_other_secrets_are_not_mistyped(text: str) -> None:
    """A password, or another system's token, could be refused for its form."""
    assert is_mistyped(text) is (text == "phpat_" + "é" * 49)


def test_hash() -> None:
    """What is stored could be the token itself, or differ from what is looked up."""
    assert hash_token("secret") == hashlib.sha256(b"secret").digest()
    assert hash_token(b"\xff\xfe".decode("utf-8", "surrogateescape")) == hashlib.sha256(b"\xff\xfe").digest()
