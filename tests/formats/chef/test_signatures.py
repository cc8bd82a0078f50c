"""Signatures of requests: what is read out of headers, what is signed, and which keys do."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import Invalid, InvalidCredential
from packhouse.grammar import opssignatures as ops

from .signing import KEY, OTHER, pem_of, sign

VERSIONS = ("1.0", "1.1", "1.2", "1.3")
PATH = "/api/v4/projects/a%2fb/packages/chef/api/v1/cookbooks"


def signed(version: str = "1.0", **changes: str | None) -> Mapping[str, str]:
    """The headers of a request as the server has them, with some of them changed or taken away."""
    headers = {name.lower(): value for name, value in sign("POST", PATH, b"content", version=version).items()}
    headers |= {name.replace("_", "-"): value for name, value in changes.items() if value is not None}
    return {name: value for name, value in headers.items() if changes.get(name.replace("-", "_"), "") is not None}


def check(headers: Mapping[str, str], method: str = "POST", path: str = PATH, key: str = pem_of(KEY)) -> bool:
    found = ops.read_signature(headers)
    assert found is not None
    return ops.is_made_by(found, ops.read_key(key).pem, method, path)


@pytest.mark.parametrize("version", VERSIONS)
def test_who_signed(version: str) -> None:
    """A signature could be good for another request than the one that was signed, or for another key."""
    headers = signed(version)
    assert check(headers)
    assert check(headers, path=PATH.replace("/api/v1", "//api///v1") + "/")
    for other in (PATH + "/x", PATH.replace("%2f", "%2F"), PATH.upper(), "/"):
        assert not check(headers, path=other)
    assert not check(headers, "DELETE") and not check(headers, key=pem_of(OTHER))
    assert not check({**headers, "x-ops-userid": "other"})
    assert not check({**headers, "x-ops-content-hash": "x"})
    assert not check({**headers, "x-ops-timestamp": "2026-01-31T12:00:00Z"})


def test_api_version_is_signed() -> None:
    """The version of the API could be changed under a signature of 1.3, or a client that sends none be refused."""
    headers = signed("1.3")
    assert "x-ops-server-api-version" not in headers and not check({**headers, "x-ops-server-api-version": "1"})
    headers = {name.lower(): value for name, value in sign("POST", PATH, b"content", version="1.3", api_version="1").items()}
    assert check(headers)


def test_a_signature_of_one_protocol_is_none_of_another() -> None:
    """A signature could be good under a protocol that it was not made for."""
    for version in VERSIONS:
        for other in VERSIONS:
            assert check({**signed(version), "x-ops-sign": f"version={other};"}) == (version == other)


@pytest.mark.parametrize(
    "text",
    ["", "version=1.4", "algorithm=sha2;version=1.0", "version=1.0;algorithm=sha256;", "version=1.3;algorithm=sha1", "algorithm=sha1", "1.0",
     "version=1.0;version=1.0", "version=1.0;version=1.3", "version=1.0;more=1", "version=", "=;", "version=1.0;;algorithm=md5"],
)  # fmt: skip
def test_protocols_that_are_not_known(text: str) -> None:
    """A header of another protocol could be read as one of ours."""
    with pytest.raises(InvalidCredential):
        ops.read_signature(signed(x_ops_sign=text))


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-01-31", "2026-01-31T12:00:00", "2026-01-31T12:00:00+01:00", "2026-13-31T12:00:00Z", "2026-01-31T12:00:00.5Z",
             "٢026-01-31T12:00:00Z", "0000-01-01T00:00:00Z"]
)  # fmt: skip
def test_times_that_are_none(text: str) -> None:
    """A time in another shape could be read as another time, or be the end of the reader."""
    with pytest.raises(InvalidCredential):
        ops.read_signature(signed(x_ops_timestamp=text))


def test_pieces() -> None:
    """A gap in the numbers of the pieces could be the end of the reader, or a piece be taken from anywhere."""
    headers = signed()
    for gone in (1, 2, 6):
        left = {name: value for name, value in headers.items() if name != f"x-ops-authorization-{gone}"}
        if gone == 6:  # the last one: what is left is whole, and too short
            assert not check(left)
            continue
        with pytest.raises(InvalidCredential):
            ops.read_signature(left)
    bare = {name: value for name, value in headers.items() if not name.startswith("x-ops-authorization-")}
    many = {f"x-ops-authorization-{number}": "eA==" for number in range(1, 500)}
    odd = [{f"x-ops-authorization-{end}": value} for end, value in (("4", "eA=="), ("", "eA=="), ("01", "eA=="), ("1", "é"), ("1", ""))]
    for more in ({}, many, *odd):
        with pytest.raises(InvalidCredential):
            ops.read_signature({**bare, **more})
    short = ops.read_signature({**bare, "x-ops-authorization-1": "eA=="})
    assert short is not None and not ops.is_made_by(short, pem_of(KEY), "POST", PATH)


@pytest.mark.parametrize("name", ["x-ops-userid", "x-ops-timestamp", "x-ops-content-hash", "x-ops-sign"])
def test_what_is_missing(name: str) -> None:
    """A request with half a signature could pass for an anonymous one."""
    with pytest.raises(InvalidCredential):
        ops.read_signature({key: value for key, value in signed().items() if key != name})


def test_what_is_not_signed() -> None:
    """A request without any of it could be refused."""
    assert ops.read_signature({"accept": "*/*", "x-ops-server-api-version": "1"}) is None


@given(st.dictionaries(st.sampled_from(sorted(signed())), st.text(st.characters(max_codepoint=255), max_size=40)))
def test_arbitrary_headers(changes: Mapping[str, str]) -> None:
    """Some headers could be the end of the reader instead of a refusal."""
    try:
        found = ops.read_signature({**signed("1.3"), **changes})
    except InvalidCredential:
        return
    assert found is not None
    assert not changes or found == ops.read_signature(signed("1.3")) or not ops.is_made_by(found, pem_of(KEY), "POST", PATH)


def test_digests() -> None:
    """The digest in a signature could be compared in another spelling than the client's."""
    empty = ops.read_signature({**signed(), "x-ops-content-hash": "2jmj7l5rSw0yVb/vlWAYkK/YBwk="})
    assert empty is not None and ops.is_digest_of(empty, "da39a3ee5e6b4b0d3255bfef95601890afd80709") and not ops.is_digest_of(empty, "00" * 20)


