"""What a page needs from the database, read in one go from one snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from msgspec import structs
from sqlalchemy import Connection

from packhouse.db import events, packages, places
from packhouse.db.events import EventRow
from packhouse.db.packages import Listed, PackageQuery
from packhouse.db.places import PlaceQuery
from packhouse.db.scopes import Reader
from packhouse.errors import PackageNotFound
from packhouse.model import About, FileRow, Place, Role, Struct
from packhouse.ui.listing import PAGE, ListState

T = TypeVar("T", PackageQuery, PlaceQuery)

EVENTS = 200
PLACES = 50
RECENT = 8


class FoundList(Struct):
    """A page of versions, how many there are, and the formats there are with the number of versions of each."""

    items: tuple[Listed, ...]
    total: int
    formats: tuple[tuple[str, int], ...] = ()


class FoundVersion(Struct):
    """A version and all that its page tells about it."""

    item: Listed
    about: About
    versions: tuple[Listed, ...]
    files: tuple[FileRow, ...]
    total_files: int
    events: tuple[EventRow, ...]


class FoundPlace(Struct):
    """A place: the line down to it, what it holds, and what was published there last."""

    line: tuple[Place, ...]
    recent: FoundList
    groups: tuple[Place, ...] = ()
    projects: tuple[Place, ...] = ()


class Dashboard(Struct):
    """What belongs to a user, what was published last where they may read, and a project of theirs to publish to."""

    projects: tuple[Place, ...]
    groups: tuple[Place, ...]
    recent: FoundList
    target: Place | None = None


def read_list(connection: Connection, scope: PackageQuery, state: ListState, formats: Sequence[str]) -> FoundList:
    """The page of versions that a state asks for within a scope."""
    asked = _but(
        scope,
        name=state.text or None,
        format=state.format or None,
        version=state.version or None,
        status=state.status or None,
        order_by=state.order_by,
        sort=state.sort,
        include_versionless=True,
        offset=(state.page - 1) * PAGE,
        limit=PAGE,
    )
    items, total = packages.list_packages(connection, asked)
    return FoundList(items=tuple(items), total=total or 0, formats=count_formats(connection, _but(asked, format=None), formats))


def count_formats(connection: Connection, asked: PackageQuery, formats: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """The formats that a query finds versions of, each with how many."""
    counts = ((name, packages.list_packages(connection, _but(asked, format=name, offset=0, limit=0, count=True))[1] or 0) for name in formats)
    return tuple((name, count) for name, count in counts if count)


def read_version(connection: Connection, project: int, id: int, *, first_file: int = 0, files: int = PAGE) -> FoundVersion:
    """A version of this project. Raises `PackageNotFound`."""
    item = packages.get_package(connection, project, id)
    if item is None or item.status == "error":
        raise PackageNotFound()
    found, total = packages.list_files(connection, id, first_file, files)
    return FoundVersion(
        item=item,
        about=packages.read_about(connection, id),
        versions=tuple(packages.list_versions(connection, item.package_id)),
        files=tuple(found),
        total_files=total,
        events=tuple(events.of_version(connection, id, EVENTS)),
    )


def read_place(connection: Connection, where: Place, scope: PackageQuery, reader: Reader, formats: Sequence[str], *, reads: bool) -> FoundPlace:
    """A place for its overview; `reads` says whether the viewer may see its packages."""
    below = where.kind != "project"
    return FoundPlace(
        line=tuple(places.ancestors_of(connection, where.id)),
        groups=_places(connection, PlaceQuery(kind="group", reader=reader, parent=where.id, order_by="name", descending=False, limit=PLACES))
        if below
        else (),
        projects=_places(connection, PlaceQuery(kind="project", reader=reader, parent=where.id, order_by="name", descending=False, limit=PLACES))
        if below
        else (),
        recent=read_recent(connection, scope, formats) if reads else FoundList(items=(), total=0),
    )


def read_dashboard(connection: Connection, reader: Reader, user_id: int | None, formats: Sequence[str]) -> Dashboard:
    """The first page of a user; for a stranger, what everybody may see."""
    level = Role.GUEST if user_id is not None else None
    mine = PlaceQuery(kind="project", reader=reader, min_level=level, order_by="name", descending=False, limit=PLACES)
    recent = read_recent(connection, PackageQuery(reader=reader), formats)
    targets = _places(connection, _but(mine, min_level=Role.DEVELOPER)) if user_id is not None and not recent.items else ()
    return Dashboard(
        projects=_places(connection, mine),
        groups=_places(connection, _but(mine, kind="group")),
        recent=recent,
        target=next((where for where in targets if not where.archived and where.packages_access != "disabled"), None),
    )


def read_recent(connection: Connection, scope: PackageQuery, formats: Sequence[str]) -> FoundList:
    """What was published last within a scope."""
    asked = _but(scope, sort="desc", include_versionless=True, limit=RECENT)
    items, total = packages.list_packages(connection, asked)
    return FoundList(items=tuple(items), total=total or 0, formats=count_formats(connection, asked, formats) if total else ())


def _but(query: T, **changes: Any) -> T:
    return structs.replace(query, **changes)  # type: ignore[type-var]


def _places(connection: Connection, query: PlaceQuery) -> tuple[Place, ...]:
    return tuple(places.list_places(connection, query)[0])
