"""A change of several versions is one: one generation of each root, an event of each version, all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest
from sqlalchemy import Connection, select, text

from packhouse.auth.policy import Access
from packhouse.contract import Format
from packhouse.db import changes, containers, places, tables
from packhouse.db import rows as rows_db
from packhouse.db.engine import now
from packhouse.db.migrate import migrate
from packhouse.errors import FileNotFound, PackageNotFound, Protected, RegistryError, Unsupported, VersionNotFound
from packhouse.formats import cocoapods, npm, p2
from packhouse.model import ANONYMOUS, Actor, Blob, Moment, NewFile, PackageRow, Role
from packhouse.packages import change
from packhouse.packages.house import House
from packhouse.packages.view import View

from .conftest import Desk

START = 1_700_000_000_000_000
ACTOR = Actor(kind="personal", user_id=1, username="anna", scopes=frozenset({"api"}))
Files = Mapping[str, str]
"""Path → shelf."""


def fill(connection: Connection, format: Format, project: int, versions: Mapping[str, Files]) -> None:
    """A package `a` with these versions, each with a file of ours beside its own, and with a tag called as it is."""
    package, _ = changes.ensure_package(connection, project, format.name, "a", "a")
    for version, files in versions.items():
        id_ = format.coordinates.version_id(version)
        row = changes.add_version(connection, package, project, format.name, "a", version, id_, ANONYMOUS, START)
        for path, shelf, derived in [*((path, shelf, False) for path, shelf in files.items()), ("made.json", next(iter(files.values()), ""), True)]:
            digest = f"{version}{path}".encode().hex()[:64].ljust(64, "0")
            blob_id, _ = changes.take_blob(connection, Blob(sha256=digest, size=1), digest, START)
            changes.add_file(connection, row, package, project, NewFile(path=path, content=b"", shelf=shelf, derived=derived), blob_id, START)
        changes.set_tag(connection, package, f"is-{version}", row, START)


def package_of(desk: Desk, format: Format, project: int) -> PackageRow:
    [found] = desk.read(rows_db.read_rows, [project], format.name)
    return found


def yanked(desk: Desk, format: Format, project: int) -> dict[str, str | None]:
    return {version.version: version.yanked for version in package_of(desk, format, project).versions}


def moves(desk: Desk, project: int) -> dict[str, int]:
    """The generation of each root."""

    def read(connection: Connection) -> dict[str, int]:
        found = tables.generation.c
        rows = connection.execute(select(found.root, found.number).where(found.project_id == project).order_by(found.number))
        return {row.root: row.number for row in rows}

    return desk.read(read)


def events(desk: Desk) -> list[tuple[Any, ...]]:
    """What happened, to which version, with which detail, at one instant."""

    def read(connection: Connection) -> list[tuple[Any, ...]]:
        rows = connection.execute(
            text("select what, version.version, detail, at from event left join version on version.id = event.version_id order by event.id")
        )
        return [tuple(row) for row in rows]

    found = desk.read(read)
    assert len({row[-1] for row in found}) <= 1
    return [row[:-1] for row in found]


def target(format: Format, project: int) -> change.Target:
    return change.target(format, project, ACTOR, "a")


def test_several_yanks_are_one_change(desk: Desk) -> None:
    """Readers would see half of a deprecation, the index be made anew for every version, or the log not say which ones it was."""
    project = desk.project("one")
    desk.write(fill, npm.FORMAT, project, {f"1.{n}.0": {} for n in range(4)})
    desk.write(lambda c: changes.set_mark(c, 2, "yank", "old", START))
    desk.write(lambda c: changes.set_mark(c, 3, "yank", "old", START))
    desk.write(change.yank_all, target(npm.FORMAT, project), {"1.0.0": "new", "1.1.0": "new", "1.2.0": None, "1.3.0": None})
    assert yanked(desk, npm.FORMAT, project) == {"1.0.0": "new", "1.1.0": "new", "1.2.0": None, "1.3.0": None}
    assert moves(desk, project) == {"a": 1}
    assert events(desk) == [
        ("yank", "1.0.0", '{"name":"a","reason":"new","version":"1.0.0"}'),
        ("yank", "1.1.0", '{"name":"a","reason":"new","version":"1.1.0"}'),
        ("unyank", "1.2.0", '{"name":"a","reason":null,"version":"1.2.0"}'),
    ]


def test_what_is_gone_is_passed_over(desk: Desk) -> None:
    """A version that somebody deletes in between would keep all others from being deprecated; or what changes nothing would be a change."""
    project = desk.project("one")
    desk.write(fill, npm.FORMAT, project, {"1.0.0": {}, "1.1.0": {}})
    desk.write(lambda c: changes.delete_version(c, 1, START + 1))
    what = target(npm.FORMAT, project)
    desk.write(change.yank_all, what, {"1.0.0": "old", "1.1.0": "old", "9.9.9": "old"})
    desk.write(change.yank_all, what, {"1.0.0": "old", "1.1.0": "old"})
    assert yanked(desk, npm.FORMAT, project) == {"1.1.0": "old"}
    assert moves(desk, project) == {"a": 1} and [row[:2] for row in events(desk)] == [("yank", "1.1.0")]
    with pytest.raises(PackageNotFound):
        desk.write(change.yank_all, change.target(npm.FORMAT, project, ACTOR, "b"), {"1.0.0": "old"})
    with pytest.raises(VersionNotFound):
        desk.write(change.yank, what, "1.0.0", "old")


def test_only_the_shelves_of_what_changed_move(desk: Desk) -> None:
    """Lists of other shelves would be made anew, or those that name a version stay as they were."""
    project = desk.project("one")
    desk.write(fill, cocoapods.FORMAT, project, {"1.0": {"x": "s"}, "1.1": {"x": "t"}, "1.2": {"x": "u"}})
    desk.write(lambda c: changes.set_mark(c, 3, "yank", "old", START))
    desk.write(change.yank_all, target(cocoapods.FORMAT, project), dict.fromkeys(("1.0", "1.1", "1.2"), "old"))
    assert moves(desk, project) == {"": 1, "/s": 1, "/t": 1}


def test_files_of_several_versions_go_together(desk: Desk) -> None:
    """Readers would find an artifact in some of its versions, an emptied version stay, or others lose what is theirs."""
    project = desk.project("one")
    both = {"plugins/x.jar": "", "plugins/y.jar": ""}
    desk.write(fill, p2.FORMAT, project, {"1.0": both, "2.0": {"plugins/x.jar": ""}, "3.0": both, "4.0": both})
    what = target(p2.FORMAT, project)
    desk.write(change.delete_files, what, [(version, "plugins/x.jar") for version in ("1.0", "2.0", "3.0", "9.0")])
    found = package_of(desk, p2.FORMAT, project)
    assert {row.version: {file.path for file in row.files if not file.derived} for row in found.versions} == {
        "1.0": {"plugins/y.jar"}, "3.0": {"plugins/y.jar"}, "4.0": set(both),
    }  # fmt: skip
    assert found.tags == {f"is-{version}": version for version in ("1.0", "3.0", "4.0")}
    assert moves(desk, project) == {"a": 1, "": 1}
    assert [row[:2] for row in events(desk)] == [("delete_file", version) for version in ("1.0", "2.0", "3.0")]
    with pytest.raises(FileNotFound):
        desk.write(change.delete_files, what, [("1.0", "plugins/x.jar"), ("2.0", "plugins/x.jar")])
    assert moves(desk, project) == {"a": 1, "": 1} and len(events(desk)) == 3


def test_paths_of_one_version_go_together(desk: Desk) -> None:
    """A folder and a file in it, or a file that is named twice, would end the change, or be told twice."""
    project = desk.project("one")
    desk.write(fill, p2.FORMAT, project, {"1.0": {"plugins/x.jar": "", "plugins/y.jar": "", "binary/z": ""}})
    desk.write(
        change.delete_files, target(p2.FORMAT, project), [("1.0", path) for path in ("plugins/x.jar", "plugins/", "plugins/y.jar", "plugins/")]
    )
    [row] = package_of(desk, p2.FORMAT, project).versions
    assert [file.path for file in row.files] == ["binary/z", "made.json"]
    assert [row[-1] for row in events(desk)] == [
        '{"file":"plugins/x.jar","name":"a","version":"1.0"}', '{"file":"plugins/","name":"a","version":"1.0"}'
    ]  # fmt: skip


BOTH: list[Callable[[Connection, change.Target], None]] = [
    lambda connection, what: change.yank_all(connection, what, {"1.0": "old", "2.0": "old"}),
    lambda connection, what: change.delete_files(connection, what, [("1.0", "x"), ("2.0", "x")]),
]


@pytest.mark.parametrize("work", BOTH, ids=["yank", "delete"])
def test_all_or_nothing(work: Callable[[Connection, change.Target], None], desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change that ends in its last step would leave versions changed, an index that says so, or lines of the log."""
    project = desk.project("one")
    desk.write(fill, p2.FORMAT, project, {"1.0": {"x": ""}, "2.0": {"x": ""}})
    before = package_of(desk, p2.FORMAT, project)
    add_events = changes.add_events

    def fail_after(*args: Any, **more: Any) -> NoReturn:
        add_events(*args, **more)
        raise OSError("the disk is full")

    monkeypatch.setattr(changes, "add_events", fail_after)
    with pytest.raises((OSError, RegistryError)):
        desk.write(work, target(p2.FORMAT, project))
    assert package_of(desk, p2.FORMAT, project) == before
    assert moves(desk, project) == {} and events(desk) == []
    monkeypatch.undo()
    desk.write(work, target(p2.FORMAT, project))
    assert moves(desk, project) == {"a": 1, "": 1} and len(events(desk)) == 2


