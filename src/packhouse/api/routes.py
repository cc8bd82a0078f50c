"""Every route of the REST API."""

from __future__ import annotations

from collections.abc import Iterable

from packhouse.api import deploy_tokens, groups, members, packages, personal_tokens, place_tokens, projects, protection, settings, users
from packhouse.contract import Route
from packhouse.packages.house import House

NOUNS = (packages, protection, projects, groups, members, users, personal_tokens, place_tokens, deploy_tokens, settings)


def api_routes(house: House) -> Iterable[Route]:
    """The routes, by noun."""
    for noun in NOUNS:
        yield from noun.routes()
