"""Loose blobs, what versions point at, resumable uploads, tag rules: what a format needs whose files are pushed in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy import String as SqlString
from sqlalchemy.dialects import postgresql, sqlite

from packhouse.db.changes import upsert
from packhouse.db.engine import Hot, batches
from packhouse.db.intervals import in_force, visible
from packhouse.db.tables import Id, Time, blob, blob_link, file, package, place, reference, tag, tag_rule, version
from packhouse.model import Instant, Struct


def of_digest(digest: str) -> ColumnElement[bool]:
    """`blob` has this digest: `sha256:...` or `sha512:...`."""
    algorithm, _, encoded = digest.partition(":")
    return (blob.c.sha512 if algorithm == "sha512" else blob.c.sha256) == encoded


def byte_order(connection: Connection, column: Any) -> Any:
    """The column, sorted by its bytes whatever the database's own order of letters is."""
    return column.collate("C") if connection.dialect.name == "postgresql" else column


# -- hot reads ------------------------------------------------------------------------------------------------------


class FoundBlob(NamedTuple):
    """A blob that a package links to."""

    package_id: int
    blob_id: int
    sha256: str
    size: int
    md5: str | None
    sha1: str | None
    sha512: str | None
    stored: str
    created: Instant
    touched: Instant


_OF_PACKAGE = (
    package.c.project_id == bindparam("project", type_=Id),
    package.c.format == bindparam("format"),
    package.c.name_key == bindparam("name_key"),
)


def _blob(column: Any) -> Hot:
    joined = blob.join(blob_link, blob_link.c.blob_id == blob.c.id).join(package, package.c.id == blob_link.c.package_id)
    columns = (package.c.id, blob.c.id, blob.c.sha256, blob.c.size, blob.c.md5, blob.c.sha1, blob.c.sha512, blob.c.place)
    return Hot(
        select(*columns, blob_link.c.created, blob_link.c.touched)
        .select_from(joined)
        .where(column == bindparam("digest"), blob.c.condemned.is_(None), *_OF_PACKAGE)
    )


BLOBS = {"sha256": _blob(blob.c.sha256), "sha512": _blob(blob.c.sha512)}

_AT: Any = bindparam("at", type_=Time)


def _blob_at(column: Any) -> Hot:
    """The same at an earlier moment: what a version of then points at, whoever may read it now."""
    joined = package.join(version, version.c.package_id == package.c.id).join(reference, reference.c.version_id == version.c.id)
    columns = (package.c.id, blob.c.id, blob.c.sha256, blob.c.size, blob.c.md5, blob.c.sha1, blob.c.sha512, blob.c.place)
    return Hot(
        select(*columns, version.c.created, blob.c.touched)
        .select_from(joined.join(blob, blob.c.id == reference.c.blob_id))
        .where(column == bindparam("digest"), blob.c.condemned.is_(None), visible(version, _AT), *_OF_PACKAGE)
        .limit(literal_column("1"))
    )


BLOBS_AT = {"sha256": _blob_at(blob.c.sha256), "sha512": _blob_at(blob.c.sha512)}


class FoundVersion(NamedTuple):
    """The file at a path of one version."""

    version_id: int
    version: str
    file_id: int
    facts: str
    created: Instant
    sha256: str
    size: int
    md5: str | None
    sha1: str | None
    sha512: str | None
    stored: str
    blob_id: int
    touched: Instant


def _version(kind: str, at: Any = None) -> Hot:
    joined = package.join(version, version.c.package_id == package.c.id)
    wanted: Any = bindparam("wanted")
    if kind == "tag":
        joined = package.join(tag, and_(tag.c.package_id == package.c.id, tag.c.name == wanted, in_force(tag, at)))
        joined = joined.join(version, version.c.id == tag.c.version_id)
    joined = joined.join(file, file.c.version_id == version.c.id).join(blob, blob.c.id == file.c.blob_id)
    statement = (
        select(version.c.id, version.c.version, file.c.id, file.c.facts, version.c.created)
        .add_columns(blob.c.sha256, blob.c.size, blob.c.md5, blob.c.sha1, blob.c.sha512, blob.c.place, blob.c.id, blob.c.touched)
        .select_from(joined)
        .where(*_OF_PACKAGE, visible(version, at), file.c.path == bindparam("path"), visible(file, at))
        .limit(literal_column("1"))
    )
    if kind == "version":
        statement = statement.where(version.c.version_id == wanted)
    elif kind != "tag":
        statement = statement.where(blob.c[kind] == wanted)
    return Hot(statement)


