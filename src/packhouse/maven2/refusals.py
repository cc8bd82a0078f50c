"""How routes of the layout refuse: a problem document (RFC 9457), which resolver 2 prints, with the `message` that scripts know."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import msgspec

from packhouse.contract import ErrorStyle
from packhouse.errors import AlreadyExists, RegistryError
from packhouse.wording import status_line, status_of


def make_style(statuses: Mapping[type[RegistryError], int]) -> ErrorStyle:
    """Problem documents, with these statuses where the format has its own. A duplicate names both digests."""

    def write_body(error: RegistryError) -> tuple[str, bytes]:
        status = status_of(error, statuses)
        phrase = HTTPStatus(status).phrase
        if isinstance(error, AlreadyExists):
            detail = f"Duplicate package is not allowed{describe_twin(error)}"
            message = f"{status} {'Bad request' if status == HTTPStatus.BAD_REQUEST else phrase} - {detail}"
        else:
            detail, message = error.message, status_line(error, status)
        body = {"type": "about:blank", "status": status, "title": phrase, "detail": detail, "error": detail, "message": message}
        return "application/problem+json", msgspec.json.encode(body)

    return ErrorStyle(body=write_body, status=statuses)


def describe_twin(error: AlreadyExists) -> str:
    stored, sent, path = (error.detail.get(key) for key in ("stored", "sent", "path"))
    if not stored or not sent:
        return f": {error.message}"
    return f": {path or 'the file'} is stored with sha256 {stored}, this upload has sha256 {sent}; publish another version"
