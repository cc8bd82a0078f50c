"""What nothing points at any more: found by reading, and looked at again inside of the change that removes it (threats, section 11).

A table keeps blobs alive by having a foreign key to them; files do until the retention time after their deletion is over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, exists, func, literal, literal_column, or_, select, tuple_, update
from sqlalchemy import String as SqlString

from packhouse.db.engine import batches
from packhouse.db.tables import blob, blob_link, file, leftover, metadata, package, place, reference, tag, version
from packhouse.model import Instant

BATCH = 500

_KEEPERS = tuple(
    column
    for table in metadata.sorted_tables
    for column in table.columns
    if any(key.column.table is blob for key in column.foreign_keys) and table not in (file, reference)
)
_CHILDREN = tuple(
    column for table in metadata.sorted_tables for column in table.columns if any(key.column.table is blob for key in column.foreign_keys)
)


def _one() -> Any:
    return select(literal_column("1"))


def _ended(table: Any) -> ColumnElement[Any]:
    """When a file ended, by itself or with its version; null while it is there."""
    return func.coalesce(table.c.deleted, version.c.deleted)


def _kept(retained: Instant) -> ColumnElement[bool]:
    """Something keeps `blob`."""
    of_files = _one().select_from(file.join(version, version.c.id == file.c.version_id)).where(file.c.blob_id == blob.c.id)
    live = exists(of_files.where(or_(_ended(file).is_(None), _ended(file) > retained)).correlate(blob))
    # a link says who may read it now, and can end before the versions that point at it are forgotten
    of_versions = _one().select_from(reference.join(version, version.c.id == reference.c.version_id)).where(reference.c.blob_id == blob.c.id)
    pointed = exists(of_versions.where(or_(version.c.deleted.is_(None), version.c.deleted > retained)).correlate(blob))
    others = [exists(_one().where(column == blob.c.id).correlate(blob)) for column in _KEEPERS]
    return or_(live, pointed, *others)


# -- versions that lost everything that named them ------------------------------------------------------------------


class Forgotten(NamedTuple):
    """A version that nothing names any more."""

    id: int
    version: str
    package_id: int
    project: int
    name: str
    name_key: str


def _names() -> tuple[ColumnElement[Any], ...]:
    """Every digest that `version` goes by, by its own name and by its file's."""
    return version.c.version_id, literal("sha256:", SqlString) + blob.c.sha256, literal("sha512:", SqlString) + blob.c.sha512


def _forgotten(format: str, before: Instant) -> Select[Any]:
    """Versions that had a tag, or an index or a subject that names them, and lost the last of those before this instant."""
    parent, subject, other = version.alias("parent"), version.alias("subject"), reference.alias("other")
    tagged = _one().where(tag.c.version_id == version.c.id).correlate(version)
    listed = (
        _one()
        .select_from(reference.join(parent, parent.c.id == reference.c.version_id))
        .where(reference.c.package_id == version.c.package_id, reference.c.kind == "version", reference.c.digest.in_(_names()))
        .correlate(version, blob)
    )
    referred = (
        _one()
        .select_from(other.join(subject, and_(subject.c.package_id == other.c.package_id, subject.c.version_id == other.c.digest)))
        .where(other.c.version_id == version.c.id, other.c.kind == "subject")
        .correlate(version)
    )
    named_lately = (
        tagged.where(or_(tag.c.until.is_(None), tag.c.until >= before)),
        listed.where(or_(parent.c.deleted.is_(None), parent.c.deleted >= before)),
        referred.where(or_(subject.c.deleted.is_(None), subject.c.deleted >= before)),
    )
    return (
        select(version.c.id, version.c.version, version.c.package_id, version.c.project_id, package.c.name, package.c.name_key)
        .join(package, package.c.id == version.c.package_id)
        .join(place, place.c.id == version.c.project_id)
        .join(file, and_(file.c.version_id == version.c.id, file.c.deleted.is_(None)))
        .join(blob, blob.c.id == file.c.blob_id)
        .where(
            version.c.format == format,
            version.c.deleted.is_(None),
            version.c.created < before,
            blob.c.touched < before,
            place.c.deleted.is_(None),
            *(~exists(found) for found in named_lately),
            or_(exists(tagged), exists(listed), exists(referred)),
        )
    )