VERSIONS = {kind: _version(kind) for kind in ("tag", "version", "sha256", "sha512")}
VERSIONS_AT = {kind: _version(kind, _AT) for kind in VERSIONS}


# -- loose blobs ----------------------------------------------------------------------------------------------------


def _link(insert_of: Any) -> Any:
    made = insert_of(blob_link)
    return made.on_conflict_do_update(index_elements=["package_id", "blob_id"], set_={"touched": made.excluded.touched})


_LINK = Hot(_link(sqlite.insert), ("package_id", "blob_id", "created", "touched"), postgres=_link(postgresql.insert))


def link_blob(connection: Connection, package_id: int, blob_id: int, at: Instant) -> None:
    """Make a blob readable in a package, or say again that it is."""
    _LINK.rows(connection, package_id=package_id, blob_id=blob_id, created=at, touched=at)


def unlink_blob(connection: Connection, package_id: int, blob_id: int) -> None:
    connection.execute(delete(blob_link).where(blob_link.c.package_id == package_id, blob_link.c.blob_id == blob_id))


def lock_blob(connection: Connection, package_id: int, digest: str) -> int | None:
    """The live blob with this digest that the package links to, locked with its link against collection; None where there is none."""
    return connection.scalar(
        select(blob.c.id)
        .join(blob_link, blob_link.c.blob_id == blob.c.id)
        .where(blob_link.c.package_id == package_id, of_digest(digest), blob.c.condemned.is_(None))
        .with_for_update()
    )


def lock_blobs(connection: Connection, package_id: int, digests: Sequence[str]) -> dict[str, int]:
    """Those of these digests that the package has as live blobs, locked against collection in one order: digest → id."""
    wanted: dict[str, dict[str, str]] = {"sha256": {}, "sha512": {}}
    for digest in digests:
        algorithm, _, encoded = digest.partition(":")
        wanted[algorithm][encoded] = digest
    found: dict[str, int] = {}
    for algorithm, by_hash in wanted.items():
        column = blob.c[algorithm]
        for some in batches(list(by_hash)):
            rows = connection.execute(
                select(blob.c.id, column)
                .join(blob_link, blob_link.c.blob_id == blob.c.id)
                .where(blob_link.c.package_id == package_id, column.in_(some), blob.c.condemned.is_(None))
                .order_by(blob.c.id)
                .with_for_update()
            )
            found |= {by_hash[row[1]]: row[0] for row in rows}
    return found


def touch_blob(connection: Connection, package_id: int | None, blob_id: int, at: Instant) -> None:
    """Somebody was told that this blob is here: collection waits from now on."""
    connection.execute(update(blob).where(blob.c.id == blob_id).values(touched=at))
    if package_id is not None:
        connection.execute(update(blob_link).where(blob_link.c.package_id == package_id, blob_link.c.blob_id == blob_id).values(touched=at))


def find_holders(connection: Connection, project: int, format: str, digest: str, limit: int = 20) -> list[str]:
    """Some packages of the project that link to a live blob with this digest, by their keys."""
    return list(
        connection.scalars(
            select(package.c.name_key)
            .join(blob_link, blob_link.c.package_id == package.c.id)
            .join(blob, blob.c.id == blob_link.c.blob_id)
            .where(package.c.project_id == project, package.c.format == format, of_digest(digest), blob.c.condemned.is_(None))
            .order_by(package.c.id)
            .limit(limit)
        )
    )


def uses_of(connection: Connection, package_id: int, blob_id: int) -> str | None:
    """A live version of the package that points at this blob."""
    return connection.scalar(
        select(version.c.version)
        .join(reference, reference.c.version_id == version.c.id)
        .where(reference.c.package_id == package_id, reference.c.blob_id == blob_id, version.c.deleted.is_(None))
        .limit(1)
    )