# -- who may ---------------------------------------------------------------------------------------------------------


def hold(desk: Desk, format: Format, place_id: int, level: str = "project") -> View:
    """The verbs of a maintainer, whom a house need give no more than its database."""

    async def lookup(asked: int) -> Access:
        return Access(actor=ACTOR, place=await desk.database.read(places.get_place, asked), role=Role.MAINTAINER)

    return View(
        cast(House, SimpleNamespace(database=desk.database)), format, desk.run(lookup(place_id)), level=level, place=place_id,
        moment=Moment(at=0, api="", format=format.name), at=None, lookup=lookup,
    )  # fmt: skip


@pytest.mark.parametrize("level", ["project", "group"])
def test_one_protected_version_keeps_all(level: str, desk: Desk) -> None:
    """A rule would be asked about the first version alone, or once others were changed already."""
    group = add_place(desk, "group", "g", None)
    project = add_place(desk, "project", "p", group)
    desk.write(fill, npm.FORMAT, project, {f"1.{n}.0": {"x": ""} for n in range(3)})
    desk.write(containers.add_tag_rule, project, "npm", "is-1.2.0", None, Role.OWNER)
    view = hold(desk, npm.FORMAT, project if level == "project" else group, level)
    with pytest.raises(Protected):
        desk.run(view.yank_all("a", {f"1.{n}.0": "old" for n in range(3)}))
    with pytest.raises(Protected):
        desk.run(view.delete_files("a", [(f"1.{n}.0", "x") for n in range(3)]))
    assert set(yanked(desk, npm.FORMAT, project).values()) == {None} and moves(desk, project) == {}
    desk.run(view.yank_all("a", {"1.0.0": "old", "1.1.0": "old"}))
    desk.run(view.delete_files("a", [("1.0.0", "x"), ("1.1.0", "x")]))
    assert yanked(desk, npm.FORMAT, project) == {"1.2.0": None} and moves(desk, project) == {"a": 2}


