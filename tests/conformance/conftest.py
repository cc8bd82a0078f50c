"""The server that the suite asks, the formats it asks about, and a project for each test."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from postgres import Cluster
from stand import ADMIN_TOKEN, ROOT
from wire import Answer, basic

if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # the drivers are imported by name, as is the program that serves

from .driver import ALL, Ask, Client, Sample
from .furniture import PRIVATE, Furniture, Login
from .server import Server

BOTH = pytest.mark.parametrize("server", ["sqlite", "postgresql"], indirect=True)
"""For tests that are about the database: the same, on each dialect."""


@pytest.fixture(scope="session", name="servers")
def keep_servers(request: pytest.FixtureRequest) -> Iterator[dict[str, Server]]:
    """One server for each dialect, started when it is first asked for."""
    started: dict[str, Server] = {}
    yield started
    for server in started.values():
        server.stop()
        shutil.rmtree(server.data.parent, ignore_errors=True)


@pytest.fixture(name="server")
def give_server(request: pytest.FixtureRequest, servers: dict[str, Server]) -> Server:
    """A running server with two workers: SQLite, unless the test asks for both."""
    return find_server(servers, request, getattr(request, "param", "sqlite"))


def find_server(servers: dict[str, Server], request: pytest.FixtureRequest, dialect: str) -> Server:
    """The server on this dialect, started where it is the first time."""
    if dialect not in servers:
        url = ""
        if dialect == "postgresql":
            cluster: Cluster = request.getfixturevalue("postgres")
            url = cluster.url(cluster.make_database())
        servers[dialect] = Server(Path(tempfile.mkdtemp(prefix="packhouse-conformance-")) / "data", url).start()
    return servers[dialect]


@pytest.fixture(name="furniture")
def give_furniture(server: Server) -> Furniture:
    """People, places and tokens, to be added."""
    return server.furniture


@pytest.fixture(params=sorted(ALL), name="client")
def give_client(request: pytest.FixtureRequest) -> Client:
    """Each format, by its driver."""
    return Client(ALL[request.param])


@dataclass(frozen=True)
class Home:
    """A project of a test, its maintainer, and the wire to it."""

    server: Server
    client: Client
    project: int
    maintainer: Login
    parent: int | None = None

    def send(self, ask: Ask, login: Login | None = None) -> Answer:
        """The answer, as this login, or as the maintainer."""
        login = login or self.maintainer
        return self.server.send(ask.method, ask.path, ask.body, {**ask.headers, **basic(login.user, login.secret)})

    def send_bare(self, ask: Ask, **headers: str) -> Answer:
        """The answer with no credential but what the headers say."""
        return self.server.send(ask.method, ask.path, ask.body, {**ask.headers, **headers})

    def publish(self, sample: Sample) -> Answer:
        return self.send(self.client.publish(self.project, sample))

    def publish_as(self, sample: Sample, login: Login) -> Answer:
        return self.send(self.client.publish(self.project, sample), login)

    def publish_new(self, name: str = "alpha", version: str = "1.0.0", variant: int = 0) -> Sample:
        """A file, published."""
        sample = self.client.sample(name, version, variant)
        self.publish(sample).expect(200, 201)
        return sample

    def fetch(self, sample: Sample) -> Answer:
        return self.send(self.client.fetch(self.project, sample))

    def listing(self, sample: Sample) -> Answer:
        return self.send(self.client.listing(self.project, sample))

    def age(self, seconds: int) -> None:
        """What was published was published so much earlier."""
        self.server.furniture.age(self.project, seconds)

    def delete(self, sample: Sample) -> Answer:
        return self.client.delete(self.project, sample, self.send)


def make_home(server: Server, client: Client, visibility: int = PRIVATE, parent: int | None = None) -> Home:
    """A project of its own, and somebody who may do everything but own it."""
    furniture = server.furniture
    parent = furniture.group(visibility) if parent is None else parent
    project = furniture.project(visibility, parent)
    return Home(server, client, project, furniture.member(project, 40), parent)


@pytest.fixture(name="home")
def give_home(server: Server, client: Client) -> Home:
    """A private project of this test's own."""
    return make_home(server, client)


@pytest.fixture(name="admin")
def give_admin() -> Login:
    """The administrator of the server."""
    return Login("root", ADMIN_TOKEN)
