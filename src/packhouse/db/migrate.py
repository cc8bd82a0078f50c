"""Bring a database to the newest schema. Costs one look where it is there already."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, inspect, make_url

from packhouse.db.engine import sqlite_engine
from packhouse.db.migrations import HEAD
from packhouse.errors import Unavailable

STEPS = 0x73746570  # an advisory lock


def sync_engine(url: str, data: Path) -> Engine:
    """An engine for a command or the start, not for serving. PostgreSQL is reached through asyncpg by `migrate_async`."""
    if not url:
        return sqlite_engine(data / "packhouse.sqlite3")
    return sqlite_engine(Path(make_url(url).database or "")) if url.startswith("sqlite") else create_engine(url)


def migrate(connection: Connection) -> bool:
    """Run what is missing; whether anything was. Raises `Unavailable` where the database is of a version that this one does not know."""
    if current_revision(connection) == HEAD:
        return False
    one_at_a_time(connection)
    revision = current_revision(connection)  # another node may have been quicker
    if revision == HEAD:
        return False
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise Unavailable(
            f"The database is at revision {revision}, which this version does not know: install the one that served it, or a later"
        ) from error
    return True


def one_at_a_time(connection: Connection) -> None:
    """Wait until no other node is at the work of a start, and keep others from it to the end of this transaction."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({STEPS})")


def current_revision(connection: Connection) -> str | None:
    """The revision of the schema; None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
