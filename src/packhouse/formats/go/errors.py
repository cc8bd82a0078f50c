"""How the Go routes refuse: plain text, which the go command prints. 404 lets it ask the next proxy; everything else stops it."""

from __future__ import annotations

from packhouse.contract import ErrorStyle
from packhouse.errors import AlreadyExists, RegistryError

TEXT = "text/plain; charset=utf-8"


def write_body(error: RegistryError) -> tuple[str, bytes]:
    """The message as a line."""
    message = error.message
    if isinstance(error, AlreadyExists) and (stored := error.detail.get("stored")):
        message = f"This version is published with sha256 {stored}, the zip sent has {error.detail.get('sent')}: publish another version"
    return TEXT, f"{' '.join(message.split())}\n".encode()


ERRORS = ErrorStyle(body=write_body)
