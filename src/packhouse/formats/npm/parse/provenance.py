"""A provenance bundle beside the tarball: read for what it speaks of. Its signature is for clients to check (slsa.dev, in-toto statement v1)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import msgspec

from packhouse.errors import DigestMismatch, InvalidUpload
from packhouse.formats.npm.parse.json import read_object
from packhouse.model import Struct

LIMIT = 1024 * 1024


class Provenance(Struct):
    """`answer` is the document that is served, with the bundle as it came."""

    predicate: str
    answer: bytes


def read_provenance(text: str, name: str, version: str, sha512: str) -> Provenance:
    """A bundle, when it speaks of this tarball. Raises `InvalidUpload`, `DigestMismatch`."""
    if len(text) > LIMIT:
        raise InvalidUpload(f"The provenance bundle is longer than {LIMIT} characters")
    bundle = read_object(text.encode(), "the provenance bundle")
    statement = _read_statement(bundle)
    _check_subject(statement, f"pkg:npm/{name.replace('@', '%40', 1)}@{version}", sha512)
    predicate = statement.get("predicateType")
    if not isinstance(predicate, str) or not predicate:
        raise InvalidUpload("The provenance bundle has no predicateType")
    return Provenance(predicate=predicate, answer=msgspec.json.encode({"attestations": [{"predicateType": predicate, "bundle": bundle}]}))


def _read_statement(bundle: Mapping[str, Any]) -> dict[str, Any]:
    envelope = bundle.get("dsseEnvelope")
    payload = envelope.get("payload") if isinstance(envelope, dict) else None
    try:
        data = base64.b64decode(payload, validate=True)  # type: ignore[arg-type]
    except (binascii.Error, TypeError, ValueError) as error:
        raise InvalidUpload("The provenance bundle has no dsseEnvelope with a payload in base64") from error
    return read_object(data, "the statement of the provenance bundle")


def _check_subject(statement: Mapping[str, Any], purl: str, sha512: str) -> None:
    subjects = statement.get("subject")
    if not isinstance(subjects, list) or len(subjects) != 1 or not isinstance(subjects[0], dict):
        raise InvalidUpload("The provenance bundle must speak of one subject, the tarball")
    subject = subjects[0]
    if subject.get("name") != purl:
        raise InvalidUpload(f"The provenance bundle speaks of {subject.get('name')!r}, not of {purl!r}")
    digest = subject.get("digest")
    stated = digest.get("sha512") if isinstance(digest, dict) else None
    if stated != sha512:
        raise DigestMismatch(f"The provenance bundle speaks of sha512 {stated!r}, but the tarball has {sha512}", stated=stated, sent=sha512)
