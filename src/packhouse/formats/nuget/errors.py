"""How NuGet routes refuse: JSON for people and tools, and the same words in the header that clients print."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from packhouse.contract import ErrorStyle, house_body
from packhouse.errors import AlreadyExists, RegistryError

API_KEY = "x-nuget-apikey"
WARNING = "x-nuget-warning"

TAKEN = "A package with the same name and version already exists"


def write_body(error: RegistryError) -> tuple[str, bytes]:
    """The body of a refusal. A duplicate names both digests."""
    if isinstance(error, AlreadyExists):
        return "application/json", msgspec.json.encode({"message": f"409 Conflict - {describe_twin(error)}"})
    return house_body(error)


def describe_twin(error: AlreadyExists) -> str:
    """That the version is taken, and by which bytes."""
    stored, sent = error.detail.get("stored"), error.detail.get("sent")
    if not stored or not sent:
        return TAKEN
    return f"{TAKEN}: it has sha256 {stored}, the one sent has sha256 {sent}; publish it under another version"


def read_api_key(headers: Mapping[str, str]) -> str | None:
    """The token in the header of the API key, which counts where there is no other credential. An empty key is none."""
    return headers.get(API_KEY, "").strip() or None


ERRORS = ErrorStyle(body=write_body, message_header=WARNING)
