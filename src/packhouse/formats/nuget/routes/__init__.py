"""The table of routes: NuGet's server API (v3), publishing, the symbol server, and the v2 feed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import TypeAlias

from packhouse.contract import GROUP, PROJECT, Action, Answer, Call, Route
from packhouse.formats.nuget.index.registration import HIVE, HIVE_1
from packhouse.formats.nuget.routes import feed, publishing, reading, service

Handler: TypeAlias = Callable[[Call], Awaitable[Answer]]


def everywhere(path: str, handler: Handler) -> Iterator[Route]:
    """A read of a project and of a group.

    Clients send no credential before they are asked for one: in a group they always are, or they would never see its private projects.
    """
    yield Route(method="GET", path=path, handler=handler, action=Action.READ, reach=PROJECT)
    yield Route(method="GET", path=path, handler=handler, action=Action.READ, reach=GROUP, signed_in=True)


def open_to_all(path: str, handler: Handler) -> Route:
    """A read that asks for no credential."""
    return Route(method="GET", path=path, handler=handler, action=Action.OPEN)


def of_project(method: str, path: str, handler: Handler, action: Action) -> Route:
    """A route of a project only."""
    return Route(method=method, path=path, handler=handler, action=action, reach=PROJECT)


def upload(path: str, handler: Handler) -> Route:
    """A route that takes a package."""
    return Route(method="PUT", path=path, handler=handler, action=Action.PUBLISH, reach=PROJECT, limit=None)


# The house takes each path with and without a slash at its end: clients put one behind the addresses they publish to.
ROUTES = (
    open_to_all("index.json", service.show_index),
    open_to_all("index", service.show_index),
    *everywhere(f"{HIVE}/{{name}}/index.json", reading.show_registration),
    *everywhere(f"{HIVE}/{{name}}/index", reading.show_registration),
    *everywhere(f"{HIVE}/{{name}}/{{version}}", reading.show_leaf),
    *everywhere(f"{HIVE}/{{name}}/page/{{lower}}/{{upper}}", reading.show_page),
    *everywhere(f"{HIVE_1}/{{name}}/index.json", reading.show_registration_1),
    *everywhere(f"{HIVE_1}/{{name}}/page/{{lower}}/{{upper}}", reading.show_page_1),
    *everywhere("query", reading.search),
    *everywhere("autocomplete", reading.autocomplete),
    of_project("GET", "download/{name}/index.json", reading.list_versions, Action.READ),
    of_project("GET", "download/{name}/index", reading.list_versions, Action.READ),
    of_project("GET", "download/{name}/{version}/{file}", reading.fetch_file, Action.READ),
    upload("", publishing.publish_package),
    upload("symbolpackage", publishing.publish_symbols),
    upload("v2", publishing.publish_package),
    of_project("DELETE", "{name}/{version}", publishing.remove_version, Action.DELETE),
    of_project("DELETE", "v2/{name}/{version}", publishing.remove_version, Action.DELETE),
    of_project("POST", "{name}/{version}", publishing.relist_version, Action.DELETE),
    open_to_all("symbolfiles/{symbols}/{signature}/{same}", reading.fetch_symbols),
    open_to_all("v2", service.show_v2_service),
    open_to_all("v2/$metadata", service.show_v2_metadata),
    of_project("GET", "v2/{operation}", feed.show_operation, Action.READ),
    of_project("GET", "v2/{operation}/$count", feed.count_operation, Action.READ),
    of_project("GET", "v2/package/{name}/{version}", feed.fetch_package, Action.READ),
)

__all__ = ["ROUTES"]
