"""Packages, versions and files: rows at a moment for index writers, lists for people, single reads for the hot path."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, Table, and_, bindparam, case, func, literal_column, or_, select
from sqlalchemy import String as SqlString

from packhouse.db.engine import Hot, batches, now
from packhouse.db.pipelines import PipelineRow, builds_of
from packhouse.db.scopes import Reader, readable, within
from packhouse.db.tables import Id, Time, blob, build, download, file, lineage, mark, package, place, tag, version
from packhouse.model import About, Blob, FileRow, Instant, PackageRow, Search, Struct, VersionRow, replace

_NUMBERS = re.compile(r"[0-9]+")

Needs = Literal["names", "versions", "uploads", "files"]


def visible(table: Table, at: Instant | None) -> ColumnElement[bool]:
    """The row was there at this moment; None is now."""
    if at is None:
        return table.c.deleted.is_(None)
    return and_(table.c.created <= at, or_(table.c.deleted.is_(None), table.c.deleted > at))


def in_force(table: Table, at: Instant | None) -> ColumnElement[bool]:
    """The interval was open at this moment; None is now."""
    if at is None:
        return table.c.until.is_(None)
    return and_(table.c.since <= at, or_(table.c.until.is_(None), table.c.until > at))


ON_A_SHELF = file.c.shelf != literal_column("''")
"""The condition of the index that finds files by their shelf."""


def on_shelf(shelf: str) -> ColumnElement[bool]:
    """The file stands on this shelf."""
    return and_(file.c.shelf == shelf, ON_A_SHELF)


# -- rows for index writers -----------------------------------------------------------------------------------------


def read_rows(
    connection: Connection,
    projects: Sequence[int],
    format: str,
    *,
    name_key: str | None = None,
    name_keys: Sequence[str] | None = None,
    version_id: str | None = None,
    only: ColumnElement[bool] | None = None,
    shelf: str | None = None,
    at: Instant | None = None,
    needs: Needs = "files",
) -> tuple[PackageRow, ...]:
    """What these projects hold of a format at a moment, by name and project; one package, several, or all, or one shelf.

    Of each package one version, or only those that a condition on versions lets through, where that is asked for.
    """
    if version_id is not None:
        only = version.c.version_id == version_id
    chosen = [package.c.project_id.in_(projects), package.c.format == format]
    if name_key is not None:
        chosen.append(package.c.name_key == name_key)
    if name_keys is not None:
        chosen.append(package.c.name_key.in_(name_keys))
    if shelf is not None:
        shelved = select(file.c.package_id).where(file.c.project_id.in_(projects), on_shelf(shelf), visible(file, at))
        chosen.append(package.c.id.in_(shelved))
    if needs == "names":
        return _names(connection, chosen, at)
    packages = connection.execute(
        select(package.c.id, package.c.project_id, package.c.name, package.c.name_key, place.c.full_path)
        .join(place, place.c.id == package.c.project_id)
        .where(*chosen)
        .order_by(package.c.name_key, package.c.project_id)
    ).all()
    ids = [row.id for row in packages]
    versions = _versions(connection, ids, shelf, at, needs, only)
    tags = _tags(connection, ids, at)
    return tuple(
        PackageRow(
            id=p.id, project=p.project_id, name=p.name, key=p.name_key, versions=tuple(versions[p.id]), tags=tags.get(p.id, {}), home=p.full_path
        )
        for p in packages
        if versions.get(p.id)
    )


def _names(connection: Connection, chosen: Sequence[ColumnElement[bool]], at: Instant | None) -> tuple[PackageRow, ...]:
    alive = select(literal_column("1")).where(version.c.package_id == package.c.id, visible(version, at)).correlate(package).exists()
    rows = connection.execute(
        select(package.c.id, package.c.project_id, package.c.name, package.c.name_key)
        .where(*chosen, alive)
        .order_by(package.c.name_key, package.c.project_id)
    )
    return tuple(PackageRow(id=r.id, project=r.project_id, name=r.name, key=r.name_key) for r in rows)


def _versions(
    connection: Connection,
    packages: Sequence[int],
    shelf: str | None,
    at: Instant | None,
    needs: Needs,
    only: ColumnElement[bool] | None = None,
) -> dict[int, list[VersionRow]]:
    out: dict[int, list[VersionRow]] = {}
    for batch in batches(packages):
        of_batch: ColumnElement[bool] = version.c.package_id.in_(batch)
        of_files: ColumnElement[bool] = file.c.package_id.in_(batch)
        if only is not None:
            of_batch = and_(of_batch, only)
            of_files = file.c.version_id.in_(select(version.c.id).where(of_batch, visible(version, at)))
        if needs == "uploads":
            of_files = and_(of_files, file.c.derived.is_(False))
        marks = _marks(connection, of_batch, at)
        files = _files(connection, of_files, shelf, at) if needs in ("uploads", "files") else {}
        rows = connection.execute(
            select(version.c.id, version.c.package_id, version.c.project_id, version.c.name, version.c.version, version.c.created)
            .where(of_batch, visible(version, at))
            .order_by(version.c.created, version.c.id)
        )
        for id_, package_id, project, name, text, created in rows:
            held = files.get(id_, ())
            if shelf is not None and not held:
                continue
            marked = marks.get(id_, {})
            out.setdefault(package_id, []).append(
                VersionRow(
                    id=id_,
                    project=project,
                    name=name,
                    version=text,
                    created=created,
                    status=marked.get("status", "default"),
                    yanked=marked.get("yank"),
                    files=tuple(held),
                )
            )
    return out


_FILE_COLUMNS = (
    file.c.id,
    file.c.version_id,
    file.c.project_id,
    file.c.path,
    file.c.facts,
    file.c.shelf,
    file.c.derived,
    file.c.created,
    file.c.origin_at,
    file.c.source,
    blob.c.sha256,
    blob.c.size,
    blob.c.md5,
    blob.c.sha1,
    blob.c.sha512,
)


def _file_row(row: Any) -> FileRow:
    id_, _version, project, path, facts, shelf, derived, created, origin_at, source, sha256, size, md5, sha1, sha512 = row
    return FileRow(
        id=id_,
        project=project,
        path=path,
        facts=facts.encode(),
        shelf=shelf,
        derived=bool(derived),
        created=created,
        origin_at=origin_at,
        source=source,
        blob=Blob(sha256=sha256, size=size, md5=md5, sha1=sha1, sha512=sha512),
    )


def _files(connection: Connection, chosen: ColumnElement[bool], shelf: str | None, at: Instant | None) -> dict[int, list[FileRow]]:
    statement = select(*_FILE_COLUMNS).join(blob, blob.c.id == file.c.blob_id).where(chosen, visible(file, at)).order_by(file.c.id)
    if shelf is not None:
        statement = statement.where(file.c.shelf == shelf)
    out: dict[int, list[FileRow]] = {}
    for row in connection.execute(statement):
        out.setdefault(row[1], []).append(_file_row(row))
    return out


def _marks(connection: Connection, of_versions: ColumnElement[bool], at: Instant | None) -> dict[int, dict[str, str]]:
    out: dict[int, dict[str, str]] = {}
    statement = (
        select(mark.c.version_id, mark.c.kind, mark.c.value).join(version, version.c.id == mark.c.version_id).where(of_versions, in_force(mark, at))
    )
    for version_id, kind, value in connection.execute(statement):
        out.setdefault(version_id, {})[kind] = value
    return out


def _tags(connection: Connection, packages: Sequence[int], at: Instant | None) -> dict[int, dict[str, str]]:
    out: dict[int, dict[str, str]] = {}
    for batch in batches(packages):
        statement = (
            select(tag.c.package_id, tag.c.name, version.c.version)
            .join(version, version.c.id == tag.c.version_id)
            .where(tag.c.package_id.in_(batch), in_force(tag, at), visible(version, at))
            .order_by(tag.c.name)
        )
        for package_id, name, text in connection.execute(statement):
            out.setdefault(package_id, {})[name] = text
    return out


def read_shelves(connection: Connection, projects: Sequence[int], format: str, root: str, at: Instant | None) -> list[str]:
    """The shelves below a root that hold a file at this moment, in order."""
    statement = (
        select(file.c.shelf)
        .distinct()
        .join(package, package.c.id == file.c.package_id)
        .where(
            file.c.project_id.in_(projects),
            package.c.format == format,
            visible(file, at),
            ON_A_SHELF,
            or_(file.c.shelf == root, file.c.shelf.startswith(root + "/", autoescape=True)),
        )
        .order_by(file.c.shelf)
    )
    return list(connection.scalars(statement))


# -- one file, hot --------------------------------------------------------------------------------------------------


class FoundFile(NamedTuple):
    id: int
    project: int
    version_id: int
    path: str
    created: Instant
    sha256: str
    size: int
    md5: str | None
    sha1: str | None
    sha512: str | None
    stored: str


def _file(*, level: str, by_version: bool, by_digest: bool, at: bool) -> Hot:
    joined = (
        package.join(file, file.c.package_id == package.c.id).join(version, version.c.id == file.c.version_id).join(blob, blob.c.id == file.c.blob_id)
    )
    conditions = [package.c.format == bindparam("format"), package.c.name_key == bindparam("name_key"), file.c.path == bindparam("path")]
    if level == "project":
        conditions.append(package.c.project_id == bindparam("project", type_=Id))
    else:
        joined = joined.join(place, place.c.id == package.c.project_id)
        conditions.append(readable())
        if level == "group":
            conditions.append(within(bindparam("group", type_=Id)))
    if by_version:
        conditions.append(version.c.version_id == bindparam("version_id"))
    if by_digest:
        conditions.append(blob.c.sha256 == bindparam("sha256"))
    for table in (file, version):
        if at:
            moment = bindparam("at", type_=Time)
            conditions += [table.c.created <= moment, or_(table.c.deleted.is_(None), table.c.deleted > moment)]
        else:
            conditions.append(table.c.deleted.is_(None))
    return Hot(
        select(
            file.c.id,
            file.c.project_id,
            file.c.version_id,
            file.c.path,
            file.c.created,
            blob.c.sha256,
            blob.c.size,
            blob.c.md5,
            blob.c.sha1,
            blob.c.sha512,
            blob.c.place,
        )
        .select_from(joined)
        .where(*conditions)
        .order_by(file.c.id.desc())
        .limit(literal_column("1"))
    )


FILES = {
    (level, by_version, by_digest, at): _file(level=level, by_version=by_version, by_digest=by_digest, at=at)
    for level in ("project", "group", "instance")
    for by_version in (False, True)
    for by_digest in (False, True)
    for at in (False, True)
}


# -- lists for people: REST and pages -------------------------------------------------------------------------------

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


def dependants_of(connection: Connection, project: int, format: str, name: str, limit: int) -> list[str]:
    """The packages of a project that name this one among their dependencies, by name."""
    told = msgspec.json.encode({"name": name}).decode()[1:-1]
    pattern = "%" + told.replace("/", "//").replace("%", "/%").replace("_", "/_") + "%"
    joined = version.join(file, and_(file.c.version_id == version.c.id, file.c.deleted.is_(None)))
    chosen = (version.c.project_id == project, version.c.deleted.is_(None), version.c.format == format, version.c.name != name)
    found = select(version.c.name).select_from(joined).where(*chosen, file.c.about.ilike(pattern, escape="/")).distinct()
    return list(connection.scalars(found.order_by(version.c.name).limit(limit)))


def newest_of(connection: Connection, project: int, format: str, name_keys: Sequence[str]) -> dict[str, int]:
    """Name key → the newest live version of that package of a project, for those that are there."""
    found: dict[str, int] = {}
    for some in batches(name_keys):
        rows = connection.execute(
            select(package.c.name_key, func.max(version.c.id))
            .join(version, and_(version.c.package_id == package.c.id, version.c.deleted.is_(None)))
            .where(package.c.project_id == project, package.c.format == format, package.c.name_key.in_(some))
            .group_by(package.c.name_key)
        )
        found |= {row[0]: row[1] for row in rows}
    return found


def project_of(connection: Connection, id_: int, group: int, reader: Reader) -> str | None:
    """The path of the project of a live version, where it lies below a group and the reader may read it."""
    joined = version.join(place, place.c.id == version.c.project_id)
    chosen = (version.c.id == id_, version.c.deleted.is_(None), readable(), within(bindparam("group", group, type_=Id)))
    return connection.scalar(select(place.c.full_path).select_from(joined).where(*chosen), reader.params())


def list_versions(connection: Connection, package_id: int, limit: int = 1000) -> list[Listed]:
    """Every version of a package that is there now, newest first."""
    statement = (
        _listed_statement()
        .where(version.c.package_id == package_id, version.c.deleted.is_(None))
        .order_by(version.c.created.desc(), version.c.id.desc())
        .limit(limit)
    )
    return _with_details(connection, connection.execute(statement).all())


def list_files(connection: Connection, version_id: int, offset: int = 0, limit: int | None = None) -> tuple[list[FileRow], int]:
    """The files of a version that a client uploaded, by id, and how many there are."""
    chosen = (file.c.version_id == version_id, file.c.deleted.is_(None), file.c.derived.is_(False))
    total = connection.execute(select(func.count()).select_from(file).where(*chosen)).scalar_one()
    statement = select(*_FILE_COLUMNS).join(blob, blob.c.id == file.c.blob_id).where(*chosen).order_by(file.c.id).offset(offset)
    if limit is not None:
        statement = statement.limit(limit)
    return [_file_row(row) for row in connection.execute(statement)], total


def held_files(connection: Connection, version_id: int) -> Sequence[Any]:
    """Every file of a version with all that was read out of it, and the digests of its bytes."""
    return connection.execute(
        select(
            file.c.path,
            file.c.shelf,
            file.c.facts,
            file.c.about,
            file.c.derived,
            file.c.origin_at,
            blob.c.size,
            blob.c.sha256,
            blob.c.md5,
            blob.c.sha1,
            blob.c.sha512,
        )
        .join(blob, blob.c.id == file.c.blob_id)
        .where(file.c.version_id == version_id, file.c.deleted.is_(None))
        .order_by(file.c.id)
    ).all()


def get_file(connection: Connection, project: int, version_id: int | None, file_id: int) -> tuple[FileRow, int, str] | None:
    """A live file of this project, its version's id and its stored name."""
    statement = (
        select(*_FILE_COLUMNS, blob.c.place)
        .join(blob, blob.c.id == file.c.blob_id)
        .join(version, version.c.id == file.c.version_id)
        .where(file.c.id == file_id, file.c.project_id == project, file.c.deleted.is_(None), version.c.deleted.is_(None))
    )
    if version_id is not None:
        statement = statement.where(file.c.version_id == version_id)
    row = connection.execute(statement).first()
    return None if row is None else (_file_row(row[:-1]), row[1], row[-1])


