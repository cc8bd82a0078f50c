"""The writes behind every verb: rows of packages, versions, files, tags, marks, generations and events. No rule is decided here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, Table, and_, bindparam, func, insert, literal_column, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from packhouse.db.engine import Hot, Row, batches, writer_clock
from packhouse.db.scopes import MOVES
from packhouse.db.tables import Id, blob, download, event, file, generation, leftover, lineage, mark, package, place, seal, tag, token, version
from packhouse.model import Actor, Blob, Instant, NewFile


def bound(table: Table, name: str, parameter: str | None = None) -> Any:
    """A parameter of a column's type."""
    return bindparam(parameter or name, type_=table.c[name].type)


def adding(table: Table, *columns: str, answer: str | None = None) -> Hot:
    """An insert of these columns; `answer` is the column it returns."""
    statement: Any = insert(table)
    return Hot(statement.returning(table.c[answer]) if answer else statement, columns)


def adding_once(table: Table, *columns: str) -> Hot:
    """The same where it may be there already: no row comes back then."""
    in_sqlite = sqlite.insert(table).on_conflict_do_nothing().returning(table.c.id)
    in_postgres = postgresql.insert(table).on_conflict_do_nothing().returning(table.c.id)
    return Hot(in_sqlite, columns, postgres=in_postgres)


def upsert(connection: Connection) -> Any:
    """The dialect's insert, which knows `on_conflict_do_nothing`."""
    return postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert


_OF_ROOT = (
    generation.c.project_id == bound(generation, "project_id"),
    generation.c.format == bound(generation, "format"),
    generation.c.root == bound(generation, "root"),
)
_MOVED = select(generation.c.moved_at).where(*_OF_ROOT).order_by(generation.c.number.desc()).limit(literal_column("1")).scalar_subquery()
_SEALED = select(seal.c.until).order_by(seal.c.number.desc()).limit(literal_column("1")).scalar_subquery()
# on PostgreSQL an event that another open transaction has written is not seen: the locks have to do
_LATEST = Hot(select(_MOVED, _SEALED, select(func.max(event.c.at)).scalar_subquery()), postgres=select(_MOVED, _SEALED))


def begin(connection: Connection, project: int, format: str, roots: Iterable[str], locks: Iterable[str] = (), claims: Iterable[str] = ()) -> Instant:
    """Lock what this change touches, and take its time: later than every generation of these roots and every final moment.

    Two changes of any projects that make the same claim follow one another.
    """
    roots = list(roots)

    def last() -> Instant:
        found = (_LATEST.row(connection, project_id=project, format=format, root=root) for root in roots or [""])
        return max((at for row in found for at in row or () if at is not None), default=0)

    names = [f"{project}/{format}/{root}" for root in roots] + [f"{project}/{format}//{lock}" for lock in locks]
    return writer_clock(connection, [*names, *(f"{format}///{claim}" for claim in claims)], last)


_NEXT = select(func.coalesce(func.max(generation.c.number), literal_column("0")) + literal_column("1")).where(*_OF_ROOT).scalar_subquery()
_MOVE = Hot(
    insert(generation).from_select(
        ["project_id", "format", "root", "number", "moved_at"],
        select(*(bound(generation, name) for name in ("project_id", "format", "root")), _NEXT, bound(generation, "moved_at")),
    )
)


def move_generations(connection: Connection, project: int, format: str, roots: Iterable[str], at: Instant) -> None:
    """The next generation of each root. The caller holds the roots' locks (`begin`)."""
    for root in sorted(set(roots)):
        _MOVE.rows(connection, project_id=project, format=format, root=root, moved_at=at)


def note_move(connection: Connection, place_id: int) -> None:
    """The next generation of the path of every project below a place."""
    below = select(place.c.id).join(lineage, lineage.c.place_id == place.c.id).where(lineage.c.ancestor_id == place_id, place.c.kind == "project")
    for project in connection.scalars(below.order_by(place.c.id)).all():
        move_generations(connection, project, MOVES, [""], begin(connection, project, MOVES, [""]))


_FIND_PACKAGE = Hot(
    select(package.c.id).where(
        package.c.project_id == bound(package, "project_id"),
        package.c.format == bound(package, "format"),
        package.c.name_key == bound(package, "name_key"),
    )
)


def find_package(connection: Connection, project: int, format: str, name_key: str) -> int | None:
    found: int | None = _FIND_PACKAGE.value(connection, project_id=project, format=format, name_key=name_key)
    return found


