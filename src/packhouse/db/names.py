"""Packages by their names: what a search finds, which projects hold one, what a project has of it or had, and which others name it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, func, literal_column, select
from sqlalchemy import String as SqlString

from packhouse.db.engine import batches
from packhouse.db.intervals import in_force, visible
from packhouse.db.packages import PackageQuery
from packhouse.db.rows import read_package, read_rows
from packhouse.db.scopes import Reader, readable, within
from packhouse.db.tables import Id, file, lineage, mark, package, place, version
from packhouse.model import Instant, PackageRow, Search

# -- what a search finds --------------------------------------------------------------------------------------------


def _scope(query: PackageQuery) -> tuple[list[ColumnElement[bool]], Mapping[str, Any]]:
    """The packages of one project, or of what may be read of a group or the instance: conditions, and their parameters."""
    if query.project is not None:
        return [package.c.project_id == query.project], {}
    below = [] if query.group is None else [within(bindparam("group", query.group, type_=Id))]
    return [readable(), *below], query.reader.params()


def search_packages(
    connection: Connection, query: PackageQuery, format: str, text: str, offset: int, limit: int, at: Instant | None = None
) -> tuple[list[tuple[PackageRow, int]], int]:
    """Packages whose name contains the text, each with the id of its newest version, and how many there are."""
    alive = select(literal_column("1")).where(version.c.package_id == package.c.id, visible(version, at)).correlate(package).exists()
    conditions: list[ColumnElement[bool]] = [package.c.format == format, alive]
    if text:
        conditions.append(func.lower(package.c.name, type_=SqlString).contains(text.lower(), autoescape=True))
    where, params = _scope(query)
    conditions += where
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
    where, params = _scope(query)
    conditions += where
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


# -- who holds a name ----------------------------------------------------------------------------------------------


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


def is_claimed(connection: Connection, format: str, name_key: str, scope: int | None) -> bool:
    """A project in this scope (a project, a group, or all) has or ever had a package of this name, whoever may see it."""
    statement = select(package.c.id).where(package.c.format == format, package.c.name_key == name_key)
    if scope is not None:
        inside = select(lineage.c.place_id).where(lineage.c.ancestor_id == scope)
        statement = statement.where(package.c.project_id.in_(inside))
    return connection.execute(statement.limit(1)).first() is not None


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


def dependants_of(connection: Connection, project: int, format: str, name: str, limit: int) -> list[str]:
    """The packages of a project that name this one among their dependencies, by name."""
    told = msgspec.json.encode({"name": name}).decode()[1:-1]
    pattern = "%" + told.replace("/", "//").replace("%", "/%").replace("_", "/_") + "%"
    joined = version.join(file, and_(file.c.version_id == version.c.id, file.c.deleted.is_(None)))
    chosen = (version.c.project_id == project, version.c.deleted.is_(None), version.c.format == format, version.c.name != name)
    found = select(version.c.name).select_from(joined).where(*chosen, file.c.about.ilike(pattern, escape="/")).distinct()
    return list(connection.scalars(found.order_by(version.c.name).limit(limit)))
