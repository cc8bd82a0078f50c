"""How the RPM routes refuse: as the REST API does; a duplicate (409) names both digests, and a group that nobody opened is no repository."""

from __future__ import annotations

import msgspec

from packhouse.contract import ErrorStyle, house_body
from packhouse.errors import AlreadyExists, RegistryError, RepositoryNotFound, ShelfNotFound


def write_body(error: RegistryError) -> tuple[str, bytes]:
    """The body of a refusal."""
    if isinstance(error, ShelfNotFound) and error.message == error.default:
        return house_body(RepositoryNotFound())
    stored, sent = error.detail.get("stored"), error.detail.get("sent")
    if not isinstance(error, AlreadyExists) or not stored or not sent:
        return house_body(error)
    path = str(error.detail.get("path", ""))
    text = f"409 Conflict - {path} is there with sha256 {stored}, this upload has sha256 {sent}; delete the package first, or build another release"
    return "application/json", msgspec.json.encode({"message": text})


ERRORS = ErrorStyle(body=write_body)
