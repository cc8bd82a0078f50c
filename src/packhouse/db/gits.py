"""What is known of the Git repositories of projects without opening them, and where they are copied from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from packhouse.db.changes import upsert
from packhouse.db.tables import git_repository, place, protected_branch
from packhouse.model import Instant


class GitRow(NamedTuple):
    """A repository: its default branch ("" while it is empty), its last change, and its mirror."""

    project_id: int
    default_branch: str = ""
    pushed: Instant | None = None
    mirror_url: str | None = None
    mirror_user: str | None = None
    mirror_secret: str | None = None
    mirror_minutes: int | None = None
    mirror_next: Instant | None = None
    mirror_state: str = "none"
    mirror_error: str | None = None
    mirrored: Instant | None = None


_COLUMNS = tuple(git_repository.c[name] for name in GitRow._fields)


def get_repository(connection: Connection, project: int) -> GitRow | None:
    """The row of a project's repository."""
    row = connection.execute(select(*_COLUMNS).where(git_repository.c.project_id == project)).first()
    return None if row is None else GitRow(*row)


def default_branches(connection: Connection, projects: Iterable[int]) -> Mapping[int, str]:
    """The default branch of each of these projects that has a repository; "" where that is empty."""
    chosen = git_repository.c.project_id.in_(list(projects))
    return {row[0]: row[1] for row in connection.execute(select(git_repository.c.project_id, git_repository.c.default_branch).where(chosen))}


def put_repository(connection: Connection, project: int, /, **changed: Any) -> None:
    """Make the row, or change some of it."""
    values = {name: value for name, value in GitRow(project)._asdict().items() if name != "project_id"} | changed
    made = upsert(connection)(git_repository).values(project_id=project, **values)
    if changed:
        connection.execute(made.on_conflict_do_update(index_elements=["project_id"], set_=changed))
    else:
        connection.execute(made.on_conflict_do_nothing())


def due_mirrors(connection: Connection, at: Instant, limit: int = 20) -> list[GitRow]:
    """Mirrors of living projects whose time has come, the longest overdue first."""
    due = (
        select(*_COLUMNS)
        .join(place, place.c.id == git_repository.c.project_id)
        .where(git_repository.c.mirror_next <= at, git_repository.c.mirror_url.is_not(None), place.c.deleted.is_(None))
    )
    return [GitRow(*row) for row in connection.execute(due.order_by(git_repository.c.mirror_next).limit(limit))]


def claim_mirror(connection: Connection, project: int, seen: Instant | None, until: Instant) -> bool:
    """Take a mirror's turn, and set when it may be taken again should this process die; False where another one was first."""
    mine = (git_repository.c.project_id == project) & (
        git_repository.c.mirror_next.is_(None) if seen is None else git_repository.c.mirror_next == seen
    )
    claimed = update(git_repository).where(mine).values(mirror_next=until, mirror_state="started")
    return connection.execute(claimed).rowcount == 1


def list_repositories(connection: Connection) -> Mapping[int, str]:
    """Every project with a repository, by number, and its default branch."""
    listed = select(git_repository.c.project_id, git_repository.c.default_branch).order_by(git_repository.c.project_id)
    return {row[0]: row[1] for row in connection.execute(listed)}


def abandoned(connection: Connection, before: Instant, limit: int = 20) -> list[int]:
    """Projects that were deleted before an instant and still have a repository."""
    gone = select(git_repository.c.project_id).join(place, place.c.id == git_repository.c.project_id).where(place.c.deleted < before)
    return list(connection.scalars(gone.order_by(git_repository.c.project_id).limit(limit)))


def drop_repository(connection: Connection, project: int) -> None:
    connection.execute(delete(git_repository).where(git_repository.c.project_id == project))


class ProtectedBranch(NamedTuple):
    """A branch, or with `*` in its name many, and the least roles that push and merge there; 0 is nobody."""

    id: int
    name: str
    push_level: int
    merge_level: int
    force_push: bool


_PROTECTED = tuple(protected_branch.c[name] for name in ProtectedBranch._fields)


def list_protected(connection: Connection, project: int) -> list[ProtectedBranch]:
    """The protected branches of a project, by name."""
    listed = select(*_PROTECTED).where(protected_branch.c.project_id == project).order_by(protected_branch.c.name)
    return [ProtectedBranch(*row) for row in connection.execute(listed)]


def protect(connection: Connection, project: int, name: str, at: Instant, *, push_level: int, merge_level: int, force_push: bool) -> ProtectedBranch:
    """Protect a branch that is not."""
    values = {"push_level": int(push_level), "merge_level": int(merge_level), "force_push": force_push}
    made = insert(protected_branch).values(project_id=project, name=name, created=at, **values).returning(*_PROTECTED)
    return ProtectedBranch(*connection.execute(made).one())


def change_protected(connection: Connection, project: int, name: str, values: Mapping[str, Any]) -> ProtectedBranch | None:
    """Other levels; None where the branch is not protected."""
    if values:
        connection.execute(update(protected_branch).where(*_named(project, name)).values(**values))
    row = connection.execute(select(*_PROTECTED).where(*_named(project, name))).first()
    return None if row is None else ProtectedBranch(*row)


def unprotect(connection: Connection, project: int, name: str) -> bool:
    """Whether the branch was protected, which it is no more."""
    return connection.execute(delete(protected_branch).where(*_named(project, name))).rowcount > 0


def _named(project: int, name: str) -> tuple[ColumnElement[bool], ...]:
    return protected_branch.c.project_id == project, protected_branch.c.name == name
