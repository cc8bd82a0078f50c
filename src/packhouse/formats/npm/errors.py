"""How npm routes refuse: two keys, of which npm prints `error`, pnpm and yarn the other or the whole."""

from __future__ import annotations

import msgspec

from packhouse.contract import ErrorStyle
from packhouse.errors import AlreadyExists, NotFound, RegistryError
from packhouse.wording import status_line

STATUS: dict[type[RegistryError], int] = {AlreadyExists: 403}


def write_body(error: RegistryError) -> tuple[str, bytes]:
    """The body of a refusal: `message` with GitLab's words, `error` with the bare reason."""
    if isinstance(error, AlreadyExists):
        text = describe_twin(error)
        return _body(text, text)
    if isinstance(error, NotFound) and error.message == type(error).default:
        return _body(status_line(error), error.message.capitalize())
    return _body(status_line(error), error.message)


def describe_twin(error: AlreadyExists) -> str:
    """That the version is taken, and by which bytes."""
    stored, sent = error.detail.get("stored"), error.detail.get("sent")
    if not stored or not sent:
        return "Package already exists."
    return f"Package already exists. It has sha256 {stored}, the tarball sent has {sent}: publish it under another version"


def _body(message: str, error: str) -> tuple[str, bytes]:
    return "application/json", msgspec.json.encode({"message": message, "error": error})


ERRORS = ErrorStyle(body=write_body, status=STATUS)
