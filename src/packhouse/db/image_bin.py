"""Deleted tags, manifests and repositories of images: what there is, and which rows come back together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, String, func, literal_column, or_, select, union_all

from packhouse.db.engine import batches
from packhouse.db.tables import blob, event, file, package, reference, tag, version
from packhouse.model import Instant, Place

REPOSITORY, MANIFEST, TAG = "repository", "manifest", "tag"


class Binned(NamedTuple):
    """Something that was deleted and can come back. `kind`: repository, manifest or tag."""

    kind: str
    deleted: Instant
    package_id: int
    name: str
    tag: str
    digest: str
    version_id: int
    tags: int = 0  # those that ended with it


# -- what there is ---------------------------------------------------------------------------------------------------


def list_binned(connection: Connection, where: Place, format: str, since: Instant, offset: int, limit: int) -> tuple[list[Binned], int]:
    """A page of what people and cleanup took from a project since an instant and is not there again, the latest first; how many there are.

    What was named by another path of the project is left out.
    """
    project, path = where.id, where.full_path.lower()
    found = (make(project, format, since) for make in (_repositories, _manifests, _tags))
    named = or_(package.c.name == path, package.c.name.startswith(f"{path}/", autoescape=True))
    everything = union_all(*(each.where(named) for each in found)).subquery()
    total = connection.execute(select(func.count()).select_from(everything)).scalar_one()
    c = everything.c
    ordered = (c.deleted.desc(), c.kind, c.name, c.tag, c.digest)
    rows = [Binned(*row) for row in connection.execute(select(everything).order_by(*ordered).offset(offset).limit(limit))]
    return [row._replace(tags=_count_tags(connection, row)) if row.kind != TAG else row for row in rows], total


def _text(value: str) -> ColumnElement[str]:
    return literal_column(f"'{value}'", String)


def _columns(kind: str, deleted: Any, tag_name: Any, digest: Any, version_id: Any) -> Select[Any]:
    named = zip(("kind", "deleted", "package_id", "name", "tag", "digest", "version_id"),
                (_text(kind), deleted, package.c.id, package.c.name, tag_name, digest, version_id), strict=True)  # fmt: skip
    return select(*(column.label(name) for name, column in named))


def _is_absent() -> ColumnElement[bool]:
    """Nothing is there now in place of `version`."""
    live = version.alias("live")
    again = select(live.c.id).where(live.c.package_id == version.c.package_id, live.c.version_id == version.c.version_id, live.c.deleted.is_(None))
    return ~again.correlate(version).exists()


def _deletions(project: int, format: str, since: Instant) -> tuple[ColumnElement[bool], ...]:
    return (event.c.project_id == project, event.c.at > since, event.c.what == "delete", event.c.format == format)


# the last of each is found by grouping: neither events nor ended intervals have an index by name


def _repositories(project: int, format: str, since: Instant) -> Select[Any]:
    whole = (*_deletions(project, format, since), event.c.version_id.is_(None))
    last = select(func.max(event.c.id)).where(*whole).group_by(event.c.package_id)
    gone = select(version.c.id).where(version.c.package_id == event.c.package_id, version.c.deleted == event.c.at, _is_absent())
    none = _text("")
    return (
        _columns(REPOSITORY, event.c.at, none, none, literal_column("0"))
        .select_from(event.join(package, package.c.id == event.c.package_id))
        .where(event.c.id.in_(last), gone.correlate(event).exists())
    )


def _manifests(project: int, format: str, since: Instant) -> Select[Any]:
    joined = event.join(version, version.c.id == event.c.version_id)
    last = select(func.max(event.c.id)).select_from(joined).where(*_deletions(project, format, since))
    last = last.group_by(version.c.package_id, version.c.version_id)
    return (
        _columns(MANIFEST, event.c.at, _text(""), version.c.version, version.c.id)
        .select_from(joined.join(package, package.c.id == version.c.package_id))
        .where(event.c.id.in_(last), version.c.deleted == event.c.at, _is_absent())
    )


def _tags(project: int, format: str, since: Instant) -> Select[Any]:
    mine = (package.c.project_id == project, package.c.format == format)
    last = select(func.max(tag.c.id)).select_from(package.join(tag, tag.c.package_id == package.c.id)).where(*mine)
    last = last.group_by(tag.c.package_id, tag.c.name)
    return (
        _columns(TAG, tag.c.until, tag.c.name, version.c.version, version.c.id)
        .select_from(tag.join(package, package.c.id == tag.c.package_id).join(version, version.c.id == tag.c.version_id))
        .where(tag.c.id.in_(last), tag.c.until > since, or_(version.c.deleted.is_(None), version.c.deleted != tag.c.until))
    )


def _count_tags(connection: Connection, row: Binned) -> int:
    counted = select(func.count()).select_from(tag).where(tag.c.package_id == row.package_id, tag.c.until == row.deleted)
    if row.kind == MANIFEST:
        counted = counted.where(tag.c.version_id == row.version_id)
    return connection.execute(counted).scalar_one()


# -- what comes back -------------------------------------------------------------------------------------------------


def find_package(connection: Connection, project: int, format: str, id_: int) -> str | None:
    """The name of a repository of this project, whether anything is in it or not."""
    mine = (package.c.id == id_, package.c.project_id == project, package.c.format == format)
    return connection.scalar(select(package.c.name).where(*mine))


def last_deletion(connection: Connection, project: int, package_id: int, since: Instant) -> Instant | None:
    """When the whole repository was deleted, the last time since an instant."""
    mine = (event.c.project_id == project, event.c.at > since, event.c.what == "delete")
    found: Instant | None = connection.scalar(
        select(func.max(event.c.at)).where(*mine, event.c.package_id == package_id, event.c.version_id.is_(None))
    )
    return found


class Version(NamedTuple):
    """A version of a package; equal digests are the same one."""

    id: int
    digest: str


def ended_at(connection: Connection, package_id: int, at: Instant) -> list[Version]:
    """The versions of a package that ended at one instant."""
    mine = (version.c.package_id == package_id, version.c.deleted == at)
    return [Version(*row) for row in connection.execute(select(version.c.id, version.c.version_id).where(*mine).order_by(version.c.id))]


class LastTag(NamedTuple):
    """What a tag pointed at last, and when that ended; None while it does."""

    version: Version
    until: Instant | None


def last_tag(connection: Connection, package_id: int, name: str) -> LastTag | None:
    """The last of a tag's intervals."""
    joined = tag.join(version, version.c.id == tag.c.version_id)
    last = select(version.c.id, version.c.version_id, tag.c.until).select_from(joined).order_by(tag.c.id.desc()).limit(1)
    row = connection.execute(last.where(tag.c.package_id == package_id, tag.c.name == name)).first()
    return None if row is None else LastTag(Version(row[0], row[1]), row[2])


