"""Migrations: from nothing to what the tables say, on both dialects, once and for all."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect
from stand import ROOT, Stand

from packhouse.db import migrate as migrations
from packhouse.db.migrate import current_revision, migrate
from packhouse.db.migrations import HEAD
from packhouse.db.tables import metadata
from packhouse.errors import Unavailable

from .conftest import Desk


def differences(connection: Connection) -> list[Any]:
    """What autogenerate would still change."""
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, metadata))


def script() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent / "migrations"))
    return ScriptDirectory.from_config(config)


def test_from_nothing(empty: Desk) -> None:
    """The migrations could end at another schema than the one that the queries are written for."""
    assert empty.read(current_revision) is None
    assert empty.write(migrate) is True
    assert empty.read(differences) == []
    assert empty.read(current_revision) == HEAD


def test_again(desk: Desk) -> None:
    """A start could migrate what is migrated already."""
    assert desk.write(migrate) is False


def test_two_at_once(postgres_url: str, tmp_path: Path) -> None:
    """Of two nodes that start together one could fail, since the other has made the tables meanwhile."""
    done = threading.Event()

    def migrate_and_wait(connection: Connection) -> bool:
        migrated = migrate(connection)
        done.wait(60)
        return migrated

    def count_waiting(connection: Connection) -> int:
        text = "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        return int(connection.exec_driver_sql(text).scalar_one())

    def count_held(connection: Connection) -> int:
        text = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted"
        return int(connection.exec_driver_sql(text).scalar_one())

    first, watcher = (Desk(postgres_url, tmp_path) for _ in range(2))
    stand = Stand(tmp_path / "data", {"PACKHOUSE_DATABASE_URL": postgres_url})
    pause = threading.Event()
    try:
        with ThreadPoolExecutor(1) as threads:
            quicker = threads.submit(first.write, migrate_and_wait)
            while not watcher.read(count_held) and not quicker.done():
                pause.wait(0.02)
            # a process of its own: the tool for migrations knows one connection in each
            later = subprocess.Popen([sys.executable, "-m", "packhouse", "migrate"], cwd=ROOT, env=stand.environment, stderr=subprocess.PIPE)
            with later:
                while not watcher.read(count_waiting) and later.poll() is None:
                    pause.wait(0.02)
                done.set()
                said = later.communicate(timeout=60)[1]
            assert quicker.result(60) is True and later.returncode == 0, said
    finally:
        done.set()
        for desk in (first, watcher):
            desk.close()


def test_partial_indexes(desk: Desk) -> None:
    """A deleted version could keep its name taken, because an index that is to cover the live ones covers all."""

    def partial(connection: Connection) -> set[str]:
        names = set()
        for table in inspect(connection).get_table_names():
            for index in inspect(connection).get_indexes(table):
                if index.get("dialect_options", {}).get(f"{connection.dialect.name}_where") is not None:
                    names.add(str(index["name"]))
        return names

    assert {"uq_version_live", "uq_file_live", "uq_tag_open", "uq_mark_open", "uq_option_open"} <= desk.read(partial)


def test_of_a_later_version(desk: Desk) -> None:
    """A database that a later version has migrated could end a start in words of the tool for migrations."""
    desk.write(lambda connection: connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Unavailable, match="revision 9999, which this version does not know"):
        desk.write(migrate)


def test_head_is_the_last_step() -> None:
    """The start could stop before the last migration, or look for one that is not there."""
    assert script().get_heads() == [HEAD]


def test_one_line() -> None:
    """Two migrations could follow the same one, and the order be left to chance."""
    steps = list(script().walk_revisions())
    assert all(not step.is_branch_point and not step.is_merge_point for step in steps)
    assert sorted(step.revision for step in steps) == [f"{n:04d}" for n in range(1, len(steps) + 1)]


def test_step_by_step(empty: Desk) -> None:
    """A database of an older release could not be brought to the newest schema."""
    from alembic import command

    def step(connection: Connection, revision: str) -> None:
        config = Config()
        config.set_main_option("script_location", str(Path(migrations.__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    for revision in sorted(entry.revision for entry in script().walk_revisions()):
        empty.write(step, revision)
        assert empty.read(current_revision) == revision
    assert empty.read(differences) == []
