"""The rows that documents of an index are made of: packages with their versions, files, marks and tags, as they were at a moment."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Literal

from sqlalchemy import ColumnElement, Connection, and_, literal_column, or_, select

from packhouse.db.engine import batches
from packhouse.db.files import FILE_COLUMNS, ON_A_SHELF, file_row, on_shelf
from packhouse.db.intervals import in_force, visible
from packhouse.db.tables import blob, file, mark, package, place, tag, version
from packhouse.model import FileRow, Instant, PackageRow, VersionRow

Needs = Literal["names", "versions", "uploads", "files"]


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


def _files(connection: Connection, chosen: ColumnElement[bool], shelf: str | None, at: Instant | None) -> dict[int, list[FileRow]]:
    statement = select(*FILE_COLUMNS).join(blob, blob.c.id == file.c.blob_id).where(chosen, visible(file, at))
    if shelf is not None:
        statement = statement.where(file.c.shelf == shelf)
    out: dict[int, list[FileRow]] = {}
    for row in connection.execute(statement):
        out.setdefault(row[1], []).append(file_row(row))
    for held in out.values():
        if len(held) > 1:
            held.sort(key=attrgetter("id"))  # quicker than to have whole rows sorted by the database
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


def read_package(connection: Connection, package_id: int, project: int, at: Instant | None = None) -> PackageRow | None:
    """A package as index writers see it, by its id."""
    row = connection.execute(select(package.c.format, package.c.name_key).where(package.c.id == package_id, package.c.project_id == project)).first()
    if row is None:
        return None
    found = read_rows(connection, [project], row.format, name_key=row.name_key, at=at)
    return found[0] if found else None
