"""A server of the suite's own, a project for each test, and drivers that ask as somebody."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from postgres import Cluster
from stand import ROOT
from wire import Answer, Body, Client, basic, bearer

from packhouse.assemble import make_house
from packhouse.db.engine import now
from packhouse.packages.collect import Collected, Horizon, collect
from packhouse.settings import Settings

if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tests.conformance.furniture import MAINTAINER, PRIVATE, Furniture, Login
from tests.conformance.server import Server

from .driver import Driver

_names = itertools.count(1)


@pytest.fixture(scope="session", name="servers")
def keep_servers() -> Iterator[dict[str, Server]]:
    """One server for each database, started when it is first asked for."""
    started: dict[str, Server] = {}
    yield started
    for server in started.values():
        server.stop()
        shutil.rmtree(server.data.parent, ignore_errors=True)


@pytest.fixture(name="server")
def give_server(request: pytest.FixtureRequest, servers: dict[str, Server]) -> Server:
    """A running server with two workers: SQLite, unless the test asks for both."""
    dialect = getattr(request, "param", "sqlite")
    if dialect not in servers:
        url = ""
        if dialect == "postgresql":
            cluster: Cluster = request.getfixturevalue("postgres")
            url = cluster.url(cluster.make_database())
        folder = Path(tempfile.mkdtemp(prefix="packhouse-container-"))
        try:
            servers[dialect] = Server(folder / "data", url).start()
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return servers[dialect]


@pytest.fixture(name="furniture")
def give_furniture(server: Server) -> Furniture:
    return server.furniture


@dataclass(frozen=True)
class Home:
    """A project of a test, and its maintainer."""

    server: Server
    project: int
    group: int
    maintainer: Login

    @property
    def path(self) -> str:
        return self.server.furniture.path_of(self.project)

    @property
    def name(self) -> str:
        """A repository that nobody has used."""
        return f"{self.path}/img{next(_names)}"

    def driver(self, login: Login | None = None) -> Driver:
        """Asks with a user name and a token."""
        login = login or self.maintainer
        return self.driver_with(basic(login.user, login.secret))

    def driver_with(self, headers: Mapping[str, str]) -> Driver:
        def http(method: str, path: str, body: bytes | None = None, more: Mapping[str, str] | None = None) -> tuple[int, Mapping[str, str], bytes]:
            answer = self.server.http.request(method, path, body, {**headers, **(more or {})})
            return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.body

        return Driver(http)

    def send(self, method: str, path: str, body: Body = None, headers: Mapping[str, str] | None = None, login: Login | None = None) -> Answer:
        login = login or self.maintainer
        return self.server.http.request(method, path, body, {**basic(login.user, login.secret), **(headers or {})})

    def wire(self, login: Login | None = None) -> Client:
        """A connection of its own: it may reach another process."""
        login = login or self.maintainer
        return Client(self.server.url, basic(login.user, login.secret))

    def token(self, scopes: list[str], login: Login | None = None) -> str:
        """A registry token for these scopes."""
        login = login or self.maintainer
        return ask_token(self.server, scopes, basic(login.user, login.secret)).expect(200).json()["token"]

    def driver_of(self, scopes: list[str], login: Login | None = None) -> Driver:
        """Asks with a registry token for these scopes."""
        return self.driver_with(bearer(self.token(scopes, login)))


def ask_token(server: Server, scopes: list[str], headers: Mapping[str, str] | None = None, service: str = "container_registry") -> Answer:
    query = "".join(f"&scope={scope.replace(' ', '%20')}" for scope in scopes)
    return server.http.request("GET", f"/jwt/auth?service={service}{query}", None, headers or {})


def make_home(server: Server, visibility: int = PRIVATE) -> Home:
    furniture = server.furniture
    group = furniture.group(visibility)
    project = furniture.project(visibility, group)
    return Home(server, project, group, furniture.member(project, MAINTAINER))


@pytest.fixture(name="home")
def give_home(server: Server) -> Home:
    """A private project of this test's own."""
    return make_home(server)


class Broom:
    """A house beside the server, on the same data, that collects when it is told to."""

    def __init__(self, server: Server) -> None:
        self.house = make_house(Settings(data=str(server.data), database_url=server._database_url, access_log=False))
        self._runner = asyncio.Runner()
        self.run(self.house.database.start())

    def run(self, work: Any) -> Any:
        return self._runner.run(work)

    def close(self) -> None:
        self.run(self.house.inspector.close())
        self.run(self.house.database.close())
        self._runner.close()

    def sweep(self, *, grace: int | None = None, retained: int | None = None, swept: int | None = None, dry_run: bool = False) -> Collected:
        """One round in which what happened before these instants is old: by default, everything."""
        at = now()
        when = Horizon(now=at, grace=grace or at, retained=at if retained is None else retained, sweep=at if swept is None else swept)
        done: Collected = self.run(collect(self.house, when, dry_run=dry_run))
        return done

    def all(self) -> None:
        """Rounds until nothing is left to do."""
        while self.sweep().anything:
            pass

    def stored(self, body: bytes) -> list[Path]:
        """The files of the store that hold these bytes."""
        sha256 = hashlib.sha256(body).hexdigest()
        path = self.house.store.path(sha256)
        assert path is not None
        return sorted(path.parent.glob(f"{sha256}*"))


@pytest.fixture(name="broom")
def give_broom(server: Server) -> Iterator[Broom]:
    broom = Broom(server)
    yield broom
    broom.close()


BOTH = pytest.mark.parametrize("server", ["sqlite", "postgresql"], indirect=True)
"""For tests that are about the database: the same, on each dialect."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "servers" in getattr(item, "fixturenames", ()) and "formats/container" in str(item.path):
            item.add_marker("server")
