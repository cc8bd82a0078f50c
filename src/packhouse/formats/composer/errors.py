"""How the Composer routes refuse: a composer.json that cannot be read is 422, other bytes of a version 400, as GitLab has it."""

from __future__ import annotations

import msgspec

from packhouse.contract import ErrorStyle, house_body
from packhouse.errors import AlreadyExists, InvalidUpload, RegistryError
from packhouse.wording import status_line


def write_body(error: RegistryError) -> tuple[str, bytes]:
    """The body of a refusal. A duplicate names both commits, or both digests."""
    if isinstance(error, AlreadyExists):
        return "application/json", msgspec.json.encode({"message": f"400 Bad request - {describe_twin(error)}"})
    if isinstance(error, InvalidUpload):
        return "application/json", msgspec.json.encode({"message": status_line(error, 422)})
    return house_body(error)


def describe_twin(error: AlreadyExists) -> str:
    """That the version is taken, and by what."""
    stored, sent = error.detail.get("stored"), error.detail.get("sent")
    if error.detail.get("path") is None or not stored or not sent:
        return error.message
    return f"This version is published already: it has sha256 {stored}, what was sent has sha256 {sent}; publish another version"


ERRORS = ErrorStyle(body=write_body, status={AlreadyExists: 400, InvalidUpload: 422})
