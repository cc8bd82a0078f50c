"""What a page needs from the database, read in one go from one snapshot."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from msgspec import structs
from sqlalchemy import Connection

from packhouse.db import events, packages, pipelines, places
from packhouse.db import files as files_db
from packhouse.db.engine import now
from packhouse.db.events import EventRow
from packhouse.db.packages import Listed, PackageQuery
from packhouse.db.pipelines import PipelineRow
from packhouse.db.places import PlaceQuery
from packhouse.db.scopes import Reader
from packhouse.errors import PackageNotFound
from packhouse.model import About, FileRow, Place, Role, Struct
from packhouse.ui.listing import PAGE, ListState

T = TypeVar("T", PackageQuery, PlaceQuery)

EVENTS = 200
BUILDS = 20
PLACES = 50
RECENT = 8


class FoundList(Struct):
    """A page of versions, how many there are, and the formats there are with the number of versions of each."""

    items: tuple[Listed, ...]
    total: int
    formats: tuple[tuple[str, int], ...] = ()
    versions: Mapping[int, int] = {}  # package → how many versions it has
    broken: int = 0  # versions in error
    newer: bool = False  # there are pages before this one
    older: bool = False


class FoundVersion(Struct):
    """A version and all that its page tells about it."""

    item: Listed
    about: About
    versions: tuple[Listed, ...]
    files: tuple[FileRow, ...]
    total_files: int
    events: tuple[EventRow, ...]
    days: Mapping[int, int] = {}  # day → downloads
    builds: tuple[PipelineRow, ...] = ()  # those that published it, the newest first


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


class Counts(Struct):
    """How many versions of each format a list finds, and how many are in error."""

    formats: Mapping[str, int]
    broken: int


class CountCache:
    """What was counted in projects, kept until something happens there: to count is the costliest part of a long list."""

    def __init__(self, size: int = 256) -> None:
        self._size = size
        self._kept: OrderedDict[tuple[object, ...], Counts] = OrderedDict()

    def count(self, connection: Connection, asked: PackageQuery) -> Counts:
        """The counts of a list, whatever page and format of it is asked for."""
        query = _but(asked, format=None, after=None, backwards=False)
        if query.project is None:
            return count_list(connection, query)
        changed = events.last_change(connection, query.project)
        key = (query.project, changed, query.name, query.version, query.version_pattern, query.status)
        counts = self._kept.get(key)
        if counts is None:
            counts = self._kept[key] = count_list(connection, query)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
        return counts


def count_list(connection: Connection, query: PackageQuery) -> Counts:
    """The counts of a list, from its rows."""
    everything = _but(query, name=None, version=None, version_pattern=None, status=None)
    return Counts(formats=packages.count_formats(connection, query), broken=packages.count_broken(connection, everything))


def read_list(connection: Connection, scope: PackageQuery, state: ListState, formats: Sequence[str], cache: CountCache) -> FoundList:
    """The page of versions that a state asks for within a scope."""
    cursor = state.cursor
    asked = _but(
        scope,
        name=state.text or None,
        format=state.format or None,
        version=None if "*" in state.version else state.version or None,
        version_pattern=state.version if "*" in state.version else None,
        status=state.status or None,
        order_by=state.order_by,
        sort=state.sort,
        include_versionless=True,
        after=None if cursor is None else (cursor.value, cursor.id),
        backwards=cursor is not None and cursor.backwards,
        limit=PAGE + 1,
        count=False,
    )
    items, _ = packages.list_packages(connection, asked)
    more = len(items) > PAGE
    items = (items[1:] if asked.backwards else items[:-1]) if more else items
    counted = cache.count(connection, asked)
    counts = counted.formats
    return FoundList(
        items=tuple(items),
        total=counts.get(state.format, 0) if state.format else sum(counts.values()),
        formats=tuple((name, counts[name]) for name in formats if name in counts),
        versions=packages.count_versions(connection, sorted({item.package_id for item in items})),
        broken=counted.broken,
        newer=more if asked.backwards else cursor is not None,
        older=True if asked.backwards else more,
    )


def read_version(connection: Connection, project: int, id: int, *, first_file: int = 0, files: int = PAGE, since_day: int = 0) -> FoundVersion:
    """A version of this project. Raises `PackageNotFound`."""
    item = packages.get_package(connection, project, id)
    if item is None or item.status == "error":
        raise PackageNotFound()
    found, total = files_db.list_files(connection, id, first_file, files)
    return FoundVersion(
        item=item,
        about=files_db.read_about(connection, id),
        versions=tuple(packages.list_versions(connection, item.package_id)),
        files=tuple(found),
        total_files=total,
        events=tuple(events.of_life(connection, id, EVENTS)),
        days=packages.downloads_by_day(connection, id, since_day),
        builds=tuple(pipelines.list_builds(connection, id, None, now(), BUILDS)),
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
    counts = packages.count_formats(connection, asked) if total else {}
    return FoundList(
        items=tuple(items),
        total=total or 0,
        formats=tuple((name, counts[name]) for name in formats if name in counts),
    )


def _but(query: T, **changes: Any) -> T:
    return structs.replace(query, **changes)  # type: ignore[type-var]


def _places(connection: Connection, query: PlaceQuery) -> tuple[Place, ...]:
    return tuple(places.list_places(connection, query)[0])
