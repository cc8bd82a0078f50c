"""How the routes of boxes refuse: with a list of sentences, as the client's own service does; a duplicate (409) names both digests."""

from __future__ import annotations

import msgspec

from packhouse.contract import ErrorStyle
from packhouse.errors import AlreadyExists, RegistryError


def write_body(error: RegistryError) -> tuple[str, bytes]:
    """The body of a refusal."""
    text = describe_twin(error) if isinstance(error, AlreadyExists) else error.message or type(error).default
    return "application/json", msgspec.json.encode({"errors": [text]})


def describe_twin(error: AlreadyExists) -> str:
    """That the place is taken, and by which bytes."""
    stored, sent = error.detail.get("stored"), error.detail.get("sent")
    if not stored or not sent:
        return error.message
    path = error.detail.get("path", "the box")
    return f"{path} of this version is there with sha256 {stored}, this upload has sha256 {sent}: publish it as another version, or delete it first"


ERRORS = ErrorStyle(body=write_body)