def read_about(connection: Connection, version_id: int, at: Instant | None = None) -> About:
    """What a version's files say about it, merged: the newest that says something wins. Warnings are those of each file's newest state."""
    merged: dict[str, Any] = {}
    warnings: list[str] = []
    seen: set[str] = set()
    chosen = (file.c.version_id == version_id, visible(file, at), file.c.about.is_not(None))
    for path, text in connection.execute(select(file.c.path, file.c.about).where(*chosen).order_by(file.c.id.desc())):
        said = msgspec.json.decode(text, type=dict[str, Any])
        # names that differ in numbers alone are states of one file: builds of a snapshot, revisions of a recipe
        state = _NUMBERS.sub("", path.rpartition("/")[2])
        of_this = said.pop("warnings", ())
        if state not in seen:
            warnings += (one for one in of_this if one not in warnings)
        seen.add(state)
        for name, value in said.items():
            merged.setdefault(name, value)
    return msgspec.convert(merged | ({"warnings": warnings} if warnings else {}), About)


def read_package(connection: Connection, package_id: int, project: int, at: Instant | None = None) -> PackageRow | None:
    """A package as index writers see it, by its id."""
    row = connection.execute(select(package.c.format, package.c.name_key).where(package.c.id == package_id, package.c.project_id == project)).first()
    if row is None:
        return None
    found = read_rows(connection, [project], row.format, name_key=row.name_key, at=at)
    return found[0] if found else None