# -- what versions point at -----------------------------------------------------------------------------------------


def find_versions(connection: Connection, package_id: int, path: str, digests: Iterable[str]) -> set[str]:
    """Those of these digests that are live versions of the package: by their own name, or by the digest of the file at this path."""
    digests = list(digests)
    found: set[str] = set()
    for some in batches(digests):
        encoded = [digest.partition(":")[2] for digest in some]
        rows = connection.execute(
            select(version.c.version_id, blob.c.sha256, blob.c.sha512)
            .join(file, and_(file.c.version_id == version.c.id, file.c.path == path, file.c.deleted.is_(None)))
            .join(blob, blob.c.id == file.c.blob_id)
            .where(
                version.c.package_id == package_id,
                version.c.deleted.is_(None),
                or_(version.c.version_id.in_(some), blob.c.sha256.in_(encoded), blob.c.sha512.in_(encoded)),
            )
        )
        for text, sha256, sha512 in rows:
            found |= {text, f"sha256:{sha256}", f"sha512:{sha512}"}
    return found.intersection(digests)


def add_references(connection: Connection, version_row: int, package_id: int, rows: Iterable[tuple[str, str, int | None]]) -> None:
    """What a version points at: kind, digest, blob."""
    values = [
        {"version_id": version_row, "kind": kind, "digest": digest, "package_id": package_id, "blob_id": blob_id}
        for kind, digest, blob_id in dict.fromkeys(rows)
    ]
    if values:
        connection.execute(upsert(connection)(reference).on_conflict_do_nothing(), values)


def parent_of(connection: Connection, package_id: int, version_row: int) -> str | None:
    """A live version of the package that lists this one as its own, by whatever digest."""
    row = _PARENT.row(connection, package_id=package_id, row=version_row)
    return None if row is None else str(row[0])


def _named(algorithm: str) -> Select[Any]:
    """What the file of a version goes by."""
    name: Any = literal_column(f"'{algorithm}:'", SqlString) + blob.c[algorithm]
    joined = file.join(blob, blob.c.id == file.c.blob_id)
    return select(name).select_from(joined).where(file.c.version_id == bindparam("row", type_=Id), file.c.deleted.is_(None))


_PARENT = Hot(
    select(version.c.version)
    .join(reference, reference.c.version_id == version.c.id)
    .where(reference.c.package_id == bindparam("package_id", type_=Id), reference.c.kind == literal_column("'version'"), version.c.deleted.is_(None))
    .where(reference.c.digest.in_(union_all(_named("sha256"), _named("sha512"))))
    .limit(literal_column("1"))
)


class Referring(NamedTuple):
    """A version whose subject was asked for."""

    version: str
    facts: str
    sha256: str
    size: int
    stored: str


def list_referring(
    connection: Connection, project: int, format: str, name_key: str, digest: str, after: str, limit: int, at: Instant | None = None
) -> list[Referring]:
    """A page of the versions with this subject, now or at an earlier moment, by version."""
    order = byte_order(connection, version.c.version_id)
    rows = connection.execute(
        select(version.c.version, file.c.facts, blob.c.sha256, blob.c.size, blob.c.place)
        .select_from(reference.join(version, version.c.id == reference.c.version_id).join(package, package.c.id == reference.c.package_id))
        .join(file, and_(file.c.version_id == version.c.id, visible(file, at)))
        .join(blob, blob.c.id == file.c.blob_id)
        .where(
            package.c.project_id == project,
            package.c.format == format,
            package.c.name_key == name_key,
            reference.c.kind == "subject",
            reference.c.digest == digest,
            visible(version, at),
            order > after,
        )
        .order_by(order)
        .limit(limit)
    )
    return [Referring(*row) for row in rows]


# -- names and tags -------------------------------------------------------------------------------------------------


def alive(at: Instant | None = None) -> ColumnElement[bool]:
    """`package` holds a live version or a loose blob; at an earlier moment, it held a version."""
    held = exists(select(literal_column("1")).where(version.c.package_id == package.c.id, visible(version, at)).correlate(package))
    if at is not None:
        return held
    linked = exists(select(literal_column("1")).where(blob_link.c.package_id == package.c.id).correlate(package))
    return or_(held, linked)


