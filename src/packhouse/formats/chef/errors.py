"""How the routes of cookbooks refuse: with a code and a list of sentences, which knife prints; a duplicate (409) names both digests."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from packhouse.contract import ErrorStyle
from packhouse.errors import AlreadyExists, Conflict, Forbidden, Invalid, NotFound, RegistryError, Unauthenticated

CODES: Mapping[type[RegistryError], str] = {
    NotFound: "NOT_FOUND",
    Invalid: "INVALID_DATA",
    AlreadyExists: "CONFLICT",
    Conflict: "CONFLICT",
    Unauthenticated: "AUTHENTICATION_FAILED",
    Forbidden: "FORBIDDEN",
}


def write_body(error: RegistryError) -> tuple[str, bytes]:
    """The body of a refusal."""
    code = next((CODES[kind] for kind in type(error).__mro__ if kind in CODES), error.code.upper())
    text = describe_twin(error) if isinstance(error, AlreadyExists) else error.message or type(error).default
    return "application/json", msgspec.json.encode({"error_code": code, "error_messages": [text]})


def describe_twin(error: AlreadyExists) -> str:
    """That the version is taken, and by which bytes."""
    stored, sent = error.detail.get("stored"), error.detail.get("sent")
    if not stored or not sent:
        return error.message
    path = error.detail.get("path", "the cookbook")
    return f"{path} is there with sha256 {stored}, this upload has sha256 {sent}: share it as another version, or delete it first"


ERRORS = ErrorStyle(body=write_body)
