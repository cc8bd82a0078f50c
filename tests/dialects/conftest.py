"""A database of a test's own, migrated, once in each dialect."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from packhouse.db import places
from packhouse.db.engine import PostgresDatabase, SqliteDatabase, now, open_database
from packhouse.db.migrate import migrate

T = TypeVar("T")


class Desk:
    """A database and a loop to ask it in."""

    def __init__(self, url: str, folder: Path) -> None:
        self.database: SqliteDatabase | PostgresDatabase = open_database(url, folder)
        self._runner = asyncio.Runner()
        self.run(self.database.start())

    def run(self, coroutine: Any) -> Any:
        return self._runner.run(coroutine)

    def read(self, query: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        return self._runner.run(self.database.read(query, *args, **kwargs))

    def write(self, change: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        return self._runner.run(self.database.write(change, *args, **kwargs))

    def project(self, path: str) -> int:
        """A public project at the top."""
        return self.write(
            places.add_place, kind="project", path=path, name=path, parent=None, visibility=20, description="", creator_id=None, at=now()
        )

    def close(self) -> None:
        self.run(self.database.close())
        self._runner.close()


@pytest.fixture(name="empty")
def open_empty(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    """An empty database."""
    desk = Desk(database_url, tmp_path)
    yield desk
    desk.close()


@pytest.fixture(name="desk")
def open_migrated(empty: Desk) -> Desk:
    """A database at the newest schema."""
    empty.write(migrate)
    return empty
