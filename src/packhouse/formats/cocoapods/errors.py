"""How the routes of pods refuse: as the REST API does, as curl shows it and CocoaPods prints it; a duplicate (409) names both digests."""

from __future__ import annotations

from packhouse.contract import ErrorStyle, twin_body
from packhouse.errors import RegistryError


def write_body(error: RegistryError) -> tuple[str, bytes]:
    """The body of a refusal."""
    return twin_body(error, ": publish another version, or delete this one first", str(error.detail.get("path", "the pod")))


ERRORS = ErrorStyle(body=write_body)
