"""How Cargo routes refuse: in the one shape that Cargo prints, and with the page that gives tokens."""

from __future__ import annotations

import msgspec

from packhouse.contract import ErrorStyle, Refusal
from packhouse.errors import AlreadyExists, RegistryError

TOKENS = "/-/user_settings/personal_access_tokens"


def write_body(error: RegistryError) -> tuple[str, bytes]:
    """The body of a refusal. A duplicate names both digests."""
    text = describe_twin(error) if isinstance(error, AlreadyExists) else error.message or type(error).default
    return "application/json", msgspec.json.encode({"errors": [{"detail": text}]})


def describe_twin(error: AlreadyExists) -> str:
    """That the version is taken, and by which bytes."""
    stored, sent = error.detail.get("stored"), error.detail.get("sent")
    if not stored or not sent:
        return error.message
    return f"crate version is already uploaded: it has sha256 {stored}, the crate sent has {sent}; publish it under another version"


def write_challenge(refusal: Refusal) -> str:
    """Cargo prints the address to whoever has no token yet."""
    return f'Cargo login_url="{refusal.base}{TOKENS}"'


ERRORS = ErrorStyle(body=write_body, bearer=write_challenge)