def search_packages(
    connection: Connection, query: PackageQuery, format: str, text: str, offset: int, limit: int, at: Instant | None = None
) -> tuple[list[tuple[PackageRow, int]], int]:
    """Packages whose name contains the text, each with the id of its newest version, and how many there are."""
    alive = select(literal_column("1")).where(version.c.package_id == package.c.id, visible(version, at)).correlate(package).exists()
    conditions: list[ColumnElement[bool]] = [package.c.format == format, alive]
    if text:
        conditions.append(func.lower(package.c.name, type_=SqlString).contains(text.lower(), autoescape=True))
    params: Mapping[str, Any] = {}
    if query.project is not None:
        conditions.append(package.c.project_id == query.project)
    else:
        params = query.reader.params()
        conditions.append(readable())
        if query.group is not None:
            conditions.append(within(bindparam("group", query.group, type_=Id)))
    joined = package.join(place, place.c.id == package.c.project_id)
    total = connection.execute(select(func.count()).select_from(joined).where(*conditions), params).scalar_one()
    page = connection.execute(
        select(package.c.id, package.c.project_id)
        .select_from(joined)
        .where(*conditions)
        .order_by(package.c.name_key, package.c.id)
        .offset(offset)
        .limit(limit),
        params,
    ).all()
    out = []
    for package_id, project in page:
        row = read_package(connection, package_id, project, at)
        if row is not None:
            out.append((row, row.versions[-1].id))
    return out, total


