"""How the Generic routes refuse: parameters under `error`, the rest under `message`, a duplicate as 400."""

from __future__ import annotations

import msgspec

from packhouse.contract import ErrorStyle, house_body
from packhouse.errors import AlreadyExists, InvalidName, InvalidVersion, RegistryError


def write_body(error: RegistryError) -> tuple[str, bytes]:
    """The body of a refusal. A duplicate names both digests."""
    if isinstance(error, InvalidName | InvalidVersion):
        return "application/json", msgspec.json.encode({"error": error.message})
    if isinstance(error, AlreadyExists):
        return "application/json", msgspec.json.encode({"message": f"400 Bad request - Duplicate package is not allowed{describe_twin(error)}"})
    return house_body(error)


def describe_twin(error: AlreadyExists) -> str:
    stored, sent, path = (error.detail.get(key) for key in ("stored", "sent", "path"))
    if not stored or not sent:
        return f": {error.message}"
    return f": {path or 'the file'} is stored with sha256 {stored}, this upload has sha256 {sent}; delete the file first or use another name"


ERRORS = ErrorStyle(body=write_body, status={AlreadyExists: 400})