# -- keys --------------------------------------------------------------------------------------------------------------


def test_keys_of_either_kind() -> None:
    """A key could be kept twice, because it came in another shape."""
    other = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode()
    assert "BEGIN RSA PUBLIC KEY" in other
    assert ops.read_key(other) == ops.read_key(pem_of(KEY)) == ops.read_key("\n" + pem_of(KEY).replace("\n", "\r\n") + "\n")


def weak(bits: int, exponent: int = 65537) -> str:
    return pem_of(rsa.generate_private_key(exponent, bits))


@pytest.mark.parametrize(
    "text",
    ["", "x", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", weak(1024), weak(2048, 3),
     ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
     pem_of(KEY) + " " * 5000, "-----BEGIN RSA PRIVATE KEY-----", "é" + pem_of(KEY).replace("MII", "\udc00")],
    ids=["nothing", "text", "no key", "short", "small exponent", "other kind", "long", "private", "odd text"],
)  # fmt: skip
def test_keys_that_are_refused(text: str) -> None:
    """A key that anybody can sign for, or that takes long to check, could be registered."""
    with pytest.raises(Invalid):
        ops.read_key(text)


@given(st.text(max_size=300))
def test_arbitrary_keys(text: str) -> None:
    """Some text could be the end of the reader instead of a refusal."""
    with pytest.raises(Invalid):
        ops.read_key(text)


def test_window() -> None:
    """The window could be another one than the fifteen minutes that clients are told."""
    found = ops.read_signature(signed())
    assert found is not None and ops.WINDOW == 900_000_000
    assert abs(found.time / 1_000_000 - datetime.now(UTC).timestamp()) < 60
    assert len(base64.b64encode(found.signature)) == 344