def find_names(
    connection: Connection, query: PackageQuery, format: str, search: Search, at: Instant | None = None
) -> tuple[list[tuple[PackageRow, ...]], int]:
    """A page of the names that a search finds, in their order, each with what every project has of it; and how many names there are.

    Of each package the newest of those versions that the search may show, a bounded number of them.
    """
    conditions: list[ColumnElement[bool]] = [package.c.format == format, _offers(search, at)]
    if search.exact:
        conditions.append(func.lower(package.c.name, type_=SqlString) == search.text.lower())
    elif search.text:
        conditions.append(func.lower(package.c.name, type_=SqlString).contains(search.text.lower(), autoescape=True))
    params: Mapping[str, Any] = {}
    if query.project is not None:
        conditions.append(package.c.project_id == query.project)
    else:
        params = query.reader.params()
        conditions.append(readable())
        if query.group is not None:
            conditions.append(within(bindparam("group", query.group, type_=Id)))
    joined = package.join(place, place.c.id == package.c.project_id)
    total = connection.execute(select(func.count(package.c.name_key.distinct())).select_from(joined).where(*conditions), params).scalar_one()
    page = select(package.c.name_key).select_from(joined).where(*conditions).distinct().order_by(package.c.name_key)
    keys = list(connection.scalars(page.offset(search.offset).limit(search.limit), params))
    if not keys:
        return [], total
    holding = select(package.c.project_id).select_from(joined).where(*conditions, package.c.name_key.in_(keys)).distinct()
    rows = read_rows(
        connection, list(connection.scalars(holding, params)), format, name_keys=keys, only=_newest(search, format, keys, at), at=at, needs="uploads"
    )
    found: dict[str, list[PackageRow]] = {key: [] for key in keys}
    for row in rows:
        found[row.key].append(row)
    return [tuple(found[key]) for key in keys], total