def list_tags(connection: Connection, package_id: int, after: str, limit: int, *, descending: bool = False, at: Instant | None = None) -> list[str]:
    """A page of the tags that are set now, or were at an earlier moment, by name; `after` is exclusive, "" for the beginning."""
    name = byte_order(connection, tag.c.name)
    statement = select(tag.c.name).where(tag.c.package_id == package_id, in_force(tag, at))
    if after:
        statement = statement.where(name < after if descending else name > after)
    return list(connection.scalars(statement.order_by(name.desc() if descending else name).limit(limit)))


def tags_of(connection: Connection, project: int, format: str, name_key: str, version_ids: Sequence[str]) -> list[str]:
    """The tags that point at these versions of a package now; without one, at any."""
    statement = (
        select(tag.c.name)
        .join(package, package.c.id == tag.c.package_id)
        .where(package.c.project_id == project, package.c.format == format, package.c.name_key == name_key, tag.c.until.is_(None))
    )
    if not version_ids:
        return list(connection.scalars(statement.order_by(tag.c.name)))
    statement = statement.join(version, version.c.id == tag.c.version_id)
    return sorted(name for some in batches(version_ids) for name in connection.scalars(statement.where(version.c.version_id.in_(some))))


def list_names(connection: Connection, format: str, after: str, limit: int) -> list[str]:
    """A page of the packages of a format that hold a version, by name."""
    name = byte_order(connection, package.c.name_key)
    held = exists(select(literal_column("1")).where(version.c.package_id == package.c.id, version.c.deleted.is_(None)).correlate(package))
    statement: Select[Any] = (
        select(package.c.name_key)
        .join(place, and_(place.c.id == package.c.project_id, place.c.deleted.is_(None)))
        .where(package.c.format == format, held, name > after)
    )
    return list(connection.scalars(statement.order_by(name).limit(limit)))


PACKAGE = Hot(select(package.c.id).where(*_OF_PACKAGE, alive()))
"""The id of a package that holds something."""

PACKAGE_AT = Hot(select(package.c.id).where(*_OF_PACKAGE, alive(_AT)))
"""The same at an earlier moment."""


# -- rules of tags --------------------------------------------------------------------------------------------------


class TagRule(Struct):
    """Who may set and remove tags that match; with neither level nobody moves them once they are set."""

    id: int
    pattern: str
    push_level: int | None
    delete_level: int | None

    @property
    def immutable(self) -> bool:
        return self.push_level is None and self.delete_level is None


_TAG_RULES = Hot(
    select(tag_rule.c.id, tag_rule.c.pattern, tag_rule.c.push_level, tag_rule.c.delete_level)
    .where(tag_rule.c.project_id == bindparam("project", type_=Id), tag_rule.c.format == bindparam("format"))
    .order_by(tag_rule.c.id)
)


def tag_rules(connection: Connection, project: int, format: str) -> list[TagRule]:
    rows = _TAG_RULES.rows(connection, project=project, format=format)
    return [TagRule(id=r[0], pattern=r[1], push_level=r[2], delete_level=r[3]) for r in rows]


def add_tag_rule(connection: Connection, project: int, format: str, pattern: str, push: int | None, delete_: int | None) -> int:
    """Raises IntegrityError for a pattern that is there."""
    values = {"project_id": project, "format": format, "pattern": pattern, "push_level": push, "delete_level": delete_}
    return int(connection.execute(insert(tag_rule).values(**values).returning(tag_rule.c.id)).scalar_one())


def update_tag_rule(connection: Connection, project: int, id_: int, **values: Any) -> bool:
    return connection.execute(update(tag_rule).where(tag_rule.c.id == id_, tag_rule.c.project_id == project).values(**values)).rowcount > 0


def drop_tag_rule(connection: Connection, project: int, id_: int) -> bool:
    return connection.execute(delete(tag_rule).where(tag_rule.c.id == id_, tag_rule.c.project_id == project)).rowcount > 0


def count_tag_rules(connection: Connection, project: int, format: str) -> int:
    statement = select(func.count()).select_from(tag_rule).where(tag_rule.c.project_id == project, tag_rule.c.format == format)
    return connection.execute(statement).scalar_one()
