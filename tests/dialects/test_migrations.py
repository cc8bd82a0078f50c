"""Migrations: from nothing to what the tables say, on both dialects, once and for all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from packhouse.db import migrate as migrations
from packhouse.db.migrate import current_revision, migrate
from packhouse.db.migrations import HEAD
from packhouse.db.tables import metadata

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
