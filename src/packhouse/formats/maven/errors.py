"""How the Maven routes refuse: a problem document (RFC 9457), which resolver 2 prints, with the `message` that scripts know."""

from __future__ import annotations

from http import HTTPStatus

import msgspec

from packhouse.contract import ErrorStyle
from packhouse.errors import AlreadyExists, RegistryError
from packhouse.wording import status_line, status_of

STATUS: dict[type[RegistryError], int] = {AlreadyExists: 400}


def write_body(error: RegistryError) -> tuple[str, bytes]:
    """The body of a refusal. A duplicate names both digests."""
    status = status_of(error, STATUS)
    if isinstance(error, AlreadyExists):
        detail = f"Duplicate package is not allowed{describe_twin(error)}"
        message = f"400 Bad request - {detail}"
    else:
        detail, message = error.message, status_line(error, status)
    body = {"type": "about:blank", "status": status, "title": HTTPStatus(status).phrase, "detail": detail, "error": detail, "message": message}
    return "application/problem+json", msgspec.json.encode(body)


def describe_twin(error: AlreadyExists) -> str:
    stored, sent, path = (error.detail.get(key) for key in ("stored", "sent", "path"))
    if not stored or not sent:
        return f": {error.message}"
    return f": {path or 'the file'} is stored with sha256 {stored}, this upload has sha256 {sent}; publish another version"


ERRORS = ErrorStyle(body=write_body, status=STATUS)