def test_one_project_alone(desk: Desk) -> None:
    """A change at a group would reach one project and leave the other, or not find the one that has the versions."""
    group = add_place(desk, "group", "g", None)
    one, two = (add_place(desk, "project", path, group) for path in ("one", "two"))
    desk.write(fill, npm.FORMAT, one, {"1.0.0": {}, "1.1.0": {}})
    desk.write(fill, npm.FORMAT, two, {"2.0.0": {}})
    view = hold(desk, npm.FORMAT, group, "group")
    desk.run(view.yank_all("a", {"1.0.0": "old", "1.1.0": "old"}))
    assert set(yanked(desk, npm.FORMAT, one).values()) == {"old"} and moves(desk, two) == {}
    with pytest.raises(Unsupported):
        desk.run(view.yank_all("a", {"1.0.0": None, "2.0.0": "old"}))
    with pytest.raises(VersionNotFound):
        desk.run(view.yank_all("a", {"3.0.0": "old", "3.1.0": "old"}))
    assert set(yanked(desk, npm.FORMAT, one).values()) == {"old"} and moves(desk, two) == {}


def add_place(desk: Desk, kind: str, path: str, parent: int | None) -> int:
    above = None if parent is None else desk.read(places.get_place, parent)
    return desk.write(places.add_place, kind=kind, path=path, name=path, parent=above, visibility=20, description="", creator_id=None, at=now())


# -- what it costs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("work", ["yank", "delete"])
def test_a_version_costs_two_statements(work: str, tmp_path: Path) -> None:
    """To deprecate thousands of versions would keep every other writer waiting while each is looked up: its mark and its event are all it may add."""

    def count(connection: Connection, project: int, versions: int) -> int:
        names = [f"{versions}.{n}.0" for n in range(versions)]
        fill(connection, npm.FORMAT, project, {name: {"x": ""} for name in names})
        asked: list[str] = []
        bare: Any = connection.connection.driver_connection
        bare.set_trace_callback(asked.append)
        if work == "yank":
            change.yank_all(connection, target(npm.FORMAT, project), dict.fromkeys(names, "old"))
        else:
            change.delete_files(connection, target(npm.FORMAT, project), [(name, "x") for name in names])
        bare.set_trace_callback(None)
        return len(asked)

    desk = Desk(f"sqlite:///{tmp_path / 'a.sqlite'}", tmp_path)
    try:
        desk.write(migrate)
        project = desk.project("one")
        few, many = desk.write(count, project, 2), desk.write(count, project, 40)
    finally:
        desk.close()
    assert many - few == 2 * 38