_ADD_PACKAGE = adding_once(package, "project_id", "format", "name_key", "name")


def ensure_package(connection: Connection, project: int, format: str, name_key: str, name: str) -> tuple[int, bool]:
    """The id of a package, and whether it is made now: then there is nothing of it yet."""
    found = find_package(connection, project, format, name_key)
    if found is not None:
        return found, False
    made = _ADD_PACKAGE.value(connection, project_id=project, format=format, name_key=name_key, name=name)
    if made is not None:
        return int(made), True
    found = find_package(connection, project, format, name_key)  # somebody else was first
    assert found is not None
    return found, False


_FIND_VERSION = Hot(
    select(version.c.id, version.c.version).where(
        version.c.package_id == bound(version, "package_id"), version.c.version_id == bound(version, "version_id"), version.c.deleted.is_(None)
    )
)


def find_version(connection: Connection, package_id: int, version_id: str) -> tuple[int, str] | None:
    """The live version with this id: its row id and its text."""
    row = _FIND_VERSION.row(connection, package_id=package_id, version_id=version_id)
    return None if row is None else (row[0], row[1])


def find_versions(connection: Connection, package_id: int, version_ids: Iterable[str]) -> dict[str, tuple[int, str]]:
    """Those of these versions that are live: id → row id and text."""
    found: dict[str, tuple[int, str]] = {}
    for some in batches(sorted(set(version_ids))):
        of = (version.c.package_id == package_id, version.c.version_id.in_(some), version.c.deleted.is_(None))
        for id_, row, text in connection.execute(select(version.c.version_id, version.c.id, version.c.version).where(*of).order_by(version.c.id)):
            found[id_] = (row, text)
    return found


def was_deleted(connection: Connection, package_id: int, version_id: str) -> bool:
    """A version with this id was there once and is not now."""
    rows = select(version.c.id).where(version.c.package_id == package_id, version.c.version_id == version_id, version.c.deleted.is_not(None)).limit(1)
    return connection.execute(rows).first() is not None


_ADD_VERSION = adding(version, "package_id", "project_id", "format", "name", "version", "version_id", "creator_id", "created", answer="id")


def add_version(
    connection: Connection, package_id: int, project: int, format: str, name: str, text: str, version_id: str, actor: Actor, at: Instant
) -> int:
    """The row id of a new version. The caller holds the lock of the package (`begin`)."""
    row = {"package_id": package_id, "project_id": project, "format": format, "name": name, "version": text, "version_id": version_id, "created": at}
    return int(_ADD_VERSION.value(connection, creator_id=actor.user_id, **row))


_LIVE_FILES = (
    select(file.c.id, file.c.path, file.c.shelf, blob.c.sha256)
    .join(blob, blob.c.id == file.c.blob_id)
    .where(file.c.version_id == bound(file, "version_id"), file.c.deleted.is_(None))
)
_FIND_FILES = Hot(_LIVE_FILES)
_FIND_FILES_AT = Hot(_LIVE_FILES.where(file.c.path == bound(file, "path")))


def find_files(connection: Connection, version_row: int, path: str | None = None) -> dict[tuple[str, str], tuple[int, str]]:
    """The live files of a version, or those at one path: (path, shelf) → (id, sha256)."""
    if path is None:
        rows = _FIND_FILES.rows(connection, version_id=version_row)
    else:
        rows = _FIND_FILES_AT.rows(connection, version_id=version_row, path=path)
    return {(path, shelf): (id_, sha256) for id_, path, shelf, sha256 in rows}


def find_files_of(connection: Connection, version_rows: Iterable[int]) -> dict[int, dict[tuple[str, str], int]]:
    """The live files of each of these versions: row id → (path, shelf) → id."""
    found: dict[int, dict[tuple[str, str], int]] = {row: {} for row in version_rows}
    for some in batches(list(found)):
        live = select(file.c.version_id, file.c.path, file.c.shelf, file.c.id).where(file.c.version_id.in_(some), file.c.deleted.is_(None))
        for row, path, shelf, id_ in connection.execute(live):
            found[row][path, shelf] = id_
    return found


def _projects_with(*conditions: ColumnElement[bool]) -> Select[Any]:
    return (
        select(version.c.project_id)
        .join(package, package.c.id == version.c.package_id)
        .join(lineage, and_(lineage.c.place_id == version.c.project_id, lineage.c.ancestor_id == bindparam("root", type_=Id)))
        .where(
            package.c.format == bound(package, "format"),
            package.c.name_key == bound(package, "name_key"),
            version.c.deleted.is_(None),
            *conditions,
        )
        .limit(literal_column("1"))
    )


