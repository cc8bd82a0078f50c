"""The form's attestations (PEP 740): their shape and what they speak of. Signatures are kept, not verified."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from packhouse.errors import InvalidUpload
from packhouse.formats.pypi import names

COUNT = 16


class Wire(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Objects of the attestation specification have these members and no others."""


class VerificationMaterial(Wire, frozen=True):
    certificate: str
    transparency_entries: list[dict[str, Any]]


class Envelope(Wire, frozen=True):
    statement: str
    signature: str


class Attestation(Wire, frozen=True):
    version: int
    verification_material: VerificationMaterial
    envelope: Envelope


class Subject(msgspec.Struct, frozen=True):
    digest: dict[str, str]
    name: str = ""


class Statement(msgspec.Struct, frozen=True):
    subject: list[Subject]
    type: str = msgspec.field(name="_type")
    predicate_type: str = msgspec.field(name="predicateType")


def read_attestations(text: str, filename: str, sha256: str) -> bytes:
    """The provenance object to serve beside the file. Raises `InvalidUpload`."""
    try:
        attestations = msgspec.json.decode(text, type=list[Attestation])
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidUpload(f"attestations must be a JSON array of attestation objects: {error}") from error
    if not 1 <= len(attestations) <= COUNT:
        raise InvalidUpload(f"attestations must hold 1 to {COUNT} objects, not {len(attestations)}")
    for attestation in attestations:
        check_attestation(attestation, filename, sha256)
    # Nothing here proves who signed, so the bundle names no identity.
    bundle = {"publisher": {"kind": "unverified", "claims": None}, "attestations": attestations}
    return msgspec.json.encode({"version": 1, "attestation_bundles": [bundle]})


def check_attestation(attestation: Attestation, filename: str, sha256: str) -> None:
    """Nothing, if it is whole and speaks of this file. Raises `InvalidUpload`."""
    if attestation.version != 1:
        raise InvalidUpload(f"An attestation has version {attestation.version}, only 1 is known")
    if not attestation.verification_material.transparency_entries:
        raise InvalidUpload("An attestation has no transparency_entries")
    read_base64("certificate", attestation.verification_material.certificate)
    read_base64("signature", attestation.envelope.signature)
    try:
        statement = msgspec.json.decode(read_base64("statement", attestation.envelope.statement), type=Statement)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidUpload(f"The statement of an attestation is not an in-toto statement: {error}") from error
    if len(statement.subject) != 1:
        raise InvalidUpload(f"The statement of an attestation must have one subject, not {len(statement.subject)}")
    check_subject(statement.subject[0], filename, sha256)


def check_subject(subject: Subject, filename: str, sha256: str) -> None:
    if not same_file(subject.name, filename):
        raise InvalidUpload(f"An attestation speaks of {subject.name[:255]!r}, the file is {filename!r}")
    if subject.digest.get("sha256", "").lower() != sha256:
        raise InvalidUpload(f"An attestation speaks of sha256 {subject.digest.get('sha256', '')[:64]!r}, the file has {sha256}")


def same_file(one: str, other: str) -> bool:
    # Signing tools may normalise the name inside; what the name means is compared then.
    if one == other:
        return True
    readings = [
        {(reading.kind, names.name_key(reading.name), names.version_id(reading.version), tail(name)) for reading in names.read_file_names(name)}
        for name in (one, other)
    ]
    return not readings[0].isdisjoint(readings[1])


def tail(filename: str) -> str:
    """What follows name and version: build and tags of a wheel, the suffix of a source distribution."""
    if filename.endswith(".whl"):
        return filename.split("-", 2)[2].lower()
    return ".zip" if filename.endswith(".zip") else ".tar.gz"


def read_base64(field: str, text: str) -> bytes:
    try:
        if text:
            return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise InvalidUpload(f"The {field} of an attestation is not base64")
