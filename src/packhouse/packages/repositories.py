"""Where the Git repositories of projects lie, and how the rooms above read them: by the project's id, so that a new name moves nothing."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

from packhouse.db import changes, gits
from packhouse.errors import Invalid, NotFound, RepositoryNotFound, Unavailable
from packhouse.git.keeping import ABSENT, FIRST_BRANCHES, as_text, make_repository, read_refs, remove_repository, set_head, settle_head, tend
from packhouse.model import Actor, Role
from packhouse.packages.house import House

if TYPE_CHECKING:
    from packhouse.git.reading import Reader

P = ParamSpec("P")
T = TypeVar("T")

READ_SECONDS = 120.0
MOST_LOGGED = 50
REFS = "git"  # the generation of what is made from a project's refs

# threads of their own: a long copy or a slow disk must not hold up what else needs a thread
_readers = ThreadPoolExecutor(8, "git-read")
_keepers = ThreadPoolExecutor(2, "git-keep")
_tending: set[asyncio.Future[Any]] = set()  # held, so that they are not collected while they run


def repository_path(house: House, project: int) -> Path:
    """The folder of a project's repository, whether it is there or not."""
    name = repository_name(project)
    return house.settings.data_path / "repositories" / name[:2] / name[2:4] / name


def repository_name(project: int) -> str:
    """What that folder is called: folders are spread by it."""
    return f"{hashlib.sha256(str(project).encode()).hexdigest()}.git"


async def read_repository(house: House, project: int, read: Callable[Concatenate[Reader, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
    """`read(git, ...)` in a thread. Raises `RepositoryNotFound`, and `Unavailable` where it takes too long."""

    def reading() -> T:
        from packhouse.git.reading import Reader

        folder = repository_path(house, project)
        if not folder.is_dir():
            raise RepositoryNotFound("This project has no Git repository yet: push one")
        git = Reader(folder, house.spool, READ_SECONDS)
        try:
            return read(git, *args, **kwargs)
        finally:
            git.close()

    try:
        async with asyncio.timeout(READ_SECONDS + 5):
            return await asyncio.get_running_loop().run_in_executor(_readers, reading)
    except TimeoutError as error:
        raise Unavailable("Reading the repository took too long") from error


def in_background(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
    """Work that may take long, in a thread that nobody else waits for."""
    return asyncio.get_running_loop().run_in_executor(_keepers, lambda: work(*args, **kwargs))


def empty_path(house: House) -> Path:
    """A repository without anything in it: what a project that never had a push is read as."""
    return house.settings.data_path / "repositories" / "empty.git"


async def folder_to_read(house: House, project: int) -> Path:
    """The repository of a project, or the empty one."""
    folder = repository_path(house, project)
    if folder.is_dir():
        return folder
    await asyncio.to_thread(make_repository, empty_path(house))
    return empty_path(house)


async def folder_to_change(house: House, project: int) -> Path:
    """The repository of a project, made where it has none. Raises `OutOfSpace`."""
    folder = repository_path(house, project)
    if not folder.is_dir():
        await asyncio.to_thread(make_repository, folder)
    return folder


async def note_change(house: House, project: int, actor: Actor, changed: Mapping[str, str], what: str = "push") -> None:
    """Tell the house that refs have changed: the default branch, the log, and whatever was made from the refs before."""
    folder = repository_path(house, project)
    refs = await asyncio.to_thread(read_refs, folder)
    # what was refused is no change
    done = {ref: id_ for ref, id_ in changed.items() if refs.get(ref, ABSENT) == id_}
    if not done:
        return
    branch = await asyncio.to_thread(settle_head, folder, refs, list(done))
    await house.database.write(_note, project, actor, done, _shown(branch), what)
    tending = asyncio.ensure_future(in_background(tend, folder))
    _tending.add(tending)
    tending.add_done_callback(_tending.discard)


async def change_default_branch(house: House, project: int, branch: str) -> None:
    """Another default branch; the one that an empty repository will have anyway is no change. Raises `Invalid`."""
    row = await house.database.read(gits.get_repository, project)
    if branch == (row.default_branch if row is not None and row.default_branch else FIRST_BRANCHES[0]):
        return
    folder = repository_path(house, project)
    try:
        if not folder.is_dir():
            raise NotFound(f"Branch {branch[:120]!r} is not there: push it first")
        await asyncio.to_thread(set_head, folder, branch)
    except NotFound as error:
        raise Invalid(f"Could not set the default branch: {error.message}") from error
    await house.database.write(gits.put_repository, project, default_branch=branch)


async def recall(house: House, project: int, actor: Actor) -> None:
    """Make good what a crash between a push and its note has left."""
    folder = repository_path(house, project)
    row = await house.database.read(gits.get_repository, project)
    if folder.is_dir() and (row is None or not row.default_branch):
        await note_change(house, project, actor, await asyncio.to_thread(read_refs, folder))


def _shown(name: str) -> str:
    """A ref's name as the database can hold it."""
    return as_text(name)[:255]


def _note(connection: Connection, project: int, actor: Actor, done: Mapping[str, str], branch: str, what: str) -> None:
    at = changes.begin(connection, project, REFS, [""], locks=["git"])
    changes.move_generations(connection, project, REFS, [""], at)
    known = gits.get_repository(connection, project)
    if branch and (known is None or not known.default_branch) and all(rule.name != branch for rule in gits.list_protected(connection, project)):
        # whoever may push makes the first one; from then on the default branch is protected
        gits.protect(connection, project, branch, at, push_level=Role.MAINTAINER, merge_level=Role.MAINTAINER, force_push=False)
    gits.put_repository(connection, project, default_branch=branch, pushed=at)
    named = {_shown(ref): id_ for ref, id_ in sorted(done.items())[:MOST_LOGGED]}
    changes.add_event(connection, at, what, actor, project=project, detail={"refs": named, "count": len(done)})


async def forget_repository(house: House, project: int) -> None:
    """The repository of a project that was deleted is gone: its row last, so that a crash in between is made good."""
    ours = [one for one in _tending if one.get_loop() is asyncio.get_running_loop()]
    if ours:
        await asyncio.wait(ours, timeout=READ_SECONDS)  # what still looks after it would make its folders again
    await asyncio.to_thread(remove_repository, repository_path(house, project))
    await house.database.write(gits.drop_repository, project)
