"""The one log as auditors read it: of a place and everything below, or of the instance; and what takes how much space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from packhouse.db.events import EventRow
from packhouse.db.tables import blob, event, file, lease, lineage, package, place, user, version
from packhouse.model import Instant, Struct

_COLUMNS = tuple(event.c[name] for name in EventRow._fields)


class AuditQuery(Struct):
    """A page of the log, newest first."""

    place: int | None = None  # and everything below; None: the whole instance
    whats: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    actor: str = ""
    since: Instant | None = None
    until: Instant | None = None
    before: int | None = None  # a page starts behind this event
    limit: int = 50


class AuditRow(NamedTuple):
    """An event, with the path of its place and the name of its package."""

    event: EventRow
    path: str
    kind: str
    package: str
    version: str


class Totals(NamedTuple):
    """What there is."""

    users: int
    groups: int
    projects: int
    packages: int
    versions: int
    blobs: int
    size: int


class ProjectSize(NamedTuple):
    """A project and the bytes of its files, each file counted where it is."""

    path: str
    files: int
    size: int


class Lease(NamedTuple):
    """A job that one process does alone."""

    name: str
    holder: str
    expires: Instant


def list_audit(connection: Connection, query: AuditQuery) -> list[AuditRow]:
    """The events of a page."""
    chosen: list[Any] = []
    if query.place is not None:
        chosen.append(event.c.project_id.in_(select(lineage.c.place_id).where(lineage.c.ancestor_id == query.place)))
    if query.whats:
        chosen.append(event.c.what.in_(query.whats))
    if query.but:
        chosen.append(event.c.what.not_in(query.but))
    if query.actor:
        chosen.append(func.lower(event.c.actor).contains(query.actor.lower(), autoescape=True))
    if query.since is not None:
        chosen.append(event.c.at >= query.since)
    if query.until is not None:
        chosen.append(event.c.at < query.until)
    if query.before is not None:
        chosen.append(event.c.id < query.before)
    statement = (
        select(*_COLUMNS, place.c.full_path, place.c.kind, package.c.name, version.c.version)
        .outerjoin(place, place.c.id == event.c.project_id)
        .outerjoin(package, package.c.id == event.c.package_id)
        .outerjoin(version, version.c.id == event.c.version_id)
        .where(*chosen)
        .order_by(event.c.id.desc())
        .limit(query.limit)
    )
    width = len(_COLUMNS)
    return [
        AuditRow(EventRow(*row[:width]), row[width] or "", row[width + 1] or "", row[width + 2] or "", row[width + 3] or "")
        for row in connection.execute(statement)
    ]


def count_everything(connection: Connection) -> Totals:
    """The numbers of the instance. Bytes that several files share count once."""

    def count(what: Any, *where: Any) -> int:
        return int(connection.execute(select(func.count()).select_from(what).where(*where)).scalar_one())

    blobs, size = connection.execute(select(func.count(), func.coalesce(func.sum(blob.c.size), 0)).select_from(blob)).one()
    live = place.c.deleted.is_(None)
    return Totals(
        users=count(user, user.c.kind == "human"),
        groups=count(place, place.c.kind == "group", live),
        projects=count(place, place.c.kind == "project", live),
        packages=count(package),
        versions=count(version, version.c.deleted.is_(None)),
        blobs=int(blobs),
        size=int(size),
    )


def largest_projects(connection: Connection, limit: int) -> list[ProjectSize]:
    """The projects whose live files take most."""
    size = func.sum(blob.c.size)
    rows = connection.execute(
        select(place.c.full_path, func.count(), size)
        .select_from(file.join(blob, blob.c.id == file.c.blob_id).join(place, place.c.id == file.c.project_id))
        .where(file.c.deleted.is_(None), place.c.deleted.is_(None))
        .group_by(place.c.id, place.c.full_path)
        .order_by(size.desc(), place.c.full_path)
        .limit(limit)
    )
    return [ProjectSize(path, int(files), int(total)) for path, files, total in rows]


def list_leases(connection: Connection) -> Sequence[Lease]:
    """The jobs that somebody does, and until when they hold them."""
    return [Lease(*row) for row in connection.execute(select(lease.c.name, lease.c.holder, lease.c.expires).order_by(lease.c.name))]
