"""The same changes give the same rows on both databases, whatever their collation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres import Cluster
from sqlalchemy import Connection

from packhouse.db import changes
from packhouse.db import packages as rows_db
from packhouse.db.migrate import migrate
from packhouse.db.scopes import Reader
from packhouse.model import ANONYMOUS, Blob, NewFile, PackageRow, replace

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
        package = changes.ensure_package(connection, project, "toy", name, name)
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


def test_search_is_literal(desk: Desk) -> None:
    """Signs with a meaning in SQL could match everything, or letters count that should not."""
    project = desk.project("one")
    desk.write(fill, project)

    def search(text: str) -> list[str]:
        query = rows_db.PackageQuery(project=project, reader=Reader())
        found, total = desk.read(rows_db.search_packages, query, "toy", text, 0, 100)
        assert total == len(found)
        return sorted(row.name for row, _ in found)

    assert search("%") == [] and search("\\") == []
    assert search("_") == ["_x"]
    assert search("B") == search("b") == sorted(["b-2", "b1", "B", "ab", "a-b", "a b"])
    assert len(search("")) == len(NAMES)
