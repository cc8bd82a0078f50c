"""The writes behind every verb: rows of packages, versions, files, tags, marks, generations and events. No rule is decided here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from packhouse.db.engine import writer_clock
from packhouse.db.tables import blob, download, event, file, generation, lineage, mark, package, seal, tag, token, version
from packhouse.model import Actor, Blob, Instant, NewFile


def upsert(connection: Connection) -> Any:
    """The dialect's insert, which knows `on_conflict_do_nothing`."""
    return postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert


def begin(connection: Connection, project: int, format: str, roots: Iterable[str], locks: Iterable[str] = ()) -> Instant:
    """Lock what this change touches, and take its time: later than every generation of these roots and every final moment."""
    roots = list(roots)

    def last() -> Instant:
        moved = select(func.max(generation.c.moved_at)).where(
            generation.c.project_id == project, generation.c.format == format, generation.c.root.in_(roots)
        )
        latest = [connection.scalar(moved), connection.scalar(select(func.max(seal.c.until)))]
        if connection.dialect.name == "sqlite":
            latest.append(connection.scalar(select(func.max(event.c.at))))
        return max((x for x in latest if x is not None), default=0)

    names = [f"{project}/{format}/{root}" for root in roots] + [f"{project}/{format}//{lock}" for lock in locks]
    return writer_clock(connection, names, last)


def move_generations(connection: Connection, project: int, format: str, roots: Iterable[str], at: Instant) -> None:
    """The next generation of each root. The caller holds the roots' locks (`begin`)."""
    for root in sorted(set(roots)):
        key = (generation.c.project_id == project, generation.c.format == format, generation.c.root == root)
        number = connection.scalar(select(func.max(generation.c.number)).where(*key)) or 0
        connection.execute(insert(generation).values(project_id=project, format=format, root=root, number=number + 1, moved_at=at))


def find_package(connection: Connection, project: int, format: str, name_key: str) -> int | None:
    return connection.scalar(select(package.c.id).where(package.c.project_id == project, package.c.format == format, package.c.name_key == name_key))


def ensure_package(connection: Connection, project: int, format: str, name_key: str, name: str) -> int:
    """The id of a package, made where it is new."""
    found = find_package(connection, project, format, name_key)
    if found is not None:
        return found
    connection.execute(upsert(connection)(package).values(project_id=project, format=format, name_key=name_key, name=name).on_conflict_do_nothing())
    made = find_package(connection, project, format, name_key)
    assert made is not None
    return made


def find_version(connection: Connection, package_id: int, version_id: str) -> tuple[int, str] | None:
    """The live version with this id: its row id and its text."""
    row = connection.execute(
        select(version.c.id, version.c.version).where(
            version.c.package_id == package_id, version.c.version_id == version_id, version.c.deleted.is_(None)
        )
    ).first()
    return None if row is None else (row.id, row.version)


def was_deleted(connection: Connection, package_id: int, version_id: str) -> bool:
    """A version with this id was there once and is not now."""
    rows = select(version.c.id).where(version.c.package_id == package_id, version.c.version_id == version_id, version.c.deleted.is_not(None)).limit(1)
    return connection.execute(rows).first() is not None


def add_version(
    connection: Connection, package_id: int, project: int, format: str, name: str, text: str, version_id: str, actor: Actor, at: Instant
) -> int:
    result = connection.execute(
        insert(version)
        .values(
            package_id=package_id,
            project_id=project,
            format=format,
            name=name,
            version=text,
            version_id=version_id,
            creator_id=actor.user_id,
            created=at,
        )
        .returning(version.c.id)
    )
    return int(result.scalar_one())


def find_files(connection: Connection, version_row: int) -> dict[tuple[str, str], tuple[int, str]]:
    """The live files of a version: (path, shelf) → (id, sha256)."""
    rows = connection.execute(
        select(file.c.id, file.c.path, file.c.shelf, blob.c.sha256)
        .join(blob, blob.c.id == file.c.blob_id)
        .where(file.c.version_id == version_row, file.c.deleted.is_(None))
    )
    return {(r.path, r.shelf): (r.id, r.sha256) for r in rows}


def find_sibling(connection: Connection, root: int, project: int, format: str, name_key: str, version_id: str) -> int | None:
    """Another project below this root place that holds the same version."""
    return connection.scalar(
        select(version.c.project_id)
        .join(package, package.c.id == version.c.package_id)
        .join(lineage, and_(lineage.c.place_id == version.c.project_id, lineage.c.ancestor_id == root))
        .where(
            package.c.format == format,
            package.c.name_key == name_key,
            version.c.version_id == version_id,
            version.c.deleted.is_(None),
            version.c.project_id != project,
        )
        .limit(1)
    )


def find_blob(connection: Connection, sha256: str) -> tuple[int, str, int] | None:
    """A live blob: id, stored name, size."""
    row = connection.execute(
        select(blob.c.id, blob.c.place, blob.c.size, blob.c.condemned).where(blob.c.sha256 == sha256, blob.c.condemned.is_(None))
    ).first()
    return None if row is None else (row.id, row.place, row.size)


