"""Deleted packages while they are kept: what there is, and bringing one back (an addition of ours)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from packhouse.api.call import Call, path_id, route_of, writing
from packhouse.api.pages import paged, read_page
from packhouse.api.parameters import read_query
from packhouse.api.shapes import Shape, package_shape, package_type
from packhouse.contract import Action, Answer, Route
from packhouse.db import bin as deleted
from packhouse.db import packages
from packhouse.db.bin import BinRow
from packhouse.errors import PackageNotFound
from packhouse.model import write_time
from packhouse.packages import restore
from packhouse.responses import json_reply


async def list_deleted(call: Call) -> Answer:
    """What was deleted from the project and can be restored, the latest first."""
    page = read_page(read_query(call))
    since, formats = restore.kept_since(call.house), restore.restorable(call.house)
    found, total = await call.house.database.read(deleted.list_deleted, call.place.id, since, formats, page.offset, page.size)
    return paged(call, [bin_shape(row) for row in found], page, total)


def bin_shape(row: BinRow) -> Shape:
    """A deleted version."""
    return {
        "id": row.id,
        "name": row.name,
        "version": row.version or None,
        "package_type": package_type(row.format),
        "created_at": write_time(row.created),
        "deleted_at": write_time(row.deleted),
    }


async def restore_package(call: Call) -> Answer:
    """The version is there again, under an id of its own. Raises `PackageNotFound`, `Conflict`, `Protected`."""
    new = await call.house.database.write(restore.restore, call.house, call.access, path_id(call, "package_id"))
    found = await call.house.database.read(packages.get_package, call.place.id, new)
    if found is None:
        raise PackageNotFound()
    return json_reply(package_shape(found, call.house.api, deletable=True), 201)


def routes() -> Iterable[Route]:
    def of_project(method: str, tail: str, handler: Any) -> Route:
        return route_of("project", method, tail, handler, Action.DELETE)

    yield of_project("GET", "/-/packages/deleted", list_deleted)
    yield of_project("POST", "/packages/{package_id}/-/restore", writing(restore_package))
