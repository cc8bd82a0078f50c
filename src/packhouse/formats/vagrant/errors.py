"""How the routes of boxes refuse: with a list of sentences, as the client's own service does; a duplicate (409) names both digests."""

from __future__ import annotations

import msgspec

from packhouse.contract import ErrorStyle
from packhouse.errors import AlreadyExists, RegistryError
from packhouse.wording import describe_twin

ADVICE = ": publish it as another version, or delete it first"


def write_body(error: RegistryError) -> tuple[str, bytes]:
    """The body of a refusal."""
    text = error.message or type(error).default
    if isinstance(error, AlreadyExists):
        text = describe_twin(error, f"{error.detail.get('path', 'the box')} of this version", ADVICE)
    return "application/json", msgspec.json.encode({"errors": [text]})


ERRORS = ErrorStyle(body=write_body)
