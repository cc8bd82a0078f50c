"""Identity tokens and rules, without a server: whatever is sent is a refusal or the truth."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from issuer import Issuer

from packhouse.auth.oidc import check_rule, fits, peek, read_keys, verify, warn_of
from packhouse.errors import InvalidCredential, InvalidParameter

JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


def encode(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@given(st.text())
def test_any_text(text: str) -> None:
    """A text that is no token could end in an error of ours."""
    for part in (text, f"{text}.{text}.{text}"):
        with pytest.raises(InvalidCredential):
            peek(part)


@given(JSON, JSON)
def test_any_claims(header: Any, claims: Any) -> None:
    """A token whose parts are JSON of any shape could end in an error of ours, or be taken."""
    text = f"{encode(header)}.{encode(claims)}.{encode('x')}"
    with pytest.raises(InvalidCredential):
        verify(text, {}, "https://ci.example", ("packhouse",), time.time())


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()) | JSON.map(lambda value: json.dumps({"keys": value}).encode()))
def test_any_keys(document: bytes) -> None:
    """Keys that are no keys could end in an error of ours."""
    try:
        read_keys(document)
    except InvalidCredential:
        return


@given(JSON)
def test_any_rule(claims: Any) -> None:
    """A rule of any shape could end in an error of ours, or let in what it does not name."""
    try:
        rule = check_rule(claims)
    except InvalidParameter:
        return
    assert rule and not fits(rule, {})
    assert isinstance(warn_of(rule), list)


@given(st.dictionaries(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20), min_size=1, max_size=5))
def test_rule_fits_itself(claims: dict[str, str]) -> None:
    """A value with letters that mean something in patterns could not fit itself."""
    assert fits(claims, claims)
    for name in claims:
        if "*" not in claims[name]:
            assert not fits(claims, {**claims, name: claims[name] + "x"})


def test_verified() -> None:
    """A key for encrypting, or a shared secret among the public keys, could sign; or a good token be refused."""
    with Issuer("ES256") as issuer:
        text = issuer.sign(issuer.of_gitlab())
    public: Any = issuer.key.as_dict(private=False)
    found = read_keys(json.dumps({"keys": [public, {"kty": "oct", "k": "YQ", "kid": "s"}, {**public, "use": "enc", "kid": "e"}]}).encode())
    assert set(found) == {issuer.kid}
    identity = verify(text, found, issuer.url, ("packhouse",), time.time())
    assert identity.claims["project_id"] == "42"
    assert verify(text, found, issuer.url, ("packhouse",), time.time()).digest == identity.digest
    for late in (331, -40):
        with pytest.raises(InvalidCredential):
            verify(text, found, issuer.url, ("packhouse",), time.time() + late)
