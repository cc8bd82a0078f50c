"""What the tests of the REST API share: publishing a small package, and rows that no client can make yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from sqlalchemy import Connection
from stand import ADMIN_TOKEN, Login, Stand
from wire import Answer

from packhouse.db import changes
from packhouse.db.engine import SqliteDatabase
from packhouse.model import ANONYMOUS

Json = dict[str, Any]


class Desk:
    """Short words for what nearly every test does."""

    def __init__(self, stand: Stand) -> None:
        self.stand = stand

    def call(
        self, method: str, path: str, data: Any = None, login: Login | str | None = ADMIN_TOKEN, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """The answer to this login: a Login, a token, or None for nobody."""
        token = login.token if isinstance(login, Login) else login
        return self.stand.api(method, path, data, token=token, headers=headers)

    def get(self, path: str, login: Login | str | None = ADMIN_TOKEN) -> Answer:
        return self.call("GET", path, None, login)

    def statuses(self, method: str, path: str, logins: Mapping[str, Login | str | None], data: Any = None) -> dict[str, int]:
        """The status that each of these is answered."""
        return {who: self.call(method, path, data, login).status for who, login in logins.items()}

    def publish(self, project: Json, name: str = "tool", version: str = "1.0", login: Login | str = ADMIN_TOKEN, query: str = "") -> Json:
        """The row of a generic package that was just published."""
        token = login.token if isinstance(login, Login) else login
        path = f"/api/v4/projects/{project['id']}/packages/generic/{name}/{version}/f.txt{query}"
        self.stand.http.put(path, f"{name} {version}".encode(), {"PRIVATE-TOKEN": token}).expect(201)
        found = self.get(f"/projects/{project['id']}/packages?package_name={name}&package_version={version}&per_page=100").json()
        rows: list[Json] = [row for row in found if row["name"] == name]
        return rows[0] if rows else {}

    def plant(self, project: Json, format: str, name: str, version: str, status: str | None = None) -> int:
        """The id of a version that no client of ours can publish: of a type or in a status that is still to come."""

        def write(connection: Connection) -> int:
            at = changes.begin(connection, project["id"], format, ())
            package, _ = changes.ensure_package(connection, project["id"], format, name, name)
            row = changes.add_version(connection, package, project["id"], format, name, version, version, ANONYMOUS, at)
            if status is not None:
                changes.set_mark(connection, row, "status", status, at)
            return row

        async def plant() -> int:
            database = SqliteDatabase(self.stand.data / "packhouse.sqlite3")
            await database.start()
            try:
                return await database.write(write)
            finally:
                await database.close()

        return asyncio.run(plant())


@pytest.fixture(name="api")
def sit_at_desk(stand: Stand) -> Desk:
    """The running server, asked in short words."""
    return Desk(stand)


@pytest.fixture(name="switch")
def change_settings(api: Desk) -> Iterator[Callable[..., Json]]:
    """Changes instance settings; they are back at their defaults after the test."""
    before = api.get("/application/settings").expect(200).json()

    def change(**values: Any) -> Json:
        changed: Json = api.call("PUT", "/application/settings", values).expect(200).json()
        return changed

    yield change
    before.pop("id")
    api.call("PUT", "/application/settings", before).expect(200)
