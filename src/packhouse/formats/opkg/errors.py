"""How the opkg routes refuse: as the REST API does; a duplicate (409) names both digests."""

from __future__ import annotations

import msgspec

from packhouse.contract import ErrorStyle, house_body
from packhouse.errors import AlreadyExists, NotFound, RegistryError, ShelfNotFound


def write_body(error: RegistryError) -> tuple[str, bytes]:
    """The body of a refusal."""
    if isinstance(error, ShelfNotFound) and error.message == error.default:
        return house_body(NotFound("Feed Not Found"))
    stored, sent = error.detail.get("stored"), error.detail.get("sent")
    if not isinstance(error, AlreadyExists) or not stored or not sent:
        return house_body(error)
    path = str(error.detail.get("path", "")).rpartition("/")[2]
    text = f"409 Conflict - {path} is there with sha256 {stored}, this upload has sha256 {sent}: build it with another version, or delete it first"
    return "application/json", msgspec.json.encode({"message": text})


ERRORS = ErrorStyle(body=write_body)
