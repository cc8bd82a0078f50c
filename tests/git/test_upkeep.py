"""What the house does with repositories by itself: the log, what a crash left, the doctor, projects that are gone."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from git_house import tell
from git_work import Work
from sqlalchemy import text

from packhouse.db import gits, places
from packhouse.db.engine import now
from packhouse.git import keeping
from packhouse.jobs.mirroring import pull_due
from packhouse.model import Actor
from packhouse.packages import mirrors, repositories
from packhouse.packages.doctor import examine
from packhouse.packages.house import House

DEVELOPER = Actor(kind="personal", user_id=1, username="root")


async def push(house: House, project: int, work: Work, *refs: str) -> Path:
    """Objects and refs in the repository, and nobody was told."""
    folder = await repositories.folder_to_change(house, project)
    await asyncio.to_thread(work.run, "push", "--quiet", str(folder), *refs)
    return folder


async def read_all(house: House, query: str) -> list[Any]:
    return await house.database.read(lambda connection: [tuple(row) for row in connection.execute(text(query))])


def test_a_push_is_logged_with_what_it_has_changed(work: Work, tmp_path: Path) -> None:
    """Nobody can tell who moved a branch, or a refused ref is in the log."""
    head = work.commit({"a": "a"})

    async def story(house: House, project: int) -> None:
        await push(house, project, work, "main")
        await repositories.note_change(
            house, project, DEVELOPER, {"refs/heads/main": head, "refs/heads/refused": head, "refs/tags/gone": keeping.ABSENT}
        )
        (logged,) = await read_all(house, "select actor, credential, detail from event where what = 'push'")
        assert logged[:2] == ("root", "personal")
        assert json.loads(logged[2]) == {"refs": {"refs/heads/main": head, "refs/tags/gone": keeping.ABSENT}, "count": 2}
        row = await house.database.read(gits.get_repository, project)
        assert row is not None and row.default_branch == "main" and row.pushed

    tell(tmp_path / "data", story)


def test_each_push_moves_what_was_made_from_the_refs(work: Work, tmp_path: Path) -> None:
    """A list of versions that was made before a push is served after it."""

    async def story(house: House, project: int) -> None:
        for number in (1, 2):
            head = work.commit({"a": str(number)})
            await push(house, project, work, "main")
            await repositories.note_change(house, project, DEVELOPER, {"refs/heads/main": head})
            found = await read_all(house, "select max(number) from generation where format = 'git' and root = ''")
            assert found == [(number,)]
        await repositories.note_change(house, project, DEVELOPER, {"refs/heads/main": "1" * 40})
        assert await read_all(house, "select max(number) from generation where format = 'git' and root = ''") == [(2,)]

    tell(tmp_path / "data", story)


def test_what_a_crash_after_a_push_has_left_is_made_good(work: Work, tmp_path: Path) -> None:
    """The server dies between a push and its note, and the project looks empty for ever."""
    work.commit({"a": "a"})

    async def story(house: House, project: int) -> None:
        await push(house, project, work, "HEAD:refs/heads/trunk")
        await repositories.recall(house, project, DEVELOPER)
        row = await house.database.read(gits.get_repository, project)
        assert row is not None and row.default_branch == "trunk"

    tell(tmp_path / "data", story)


def test_the_doctor_finds_damaged_and_missing_repositories(work: Work, tmp_path: Path) -> None:
    """Lost code is noticed on the day it is needed."""
    head = work.commit({"a": "a"})

    async def story(house: House, project: int) -> None:
        folder = await push(house, project, work, "main")
        await repositories.note_change(house, project, DEVELOPER, {"refs/heads/main": head})
        assert [finding async for finding in examine(house, deep=True)] == []
        blob = work.read("rev-parse", "HEAD:a")
        for pack in folder.glob("objects/pack/*"):
            pack.unlink()
        (folder / "objects" / blob[:2] / blob[2:]).unlink(missing_ok=True)
        assert [finding.check async for finding in examine(house)] == ["D09"]
        await asyncio.to_thread(keeping.remove_repository, folder)
        (missing,) = [finding async for finding in examine(house)]
        assert missing.check == "D09" and "missing" in missing.text

    tell(tmp_path / "data", story)


def test_the_repository_of_a_deleted_project_goes_after_its_time(work: Work, tmp_path: Path) -> None:
    """The disk fills with what nobody can reach, or a project deleted by mistake is gone at once."""
    head = work.commit({"a": "a"})

    async def story(house: House, project: int) -> None:
        folder = await push(house, project, work, "main")
        await repositories.note_change(house, project, DEVELOPER, {"refs/heads/main": head})
        day = 86_400_000_000
        await house.database.write(places.delete_place, project, now() - (house.settings.retention_days - 1) * day)
        await pull_due(house)
        assert folder.is_dir()
        await house.database.write(
            lambda c: c.execute(text("update place set deleted = deleted - :day * 2 where id = :id"), {"day": day, "id": project})
        )
        await pull_due(house)
        assert not folder.exists() and await house.database.read(gits.get_repository, project) is None

    tell(tmp_path / "data", story)


def test_a_mirror_that_fails_is_tried_again_at_its_next_time_and_not_before(tmp_path: Path) -> None:
    """A source that is down is asked without end, or never again."""

    async def story(house: House, project: int) -> None:
        changed = {"mirror_url": "http://127.0.0.1:1/x.git", "mirror_minutes": 30, "mirror_next": 0, "mirror_state": "scheduled"}
        await house.database.write(mirrors.change_mirror, project, changed, DEVELOPER)
        await pull_due(house)
        row = await house.database.read(gits.get_repository, project)
        assert row is not None and row.mirror_state == "failed" and "not public" in (row.mirror_error or "")
        assert row.mirror_next is not None and now() < row.mirror_next <= now() + 30 * mirrors.MINUTE
        assert await house.database.read(gits.due_mirrors, now()) == []
        assert not repositories.repository_path(house, project).exists()

    tell(tmp_path / "data", story)


def test_one_process_copies_a_mirror_at_a_time(tmp_path: Path) -> None:
    """Two processes fetch into one repository at the same time."""

    async def story(house: House, project: int) -> None:
        await house.database.write(
            mirrors.change_mirror, project, {"mirror_url": "http://a.example/x", "mirror_next": 5, "mirror_minutes": 30}, DEVELOPER
        )
        claims = [await house.database.write(gits.claim_mirror, project, 5, now() + mirrors.TURN) for _ in range(2)]
        assert claims == [True, False]

    tell(tmp_path / "data", story)


def test_copies_are_packed(work: Work, tmp_path: Path) -> None:
    """A copy that is brought up to date every night becomes thousands of files, or what was rewritten by mistake is gone from it too."""
    copy = tmp_path / "copy.git"
    lost = work.commit({"a": "rewritten later"})
    assert keeping.copy_repository(work.folder / ".git", copy) == ""
    work.run("commit", "--quiet", "--amend", "--message", "another")
    work.run("-C", str(copy), "config", "gc.autoPackLimit", "1")
    for night in range(4):
        head = work.commit({f"{night}/{number}": f"{night} {number}" for number in range(120)})  # of so many, git keeps a pack
        assert keeping.copy_repository(work.folder / ".git", copy) == ""
    counted = dict(line.split(": ") for line in work.read("-C", str(copy), "count-objects", "-v").splitlines())
    assert int(counted["packs"]) in (1, 2), counted  # the second, of a newer git, has what nothing leads to
    assert keeping.read_refs(copy)["refs/heads/main"] == head
    assert work.read("-C", str(copy), "cat-file", "-t", lost) == "commit"
    assert keeping.check_repository(copy, deep=True) == ""
