"""Versions as lists show them to people: those of the REST API and of the pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, case, func, literal_column, or_, select
from sqlalchemy import String as SqlString

from packhouse.db.engine import now
from packhouse.db.pipelines import PipelineRow, builds_of
from packhouse.db.scopes import Reader, readable, within
from packhouse.db.tables import Id, blob, build, download, file, mark, place, tag, version
from packhouse.model import Instant, Struct, replace

UNLISTED = ("terraform_module", "container")  # have lists of their own
SORTS = {"created_at": version.c.created, "name": version.c.name, "version": version.c.version}
# GitLab's enum of package types: `type` sorts by it
TYPE_ORDER = (
    "maven",
    "npm",
    "conan",
    "nuget",
    "pypi",
    "composer",
    "generic",
    "go",
    "debian",
    "rubygems",
    "helm",
    "terraform_module",
    "rpm",
    "ml_model",
    "cargo",
)


class PackageQuery(Struct):
    """What a list asks for: core API 4.2. `projects` None: every project in `group`, or all, that the reader may read."""

    project: int | None = None
    group: int | None = None
    exclude_subgroups: bool = False
    reader: Reader = Reader()
    order_by: str = "created_at"
    sort: str = "asc"
    format: str | None = None
    name: str | None = None
    name_exact: str | None = None
    version: str | None = None
    include_versionless: bool = False
    status: str | None = None
    offset: int = 0
    limit: int = 20
    count: bool = True
    version_pattern: str | None = None  # `*` stands for any text
    after: tuple[str | int, int] | None = None  # a keyset page starts behind this value of the order and this id
    backwards: bool = False  # ... or ends before it
    pipeline: int | None = None  # that published it


class Listed(Struct):
    """A version as lists and pages show it."""

    id: int
    project: int
    project_path: str
    format: str
    package_id: int
    name: str
    version: str | None
    created: Instant
    creator_id: int | None
    creator: str | None
    last_downloaded: Instant | None
    status: str
    yanked: str | None
    tags: tuple[tuple[int, str, Instant], ...] = ()
    files: int = 0
    size: int = 0
    downloads: int = 0
    pipeline: PipelineRow | None = None  # the last that published it


def _status_expression() -> Any:
    def value(kind: str) -> Any:
        return (
            select(mark.c.value)
            .where(mark.c.version_id == version.c.id, mark.c.kind == kind, mark.c.until.is_(None))
            .correlate(version)
            .scalar_subquery()
        )

    return case((value("status").is_not(None), value("status")), (value("yank").is_not(None), "deprecated"), else_="default")


def _list_conditions(query: PackageQuery) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [version.c.deleted.is_(None)]
    if query.project is not None:
        conditions.append(version.c.project_id == query.project)
    else:
        conditions.append(readable())
        if query.group is not None:
            inside = place.c.parent_id == query.group if query.exclude_subgroups else within(bindparam("group", query.group, type_=Id))
            conditions.append(inside)
    if query.format is not None:
        conditions.append(version.c.format == query.format)
    else:
        conditions.append(version.c.format.not_in(UNLISTED))
    if query.name:
        conditions.append(func.lower(version.c.name, type_=SqlString).contains(query.name.lower(), autoescape=True))
    if query.name_exact is not None:
        conditions.append(version.c.name == query.name_exact)
    if query.version is not None:
        conditions += [version.c.version == query.version, version.c.version != ""]
    elif not query.include_versionless:
        conditions.append(version.c.version != "")
    if query.version_pattern is not None:
        conditions += [_matches(query.version_pattern), version.c.version != ""]
    if query.pipeline is not None:
        conditions.append(version.c.id.in_(select(build.c.version_id).where(build.c.pipeline_id == query.pipeline)))
    conditions.append(_has_status(query.status))
    return conditions


def _has_status(status: str | None) -> ColumnElement[bool]:
    """As `_status_expression` says, without a look for each version: few are marked, and one look finds them all. None: what lists show."""

    def marked(kind: str, *more: ColumnElement[bool]) -> ColumnElement[bool]:
        return version.c.id.in_(select(mark.c.version_id).where(mark.c.kind == kind, mark.c.until.is_(None), *more))

    if status is None:
        return ~marked("status", mark.c.value.not_in(("default", "deprecated", "error")))
    said = marked("status", mark.c.value == status)
    if status == "default":
        return or_(said, and_(~marked("status"), ~marked("yank")))
    if status == "deprecated":
        return or_(said, and_(~marked("status"), marked("yank")))
    return said


def _matches(pattern: str) -> ColumnElement[bool]:
    plain = pattern.replace("/", "//").replace("%", "/%").replace("_", "/_")
    return func.lower(version.c.version, type_=SqlString).like(plain.lower().replace("*", "%"), escape="/")


def _order_column(query: PackageQuery) -> Any:
    if query.order_by == "type":
        return case(*((version.c.format == name, number) for number, name in enumerate(TYPE_ORDER)), else_=len(TYPE_ORDER))
    return place.c.full_path if query.order_by == "project_path" else SORTS[query.order_by]


def _order(query: PackageQuery) -> list[Any]:
    column = _order_column(query)
    falling = (query.sort == "desc") != query.backwards
    return [column.desc(), version.c.id.desc()] if falling else [column.asc(), version.c.id.asc()]


def _behind(query: PackageQuery) -> list[ColumnElement[bool]]:
    """The conditions of a keyset page."""
    if query.after is None:
        return []
    column, (value, id_) = _order_column(query), query.after
    if (query.sort == "desc") != query.backwards:
        return [or_(column < value, and_(column == value, version.c.id < id_))]
    return [or_(column > value, and_(column == value, version.c.id > id_))]


def order_value(query: PackageQuery, item: Listed) -> str | int:
    """What a version is sorted by: with its id, where a keyset page begins."""
    if query.order_by == "type":
        return TYPE_ORDER.index(item.format) if item.format in TYPE_ORDER else len(TYPE_ORDER)
    values: dict[str, str | int] = {"created_at": item.created, "name": item.name, "version": item.version or "", "project_path": item.project_path}
    return values[query.order_by]


def _listed_statement() -> Select[Any]:
    from packhouse.db.tables import user

    return select(
        version.c.id,
        version.c.project_id,
        place.c.full_path,
        version.c.format,
        version.c.package_id,
        version.c.name,
        version.c.version,
        version.c.created,
        version.c.creator_id,
        user.c.username,
        version.c.last_downloaded,
        _status_expression().label("status"),
        select(mark.c.value)
        .where(mark.c.version_id == version.c.id, mark.c.kind == "yank", mark.c.until.is_(None))
        .correlate(version)
        .scalar_subquery()
        .label("yanked"),
    ).select_from(version.join(place, place.c.id == version.c.project_id).outerjoin(user, user.c.id == version.c.creator_id))


def list_packages(connection: Connection, query: PackageQuery) -> tuple[list[Listed], int | None]:
    """A page of versions, and how many there are in all (None where not counted)."""
    conditions = _list_conditions(query)
    params = query.reader.params()
    if query.project is not None:
        params = {}
    total: int | None = None
    if query.count:
        counted = select(func.count()).select_from(version.join(place, place.c.id == version.c.project_id)).where(*conditions)
        total = connection.execute(counted, params).scalar_one()
    statement = _listed_statement().where(*conditions, *_behind(query)).order_by(*_order(query)).offset(query.offset).limit(query.limit)
    rows = connection.execute(statement, params).all()
    return _with_details(connection, rows[::-1] if query.backwards else rows), total


def count_formats(connection: Connection, query: PackageQuery) -> dict[str, int]:
    """How many versions of each format a list finds, whatever page of it is asked for."""
    found = select(version.c.format, func.count()).select_from(version.join(place, place.c.id == version.c.project_id))
    params = query.reader.params() if query.project is None else {}
    rows = connection.execute(found.where(*_list_conditions(query)).group_by(version.c.format), params)
    return {row[0]: row[1] for row in rows}


def count_broken(connection: Connection, query: PackageQuery) -> int:
    """How many versions a list would find in error; for most there is nothing to count."""
    broken = select(mark.c.id).where(mark.c.kind == "status", mark.c.until.is_(None), mark.c.value == "error").limit(1)
    if connection.execute(broken).first() is None:
        return 0
    return sum(count_formats(connection, replace(query, status="error")).values())


def count_versions(connection: Connection, packages: Sequence[int]) -> dict[int, int]:
    """How many versions each of these packages has now."""
    chosen = (version.c.package_id.in_(packages), version.c.deleted.is_(None))
    return {row[0]: row[1] for row in connection.execute(select(version.c.package_id, func.count()).where(*chosen).group_by(version.c.package_id))}


def downloads_by_day(connection: Connection, version_id: int, since_day: int) -> dict[int, int]:
    """Day (days since 1970) → downloads of a version, for the days from one on that had any."""
    day = download.c.hour // literal_column("24")
    rows = connection.execute(
        select(day, func.sum(download.c.number)).where(download.c.version_id == version_id, download.c.hour >= since_day * 24).group_by(day)
    )
    return {int(row[0]): int(row[1]) for row in rows}


def _with_details(connection: Connection, rows: Sequence[Any]) -> list[Listed]:
    ids = [row.id for row in rows]
    tags: dict[int, list[tuple[int, str, Instant]]] = {}
    sums: dict[int, tuple[int, int]] = {}
    counts: dict[int, int] = {}
    built: dict[int, PipelineRow] = {}
    if ids:
        built = builds_of(connection, ids, now())
        # tags are found by their package: they have no index by version
        of_packages = tag.c.package_id.in_(sorted({row.package_id for row in rows}))
        found = (
            select(tag.c.id, tag.c.version_id, tag.c.name, tag.c.since)
            .where(of_packages, tag.c.version_id.in_(ids), tag.c.until.is_(None))
            .order_by(tag.c.name)
        )
        for id_, version_id, name, since in connection.execute(found):
            tags.setdefault(version_id, []).append((id_, name, since))
        totals = (
            select(file.c.version_id, func.count(), func.sum(blob.c.size))
            .join(blob, blob.c.id == file.c.blob_id)
            .where(file.c.version_id.in_(ids), file.c.deleted.is_(None), file.c.derived.is_(False))
            .group_by(file.c.version_id)
        )
        sums = {row[0]: (row[1], int(row[2] or 0)) for row in connection.execute(totals)}
        loads = select(download.c.version_id, func.sum(download.c.number)).where(download.c.version_id.in_(ids)).group_by(download.c.version_id)
        counts = {row[0]: int(row[1]) for row in connection.execute(loads)}
    return [
        Listed(
            id=r[0],
            project=r[1],
            project_path=r[2],
            format=r[3],
            package_id=r[4],
            name=r[5],
            version=r[6] or None,
            created=r[7],
            creator_id=r[8],
            creator=r[9],
            last_downloaded=r[10],
            status=r[11],
            yanked=r[12],
            tags=tuple(tags.get(r[0], ())),
            files=sums.get(r[0], (0, 0))[0],
            size=sums.get(r[0], (0, 0))[1],
            downloads=counts.get(r[0], 0),
            pipeline=built.get(r[0]),
        )
        for r in rows
    ]


def get_package(connection: Connection, project: int, id_: int) -> Listed | None:
    """One version of this project, by its id; never one of another project."""
    statement = _listed_statement().where(version.c.id == id_, version.c.project_id == project, version.c.deleted.is_(None))
    found = _with_details(connection, connection.execute(statement).all())
    return found[0] if found else None


def list_versions(connection: Connection, package_id: int, limit: int = 1000) -> list[Listed]:
    """Every version of a package that is there now, newest first."""
    statement = (
        _listed_statement()
        .where(version.c.package_id == package_id, version.c.deleted.is_(None))
        .order_by(version.c.created.desc(), version.c.id.desc())
        .limit(limit)
    )
    return _with_details(connection, connection.execute(statement).all())


def project_of(connection: Connection, id_: int, group: int, reader: Reader) -> str | None:
    """The path of the project of a live version, where it lies below a group and the reader may read it."""
    joined = version.join(place, place.c.id == version.c.project_id)
    chosen = (version.c.id == id_, version.c.deleted.is_(None), readable(), within(bindparam("group", group, type_=Id)))
    return connection.scalar(select(place.c.full_path).select_from(joined).where(*chosen), reader.params())


def formats_of(connection: Connection, project: int) -> set[str]:
    """The formats that a project holds live versions of."""
    return set(connection.scalars(select(version.c.format).where(version.c.project_id == project, version.c.deleted.is_(None)).distinct()))