def points_at(connection: Connection, ids: Sequence[int]) -> set[str]:
    """The digests of the versions that these versions list as their own."""
    found: set[str] = set()
    for some in batches(ids):
        mine = (reference.c.version_id.in_(some), reference.c.kind == "version")
        found |= set(connection.scalars(select(reference.c.digest).where(*mine)))
    return found


def find_by_digest(connection: Connection, package_id: int, digests: Sequence[str], since: Instant | None = None) -> dict[str, Version]:
    """Digest → the version of a package that goes by it: one that is there, or with `since` the last that ended after it."""
    there = (version.c.deleted.is_(None), file.c.deleted.is_(None))
    wanted = there if since is None else (version.c.deleted > since, file.c.deleted == version.c.deleted)
    found: dict[str, Version] = {}
    for some in batches(digests):
        encoded = [digest.partition(":")[2] for digest in some]
        rows = connection.execute(
            select(version.c.id, version.c.version_id, blob.c.sha256, blob.c.sha512)
            .select_from(version.join(file, file.c.version_id == version.c.id).join(blob, blob.c.id == file.c.blob_id))
            .where(version.c.package_id == package_id, *wanted)
            .where(or_(version.c.version_id.in_(some), blob.c.sha256.in_(encoded), blob.c.sha512.in_(encoded)))
            .order_by(version.c.deleted, version.c.id)
        )
        for id_, text, sha256, sha512 in rows:
            found |= dict.fromkeys((text, f"sha256:{sha256}", f"sha512:{sha512}"), Version(id_, text))
    return {digest: found[digest] for digest in digests if digest in found}