_SIBLING = Hot(_projects_with(version.c.version_id == bound(version, "version_id"), version.c.project_id != bindparam("project", type_=Id)))
_OWNER = Hot(_projects_with().order_by(version.c.created, version.c.id))


def find_sibling(connection: Connection, root: int, project: int, format: str, name_key: str, version_id: str) -> int | None:
    """Another project below this root place that holds the same version."""
    found: int | None = _SIBLING.value(connection, root=root, project=project, format=format, name_key=name_key, version_id=version_id)
    return found


def find_owner(connection: Connection, root: int, format: str, name_key: str) -> int | None:
    """The project below this root place that has the oldest version of a name."""
    found: int | None = _OWNER.value(connection, root=root, format=format, name_key=name_key)
    return found


class BlobGone(Exception):
    """These bytes were there when the caller looked and are not any more: they must be placed again."""


_OF_BYTES = blob.c.sha256 == bound(blob, "sha256")
LIVE_BLOB = Hot(select(blob.c.place, blob.c.size).where(_OF_BYTES, blob.c.condemned.is_(None)))
"""The stored name and the size of a live blob."""
_ADD_BLOB = adding_once(blob, "sha256", "md5", "sha1", "sha512", "size", "place", "created", "touched")
_COUNTING = (blob.c.id, blob.c.place, blob.c.md5, blob.c.sha1, blob.c.sha512)
_TOUCH_BLOB = Hot(update(blob).where(_OF_BYTES, blob.c.condemned.is_(None)).values(touched=bound(blob, "touched", "at")).returning(*_COUNTING))
_LOCK_BLOB = Hot(select(*_COUNTING, blob.c.condemned).where(_OF_BYTES).with_for_update())


def take_blob(connection: Connection, what: Blob, stored: str | None, at: Instant) -> tuple[int, str]:
    """The blob row of these bytes, touched or made live under `stored`; answers its id and the stored name that counts.

    Raises `BlobGone` where nothing was stored because a live blob had been seen, which collection has taken since.
    """
    digests = {"md5": what.md5, "sha1": what.sha1, "sha512": what.sha512}
    if stored is not None:
        made = _ADD_BLOB.value(connection, sha256=what.sha256, **digests, size=what.size, place=stored, created=at, touched=at)
        if made is not None:
            return int(made), stored
    # locked by that: collection looks again once it has waited for us
    found = _TOUCH_BLOB.row(connection, sha256=what.sha256, at=at) or _revive_blob(connection, what.sha256, stored, at)
    id_, held, *known = found
    missing = {name: made for (name, made), old in zip(digests.items(), known, strict=True) if old is None and made is not None}
    if missing:
        connection.execute(update(blob).where(blob.c.id == id_).values(**missing))
    return id_, held


def _revive_blob(connection: Connection, sha256: str, stored: str | None, at: Instant) -> Row:
    """A condemned blob, live from now on under this stored name. Raises `BlobGone` where there is no such blob, or no such name."""
    found = None if stored is None else _LOCK_BLOB.row(connection, sha256=sha256)
    if found is None:
        raise BlobGone
    id_, held, *known, condemned = found
    if condemned is None:  # somebody else was first: theirs counts
        stored = held
    elif held:
        connection.execute(upsert(connection)(leftover).values(stored=held, since=at).on_conflict_do_nothing())
    # never the old name: a slow removal could still hit it
    connection.execute(update(blob).where(blob.c.id == id_).values(touched=at, place=stored, condemned=None))
    return (id_, stored, *known)


_ADD_FILE = adding(
    file, "version_id", "package_id", "project_id", "path", "shelf", "blob_id", "facts", "about", "derived", "origin_at", "created", answer="id"
)


def add_file(connection: Connection, version_row: int, package_id: int, project: int, new: NewFile, blob_id: int, at: Instant) -> int:
    """The row id of a new file."""
    about = None if new.about is None else msgspec.json.encode(new.about).decode()
    row = {
        "version_id": version_row,
        "package_id": package_id,
        "project_id": project,
        "path": new.path,
        "shelf": new.shelf,
        "blob_id": blob_id,
        "created": at,
    }
    return int(_ADD_FILE.value(connection, facts=new.facts.decode(), about=about, derived=new.derived, origin_at=new.origin_at, **row))


