"""What upkeep goes by, asked of both databases."""

from __future__ import annotations

from sqlalchemy import Connection

from packhouse.db import changes, upkeep
from packhouse.db.upkeep import KeepPolicy
from packhouse.model import ANONYMOUS, Blob, NewFile

from .conftest import Desk

START = 1_700_000_000_000_000
MINUTE = 60_000_000


def fill(connection: Connection, project: int) -> None:
    """A version with three files and one with two of which one was deleted, a minute apart, each with a derived one."""
    package, _ = changes.ensure_package(connection, project, "toy", "a", "a")
    for number, files in enumerate((3, 2)):
        at = START + number * MINUTE
        row = changes.add_version(connection, package, project, "toy", "a", f"{number}.0", f"{number}.0", ANONYMOUS, at)
        for place in range(files + 1):
            digest = f"{number}{place}".ljust(64, "0")
            blob_id, _ = changes.take_blob(connection, Blob(sha256=digest, size=1), digest, at)
            new = NewFile(path=f"file-{place}", content=b"", derived=place == files)
            file = changes.add_file(connection, row, package, project, new, blob_id, at)
            if number and not place:
                changes.delete_files(connection, [file], at)


def test_versions_with_many_files(desk: Desk) -> None:
    """A version whose files are few, deleted or made here would be looked into; or one with many would not."""
    project = desk.project("one")
    desk.write(fill, project)
    assert [found.version for found in desk.read(upkeep.crowded_versions, project, "toy", 1)] == ["0.0"]
    assert desk.read(upkeep.crowded_versions, project, "toy", 3) == []
    assert desk.read(upkeep.crowded_versions, project, "other", 0) == []


def test_versions_of_a_time(desk: Desk) -> None:
    """Uploads of a week ago would be missed, or looked at twice."""
    desk.write(fill, desk.project("one"))
    [first] = desk.read(upkeep.versions_touched, ["toy"], START - 1, START)
    assert (first.name, first.version) == ("a", "0.0")
    assert [found.version for found in desk.read(upkeep.versions_touched, ["toy"], START, START + MINUTE)] == ["1.0"]
    assert desk.read(upkeep.file_times, first.id) == dict.fromkeys(("file-0", "file-1", "file-2"), START)


def test_policy_comes_back(desk: Desk) -> None:
    """What a project wants kept would be forgotten, or run too early, or stay when it is taken back."""
    project = desk.project("one")
    assert desk.read(upkeep.get_policy, project) == KeepPolicy(project=project)
    for keep_n in (10, 1):
        desk.write(upkeep.put_policy, KeepPolicy(project=project, keep_n=keep_n, next_run_at=START))
    assert desk.read(upkeep.due_policies, START - 1) == []
    assert desk.read(upkeep.due_policies, START) == [KeepPolicy(project=project, keep_n=1, next_run_at=START)]
    desk.write(upkeep.put_policy, KeepPolicy(project=project))
    assert desk.read(upkeep.due_policies, START) == []


def test_sweep_is_remembered(desk: Desk) -> None:
    """Every sweep would begin at the beginning."""
    assert desk.read(upkeep.swept_until) == 0
    for until in (START, START + MINUTE):
        desk.write(upkeep.set_swept, until)
        assert desk.read(upkeep.swept_until) == until