def take_blob(connection: Connection, what: Blob, stored: str | None, at: Instant) -> tuple[int, str]:
    """The blob row of these bytes, touched or made live under `stored`; answers its id and the stored name that counts."""
    found = connection.execute(select(blob.c.id, blob.c.place, blob.c.condemned, blob.c.sha512).where(blob.c.sha256 == what.sha256)).first()
    if found is not None:
        values: dict[str, Any] = {"touched": at}
        if found.condemned is not None:
            values |= {"place": stored or found.place, "condemned": None}
        if found.sha512 is None:
            values |= {"md5": what.md5, "sha1": what.sha1, "sha512": what.sha512}
        connection.execute(update(blob).where(blob.c.id == found.id).values(**values))
        return found.id, str(values.get("place", found.place))
    values = {
        "sha256": what.sha256,
        "md5": what.md5,
        "sha1": what.sha1,
        "sha512": what.sha512,
        "size": what.size,
        "place": stored or what.sha256,
        "created": at,
        "touched": at,
    }
    try:
        with connection.begin_nested():
            return int(connection.execute(insert(blob).values(**values).returning(blob.c.id)).scalar_one()), values["place"]
    except IntegrityError:  # somebody else stored the same bytes meanwhile: theirs count
        row = connection.execute(select(blob.c.id, blob.c.place).where(blob.c.sha256 == what.sha256)).one()
        return row.id, row.place


def add_file(connection: Connection, version_row: int, package_id: int, project: int, new: NewFile, blob_id: int, at: Instant) -> int:
    result = connection.execute(
        insert(file)
        .values(
            version_id=version_row,
            package_id=package_id,
            project_id=project,
            path=new.path,
            shelf=new.shelf,
            blob_id=blob_id,
            facts=new.facts.decode(),
            about=None if new.about is None else msgspec.json.encode(new.about).decode(),
            derived=new.derived,
            origin_at=new.origin_at,
            created=at,
        )
        .returning(file.c.id)
    )
    return int(result.scalar_one())


def delete_files(connection: Connection, ids: Sequence[int], at: Instant) -> None:
    for start in range(0, len(ids), 500):
        connection.execute(update(file).where(file.c.id.in_(ids[start : start + 500]), file.c.deleted.is_(None)).values(deleted=at))


def delete_version(connection: Connection, version_row: int, at: Instant) -> None:
    """The version, its files and the tags that point to it end now."""
    connection.execute(update(file).where(file.c.version_id == version_row, file.c.deleted.is_(None)).values(deleted=at))
    connection.execute(update(version).where(version.c.id == version_row).values(deleted=at))
    connection.execute(update(tag).where(tag.c.version_id == version_row, tag.c.until.is_(None)).values(until=at))


def live_versions(connection: Connection, package_id: int) -> list[tuple[int, str]]:
    rows = connection.execute(select(version.c.id, version.c.version).where(version.c.package_id == package_id, version.c.deleted.is_(None)))
    return [(r.id, r.version) for r in rows]


def shelves_of(connection: Connection, version_row: int) -> set[str]:
    return set(connection.scalars(select(file.c.shelf).where(file.c.version_id == version_row, file.c.deleted.is_(None)).distinct()))


def set_tag(connection: Connection, package_id: int, name: str, version_row: int | None, at: Instant) -> bool:
    """Point a tag at a version, or end it with None; False where nothing changed."""
    current = connection.execute(
        select(tag.c.id, tag.c.version_id).where(tag.c.package_id == package_id, tag.c.name == name, tag.c.until.is_(None))
    ).first()
    if (current.version_id if current else None) == version_row:
        return False
    if current is not None:
        connection.execute(update(tag).where(tag.c.id == current.id).values(until=at))
    if version_row is not None:
        connection.execute(insert(tag).values(package_id=package_id, name=name, version_id=version_row, since=at))
    return True


def set_mark(connection: Connection, version_row: int, kind: str, value: str | None, at: Instant) -> bool:
    """Set a mark on a version, or end it with None; False where nothing changed."""
    current = connection.execute(
        select(mark.c.id, mark.c.value).where(mark.c.version_id == version_row, mark.c.kind == kind, mark.c.until.is_(None))
    ).first()
    if (current.value if current else None) == value:
        return False
    if current is not None:
        connection.execute(update(mark).where(mark.c.id == current.id).values(until=at))
    if value is not None:
        connection.execute(insert(mark).values(version_id=version_row, kind=kind, value=value, since=at))
    return True


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
    result = connection.execute(
        insert(event)
        .values(
            at=at,
            what=what,
            actor_id=actor.user_id,
            actor=actor.username or actor.kind,
            credential=actor.kind,
            project_id=project,
            format=format,
            package_id=package_id,
            version_id=version_id,
            detail=msgspec.json.encode(detail or {}, order="sorted").decode(),
        )
        .returning(event.c.id)
    )
    return int(result.scalar_one())


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