def delete_files(connection: Connection, ids: Sequence[int], at: Instant) -> None:
    for some in batches(ids):
        connection.execute(update(file).where(file.c.id.in_(some), file.c.deleted.is_(None)).values(deleted=at))


def is_bare(connection: Connection, version_row: int) -> bool:
    """Whether nothing is left of a version but what we made ourselves."""
    return bool(bare_of(connection, [version_row]))


def bare_of(connection: Connection, version_rows: Sequence[int]) -> set[int]:
    """Those of these versions of which nothing is left but what we made ourselves."""
    bare = set(version_rows)
    for some in batches(version_rows):
        kept = select(file.c.version_id).where(file.c.version_id.in_(some), file.c.deleted.is_(None), file.c.derived.is_(False)).distinct()
        bare.difference_update(connection.scalars(kept))
    return bare


_ROW: Any = bindparam("row", type_=Id)
# by their package: tags have no index by version
_OF_PACKAGE = tag.c.package_id == select(version.c.package_id).where(version.c.id == _ROW).scalar_subquery()


def _ending(of_file: ColumnElement[bool], of_version: ColumnElement[bool], *of_tag: ColumnElement[bool]) -> tuple[Hot, ...]:
    """What ends files, versions and tags that have not ended yet."""
    return (
        Hot(update(file).where(of_file, file.c.deleted.is_(None)).values(deleted=bound(file, "deleted", "at"))),
        Hot(update(version).where(of_version, version.c.deleted.is_(None)).values(deleted=bound(version, "deleted", "at"))),
        Hot(update(tag).where(*of_tag, tag.c.until.is_(None)).values(until=bound(tag, "until", "at"))),
    )


_END_VERSION = _ending(file.c.version_id == _ROW, version.c.id == _ROW, _OF_PACKAGE, tag.c.version_id == _ROW)
_END_PACKAGE = _ending(file.c.package_id == _ROW, version.c.package_id == _ROW, tag.c.package_id == _ROW)


def delete_version(connection: Connection, version_row: int, at: Instant) -> None:
    """The version, its files and the tags that point to it end now."""
    for end in _END_VERSION:
        end.rows(connection, row=version_row, at=at)


def delete_versions(connection: Connection, package_id: int, version_rows: Sequence[int], at: Instant) -> None:
    """These versions of a package, their files and the tags that point to them end now."""
    for some in batches(version_rows):
        connection.execute(update(file).where(file.c.version_id.in_(some), file.c.deleted.is_(None)).values(deleted=at))
        connection.execute(update(version).where(version.c.id.in_(some), version.c.deleted.is_(None)).values(deleted=at))
        connection.execute(update(tag).where(tag.c.package_id == package_id, tag.c.version_id.in_(some), tag.c.until.is_(None)).values(until=at))


def delete_package(connection: Connection, package_id: int, at: Instant) -> None:
    """Every version of a package, its files and its tags end now. The caller holds the lock of the package (`begin`)."""
    for end in _END_PACKAGE:
        end.rows(connection, row=package_id, at=at)


def live_versions(connection: Connection, package_id: int) -> list[tuple[int, str]]:
    rows = connection.execute(select(version.c.id, version.c.version).where(version.c.package_id == package_id, version.c.deleted.is_(None)))
    return [(r.id, r.version) for r in rows]


def shelves_of(connection: Connection, *version_rows: int) -> set[str]:
    """The shelves that the live files of these versions stand on."""
    found: set[str] = set()
    for some in batches(version_rows):
        found.update(connection.scalars(select(file.c.shelf).where(file.c.version_id.in_(some), file.c.deleted.is_(None)).distinct()))
    return found


_FIND_TAG = Hot(
    select(tag.c.id, tag.c.version_id).where(tag.c.package_id == bound(tag, "package_id"), tag.c.name == bound(tag, "name"), tag.c.until.is_(None))
)
_ADD_TAG = adding(tag, "package_id", "name", "version_id", "since")


def set_tag(connection: Connection, package_id: int, name: str, version_row: int | None, at: Instant, *, first: bool = False) -> bool:
    """Point a tag at a version, or end it with None; False where nothing changed. `first`: the package has no tags yet."""
    current = None if first else _FIND_TAG.row(connection, package_id=package_id, name=name)
    if (current[1] if current else None) == version_row:
        return False
    if current is not None:
        connection.execute(update(tag).where(tag.c.id == current[0]).values(until=at))
    if version_row is not None:
        _ADD_TAG.rows(connection, package_id=package_id, name=name, version_id=version_row, since=at)
    return True


