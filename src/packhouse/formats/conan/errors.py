"""How the Conan routes refuse: GitLab's `message`, and beside it the `errors` that the clients print."""

from __future__ import annotations

import msgspec

from packhouse.contract import ErrorStyle, house_body
from packhouse.errors import AlreadyExists, InsufficientScope, InvalidParameter, RegistryError
from packhouse.wording import status_line, status_of


def write_body(error: RegistryError) -> tuple[str, bytes]:
    """The body of a refusal. Other bytes under a name that stands name both digests."""
    if isinstance(error, InsufficientScope | InvalidParameter):
        return house_body(error)
    status = status_of(error)
    line = f"{status} Conflict - {describe_twin(error)}" if isinstance(error, AlreadyExists) else status_line(error)
    said = line.removeprefix(f"{status} ")
    return "application/json", msgspec.json.encode({"message": line, "errors": [{"status": status, "message": said}]})


def describe_twin(error: AlreadyExists) -> str:
    stored, sent, path = (error.detail.get(key) for key in ("stored", "sent", "path"))
    if not stored or not sent:
        return error.message
    return f"{path or 'the file'} is stored with sha256 {stored}, this upload has sha256 {sent}; upload a new revision, or delete this one first"


ERRORS = ErrorStyle(body=write_body)
