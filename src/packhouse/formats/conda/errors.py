"""How the conda routes refuse: as the REST API does, as clients read the status alone; a duplicate (409) names both digests."""

from __future__ import annotations

from packhouse.contract import ErrorStyle, twin_body
from packhouse.errors import RegistryError


def write_body(error: RegistryError) -> tuple[str, bytes]:
    """The body of a refusal."""
    return twin_body(error, "; raise the build number, or delete the file first")


ERRORS = ErrorStyle(body=write_body)
