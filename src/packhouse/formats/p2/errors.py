"""How the p2 routes refuse: as the REST API does; a duplicate (409) names both digests."""

from __future__ import annotations

from packhouse.contract import ErrorStyle, twin_body
from packhouse.errors import RegistryError


def write_body(error: RegistryError) -> tuple[str, bytes]:
    """The body of a refusal."""
    return twin_body(error, ": build it with another version, or delete it first", str(error.detail.get("path", "")))


ERRORS = ErrorStyle(body=write_body)