def find_forgotten(connection: Connection, format: str, before: Instant, after: int = 0, limit: int = BATCH) -> list[Forgotten]:
    """A page of them, by id."""
    rows = connection.execute(_forgotten(format, before).where(version.c.id > after).order_by(version.c.id).limit(limit))
    return [Forgotten(*row) for row in rows]


def still_forgotten(connection: Connection, format: str, before: Instant, ids: Sequence[int]) -> list[Forgotten]:
    """Those of them that nothing names even now."""
    return [Forgotten(*row) for row in connection.execute(_forgotten(format, before).where(version.c.id.in_(ids)).order_by(version.c.id))]


# -- references and links -------------------------------------------------------------------------------------------


def drop_old_references(connection: Connection, retained: Instant, limit: int = BATCH * 4) -> int:
    """What versions pointed at that ended before the retention time: it keeps nothing any more. How many rows."""
    old = select(version.c.id).where(version.c.deleted.is_not(None), version.c.deleted <= retained)
    old = old.where(exists(_one().where(reference.c.version_id == version.c.id).correlate(version))).limit(limit // 20)
    ids = list(connection.scalars(old))
    return 0 if not ids else connection.execute(delete(reference).where(reference.c.version_id.in_(ids))).rowcount


class Link(NamedTuple):
    package_id: int
    blob_id: int


def _idle_links(before: Instant, retained: Instant) -> Select[Any]:
    needed = (
        _one()
        .select_from(reference.join(version, version.c.id == reference.c.version_id))
        .where(
            reference.c.package_id == blob_link.c.package_id,
            reference.c.blob_id == blob_link.c.blob_id,
            or_(version.c.deleted.is_(None), version.c.deleted > retained),
        )
        .correlate(blob_link)
    )
    return select(blob_link.c.package_id, blob_link.c.blob_id).where(blob_link.c.touched < before, ~exists(needed))


def find_idle_links(connection: Connection, before: Instant, retained: Instant, after: Link = Link(0, 0), limit: int = BATCH) -> list[Link]:
    """A page of the links that no version needs and nobody was told of lately."""
    key = tuple_(blob_link.c.package_id, blob_link.c.blob_id)
    statement = _idle_links(before, retained).where(key > tuple_(literal(after.package_id), literal(after.blob_id)))
    rows = connection.execute(statement.order_by(blob_link.c.package_id, blob_link.c.blob_id).limit(limit))
    return [Link(*row) for row in rows]


def drop_idle_links(connection: Connection, before: Instant, retained: Instant, found: Sequence[Link]) -> int:
    """Remove those of these links that are still idle; how many."""
    lock_blobs(connection, {link.blob_id for link in found})
    key = tuple_(blob_link.c.package_id, blob_link.c.blob_id)
    still = [Link(*row) for row in connection.execute(_idle_links(before, retained).where(key.in_([tuple(link) for link in found])))]
    if still:
        connection.execute(delete(blob_link).where(key.in_([tuple(link) for link in still])))
    return len(still)


def lock_blobs(connection: Connection, ids: Iterable[int]) -> None:
    """Against pushes that are about to rely on them, in one order."""
    connection.execute(select(blob.c.id).where(blob.c.id.in_(sorted(ids))).order_by(blob.c.id).with_for_update()).all()


# -- blobs ----------------------------------------------------------------------------------------------------------


def find_unkept(connection: Connection, before: Instant, retained: Instant, after: int = 0, limit: int = BATCH) -> list[tuple[int, int]]:
    """A page of live blobs that nothing keeps and nobody was told of lately: id, size."""
    statement = select(blob.c.id, blob.c.size).where(blob.c.condemned.is_(None), blob.c.touched < before, ~_kept(retained), blob.c.id > after)
    return [(row[0], row[1]) for row in connection.execute(statement.order_by(blob.c.id).limit(limit))]


def condemn(connection: Connection, before: Instant, retained: Instant, ids: Sequence[int], at: Instant) -> int:
    """Make those of these blobs absent that nothing keeps even now; how many."""
    lock_blobs(connection, ids)
    mine = (blob.c.id.in_(ids), blob.c.condemned.is_(None), blob.c.touched < before, ~_kept(retained))
    return connection.execute(update(blob).where(*mine).values(condemned=at)).rowcount


class Doomed(NamedTuple):
    """A condemned blob whose bytes may go."""

    id: int
    sha256: str
    size: int
    stored: str
    condemned: Instant


def find_doomed(connection: Connection, before: Instant, limit: int = BATCH) -> list[Doomed]:
    """Blobs that were condemned before this instant and still have bytes."""
    columns = (blob.c.id, blob.c.sha256, blob.c.size, blob.c.place, blob.c.condemned)
    rows = connection.execute(select(*columns).where(blob.c.condemned < before, blob.c.place != "").order_by(blob.c.id).limit(limit))
    return [Doomed(*row) for row in rows]


def give_up(connection: Connection, before: Instant, retained: Instant, ids: Sequence[int]) -> list[Doomed]:
    """Forget where the bytes of these blobs are, and the blobs too where no row speaks of them; what was forgotten, for the store.

    One that something keeps all the same is live again. Bytes go after this is committed: a push that comes in between takes another name.
    """
    lock_blobs(connection, ids)
    columns = (blob.c.id, blob.c.sha256, blob.c.size, blob.c.place, blob.c.condemned, _kept(retained).label("kept"))
    rows = connection.execute(select(*columns).where(blob.c.id.in_(ids), blob.c.condemned < before, blob.c.place != "")).all()
    saved = [row.id for row in rows if row.kept]
    if saved:
        connection.execute(update(blob).where(blob.c.id.in_(saved)).values(condemned=None))
    doomed = [Doomed(row.id, row.sha256, row.size, row.place, row.condemned) for row in rows if not row.kept]
    gone = [row.id for row in doomed]
    if gone:
        spoken_of = or_(*(exists(_one().where(column == blob.c.id).correlate(blob)) for column in _CHILDREN))
        connection.execute(update(blob).where(blob.c.id.in_(gone)).values(place=""))
        connection.execute(delete(blob).where(blob.c.id.in_(gone), ~spoken_of))
    return doomed


def take_leftovers(connection: Connection, before: Instant, limit: int = BATCH) -> list[tuple[str, Instant]]:
    """Bytes whose blob has come back under another name, forgotten now for the store to remove: stored name, since when."""
    rows = connection.execute(select(leftover.c.stored, leftover.c.since).where(leftover.c.since < before).limit(limit)).all()
    if rows:
        connection.execute(delete(leftover).where(leftover.c.stored.in_([row[0] for row in rows])))
    return [(row[0], row[1]) for row in rows]


def has_leftovers(connection: Connection, before: Instant) -> bool:
    return connection.execute(select(leftover.c.stored).where(leftover.c.since < before).limit(1)).first() is not None


# -- files of the store ---------------------------------------------------------------------------------------------


def known_names(connection: Connection, names: Sequence[str]) -> set[str]:
    """Those of these stored names that some row speaks of."""
    found: set[str] = set()
    for some in batches(names, BATCH):
        found |= set(connection.scalars(select(blob.c.place).where(blob.c.sha256.in_([name[:64] for name in some]))))
        found |= set(connection.scalars(select(leftover.c.stored).where(leftover.c.stored.in_(some))))
    return found.intersection(names)


def list_stored(connection: Connection, after: int, limit: int = BATCH) -> list[Doomed]:
    """A page of the live blobs with their stored names."""
    columns: tuple[Any, ...] = (blob.c.id, blob.c.sha256, blob.c.size, blob.c.place, literal_column("0"))
    rows = connection.execute(select(*columns).where(blob.c.condemned.is_(None), blob.c.id > after).order_by(blob.c.id).limit(limit))
    return [Doomed(*row) for row in rows]


def give_up_damaged(connection: Connection, blob_id: int, stored: str, at: Instant) -> bool:
    """Nobody is told any more that these bytes are here, so that a client sends them again; False where the row has changed meanwhile."""
    mine = (blob.c.id == blob_id, blob.c.place == stored, blob.c.condemned.is_(None))
    return connection.execute(update(blob).where(*mine).values(condemned=at, place="")).rowcount > 0


def still_stored(connection: Connection, blob_id: int, stored: str) -> bool:
    """The blob is live under this name."""
    mine = (blob.c.id == blob_id, blob.c.place == stored, blob.c.condemned.is_(None))
    return connection.execute(select(blob.c.id).where(*mine)).first() is not None


def given_up(connection: Connection, after: int, limit: int = BATCH) -> list[tuple[int, str]]:
    """A page of blobs without bytes that something still needs: id, digest."""
    statement = select(blob.c.id, blob.c.sha256).where(blob.c.condemned.is_not(None), blob.c.place == "", blob.c.id > after, _kept(2**62))
    return [(row[0], row[1]) for row in connection.execute(statement.order_by(blob.c.id).limit(limit))]


def lost_references(connection: Connection, limit: int = 200) -> list[tuple[str, str, str, str]]:
    """What live versions point at and is not there: project, package, version, digest."""
    child = version.alias("child")
    gone_blob = and_(
        reference.c.kind == "blob",
        ~exists(_one().where(blob_link.c.package_id == reference.c.package_id, blob_link.c.blob_id == reference.c.blob_id).correlate(reference)),
    )
    same = and_(child.c.package_id == reference.c.package_id, child.c.deleted.is_(None))
    by_name = exists(_one().where(same, child.c.version_id == reference.c.digest).correlate(reference))
    by_file = exists(
        _one()
        .select_from(child.join(file, file.c.version_id == child.c.id).join(blob, blob.c.id == file.c.blob_id))
        .where(same, or_(*(literal(f"{name}:", SqlString) + blob.c[name] == reference.c.digest for name in ("sha256", "sha512"))))
        .correlate(reference)
    )
    gone_version = and_(reference.c.kind == "version", ~by_name, ~by_file)
    rows = connection.execute(
        select(place.c.full_path, version.c.name, version.c.version, reference.c.digest)
        .select_from(reference.join(version, version.c.id == reference.c.version_id).join(place, place.c.id == version.c.project_id))
        .where(version.c.deleted.is_(None), place.c.deleted.is_(None), or_(gone_blob, gone_version))
        .limit(limit)
    )
    return [(r[0], r[1], r[2], r[3]) for r in rows]


def holders_of(connection: Connection, blob_id: int, limit: int = 5) -> list[str]:
    """Whose blob it is, for people: project, package, version, path."""
    rows = connection.execute(
        select(place.c.full_path, package.c.format, package.c.name, version.c.version, file.c.path)
        .select_from(file.join(version, version.c.id == file.c.version_id).join(package, package.c.id == file.c.package_id))
        .join(place, place.c.id == package.c.project_id)
        .where(file.c.blob_id == blob_id, file.c.deleted.is_(None), version.c.deleted.is_(None))
        .limit(limit)
    )
    found = [f"{r[0]}: {r[1]} {r[2]} {r[3]} {r[4]}".strip() for r in rows]
    linked = connection.execute(
        select(place.c.full_path, package.c.format, package.c.name)
        .select_from(blob_link.join(package, package.c.id == blob_link.c.package_id))
        .join(place, place.c.id == package.c.project_id)
        .where(blob_link.c.blob_id == blob_id)
        .limit(limit)
    )
    return found + [f"{r[0]}: {r[1]} {r[2]}" for r in linked]