MOST_FOUND = 100  # versions of a package that a search reads


def _offers(search: Search, at: Instant | None) -> ColumnElement[bool]:
    """The package has a version that a search may show."""
    shown: Select[Any] = select(literal_column("1")).where(version.c.package_id == package.c.id, *_shown(search, at))
    return shown.correlate(package).exists()


def _newest(search: Search, format: str, keys: Sequence[str], at: Instant | None) -> ColumnElement[bool]:
    """The version is among the newest of its package that a search may show, of the packages that go by these keys."""
    named = select(package.c.id).where(package.c.format == format, package.c.name_key.in_(keys))
    by_age = func.row_number().over(partition_by=version.c.package_id, order_by=(version.c.created.desc(), version.c.id.desc()))
    aged = select(version.c.id, version.c.package_id, by_age.label("place")).where(version.c.package_id.in_(named), *_shown(search, at)).subquery()
    return version.c.id.in_(select(aged.c.id).where(aged.c.place <= MOST_FOUND))


def _shown(search: Search, at: Instant | None) -> list[ColumnElement[bool]]:
    def marked(kind: str) -> ColumnElement[bool]:
        of_kind: Select[Any] = select(literal_column("1")).where(mark.c.version_id == version.c.id, mark.c.kind == kind, in_force(mark, at))
        if kind == "status":
            of_kind = of_kind.where(mark.c.value == "hidden")
        return of_kind.correlate(version).exists()

    conditions = [visible(version, at), ~marked("status")]
    if not search.yanked:
        conditions.append(~marked("yank"))
    if not search.prereleases:
        conditions.append(version.c.version_id.not_like("%-%"))
    return conditions


