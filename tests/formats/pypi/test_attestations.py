"""Attestations (PEP 740): whole ones about this file are kept, others refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.errors import InvalidUpload
from packhouse.formats.pypi.parse import read_attestations

from .samples import attestation

SHA256 = "ab" * 32
FILE = "toy_pkg-1.0-py3-none-any.whl"


def changed(place: str, value: Any) -> dict[str, Any]:
    """An attestation with one member changed, or taken out."""
    made = attestation(FILE, SHA256)
    *parents, last = place.split(".")
    inner = made
    for parent in parents:
        inner = inner[parent]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return made


@pytest.mark.parametrize("name", [FILE, "Toy.Pkg-1.0.0-py3-none-any.whl"])
def test_provenance_holds_what_was_sent(name: str) -> None:
    """A verifier would not find the attestation as its signer made it."""
    sent = attestation(name, SHA256)
    made = json.loads(read_attestations(json.dumps([sent, sent]), FILE, SHA256))
    assert made == {"version": 1, "attestation_bundles": [{"publisher": {"kind": "unverified", "claims": None}, "attestations": [sent, sent]}]}


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({}, "JSON array"),
        ([], "1 to 16"),
        ([attestation(FILE, SHA256)] * 17, "1 to 16"),
        ([changed("version", 2)], "version 2"),
        ([changed("version", None)], "JSON array"),
        ([changed("envelope", None)], "JSON array"),
        ([changed("surprise", 1)], "JSON array"),
        ([changed("envelope.signature", "?")], "signature of an attestation is not base64"),
        ([changed("envelope.signature", "")], "signature of an attestation is not base64"),
        ([changed("envelope.statement", "bm90IGpzb24=")], "not an in-toto statement"),
        ([changed("verification_material.certificate", "")], "certificate of an attestation is not base64"),
        ([changed("verification_material.transparency_entries", [])], "transparency_entries"),
        ([attestation("other-1.0-py3-none-any.whl", SHA256)], "speaks of 'other-1.0-py3-none-any.whl'"),
        ([attestation("toy_pkg-1.0-py2-none-any.whl", SHA256)], "speaks of 'toy_pkg-1.0-py2-none-any.whl'"),
        ([attestation("toy_pkg-1.0.tar.gz", SHA256)], "speaks of 'toy_pkg-1.0.tar.gz'"),
        ([attestation(FILE, "cd" * 32)], "speaks of sha256 'cdcd"),
        ([attestation(FILE, SHA256, subjects=2)], "one subject, not 2"),
        ([attestation(FILE, SHA256, subjects=0)], "one subject, not 0"),
    ],
)
def test_attestations_of_something_else_are_refused(sent: Any, message: str) -> None:
    """A file would carry a proof that is broken or belongs to another one."""
    with pytest.raises(InvalidUpload, match=message):
        read_attestations(json.dumps(sent), FILE, SHA256)


@given(st.text(max_size=50) | st.integers(1, 100_000).map(lambda depth: "[" * depth))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Some text would end in a traceback instead of a refusal."""
    with pytest.raises(InvalidUpload):
        read_attestations(text, FILE, SHA256)
