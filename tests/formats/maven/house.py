"""The house with this one format, on a database of its own, asked without a socket."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, update

from packhouse.assemble import make_app
from packhouse.auth.tokens import hash_token, make_token
from packhouse.blobs.disk import DiskStore
from packhouse.contract import Format
from packhouse.db import places, tokens, users
from packhouse.db.engine import now
from packhouse.db.migrate import migrate, sync_engine
from packhouse.db.tables import file
from packhouse.formats.maven import FORMAT
from packhouse.settings import Settings

YEAR = 365 * 86400 * 1_000_000
SECOND = 1_000_000
PRIVATE, PUBLIC = 0, 20
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    def expect(self, status: int) -> Answer:
        """This answer, when it has this status."""
        assert self.status == status, f"wanted {status}, got {self.status}: {self.body[:500]!r}"
        return self


class House:
    """A running application, its database, and an administrator."""

    def __init__(self, folder: Path, formats: Sequence[Format] = (FORMAT,), **settings: Any) -> None:
        self._formats = formats
        self._settings = Settings(data=str(folder), external_url="https://packhouse.example", access_log=False, min_free_mib=0, **settings)
        DiskStore(folder / "blobs").start()
        self._engine = sync_engine("", folder)
        with self._engine.begin() as connection:
            migrate(connection)
        self.admin = self.write(_add_admin)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._run(self._start())

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _start(self) -> None:
        self._app = make_app(self._settings, self._formats)
        self._stopping = asyncio.Event()
        started = asyncio.Event()
        said: list[str] = []

        async def receive() -> dict[str, Any]:
            if said:
                await self._stopping.wait()
            return {"type": "lifespan.shutdown" if said else "lifespan.startup"}

        async def send(message: dict[str, Any]) -> None:
            said.append(message["type"])
            started.set()

        async def live() -> None:
            await self._app({"type": "lifespan"}, receive, send)

        self._life = asyncio.ensure_future(live())
        await started.wait()
        assert said == ["lifespan.startup.complete"]

    def close(self) -> None:
        """Stop it."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._run(self._ended())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._engine.dispose()

    async def _ended(self) -> None:
        await self._life

    def write(self, change: Any, *args: Any, **kwargs: Any) -> Any:
        """A change of the database, behind the application's back."""
        # the application writes as well: a transaction that began as a read could not wait for it
        with self._engine.begin() as connection:
            return change(connection, *args, **kwargs)

    def work(self, work: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        """What a job of the application does, done now."""
        return self._run(work(self._app.house, *args))

    # -- furniture ---------------------------------------------------------------------------------------------------

    def group(self, parent: int | None = None, path: str = "", visibility: int = PRIVATE) -> int:
        return int(self.write(_add_place, "group", path, parent, visibility))

    def project(self, parent: int | None = None, path: str = "", visibility: int = PRIVATE) -> int:
        """A new project, in a group of its own where none is given."""
        return int(self.write(_add_place, "project", path, self.group(visibility=visibility) if parent is None else parent, visibility))

    def age(self, seconds: int) -> None:
        """Let every file have come so much earlier."""
        self.write(lambda connection: connection.execute(update(file).values(created=file.c.created - seconds * SECOND)))

    # -- asking ------------------------------------------------------------------------------------------------------

    def ask(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None, token: str | None = "") -> Answer:
        """The answer to a request, as the administrator or with another token; None is nobody."""
        sent = {**({"content-length": str(len(body))} if body is not None else {}), **{k.lower(): v for k, v in (headers or {}).items()}}
        secret = self.admin if token == "" else token
        if secret is not None:
            sent["private-token"] = secret
        return self._run(self._ask(method, path, body or b"", {k: v for k, v in sent.items() if v}))  # type: ignore[no-any-return]

    async def _ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        raw, _, query = path.partition("?")
        pieces = [body[start : start + 1000] for start in range(0, len(body), 1000)] or [b""]
        waiting: list[dict[str, Any]] = [
            {"type": "http.request", "body": piece, "more_body": number < len(pieces)} for number, piece in enumerate(pieces, 1)
        ]
        got: dict[str, Any] = {"body": b""}

        async def receive() -> dict[str, Any]:
            return waiting.pop(0) if waiting else {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                got.update(message)
            else:
                got["body"] += message.get("body", b"")

        scope = {
            "type": "http",
            "method": method,
            "raw_path": raw.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 1),
        }
        await self._app(scope, receive, send)
        return Answer(got["status"], {name.decode(): value.decode() for name, value in got["headers"]}, got["body"])


class Shop:
    """One project of a house, by its paths in the layout."""

    def __init__(self, house: House, project: int | None = None) -> None:
        self.house = house
        self.project = house.project() if project is None else project
        self.base = f"/api/v4/projects/{self.project}/packages/maven/"

    def put(self, path: str, body: bytes = b"", **headers: str) -> Answer:
        return self.house.ask("PUT", self.base + path, body, {name.replace("_", "-"): value for name, value in headers.items()})

    def get(self, path: str, **headers: str) -> Answer:
        return self.house.ask("GET", self.base + path, None, {name.replace("_", "-"): value for name, value in headers.items()})

    def head(self, path: str) -> Answer:
        return self.house.ask("HEAD", self.base + path)

    def delete(self, path: str) -> Answer:
        return self.house.ask("DELETE", self.base + path)

    def packages(self) -> list[dict[str, Any]]:
        """The versions of the project, as the REST API lists them."""
        listed: list[dict[str, Any]] = self.house.ask("GET", f"/api/v4/projects/{self.project}/packages?per_page=100").expect(200).json()
        return listed

    def files(self) -> set[str]:
        """The names of all files, as the REST API lists them."""
        names: set[str] = set()
        for package in self.packages():
            answer = self.house.ask("GET", f"/api/v4/projects/{self.project}/packages/{package['id']}/package_files?per_page=100").expect(200)
            names |= {one["file_name"] for one in answer.json()}
        return names


def _add_admin(connection: Connection) -> str:
    secret = make_token("personal")
    user = users.add_user(connection, username="root", name="root", email="root@mail.example", password=None, at=now(), admin=True)
    tokens.add_token(
        connection,
        kind="personal",
        hash_=hash_token(secret),
        user_id=user,
        place_id=None,
        name="test",
        scopes=("api",),
        at=now(),
        expires=now() + YEAR,
        creator_id=None,
    )
    return secret


def _add_place(connection: Connection, kind: str, path: str, parent: int | None, visibility: int) -> int:
    path = path or f"{kind}-{next(_numbers)}"
    above = places.get_place(connection, parent) if parent is not None else None
    return places.add_place(
        connection, kind=kind, path=path, name=path, parent=above, visibility=visibility, description="", creator_id=None, at=now()
    )
