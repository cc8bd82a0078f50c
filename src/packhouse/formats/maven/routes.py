"""The layout at every level of GitLab's Maven registry: reads of project, group and instance, forwarding, publishing, deleting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from packhouse.contract import GROUP, INSTANCE, PROJECT, Action, Answer, Call, Params, Route
from packhouse.errors import InvalidName, PackageNotFound
from packhouse.maven2 import names, serving
from packhouse.responses import empty_reply

FILE = "{path*}"


async def get_file(call: Call) -> Answer:
    """A file of a version, or a checksum of one. Raises `PackageNotFound`."""
    path, algorithm = names.split_checksum(call.params["path"])
    return serving.show_file(call, await serving.find_file(call, path), path, algorithm)


async def put_file(call: Call) -> Answer:
    """Store the body at its path; a checksum is compared with the file it is of."""
    path, algorithm = names.split_checksum(call.params["path"])
    spot = names.read_spot(path)
    return await serving.verify_checksum(call, spot, algorithm) if algorithm else await serving.put_file(call, spot)


async def delete_file(call: Call) -> Answer:
    """Remove a file; its version goes with the last one. Our own, as the layout has no way for it. Raises `NotFound` and its like."""
    spot = names.read_spot(call.params["path"])
    await call.packages.delete(spot.name, spot.version, spot.file)
    return empty_reply(204)


# -- the table -------------------------------------------------------------------------------------------------------


def name_of_file(params: Params) -> str:
    """The package that a path speaks of. At the instance it is also the path of the project, as in GitLab."""
    return params["path"].rpartition("/")[0].rpartition("/")[0]


def name_of_metadata(params: Params) -> str:
    """The same for metadata."""
    name, _, version = params["folder"].rpartition("/")
    return name if names.is_snapshot(version) else params["folder"]


def forward(params: Params, name_of: Callable[[Params], str], suffix: str = "") -> tuple[str, str]:
    """Where an absent file is asked for upstream (page section 6). Raises `PackageNotFound` for a path that no repository has."""
    try:
        return names.name_key(name_of(params)), params["path"] if "path" in params else f"{params['folder']}/{names.METADATA}{suffix}"
    except InvalidName as error:
        raise PackageNotFound from error


def reading(path: str, handler: serving.Handler, suffix: str = "", name_of: Callable[[Params], str] = name_of_metadata) -> Iterator[Route]:
    """A path of project and group, and the same at the instance, which forwards nothing."""
    upstream = partial(forward, name_of=name_of, suffix=suffix)
    yield Route(method="GET", path=path, handler=handler, action=Action.READ, reach=PROJECT | GROUP, forward=upstream)
    yield Route(method="GET", path=path, handler=handler, action=Action.READ, reach=INSTANCE, place_of=name_of, place_kind="project")


# What ends in maven-metadata.xml stands first: of two that span segments the first that fits is taken.
ROUTES = (
    *serving.metadata_routes(reading),
    *reading(FILE, get_file, name_of=name_of_file),
    Route(method="PUT", path=FILE, handler=put_file, action=Action.PUBLISH, reach=PROJECT, limit=None),
    Route(method="DELETE", path=FILE, handler=delete_file, action=Action.DELETE, reach=PROJECT),
)
