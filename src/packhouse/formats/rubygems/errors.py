"""How the gem routes refuse: in one line of text, which `gem` prints as it stands."""

from __future__ import annotations

from packhouse.contract import ErrorStyle
from packhouse.errors import AlreadyExists, RegistryError


def write_body(error: RegistryError) -> tuple[str, bytes]:
    """The body of a refusal. A duplicate names both digests."""
    text = describe_twin(error) if isinstance(error, AlreadyExists) else error.message or type(error).default
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return "text/plain; charset=utf-8", f"{' '.join(printable.split())}\n".encode()


def describe_twin(error: AlreadyExists) -> str:
    """That the version is taken, and by which bytes."""
    stored, sent = error.detail.get("stored"), error.detail.get("sent")
    if not stored or not sent:
        return error.message
    return f"This version has already been pushed: it has sha256 {stored}, the gem sent has {sent}; push it under another version"


ERRORS = ErrorStyle(body=write_body)
