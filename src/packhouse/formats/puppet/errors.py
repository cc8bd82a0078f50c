"""How the routes of modules refuse: a message and a list of sentences, as the Forge does; a duplicate (409) names both digests."""

from __future__ import annotations

import msgspec

from packhouse.contract import ErrorStyle
from packhouse.errors import AlreadyExists, RegistryError
from packhouse.wording import describe_twin, status_line

ADVICE = ": publish it as another version, or delete it first"


def write_body(error: RegistryError) -> tuple[str, bytes]:
    """The body of a refusal: clients print `message` alone, or both."""
    told = describe_twin(error, "This release", ADVICE) if isinstance(error, AlreadyExists) else error.message
    said = AlreadyExists(told) if isinstance(error, AlreadyExists) else error
    return "application/json", msgspec.json.encode({"message": status_line(said), "errors": [told or type(error).default]})


ERRORS = ErrorStyle(body=write_body)
