"""`View.from_git` and `View.take`: a format publishes what it reads from a project's repository, on behalf of whoever reads."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from git_house import tell
from git_work import Work
from sqlalchemy import text

from packhouse.auth.policy import Access
from packhouse.contract import Git, Upload
from packhouse.db import places
from packhouse.errors import AlreadyExists, Forbidden, Protected, RepositoryNotFound, Unauthenticated
from packhouse.formats.generic import FORMAT
from packhouse.model import ANONYMOUS, Actor, Moment, NewFile, Role
from packhouse.packages import repositories
from packhouse.packages.house import House
from packhouse.packages.view import View

REPORTER = Actor(kind="personal", user_id=1, username="root", scopes=frozenset({"api"}))


async def view_of(house: House, project: int, actor: Actor = REPORTER, role: int = Role.REPORTER, *, group: bool = False) -> View:
    """What a handler holds: at the project, or at the group above it."""
    place = await house.database.read(places.get_place, project)
    assert place is not None and place.parent_id is not None
    above = await house.database.read(places.get_place, place.parent_id)
    standing = Access(actor=actor, place=place, role=role)

    async def lookup(asked: int) -> Access:
        assert asked == project
        return standing

    return View(
        house, FORMAT, Access(actor=actor, place=above, role=role) if group else standing, level="group" if group else "project",
        place=place.parent_id if group else project, moment=Moment(at=0, api="", format="generic"), at=None, lookup=lookup,
    )  # fmt: skip


def upload(content: bytes = b"content", version: str = "1.0.0") -> Upload:
    return Upload(name="lib", version=version, files=(NewFile(path="lib.txt", content=content),))


def read_readme(git: Git, tag: str) -> bytes | None:
    commit = git.tags().get(tag)
    return None if commit is None else git.read(commit, "README.md")


@pytest.mark.parametrize("group", [False, True])
def test_a_reader_publishes_what_the_repository_holds(group: bool, work: Work, tmp_path: Path) -> None:
    """A version of the repository is not there until somebody with more rights asks for it."""
    work.commit({"README.md": "read me"})
    work.run("tag", "v1")

    async def story(house: House, project: int) -> None:
        folder = await repositories.folder_to_change(house, project)
        await asyncio.to_thread(work.run, "push", "--quiet", str(folder), "main", "--tags")
        view = await view_of(house, project, group=group)
        content = await view.from_git(project, read_readme, "v1")
        assert content == b"read me"
        first = await view.take(upload(content), project)
        again = await view.take(upload(content), project)
        assert (first.created, again.created) == (True, False) and first.version_id == again.version_id
        with pytest.raises(AlreadyExists):
            await view.take(upload(b"other"), project)
        logged = await house.database.read(lambda c: c.execute(text("select what, actor, credential from event order by id desc limit 1")).first())
        assert tuple(logged) == ("publish", "repository", "repository")
        assert list(house.spool.folder.iterdir()) == []

    tell(tmp_path / "data", story)


def test_many_takes_at_once_publish_once(tmp_path: Path) -> None:
    """Ten builds that ask for a new version at once see errors."""

    async def story(house: House, project: int) -> None:
        view = await view_of(house, project)
        taken = await asyncio.gather(*(view.take(upload(), project) for _ in range(10)))
        assert [one.created for one in taken].count(True) == 1 and len({one.version_id for one in taken}) == 1

    tell(tmp_path / "data", story)


def test_a_version_that_was_deleted_does_not_come_back_by_reading(tmp_path: Path) -> None:
    """A maintainer deletes a version, and the next reader brings it back."""

    async def story(house: House, project: int) -> None:
        view = await view_of(house, project)
        await view.take(upload(), project)
        await (await view_of(house, project, role=Role.MAINTAINER)).delete("lib", "1.0.0")
        with pytest.raises(Protected):
            await view.take(upload(), project)

    tell(tmp_path / "data", story)


@pytest.mark.parametrize(("actor", "role", "error"), [(ANONYMOUS, Role.NONE, Unauthenticated), (REPORTER, Role.GUEST, Forbidden)])
def test_who_may_not_read_packages_neither_reads_nor_takes(actor: Actor, role: int, error: type[Exception], tmp_path: Path) -> None:
    """A format's route gives code to those who may not read the project."""

    async def story(house: House, project: int) -> None:
        for group in (False, True):
            view = await view_of(house, project, actor, role, group=group)
            with pytest.raises(error):
                await view.from_git(project, read_readme, "v1")
            with pytest.raises(error):
                await view.take(upload(), project)

    tell(tmp_path / "data", story)


def test_a_project_without_a_repository_is_said_so(tmp_path: Path) -> None:
    """A format cannot tell a project without code from an accident."""

    async def story(house: House, project: int) -> None:
        with pytest.raises(RepositoryNotFound):
            await (await view_of(house, project)).from_git(project, read_readme, "v1")

    tell(tmp_path / "data", story)
