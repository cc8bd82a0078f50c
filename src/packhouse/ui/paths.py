"""How a page becomes a route."""

from __future__ import annotations

from typing import Literal

from packhouse.contract import Route
from packhouse.model import Action, Reach


def page_route(
    method: str, path: str, handler: object, action: Action, *, place: Literal["project", "group", ""] = "", any_kind: bool = False
) -> Route:
    """A page at an address; `place` is the parameter that holds the path of a project or group."""
    return Route(
        method=method,
        path=path,
        handler=handler,  # type: ignore[arg-type]
        action=action,
        reach=Reach.ROOT,
        place_of=(lambda params: params[place]) if place else None,
        place_kind=None if any_kind or not place else place,
    )


def of_places(method: str, tail: str, handler: object, project: Action | None, group: Action | None) -> list[Route]:
    """The same page of projects and of groups, below the path of each; None where one of them has no such page."""
    found = []
    if group is not None:
        found.append(page_route(method, f"groups/{{group+}}/-/{tail}", handler, group, place="group"))
    if project is not None:
        found.append(page_route(method, f"{{project+}}/-/{tail}", handler, project, place="project"))
    return found
