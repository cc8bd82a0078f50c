"""How the routes of cookbooks refuse: with a code and a list of sentences, which knife prints; a duplicate (409) names both digests."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from packhouse.contract import ErrorStyle
from packhouse.errors import AlreadyExists, Conflict, Forbidden, Invalid, NotFound, RegistryError, Unauthenticated
from packhouse.wording import describe_twin

CODES: Mapping[type[RegistryError], str] = {
    NotFound: "NOT_FOUND",
    Invalid: "INVALID_DATA",
    AlreadyExists: "CONFLICT",
    Conflict: "CONFLICT",
    Unauthenticated: "AUTHENTICATION_FAILED",
    Forbidden: "FORBIDDEN",
}
ADVICE = ": share it as another version, or delete it first"


def write_body(error: RegistryError) -> tuple[str, bytes]:
    """The body of a refusal."""
    code = next((CODES[kind] for kind in type(error).__mro__ if kind in CODES), error.code.upper())
    text = error.message or type(error).default
    if isinstance(error, AlreadyExists):
        text = describe_twin(error, str(error.detail.get("path", "the cookbook")), ADVICE)
    return "application/json", msgspec.json.encode({"error_code": code, "error_messages": [text]})


ERRORS = ErrorStyle(body=write_body)
