"""How the RPM routes refuse: as the REST API does; a duplicate (409) names both digests, and a group that nobody opened is no repository."""

from __future__ import annotations

from packhouse.contract import ErrorStyle, house_body, twin_body
from packhouse.errors import RegistryError, RepositoryNotFound, ShelfNotFound


def write_body(error: RegistryError) -> tuple[str, bytes]:
    """The body of a refusal."""
    if isinstance(error, ShelfNotFound) and error.message == error.default:
        return house_body(RepositoryNotFound())
    return twin_body(error, "; delete the package first, or build another release", str(error.detail.get("path", "")))


ERRORS = ErrorStyle(body=write_body)