def find_open(connection: Connection, format: str, above: int, shelf: str, path: str, at: Instant | None = None) -> FoundFile | None:
    """The newest file on a shelf under this path in a project, or in any project of a group, whoever may read there."""
    joined = (
        file.join(package, package.c.id == file.c.package_id)
        .join(version, version.c.id == file.c.version_id)
        .join(place, place.c.id == file.c.project_id)
        .join(blob, blob.c.id == file.c.blob_id)
    )
    statement = (
        select(
            file.c.id,
            file.c.project_id,
            file.c.version_id,
            file.c.path,
            file.c.created,
            blob.c.sha256,
            blob.c.size,
            blob.c.md5,
            blob.c.sha1,
            blob.c.sha512,
            blob.c.place,
        )
        .select_from(joined)
        .where(
            within(bindparam("above", above, type_=Id)),
            place.c.kind == "project",
            place.c.deleted.is_(None),
            place.c.packages_access != "disabled",
            package.c.format == format,
            on_shelf(shelf),
            file.c.path == path,
            visible(file, at),
            visible(version, at),
        )
        .order_by(file.c.id.desc())
        .limit(1)
    )
    row = connection.execute(statement).first()
    return None if row is None else FoundFile(*row)


def projects_with(connection: Connection, format: str, name_key: str, group: int | None, reader: Reader, at: Instant | None = None) -> list[int]:
    """The readable projects of a group, or of the instance, that hold a version of a package."""
    alive = select(literal_column("1")).where(version.c.package_id == package.c.id, visible(version, at)).correlate(package).exists()
    conditions = [package.c.format == format, package.c.name_key == name_key, alive, readable()]
    if group is not None:
        conditions.append(within(bindparam("group", group, type_=Id)))
    joined = package.join(place, place.c.id == package.c.project_id)
    return list(
        connection.scalars(select(package.c.project_id).select_from(joined).where(*conditions).order_by(package.c.project_id), reader.params())
    )


def narrow(connection: Connection, format: str, name_key: str, projects: Sequence[int], version_ids: Sequence[str]) -> list[int]:
    """Those of the projects that hold any of these versions of the package; all of them without one."""
    if not version_ids:
        return list(projects)
    holding = (
        select(version.c.project_id)
        .join(package, package.c.id == version.c.package_id)
        .where(package.c.format == format, package.c.name_key == name_key, package.c.project_id.in_(projects), version.c.deleted.is_(None))
    )
    return sorted({project for some in batches(version_ids) for project in connection.scalars(holding.where(version.c.version_id.in_(some)))})


def deleted_versions(connection: Connection, project: int, format: str, name_key: str) -> set[str]:
    """The ids of versions of a package that were deleted and are not there again."""
    of = (package.c.project_id == project, package.c.format == format, package.c.name_key == name_key)
    rows = connection.execute(
        select(version.c.version_id, version.c.deleted.is_(None)).join(package, package.c.id == version.c.package_id).where(*of)
    )
    found: dict[bool, set[str]] = {True: set(), False: set()}
    for id_, alive in rows:
        found[bool(alive)].add(id_)
    return found[False] - found[True]


def is_claimed(connection: Connection, format: str, name_key: str, scope: int | None) -> bool:
    """A project in this scope (a project, a group, or all) has or ever had a package of this name, whoever may see it."""
    statement = select(package.c.id).where(package.c.format == format, package.c.name_key == name_key)
    if scope is not None:
        inside = select(lineage.c.place_id).where(lineage.c.ancestor_id == scope)
        statement = statement.where(package.c.project_id.in_(inside))
    return connection.execute(statement.limit(1)).first() is not None


def formats_of(connection: Connection, project: int) -> set[str]:
    """The formats that a project holds live versions of."""
    return set(connection.scalars(select(version.c.format).where(version.c.project_id == project, version.c.deleted.is_(None)).distinct()))
