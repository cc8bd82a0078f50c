"""Declared digests: each header in its own notation, true ones taken, false and unreadable ones refused."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import DigestMismatch, InvalidUpload
from packhouse.formats.generic.parse import READERS, check_digests
from packhouse.model import Blob

CONTENT = b"content"


def blob(content: bytes = CONTENT) -> Blob:
    return Blob(size=len(content), **{name: hashlib.new(name, content).hexdigest() for name in ("md5", "sha1", "sha256", "sha512")})


def b64(name: str) -> str:
    return base64.b64encode(hashlib.new(name, CONTENT).digest()).decode()


DECLARED = [
    ("x-checksum-md5", hashlib.md5(CONTENT).hexdigest()),
    ("x-checksum-sha1", hashlib.sha1(CONTENT).hexdigest()),
    ("x-checksum-sha256", hashlib.sha256(CONTENT).hexdigest().upper()),
    ("x-checksum-sha512", hashlib.sha512(CONTENT).hexdigest()),
    ("content-md5", b64("md5")),
    ("digest", f"SHA-256={b64('sha256')}"),
    ("digest", f"unixsum=30637, sha={b64('sha1')},MD5={b64('md5')}"),
    ("content-digest", f"sha-256=:{b64('sha256')}:"),
    ("repr-digest", f"sha-512=:{b64('sha512')}:, sha-256=:{b64('sha256')}:"),
]


@pytest.mark.parametrize(("header", "value"), DECLARED)
def test_true_digest_is_taken_and_false_one_refused(header: str, value: str) -> None:
    """A damaged upload would be stored although its digest came along, or a whole one refused."""
    check_digests({header: value}, blob())
    with pytest.raises(DigestMismatch, match=f"Header {header} declares"):
        check_digests({header: value}, blob(b"damaged"))


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("x-checksum-sha256", ""),
        ("x-checksum-sha256", "0" * 63),
        ("x-checksum-sha256", "g" * 64),
        ("content-md5", "not base64"),
        ("content-md5", hashlib.md5(CONTENT).hexdigest()),
        ("content-md5", b64("sha1")),
        ("digest", "nonsense"),
        ("digest", "sha-256=AAAA"),
        ("repr-digest", "sha-256=AAAA"),
        ("repr-digest", "sha-256=:AAAA:"),
        ("content-digest", "sha-256=:é:"),
    ],
)
def test_unreadable_digest_is_refused(header: str, value: str) -> None:
    """A digest that says nothing would pass for one that agrees."""
    with pytest.raises(InvalidUpload, match=f"Header {header} must"):
        check_digests({header: value}, blob())


@pytest.mark.parametrize(("header", "value"), [("digest", "unixsum=30637"), ("repr-digest", "crc32c=:4waSgw==:")])
def test_unknown_algorithm_is_passed_over(header: str, value: str) -> None:
    """A client with a newer algorithm would be refused, against the specification."""
    check_digests({header: value}, blob())


@pytest.mark.parametrize("header", ["content-md5", "digest", "content-digest", "repr-digest"])
def test_digest_of_a_form_is_not_taken_for_the_file(header: str) -> None:
    """A digest that nobody has checked would look checked."""
    values = dict(DECLARED)
    with pytest.raises(InvalidUpload, match="cannot be checked against a form"):
        check_digests({header: values[header]}, blob(), multipart=True)


def test_checksum_headers_work_with_forms() -> None:
    """A digest of the file itself would be refused beside a form."""
    check_digests({"x-checksum-sha256": blob().sha256}, blob(), multipart=True)


@given(st.sampled_from(sorted(READERS)), st.text(max_size=100) | st.text(alphabet='sha-256=:,A+/="; ', max_size=100))
def test_any_header_is_read_or_refused(header: str, value: str) -> None:
    """Some header would end in a traceback instead of a refusal."""
    try:
        check_digests({header: value}, blob())
    except (InvalidUpload, DigestMismatch):
        return