def tagged_version(connection: Connection, package_id: int, name: str) -> int | None:
    """The version a tag points at now."""
    return connection.scalar(select(tag.c.version_id).where(tag.c.package_id == package_id, tag.c.name == name, tag.c.until.is_(None)))


def set_mark(connection: Connection, version_row: int, kind: str, value: str | None, at: Instant) -> bool:
    """Set a mark on a version, or end it with None; False where nothing changed."""
    return bool(set_marks(connection, kind, {version_row: value}, at))


def set_marks(connection: Connection, kind: str, values: Mapping[int, str | None], at: Instant) -> list[int]:
    """`set_mark` for each of these versions by its row id; answers those that changed."""
    current: dict[int, tuple[int, str]] = {}
    for some in batches(list(values)):
        marks = select(mark.c.version_id, mark.c.id, mark.c.value).where(mark.c.version_id.in_(some), mark.c.kind == kind, mark.c.until.is_(None))
        current.update((row, (id_, value)) for row, id_, value in connection.execute(marks))
    changed = [row for row, value in values.items() if value != (current[row][1] if row in current else None)]
    for ended in batches([current[row][0] for row in changed if row in current]):
        connection.execute(update(mark).where(mark.c.id.in_(ended)).values(until=at))
    if added := [{"version_id": row, "kind": kind, "value": values[row], "since": at} for row in changed if values[row] is not None]:
        connection.execute(insert(mark), added)
    return changed


_ADD_EVENT = adding(event, "at", "what", "actor_id", "actor", "credential", "project_id", "format", "package_id", "version_id", "detail", answer="id")


def add_event(
    connection: Connection,
    at: Instant,
    what: str,
    actor: Actor,
    *,
    project: int | None = None,
    format: str | None = None,
    package_id: int | None = None,
    version_id: int | None = None,
    detail: Mapping[str, Any] | None = None,
) -> int:
    """One line of the one log."""
    where = {"project_id": project, "format": format, "package_id": package_id, "version_id": version_id}
    return int(_ADD_EVENT.value(connection, at=at, what=what, detail=_text_of(detail), **_who(actor), **where))


def add_events(
    connection: Connection,
    at: Instant,
    what: str,
    actor: Actor,
    details: Iterable[tuple[int | None, Mapping[str, Any]]],
    *,
    project: int,
    format: str,
    package_id: int,
) -> None:
    """A line for each of these changes of a package: the row id of its version, where it is about one, and its detail."""
    same = {"at": at, "what": what, **_who(actor), "project_id": project, "format": format, "package_id": package_id}
    if rows := [{**same, "version_id": row, "detail": _text_of(detail)} for row, detail in details]:
        connection.execute(insert(event), rows)


def _text_of(detail: Mapping[str, Any] | None) -> str:
    return msgspec.json.encode(detail or {}, order="sorted").decode()


def _who(actor: Actor) -> dict[str, Any]:
    return {"actor_id": actor.user_id, "actor": actor.username or actor.kind, "credential": actor.kind}


def add_downloads(
    connection: Connection, counts: Mapping[tuple[int, int, str], int], latest: Mapping[int, Instant], tokens: Mapping[int, Instant]
) -> None:
    """Flush counters kept in memory: (version, hour, credential) → downloads, the last download of versions, the last use of tokens."""
    for (version_id, hour, credential), number in counts.items():
        statement = upsert(connection)(download).values(version_id=version_id, hour=hour, credential=credential, number=number)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["version_id", "hour", "credential"], set_={"number": download.c.number + statement.excluded.number}
            )
        )
    for version_id, at in latest.items():
        connection.execute(update(version).where(version.c.id == version_id).values(last_downloaded=at))
    for token_id, at in tokens.items():
        connection.execute(update(token).where(token.c.id == token_id, or_(token.c.last_used.is_(None), token.c.last_used < at)).values(last_used=at))


def all_shelves_of(connection: Connection, version_row: int) -> set[str]:
    """The shelves of a version's files, deleted ones too."""
    return set(connection.scalars(select(file.c.shelf).where(file.c.version_id == version_row).distinct()))


def package_shelves(connection: Connection, package_id: int) -> set[str]:
    """The shelves that a package's live files stand on."""
    return set(connection.scalars(select(file.c.shelf).where(file.c.package_id == package_id, file.c.deleted.is_(None)).distinct()))
