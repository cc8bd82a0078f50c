"""Every route of the REST API."""

from __future__ import annotations

from collections.abc import Iterable

from packhouse.contract import Route
from packhouse.packages.house import House


def api_routes(house: House) -> Iterable[Route]:
    """The routes, by noun."""
    return ()
