"""Who may pull through a group's proxy (dependency proxy contract, A.2). Stricter than reading: nobody anonymous, members only."""

from __future__ import annotations

from packhouse.auth.policy import Access
from packhouse.errors import Forbidden, NotFound, PlaceNotFound
from packhouse.model import Actor, Place, Role

SCOPES = (frozenset({"read_registry", "write_registry"}), frozenset({"read_virtual_registry", "write_virtual_registry"}))


def check_pull(access: Access) -> Place:
    """The group, where the caller may pull through its proxy. Raises `PlaceNotFound`, `Forbidden` for a member's token with too few scopes."""
    place, actor = access.place, access.actor
    if not access.switched_on:
        raise NotFound("The container registry of this instance is switched off")
    if place is None or place.kind != "group" or not _belongs(access):
        raise PlaceNotFound("Group Not Found")
    if not _has_scopes(actor):
        raise Forbidden("The token needs the scope api, or both read_registry and write_registry, to pull through a dependency proxy")
    return place


def _belongs(access: Access) -> bool:
    actor = access.actor
    if actor.anonymous or actor.kind == "project":
        return False
    if actor.kind == "deploy":
        return access.reaches
    return actor.admin or access.role >= Role.GUEST


def _has_scopes(actor: Actor) -> bool:
    if actor.kind in ("password", "session", "job"):
        return True
    return (actor.kind != "deploy" and "api" in actor.scopes) or any(wanted <= actor.scopes for wanted in SCOPES)
