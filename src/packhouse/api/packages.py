"""Packages and their files (core API section 4)."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from sqlalchemy import Connection

from packhouse.api.call import Call, Kind, can, path_id, route_of, writing_packages
from packhouse.api.pages import by_keys, cursor_id, paged, read_cursor, read_page, write_cursor
from packhouse.api.parameters import Parameters, read_parameters, read_query, unfit
from packhouse.api.shapes import LISTED, PACKAGE_TYPES, READABLE, file_shape, format_of, package_shape, pipeline_shape, version_shape
from packhouse.auth.policy import authorize
from packhouse.contract import Action, Answer, Route
from packhouse.db import files, packages, pipelines
from packhouse.db.engine import now
from packhouse.db.packages import TYPE_ORDER, Listed, PackageQuery
from packhouse.db.pipelines import PipelineRow
from packhouse.db.scopes import Reader
from packhouse.errors import FileNotFound, PackageNotFound, PlaceNotFound
from packhouse.model import FileRow
from packhouse.packages import promote, removal
from packhouse.packages.house import House
from packhouse.responses import FileReply, empty_reply, json_reply

STATUSES = ("default", "hidden", "processing", "error", "pending_destruction", "deprecated")
ORDERS = ("created_at", "name", "version", "type")
MOST_PIPELINES = 20


# -- lists -----------------------------------------------------------------------------------------------------------


def read_filters(call: Call, parameters: Parameters, orders: tuple[str, ...]) -> dict[str, Any]:
    """What a list asks for. Raises `InvalidParameter`."""
    return {
        "order_by": parameters.choice("order_by", orders) or "created_at",
        "sort": parameters.choice("sort", ("asc", "desc")) or "asc",
        "format": format_of(parameters.choice("package_type", known_types(call.house))),
        "name": parameters.text("package_name"),
        "version": parameters.text("package_version") or None,
        "include_versionless": bool(parameters.flag("include_versionless")),
        "status": parameters.choice("status", STATUSES),
    }


def known_types(house: House) -> frozenset[str]:
    """Every value that `package_type` may have."""
    return frozenset({*TYPE_ORDER, *PACKAGE_TYPES.values(), *(name for name, format_ in house.formats.items() if format_.listed)})


async def list_of_project(call: Call) -> Answer:
    """The packages of a project."""
    parameters = read_query(call)
    page = read_page(parameters)
    query = PackageQuery(project=call.place.id, offset=page.offset, limit=page.size, **read_filters(call, parameters, ORDERS))
    rows, total = await call.house.database.read(packages.list_packages, query)
    deletable = can(call.access, Action.DELETE)
    return paged(call, [package_shape(row, call.house.api, deletable=deletable) for row in rows], page, total or 0)


async def list_of_group(call: Call) -> Answer:
    """The packages of every project below a group that this actor may read."""
    parameters = read_query(call)
    page = read_page(parameters)
    query = PackageQuery(
        group=call.place.id,
        exclude_subgroups=bool(parameters.flag("exclude_subgroups")),
        reader=Reader.of(call.actor, now(), call.access.guest_reads),
        offset=page.offset,
        limit=page.size,
        **read_filters(call, parameters, (*ORDERS, "project_path")),
    )
    rows, total = await call.house.database.read(packages.list_packages, query)
    deletable = {project: can(await call.lookup(project), Action.DELETE) for project in {row.project for row in rows}}
    return paged(call, [package_shape(row, call.house.api, deletable=deletable[row.project], grouped=True) for row in rows], page, total or 0)


# -- one -------------------------------------------------------------------------------------------------------------


async def get_package(call: Call) -> Answer:
    """One version, the others of its name, and our own `warnings`, where what was published disagrees with itself."""
    found, others, warnings = await call.house.database.read(_package, call.place.id, path_id(call, "package_id"))
    shape = package_shape(found, call.house.api, deletable=can(call.access, Action.DELETE))
    shape |= {"versions": [version_shape(row, call.house.settings.base_url) for row in others]}
    return json_reply(shape | ({"warnings": warnings} if warnings else {}))


def _package(connection: Connection, project: int, id_: int) -> tuple[Listed, list[Listed], tuple[str, ...]]:
    found = _readable(connection, project, id_)
    others = packages.list_versions(connection, found.package_id)
    listed = sorted((row for row in others if row.id != found.id and row.status in LISTED), key=lambda row: (row.version or "", row.id))
    return found, listed, files.read_about(connection, id_).warnings


def _readable(connection: Connection, project: int, id_: int) -> Listed:
    found = packages.get_package(connection, project, id_)
    if found is None or found.status not in READABLE:
        raise PackageNotFound()
    return found


async def list_pipelines(call: Call) -> Answer:
    """The pipelines that published a package, newest first: keyset pages only, of at most 20."""
    parameters = read_query(call)
    size = parameters.integer("per_page")
    if size is not None and not 1 <= size <= MOST_PIPELINES:
        raise unfit("per_page")
    size = size or MOST_PIPELINES
    cursor = read_cursor(parameters)
    before = None if cursor is None else cursor_id(cursor)
    rows = await call.house.database.read(_builds, call.place.id, path_id(call, "package_id"), before, size + 1)
    more = len(rows) > size
    shapes = [pipeline_shape(row, call.house.settings.base_url) for row in rows[:size]]
    return by_keys(call, shapes, {"cursor": write_cursor({"id": rows[size - 1].id})} if more else None)


def _builds(connection: Connection, project: int, id_: int, before: int | None, limit: int) -> list[PipelineRow]:
    _readable(connection, project, id_)
    return pipelines.list_builds(connection, id_, before, now(), limit)


async def list_files(call: Call) -> Answer:
    """The files of a version."""
    parameters = read_query(call)
    page = read_page(parameters)
    version_id = path_id(call, "package_id")
    rows, total = await call.house.database.read(_files, call.place.id, version_id, page.offset, page.size)
    return paged(call, [file_shape(row, version_id) for row in rows], page, total)


def _files(connection: Connection, project: int, version_id: int, offset: int, limit: int) -> tuple[list[FileRow], int]:
    _readable(connection, project, version_id)
    return files.list_files(connection, version_id, offset, limit)


async def download_file(call: Call) -> Answer:
    """The bytes of a file."""
    version_id = path_id(call, "package_id")
    found = await call.house.database.read(files.get_file, call.place.id, version_id, path_id(call, "package_file_id"))
    if found is None:
        raise FileNotFound()
    row, _, stored = found
    return FileReply(
        blob=row.blob,
        name=row.path.rpartition("/")[2],
        stored=stored,
        file_id=row.id,
        version_id=version_id,
        project=row.project,
        modified=row.created,
    )


# -- promoting -------------------------------------------------------------------------------------------------------


async def promote_package(call: Call) -> Answer:
    """The version is in another project too: no byte is sent."""
    parameters = await read_parameters(call)
    to = parameters.needed("to", 1024)
    target = await call.lookup(int(to) if to.isascii() and to.isdigit() and len(to) <= 18 else to)
    if target.place is not None and target.place.kind != "project":
        raise PlaceNotFound()
    authorize(target, Action.PUBLISH)
    assert target.place is not None
    _, made = await call.house.database.write(promote.promote, call.house, call.access, target, path_id(call, "package_id"))
    row = await call.house.database.read(_readable, target.place.id, made.version_id)
    return json_reply(package_shape(row, call.house.api, deletable=can(target, Action.DELETE)), 201 if made.created else 200)


# -- deleting --------------------------------------------------------------------------------------------------------


async def delete_package(call: Call) -> Answer:
    """The version and its files are gone; the name and version are free again."""
    unless = read_unmodified_since(call)
    await call.house.database.write(removal.remove, call.house, call.access, path_id(call, "package_id"), unless=unless)
    return empty_reply()


async def delete_file(call: Call) -> Answer:
    """The file is gone; its version stays, even without files."""
    unless = read_unmodified_since(call)
    file_id = path_id(call, "package_file_id")
    await call.house.database.write(removal.remove, call.house, call.access, path_id(call, "package_id"), file_id, unless=unless)
    return empty_reply()


def read_unmodified_since(call: Call) -> int | None:
    """The second in `If-Unmodified-Since`; None where there is none that makes sense (RFC 9110, 13.1.4)."""
    try:
        moment = parsedate_to_datetime(call.headers.get("if-unmodified-since", ""))
    except ValueError:
        return None
    return int((moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp())


def routes() -> list[Route]:
    def one(method: str, tail: str, handler: Any, action: Action, kind: Kind = "project") -> Route:
        return route_of(kind, method, f"/packages{tail}", handler, action)

    package = "/{package_id}"
    file = f"{package}/package_files/{{package_file_id}}"
    return [
        one("GET", "", list_of_project, Action.READ),
        one("GET", "", list_of_group, Action.READ, "group"),
        one("GET", package, get_package, Action.READ),
        one("DELETE", package, writing_packages(delete_package), Action.DELETE),
        one("GET", f"{package}/pipelines", list_pipelines, Action.READ),
        one("POST", f"{package}/-/promote", writing_packages(promote_package), Action.READ),
        one("GET", f"{package}/package_files", list_files, Action.READ),
        one("GET", f"{file}/download", download_file, Action.READ),
        one("DELETE", file, writing_packages(delete_file), Action.DELETE),
    ]
