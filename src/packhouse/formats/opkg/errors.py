"""How the opkg routes refuse: as the REST API does; a duplicate (409) names both digests."""

from __future__ import annotations

from packhouse.contract import ErrorStyle, house_body, twin_body
from packhouse.errors import NotFound, RegistryError, ShelfNotFound


def write_body(error: RegistryError) -> tuple[str, bytes]:
    """The body of a refusal."""
    if isinstance(error, ShelfNotFound) and error.message == error.default:
        return house_body(NotFound("Feed Not Found"))
    return twin_body(error, ": build it with another version, or delete it first")


ERRORS = ErrorStyle(body=write_body)
