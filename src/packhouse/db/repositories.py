"""Repositories of images as people see them: lists, tags with what they point at, sizes, and the rows of cleanup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, delete, func, insert, literal_column, or_, select, update
from sqlalchemy import String as SqlString

from packhouse.db.containers import alive, byte_order
from packhouse.db.engine import batches
from packhouse.db.intervals import in_force, visible
from packhouse.db.scopes import Reader, readable, within
from packhouse.db.tables import (
    Id,
    blob,
    blob_link,
    build,
    cleanup_policy,
    cleanup_run,
    file,
    lineage,
    package,
    place,
    reference,
    tag,
    upload_session,
    user,
    version,
)
from packhouse.model import Instant, Struct


class RepositoryRow(Struct):
    """A repository that holds something."""

    id: int
    project: int
    project_path: str
    name: str
    created: Instant
    updated: Instant | None = None  # the last time that one of its tags was pushed


_UPDATED: Any = select(func.max(tag.c.since)).where(tag.c.package_id == package.c.id).correlate(package).scalar_subquery()


def _repositories(format: str, at: Instant | None = None) -> Select[Any]:
    first_version = select(func.min(version.c.created)).where(version.c.package_id == package.c.id, visible(version, at)).scalar_subquery()
    first_link: Any = select(func.min(blob_link.c.created)).where(blob_link.c.package_id == package.c.id).scalar_subquery()
    return (
        select(package.c.id, package.c.project_id, place.c.full_path, package.c.name, first_version, first_link, _UPDATED)
        .join(place, and_(place.c.id == package.c.project_id, place.c.deleted.is_(None)))
        .where(package.c.format == format, alive(at))
    )


def _row(r: Any) -> RepositoryRow:
    created = min(at for at in (r[4], r[5]) if at is not None)
    return RepositoryRow(id=r[0], project=r[1], project_path=r[2], name=r[3], created=created, updated=r[6])


def list_repositories(
    connection: Connection,
    format: str,
    *,
    project: int | None,
    group: int | None,
    reader: Reader,
    offset: int,
    limit: int,
    text: str = "",
    order: str = "created",
    descending: bool = False,
    at: Instant | None = None,
) -> tuple[list[RepositoryRow], int]:
    """A page of the repositories of a project, or of every project below a group (None: of all) whose images the reader may pull; how many there are.

    Those of now, or of an earlier moment, whose name contains the text; in the order of their `name`, or in which
    they were `created` or `updated`.
    """
    conditions: list[ColumnElement[bool]] = []
    params: dict[str, Any] = {}
    if project is not None:
        conditions.append(package.c.project_id == project)
    else:
        params = reader.params()
        conditions.append(readable(place.c.containers_access))
        if group is not None:
            conditions.append(within(bindparam("group", group, type_=Id)))
    if text:
        conditions.append(func.lower(package.c.name, type_=SqlString).contains(text.lower(), autoescape=True))
    counted = select(func.count()).select_from(package.join(place, place.c.id == package.c.project_id))
    total = connection.execute(counted.where(package.c.format == format, place.c.deleted.is_(None), alive(at), *conditions), params).scalar_one()
    first = {"name": [byte_order(connection, package.c.name)], "updated": [func.coalesce(_UPDATED, 0)]}.get(order, [])
    ordered = [*first, package.c.id]
    ordered = [column.desc() for column in ordered] if descending else ordered
    rows = connection.execute(_repositories(format, at).where(*conditions).order_by(*ordered).offset(offset).limit(limit), params)
    return [_row(row) for row in rows], total


def get_repository(connection: Connection, format: str, id_: int, project: int | None = None, at: Instant | None = None) -> RepositoryRow | None:
    """A repository by its id, of this project only where one is given; now, or at an earlier moment."""
    statement = _repositories(format, at).where(package.c.id == id_)
    if project is not None:
        statement = statement.where(package.c.project_id == project)
    row = connection.execute(statement).first()
    return None if row is None else _row(row)


def images_below(connection: Connection, place_id: int, format: str) -> bool:
    """Some project at or below this place holds a repository."""
    found: Select[Any] = (
        select(literal_column("1"))
        .select_from(package.join(lineage, lineage.c.place_id == package.c.project_id))
        .where(lineage.c.ancestor_id == place_id, package.c.format == format, alive())
        .limit(1)
    )
    return connection.execute(found).first() is not None


# -- tags -----------------------------------------------------------------------------------------------------------


def count_tags(connection: Connection, packages: Sequence[int], at: Instant | None = None) -> dict[int, int]:
    """How many tags each of these has now, or had at an earlier moment."""
    rows = connection.execute(
        select(tag.c.package_id, func.count()).where(tag.c.package_id.in_(packages), in_force(tag, at)).group_by(tag.c.package_id)
    )
    return {row[0]: row[1] for row in rows}


def page_tags(connection: Connection, package_id: int, offset: int, limit: int, at: Instant | None = None) -> list[str]:
    """A page of tags by number, by name."""
    name = byte_order(connection, tag.c.name)
    statement = select(tag.c.name).where(tag.c.package_id == package_id, in_force(tag, at)).order_by(name).offset(offset).limit(limit)
    return list(connection.scalars(statement))


def find_tags(
    connection: Connection, package_id: int, *, text: str = "", order: str = "name", descending: bool = False, offset: int = 0, limit: int
) -> tuple[list[str], int]:
    """A page of the tags whose name contains a text, in the order of their `name`, or in which they were `pushed`; how many there are."""
    conditions = [tag.c.package_id == package_id, tag.c.until.is_(None)]
    if text:
        conditions.append(func.lower(tag.c.name, type_=SqlString).contains(text.lower(), autoescape=True))
    total = connection.execute(select(func.count()).select_from(tag).where(*conditions)).scalar_one()
    name = byte_order(connection, tag.c.name)
    ordered = [tag.c.since, name] if order == "pushed" else [name]
    ordered = [column.desc() for column in ordered] if descending else ordered
    return list(connection.scalars(select(tag.c.name).where(*conditions).order_by(*ordered).offset(offset).limit(limit))), total


class TagRow(NamedTuple):
    """A tag, the version it points at, and when what it names was made: None where it does not say."""

    name: str
    version_id: int
    version: str
    made: Instant | None
    facts: str
    published: Instant
    pushed: Instant = 0  # since when the tag points there
    size: int = 0  # of the manifest itself
    creator_id: int | None = None  # who pushed the manifest first
    creator: str | None = None


def read_tags(
    connection: Connection, package_id: int, name: str | None = None, *, names: Sequence[str] | None = None, at: Instant | None = None
) -> list[TagRow]:
    """The tags of a repository with what they point at, or the one of this name, or those of these names; now, or at an earlier moment."""
    statement = (
        select(tag.c.name, version.c.id, version.c.version, file.c.origin_at, file.c.facts, version.c.created, tag.c.since, blob.c.size)
        .add_columns(version.c.creator_id, user.c.username)
        .join(version, version.c.id == tag.c.version_id)
        .join(file, and_(file.c.version_id == version.c.id, visible(file, at)))
        .join(blob, blob.c.id == file.c.blob_id)
        .outerjoin(user, user.c.id == version.c.creator_id)
        .where(tag.c.package_id == package_id, in_force(tag, at), visible(version, at))
        .order_by(tag.c.name)
    )
    if name is not None:
        statement = statement.where(tag.c.name == name)
    if names is not None:
        statement = statement.where(tag.c.name.in_(names))
    rows = [TagRow(*row) for row in connection.execute(statement)]
    made = _made_of_children(connection, package_id, {row.version_id for row in rows if row.made is None}, at)
    return [row._replace(made=made.get(row.version_id)) if row.made is None else row for row in rows]


def _made_of_children(connection: Connection, package_id: int, versions: Iterable[int], at: Instant | None) -> dict[int, Instant]:
    """An index is as young as the youngest image it lists."""
    child: Any = version.alias("child")
    found: dict[int, Instant] = {}
    for some in batches(list(versions)):
        rows = connection.execute(
            select(reference.c.version_id, func.max(file.c.origin_at))
            .join(child, and_(child.c.package_id == reference.c.package_id, child.c.version_id == reference.c.digest, visible(child, at)))
            .join(file, file.c.version_id == child.c.id)
            .where(reference.c.package_id == package_id, reference.c.kind == "version", reference.c.version_id.in_(some))
            .group_by(reference.c.version_id)
        )
        found |= {row[0]: row[1] for row in rows if row[1] is not None}
    return found


def read_facts(connection: Connection, package_id: int, versions: Sequence[str]) -> dict[str, str]:
    """Version (a digest) → the facts of its manifest, for those that are there."""
    found: dict[str, str] = {}
    for some in batches(versions):
        rows = connection.execute(
            select(version.c.version, file.c.facts)
            .join(file, and_(file.c.version_id == version.c.id, file.c.deleted.is_(None)))
            .where(version.c.package_id == package_id, version.c.version.in_(some), version.c.deleted.is_(None))
        )
        found |= {row[0]: row[1] for row in rows}
    return found


class BuiltTag(NamedTuple):
    """A tag whose image a pipeline pushed."""

    repository: int
    name: str
    tag: str
    version: str


def tags_of_build(connection: Connection, pipeline: int, format: str, limit: int) -> list[BuiltTag]:
    """The tags that are set now on what a pipeline pushed, by repository and tag."""
    statement = (
        select(package.c.id, package.c.name, tag.c.name, version.c.version)
        .select_from(build.join(version, version.c.id == build.c.version_id).join(tag, and_(tag.c.version_id == version.c.id, tag.c.until.is_(None))))
        .join(package, package.c.id == tag.c.package_id)
        .where(build.c.pipeline_id == pipeline, package.c.format == format)
    )
    return [BuiltTag(*row) for row in connection.execute(statement.order_by(package.c.name, tag.c.name).limit(limit))]


# -- sizes ----------------------------------------------------------------------------------------------------------


def size_of(connection: Connection, *, package_id: int | None = None, place_id: int | None = None, format: str) -> int:
    """The bytes that tagged images take, whatever is shared counted once: of a repository, or of everything at or below a place."""
    reached = select(tag.c.version_id).join(package, package.c.id == tag.c.package_id).where(tag.c.until.is_(None), package.c.format == format)
    if package_id is not None:
        reached = reached.where(tag.c.package_id == package_id)
    else:
        reached = reached.join(lineage, lineage.c.place_id == package.c.project_id).where(lineage.c.ancestor_id == place_id)
    tagged = reached.cte("reached", recursive=True)
    child = version.alias("child")
    listed = (
        select(child.c.id)
        .join(reference, and_(reference.c.package_id == child.c.package_id, reference.c.digest == child.c.version_id, reference.c.kind == "version"))
        .join(tagged, tagged.c.version_id == reference.c.version_id)
        .where(child.c.deleted.is_(None))
    )
    tagged = tagged.union(listed)
    layers = select(reference.c.blob_id).join(tagged, tagged.c.version_id == reference.c.version_id).where(reference.c.blob_id.is_not(None))
    manifests = select(file.c.blob_id).join(tagged, tagged.c.version_id == file.c.version_id).where(file.c.deleted.is_(None))
    total = select(func.coalesce(func.sum(blob.c.size), 0)).where(or_(blob.c.id.in_(layers), blob.c.id.in_(manifests)))
    return int(connection.execute(total).scalar_one())


# -- deleting -------------------------------------------------------------------------------------------------------


def drop_loose(connection: Connection, package_id: int, project: int, format: str, name_key: str) -> list[str]:
    """The loose blobs and open uploads of a repository are gone; the names of those uploads."""
    connection.execute(delete(blob_link).where(blob_link.c.package_id == package_id))
    mine = (upload_session.c.project_id == project, upload_session.c.format == format, upload_session.c.name_key == name_key)
    found = list(connection.scalars(select(upload_session.c.name).where(*mine)))
    connection.execute(delete(upload_session).where(*mine))
    return found


# -- cleanup --------------------------------------------------------------------------------------------------------


class Policy(Struct):
    """What a project wants to be cleaned up, and when next."""

    project: int
    enabled: bool = False
    cadence: str = "1d"
    keep_n: int | None = 10
    older_than: str | None = "90d"
    name_regex: str = ".*"
    name_regex_keep: str | None = None
    next_run_at: Instant = 0


_POLICY = tuple(cleanup_policy.c[name] for name in ("project_id", "enabled", "cadence", "keep_n", "older_than", "name_regex", "name_regex_keep"))


def get_policy(connection: Connection, project: int) -> Policy | None:
    row = connection.execute(select(*_POLICY, cleanup_policy.c.next_run_at).where(cleanup_policy.c.project_id == project)).first()
    return None if row is None else _policy(row)


def _policy(r: Any) -> Policy:
    return Policy(
        project=r[0], enabled=bool(r[1]), cadence=r[2], keep_n=r[3], older_than=r[4], name_regex=r[5], name_regex_keep=r[6], next_run_at=r[7]
    )


def put_policy(connection: Connection, policy: Policy) -> None:
    values = {name: getattr(policy, name) for name in policy.__struct_fields__}  # type: ignore[attr-defined]
    project = values.pop("project")
    if connection.execute(update(cleanup_policy).where(cleanup_policy.c.project_id == project).values(**values)).rowcount == 0:
        connection.execute(insert(cleanup_policy).values(project_id=project, **values))


def due_policies(connection: Connection, at: Instant, limit: int = 20) -> list[Policy]:
    """The policies whose time has come, the longest waiting first."""
    rows = connection.execute(
        select(*_POLICY, cleanup_policy.c.next_run_at)
        .join(place, and_(place.c.id == cleanup_policy.c.project_id, place.c.deleted.is_(None)))
        .where(cleanup_policy.c.enabled.is_(True), cleanup_policy.c.next_run_at <= at, place.c.archived.is_(False))
        .order_by(cleanup_policy.c.next_run_at)
        .limit(limit)
    )
    return [_policy(row) for row in rows]


class RunRow(Struct):
    """A run of cleanup that was."""

    id: int
    trigger: str
    started: Instant
    ended: Instant | None
    removed: int
    kept: int
    detail: str


def add_run(connection: Connection, project: int, trigger: str, started: Instant) -> int:
    values = {"project_id": project, "trigger": trigger, "started": started, "removed": 0, "kept": 0, "detail": "{}"}
    return int(connection.execute(insert(cleanup_run).values(**values).returning(cleanup_run.c.id)).scalar_one())


def end_run(connection: Connection, id_: int, ended: Instant, removed: int, kept: int, detail: str) -> None:
    connection.execute(update(cleanup_run).where(cleanup_run.c.id == id_).values(ended=ended, removed=removed, kept=kept, detail=detail))


def list_runs(connection: Connection, project: int, offset: int, limit: int) -> tuple[list[RunRow], int]:
    """A page of the runs of a project, newest first, and how many there are."""
    total = connection.execute(select(func.count()).select_from(cleanup_run).where(cleanup_run.c.project_id == project)).scalar_one()
    columns = tuple(cleanup_run.c[name] for name in RunRow.__struct_fields__)  # type: ignore[attr-defined]
    rows = connection.execute(
        select(*columns).where(cleanup_run.c.project_id == project).order_by(cleanup_run.c.id.desc()).offset(offset).limit(limit)
    )
    return [RunRow(*row) for row in rows], total
