"""Refusals as one line of text: the code, a colon, the sentence. A duplicate names both digests."""

from __future__ import annotations

from packhouse.contract import ErrorStyle
from packhouse.errors import AlreadyExists, RegistryError


def write_body(error: RegistryError) -> tuple[str, bytes]:
    """The line."""
    text = f"{error.code}: {error.message}"
    if isinstance(error, AlreadyExists) and "stored" in error.detail:
        text += f"; stored sha256 {error.detail['stored']}, sent sha256 {error.detail['sent']}"
    return "text/plain; charset=utf-8", " ".join(text.split()).encode() + b"\n"


ERRORS = ErrorStyle(body=write_body)
