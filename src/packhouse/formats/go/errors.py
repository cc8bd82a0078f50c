"""How the Go routes refuse: plain text, which the go command prints. 404 and 410 let it ask the next proxy; everything else stops it."""

from __future__ import annotations

from packhouse.contract import ErrorStyle
from packhouse.errors import AlreadyExists, RegistryError, VersionNotFound

TEXT = "text/plain; charset=utf-8"


class Gone(VersionNotFound):
    """The version was here, was deleted, and does not come back."""

    code = "version_gone"
    default = "Gone"


def write_body(error: RegistryError) -> tuple[str, bytes]:
    """The message as a line."""
    message = error.message
    if isinstance(error, AlreadyExists) and (stored := error.detail.get("stored")):
        message = f"This version is published with sha256 {stored}, the zip sent has {error.detail.get('sent')}: publish another version"
    return TEXT, f"{' '.join(message.split())}\n".encode()


ERRORS = ErrorStyle(body=write_body, status={Gone: 410})
