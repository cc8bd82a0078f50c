"""The application in this process, asked over ASGI, its statements counted: for budgets."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import event
from wire import basic

from packhouse.assemble import make_app
from packhouse.db.engine import SqliteDatabase
from packhouse.packages.firststart import prepare
from packhouse.settings import Settings
from packhouse.web.app import App

from .driver import ALL, Ask
from .furniture import Furniture, Login
from .serve import ToySigner

IGNORED = ("BEGIN", "COMMIT", "ROLLBACK", "PRAGMA", "SAVEPOINT", "RELEASE")


class Inside:
    """An application on SQLite. `with Inside(folder) as inside: inside.ask(...)`; `inside.statements` are those of the last request."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.settings = settings
        self.address = "127.0.0.1"  # where requests come from
        self.statements: list[str] = []
        self.transactions = 0
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        settings = Settings(data=str(self.folder), access_log=False, external_url="http://registry.example", **self.settings)
        self.app: App = make_app(settings, tuple(ALL.values()), ToySigner)
        self._runner.run(prepare(self.app.house))
        self.app.house.store.start()
        self.app.house.spool.start()
        self._runner.run(self.app.house.database.start())  # and no loops beside: what they do would be counted too
        self.furniture = Furniture("", self.folder)
        database = self.app.house.database
        assert isinstance(database, SqliteDatabase) and database._hot is not None and database._engine is not None
        database._hot.set_trace_callback(self._note)
        # at the driver: what runs compiled once does not pass through the engine's events
        for opened in (database._glancing, database._changing):  # at the start, and for good
            bare: Any = opened.connection.driver_connection
            bare.set_trace_callback(self._note)
        event.listen(database._engine, "checkout", lambda connection, *_: connection.set_trace_callback(self._note))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.furniture.close()
        self._runner.run(self.app.house.inspector.close())
        self._runner.run(self.app.house.database.close())
        self._runner.close()

    def _note(self, statement: str) -> None:
        if statement.startswith("BEGIN IMMEDIATE"):
            self.transactions += 1
        if not statement.startswith(IGNORED):
            self.statements.append(statement)

    def forget(self) -> None:
        """Nothing is remembered of what was read or made before: what a request costs after a change elsewhere."""
        database = self.app.house.database
        assert isinstance(database, SqliteDatabase)
        database._memo.clear()

    def ask(self, ask: Ask, login: Login | None = None) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body; the statements are counted from here."""
        self.statements.clear()
        self.transactions = 0
        headers = {**ask.headers, **(basic(login.user, login.secret) if login else {})}
        return self._runner.run(self._exchange(ask, headers))

    async def _exchange(self, ask: Ask, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str], bytes]:
        path, _, query = ask.path.partition("?")
        body = ask.body or b""
        raw = [(k.lower().encode(), v.encode("latin-1")) for k, v in headers.items()]
        if ask.body is not None:
            raw.append((b"content-length", str(len(body)).encode()))
        scope = {
            "type": "http", "method": ask.method, "raw_path": path.encode(), "path": path, "query_string": query.encode(), "headers": raw,
            "client": (self.address, 1), "extensions": {}, "http_version": "1.1", "scheme": "http",
        }  # fmt: skip
        incoming = [{"type": "http.request", "body": body, "more_body": False}]
        out: list[Any] = []

        async def receive() -> Any:
            if not incoming:
                await asyncio.Event().wait()
            return incoming.pop()

        async def send(message: Any) -> None:
            out.append(message)

        await self.app(scope, receive, send)
        start = out[0]
        content = b"".join(message.get("body", b"") for message in out[1:])
        return start["status"], {k.decode(): v.decode("latin-1") for k, v in start["headers"]}, content
