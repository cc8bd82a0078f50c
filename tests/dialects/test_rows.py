"""The same changes give the same rows on both databases, whatever their collation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from postgres import Cluster
from sqlalchemy import Connection, select

from packhouse.auth.policy import Access
from packhouse.db import bin as deleted
from packhouse.db import changes, names, packages, repositories, tables
from packhouse.db import rows as rows_db
from packhouse.db.migrate import migrate
from packhouse.db.scopes import Reader
from packhouse.formats import container
from packhouse.model import ANONYMOUS, Blob, NewFile, PackageRow, replace
from packhouse.packages import cleanup

from .conftest import Desk

START = 1_700_000_000_000_000
NAMES = ("b-2", "b1", "B", "a.c", "ab", "a-b", "Ä", "_x", "~z", "10", "9", "a b")


@pytest.fixture(scope="module", name="icu_url")
def make_icu_database(postgres: Cluster) -> Iterator[str]:
    """A PostgreSQL database that sorts as people do, not as bytes."""
    postgres.query("CREATE DATABASE icu TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")
    yield postgres.url("icu")
    postgres.drop_database("icu")


def fill(connection: Connection, project: int) -> None:
    """Packages, versions, files, tags and marks, at times of their own."""
    at = START
    for n, name in enumerate(NAMES):
        package, _ = changes.ensure_package(connection, project, "toy", name, name)
        for version in ("1.0", "10.0", "2.0"):
            at += 1_000_000
            row = changes.add_version(connection, package, project, "toy", name, version, version, ANONYMOUS, at)
            for shelf in ("s/x", "s/y"):
                new = NewFile(path=f"{name}-{version}", content=b"", facts=b'{"a":1}', shelf=shelf)
                digest = f"{n:02d}{version.replace('.', '')}".ljust(64, "0")
                blob_id, _ = changes.take_blob(connection, Blob(sha256=digest, size=n, md5="0" * 32, sha1="1" * 40, sha512="2" * 128), digest, at)
                changes.add_file(connection, row, package, project, new, blob_id, at)
            changes.set_tag(connection, package, "latest", row, at)
            if version == "2.0":
                changes.set_mark(connection, row, "yank", "", at)
            changes.move_generations(connection, project, "toy", ["", name], at)
        changes.delete_version(connection, row, at + 500_000)


def described(desk: Desk, at: int | None) -> list[PackageRow]:
    project = desk.project("one")
    desk.write(fill, project)
    found = desk.read(rows_db.read_rows, [project], "toy", at=at)
    return sorted((replace(row, project=0) for row in found), key=lambda row: row.key)


def test_same_rows(tmp_path: Path, icu_url: str) -> None:
    """A package could be another one on another database: in the order of its versions, its tags or its marks."""
    made = {}
    for name, url in (("sqlite", f"sqlite:///{tmp_path / 'a.sqlite'}"), ("postgresql", icu_url)):
        desk = Desk(url, tmp_path)
        try:
            desk.write(migrate)
            made[name] = [replace(row, versions=tuple(row.versions)) for row in described(desk, None)]
        finally:
            desk.close()
    assert made["sqlite"] == made["postgresql"]
    assert len(made["sqlite"]) == len(NAMES)
    for row in made["sqlite"]:
        assert [version.version for version in row.versions] == ["1.0", "10.0"]
        assert row.tags == {}, "a tag ends with its version"


def test_rows_at_a_moment(desk: Desk) -> None:
    """Rows at a moment could hold what came later, or miss what went later."""
    project = desk.project("one")
    desk.write(fill, project)
    [first, *_] = desk.read(rows_db.read_rows, [project], "toy", name_key=NAMES[0], at=START + 3_000_000)
    assert [version.version for version in first.versions] == ["1.0", "10.0", "2.0"]
    assert first.versions[-1].yanked == "" and first.tags == {"latest": "2.0"}
    [before, *_] = desk.read(rows_db.read_rows, [project], "toy", name_key=NAMES[0], at=START + 2_500_000)
    assert [version.version for version in before.versions] == ["1.0", "10.0"] and before.tags == {"latest": "10.0"}
    assert desk.read(rows_db.read_rows, [project], "toy", at=START) == ()
    [alone, *_] = desk.read(rows_db.read_rows, [project], "toy", name_key=NAMES[0], shelf="s/x")
    assert {file.shelf for version in alone.versions for file in version.files} == {"s/x"}


def ended(connection: Connection, name: str) -> dict[str, set[tuple[str, int | None]]]:
    """When the versions, files and tags of a package ended."""
    version, file, tag = tables.version, tables.file, tables.tag
    asked = {
        "version": select(version.c.version, version.c.deleted),
        "file": select(version.c.version, file.c.deleted).join(file, file.c.version_id == version.c.id),
        "tag": select(version.c.version, tag.c.until).join(tag, tag.c.version_id == version.c.id),
    }
    return {what: {(row[0], row[1]) for row in connection.execute(rows.where(version.c.name == name))} for what, rows in asked.items()}


def test_a_package_ends_whole(desk: Desk) -> None:
    """Deleting a package could leave something of it, rewrite when the rest of it ended, or take another one along."""
    project, end = desk.project("one"), START + 3_600_000_000
    desk.write(fill, project)

    def set_again(connection: Connection) -> None:
        found = changes.find_package(connection, project, "toy", NAMES[0])
        assert found is not None
        [(row, _), *_] = changes.live_versions(connection, found)
        changes.set_tag(connection, found, "again", row, START)
        changes.delete_package(connection, found, end)

    before, other = desk.read(ended, NAMES[0]), desk.read(ended, NAMES[1])
    desk.write(set_again)
    after = desk.read(ended, NAMES[0])
    assert {what: rows - before[what] for what, rows in after.items()} == {
        "version": {("1.0", end), ("10.0", end)},
        "file": {("1.0", end), ("10.0", end)},
        "tag": {("1.0", end)},
    }
    assert {at for rows in after.values() for _, at in rows if at is None} == set()
    assert ("2.0", START + 3_500_000) in after["version"] & after["file"] & after["tag"]
    assert desk.read(ended, NAMES[1]) == other


def statements_of(connection: Connection, work: Callable[[], object]) -> list[str]:
    """What a piece of work asks of SQLite."""
    asked: list[str] = []
    bare: Any = connection.connection.driver_connection
    bare.set_trace_callback(asked.append)
    work()
    bare.set_trace_callback(None)
    return asked


@pytest.fixture(name="sqlite")
def open_sqlite(tmp_path: Path) -> Iterator[Desk]:
    """An SQLite database at the newest schema."""
    desk = Desk(f"sqlite:///{tmp_path / 'a.sqlite'}", tmp_path)
    desk.write(migrate)
    yield desk
    desk.close()


def test_a_repository_goes_in_as_many_statements_however_large(sqlite: Desk) -> None:
    """A repository with thousands of images would hold everybody up who writes, for as long as it takes to end each of them."""
    project = sqlite.project("one")

    def push_and_delete(connection: Connection, name: str, versions: int) -> int:
        held, _ = changes.ensure_package(connection, project, "container", name, name)
        for number in range(versions):
            row = changes.add_version(connection, held, project, "container", name, f"{number}", f"{number}", ANONYMOUS, START)
            changes.set_tag(connection, held, f"{number}", row, START)
        found = repositories.get_repository(connection, "container", held)
        assert found is not None
        asked = statements_of(connection, lambda: cleanup.delete_repository(connection, container.FORMAT, Access(actor=ANONYMOUS), found))
        assert changes.live_versions(connection, held) == []
        return len(asked)

    assert sqlite.write(push_and_delete, "one/small", 1) == sqlite.write(push_and_delete, "one/large", 40)


def test_no_deletion_reads_what_is_not_its_own(sqlite: Desk) -> None:
    """To delete something, or to look at what was deleted, would take the longer the more the whole instance holds."""
    project = sqlite.project("one")
    sqlite.write(fill, project)

    def plans(connection: Connection) -> list[str]:
        found = changes.find_package(connection, project, "toy", NAMES[0])
        assert found is not None
        [(row, _), *_] = changes.live_versions(connection, found)
        bare: Any = connection.connection.driver_connection
        works: list[Callable[[], object]] = [
            lambda: changes.delete_version(connection, row, START),
            lambda: changes.delete_package(connection, found, START),
            lambda: deleted.list_deleted(connection, project, 0, ("toy",), 0, 1),
        ]
        asked = [text for work in works for text in statements_of(connection, work)]
        assert len(asked) == 8
        return [str(step[-1]) for text in asked for step in bare.execute(f"EXPLAIN QUERY PLAN {text}")]

    steps = sqlite.write(plans)
    assert steps and not any("SCAN" in step for step in steps), steps


def test_search_is_literal(desk: Desk) -> None:
    """Signs with a meaning in SQL could match everything, or letters count that should not."""
    project = desk.project("one")
    desk.write(fill, project)

    def search(text: str) -> list[str]:
        query = packages.PackageQuery(project=project, reader=Reader())
        found, total = desk.read(names.search_packages, query, "toy", text, 0, 100)
        assert total == len(found)
        return sorted(row.name for row, _ in found)

    assert search("%") == [] and search("\\") == []
    assert search("_") == ["_x"]
    assert search("B") == search("b") == sorted(["b-2", "b1", "B", "ab", "a-b", "a b"])
    assert len(search("")) == len(NAMES)
