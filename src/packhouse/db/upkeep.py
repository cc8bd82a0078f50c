"""What upkeep goes by: how many states of a file a project keeps, versions with many files, files that came and were never followed by more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, delete, func, insert, select, update

from packhouse.db.tables import file, package_policy, place, setting, version
from packhouse.model import Instant, Struct

SWEPT = "upkeep.swept"  # a setting: uploads whose last file came before this have been looked at


class KeepPolicy(Struct):
    """How many states of a file a project keeps. `keep_n` None: all."""

    project: int
    keep_n: int | None = None
    next_run_at: Instant = 0


class VersionAt(NamedTuple):
    """A version that upkeep looks into."""

    id: int
    project: int
    package_id: int
    name: str
    version: str


_COLUMNS = (package_policy.c.project_id, package_policy.c.keep_n, package_policy.c.next_run_at)
_VERSION = (version.c.id, version.c.project_id, version.c.package_id, version.c.name, version.c.version)


def get_policy(connection: Connection, project: int) -> KeepPolicy:
    """What a project keeps; all, where it has said nothing."""
    row = connection.execute(select(*_COLUMNS).where(package_policy.c.project_id == project)).first()
    return KeepPolicy(project=project) if row is None else KeepPolicy(project=row[0], keep_n=row[1], next_run_at=row[2])


def put_policy(connection: Connection, policy: KeepPolicy) -> None:
    if policy.keep_n is None:
        connection.execute(delete(package_policy).where(package_policy.c.project_id == policy.project))
        return
    values = {"keep_n": policy.keep_n, "next_run_at": policy.next_run_at}
    if connection.execute(update(package_policy).where(package_policy.c.project_id == policy.project).values(**values)).rowcount == 0:
        connection.execute(insert(package_policy).values(project_id=policy.project, **values))


def due_policies(connection: Connection, at: Instant) -> list[KeepPolicy]:
    """The policies whose time has come, the longest overdue first."""
    rows = connection.execute(
        select(*_COLUMNS)
        .join(place, and_(place.c.id == package_policy.c.project_id, place.c.deleted.is_(None)))
        .where(package_policy.c.next_run_at <= at)
        .order_by(package_policy.c.next_run_at)
    )
    return [KeepPolicy(project=row[0], keep_n=row[1], next_run_at=row[2]) for row in rows]


def crowded_versions(connection: Connection, project: int, format: str, more_than: int) -> list[VersionAt]:
    """The versions of a project that have more files than this."""
    statement = (
        select(*_VERSION)
        .join(file, and_(file.c.version_id == version.c.id, file.c.deleted.is_(None), file.c.derived.is_(False)))
        .where(version.c.project_id == project, version.c.format == format, version.c.deleted.is_(None))
        .group_by(*_VERSION)
        .having(func.count() > more_than)
        .order_by(version.c.id)
    )
    return [VersionAt(*row) for row in connection.execute(statement)]


def versions_touched(connection: Connection, formats: Sequence[str], after: Instant, until: Instant) -> list[VersionAt]:
    """The live versions of these formats that a file came to between two instants."""
    touched = select(file.c.version_id).where(file.c.created > after, file.c.created <= until, file.c.deleted.is_(None))
    statement = select(*_VERSION).where(version.c.format.in_(formats), version.c.deleted.is_(None), version.c.id.in_(touched)).order_by(version.c.id)
    return [VersionAt(*row) for row in connection.execute(statement)]


def file_times(connection: Connection, version_id: int) -> dict[str, Instant]:
    """The paths of a version's own live files, and when each came."""
    rows = connection.execute(
        select(file.c.path, file.c.created).where(file.c.version_id == version_id, file.c.deleted.is_(None), file.c.derived.is_(False))
    )
    return {row[0]: row[1] for row in rows}


def swept_until(connection: Connection) -> Instant:
    """Up to which instant half uploads were looked for."""
    found = connection.scalar(select(setting.c.value).where(setting.c.name == SWEPT))
    return int(found) if found else 0


def set_swept(connection: Connection, until: Instant) -> None:
    values: dict[str, Any] = {"value": str(until)}
    if connection.execute(update(setting).where(setting.c.name == SWEPT).values(**values)).rowcount == 0:
        connection.execute(insert(setting).values(name=SWEPT, **values))
