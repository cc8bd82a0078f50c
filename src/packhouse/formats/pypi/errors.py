"""How the PyPI routes refuse. A duplicate is a 400 whose text every uploader's skip-existing switch knows."""

from __future__ import annotations

import msgspec

from packhouse.contract import ErrorStyle, house_body
from packhouse.errors import AlreadyExists, RegistryError


def write_body(error: RegistryError) -> tuple[str, bytes]:
    """The body of a refusal. A duplicate names both digests."""
    if isinstance(error, AlreadyExists):
        return "application/json", msgspec.json.encode({"message": describe_twin(error)})
    return house_body(error)


def describe_twin(error: AlreadyExists) -> str:
    # twine looks for "already exist" in a 400; its older releases for "has already been taken".
    text = "Validation failed: File name has already been taken (file already exists)"
    stored, sent, path = (error.detail.get(key) for key in ("stored", "sent", "path"))
    if not stored or not sent:
        return f"{text}: {error.message}"
    return f"{text}: {path or 'the file'} is stored with sha256 {stored}, this upload has sha256 {sent}; raise the version"


ERRORS = ErrorStyle(body=write_body, status={AlreadyExists: 400})
