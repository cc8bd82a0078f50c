"""A real `packhouse serve` on a free loopback port, and the few REST calls that furnish it. A pytest plugin."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import pytest
from wire import Answer, Body, Client

ROOT = Path(__file__).resolve().parents[2]
ADMIN_TOKEN = "phpat-of-root-for-the-tests-only"
GUEST, REPORTER, DEVELOPER, MAINTAINER, OWNER = 10, 20, 30, 40, 50
READ, WRITE, REMOVE = "read_package_registry", "write_package_registry", "delete_package_registry"

SERVERS = frozenset({"stand", "fresh_stand", "database_stand", "server", "servers", "postgres", "postgres_url"})  # fixtures that start one

Json = dict[str, Any]
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Login:
    """A user name and the token that goes with it, for HTTP Basic."""

    user: str
    token: str


@dataclass(frozen=True, slots=True)
class Team:
    """A private group with one private project, and a way in for each role the clients need."""

    group: Json
    project: Json
    reader: Login  # deploy token that reads
    writer: Login  # deploy token that reads and publishes
    reporter: Login  # members of the group, with personal tokens
    developer: Login
    maintainer: Login
    stranger: Login  # a user, and a member of nothing

    @property
    def scope(self) -> str:
        """The group's path, which is the npm scope of its packages."""
        return str(self.group["path"])

    @property
    def encoded_path(self) -> str:
        return quote(self.project["path_with_namespace"], safe="")


class Stand:
    """One server on a data folder of its own. `with Stand(folder) as stand: stand.want(200, "GET", "/projects")`."""

    def __init__(self, data: Path, environment: Mapping[str, str] | None = None, port: int | None = None) -> None:
        self.data = data
        self.port = port or free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.host}"
        self.log = data.parent / f"{data.name}.log"
        self.environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(data.parent),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(ROOT / "src"),
            "PYTHONWARNINGS": "default",
            "PACKHOUSE_DATA": str(data),
            "PACKHOUSE_LISTEN": self.host,
            "PACKHOUSE_WORKERS": "1",
            "PACKHOUSE_INITIAL_ADMIN_TOKEN": ADMIN_TOKEN,
            **(environment or {}),
        }
        self.http = Client(self.url)
        self._process: subprocess.Popen[bytes] | None = None

    # -- the process -------------------------------------------------------------------------------------------------

    def start(self, patience: float = 60) -> Self:
        """The server, ready. Raises `AssertionError` with the end of its log."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "packhouse", "serve"], cwd=ROOT, env=self.environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + patience
        pause = threading.Event()
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise AssertionError(f"the server ended at its start with {self._process.returncode}:\n{self.tail()}")
            with contextlib.suppress(OSError), Client(self.url, timeout=5) as probe:
                if probe.get("/-/readiness").status == 200:
                    return self
            pause.wait(0.05)
        self.stop(signal.SIGKILL)
        raise AssertionError(f"the server was not ready after {patience} s:\n{self.tail()}")

    def stop(self, sign: signal.Signals = signal.SIGTERM, patience: float = 40) -> int | None:
        """The exit status of the server, after this signal to all of its processes."""
        self.http.close()
        process, self._process = self._process, None
        if process is None:
            return None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        try:
            return process.wait(patience)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
            raise AssertionError(f"the server did not end within {patience} s of {sign.name}:\n{self.tail()}") from None

    def restart(self, sign: signal.Signals = signal.SIGTERM) -> Self:
        """The same server again, on the same data and port."""
        self.stop(sign)
        return self.start()

    def tail(self, lines: int = 40) -> str:
        """The end of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server is not running"
        return self._process.pid

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    # -- the REST API ------------------------------------------------------------------------------------------------

    def api(
        self, method: str, path: str, data: Any = None, *, token: str | None = ADMIN_TOKEN,
        headers: Mapping[str, str] | None = None, body: Body = None,
    ) -> Answer:  # fmt: skip
        """The answer of `/api/v4` and the path, `data` sent as JSON."""
        sent = dict(headers or {})
        if token is not None:
            sent.setdefault("PRIVATE-TOKEN", token)
        if data is not None:
            body = json.dumps(data).encode()
            sent["Content-Type"] = "application/json"
        return self.http.request(method, "/api/v4" + path, body, sent)

    def want(self, status: int, method: str, path: str, data: Any = None, *, token: str | None = ADMIN_TOKEN) -> Any:
        """The JSON of an answer with this status. Raises `AssertionError`."""
        answer = self.api(method, path, data, token=token).expect(status)
        return answer.json() if answer.body else None

    def make_group(self, path: str | None = None, visibility: str = "private", **more: Any) -> Json:
        """A new group; without a path, one with a name of its own."""
        path = path or new_name("group")
        made: Json = self.want(201, "POST", "/groups", {"name": path, "path": path, "visibility": visibility, **more})
        return made

    def make_project(self, group: Json | None = None, path: str | None = None, visibility: str = "private", **more: Any) -> Json:
        """A new project, in the group or in root's own namespace."""
        path = path or new_name("project")
        data = {"name": path, "path": path, "visibility": visibility, **more}
        if group is not None:
            data["namespace_id"] = group["id"]
        made: Json = self.want(201, "POST", "/projects", data)
        return made

    def make_user(self, name: str | None = None, **more: Any) -> Json:
        """A new user, who is a member of nothing."""
        name = name or new_name("user")
        data = {"username": name, "name": name, "email": f"{name}@mail.example", "password": secrets.token_urlsafe(16), **more}
        made: Json = self.want(201, "POST", "/users", data)
        return made

    def make_personal_token(self, user: Json, scopes: tuple[str, ...] = ("api",)) -> Login:
        """A personal access token of the user."""
        made = self.want(201, "POST", f"/users/{user['id']}/personal_access_tokens", {"name": "test", "scopes": list(scopes)})
        return Login(user["username"], made["token"])

    def make_deploy_token(self, owner: Json, scopes: tuple[str, ...] = (READ,), where: str = "projects") -> Login:
        """A deploy token of a project or, with `where="groups"`, of a group."""
        made = self.want(201, "POST", f"/{where}/{owner['id']}/deploy_tokens", {"name": "test", "scopes": list(scopes)})
        return Login(made["username"], made["token"])

    def add_member(self, place: Json, user: Json, level: int, where: str = "groups") -> None:
        """Make the user a member of a group or, with `where="projects"`, of a project."""
        self.want(201, "POST", f"/{where}/{place['id']}/members", {"user_id": user["id"], "access_level": level})

    def make_member(self, place: Json, level: int, where: str = "groups") -> Login:
        """A new user with this role, and a personal access token."""
        user = self.make_user()
        self.add_member(place, user, level, where)
        return self.make_personal_token(user)

    def make_team(self, visibility: str = "private") -> Team:
        """A group, a project in it, and people and tokens for both."""
        group = self.make_group(visibility=visibility)
        project = self.make_project(group, visibility=visibility)
        return Team(
            group=group,
            project=project,
            reader=self.make_deploy_token(project, (READ,)),
            writer=self.make_deploy_token(project, (READ, WRITE)),
            reporter=self.make_member(group, REPORTER),
            developer=self.make_member(group, DEVELOPER),
            maintainer=self.make_member(group, MAINTAINER),
            stranger=self.make_personal_token(self.make_user()),
        )

    def list_packages(self, project: Json, **filters: str) -> list[Json]:
        """The packages of a project, as root sees them."""
        query = "".join(f"&{name}={quote(value)}" for name, value in filters.items())
        found: list[Json] = self.want(200, "GET", f"/projects/{project['id']}/packages?per_page=100{query}")
        return found

    def list_files(self, project: Json, package: Json) -> list[Json]:
        """The files of a package, as root sees them."""
        found: list[Json] = self.want(200, "GET", f"/projects/{project['id']}/packages/{package['id']}/package_files?per_page=100")
        return found


def free_port() -> int:
    """A port that nobody has, below those that the system gives to outgoing connections, so that it stays free."""
    while True:
        port = 12_000 + secrets.randbelow(20_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def new_name(kind: str) -> str:
    """A name nobody has used in this run."""
    return f"{kind}-{next(_numbers)}"


# -- fixtures --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session", name="stand")
def serve_for_session() -> Iterator[Stand]:
    """One server with two workers for all tests that bring their own groups and projects."""
    folder = Path(tempfile.mkdtemp(prefix="packhouse-stand-"))
    try:
        with Stand(folder / "data", {"PACKHOUSE_WORKERS": "2"}) as stand:
            yield stand
    finally:
        if "KEEP" not in os.environ:
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(name="team")
def make_private_team(stand: Stand) -> Team:
    """A private group and project of this test's own."""
    return stand.make_team()


@pytest.fixture(name="fresh_stand")
def serve_for_test(tmp_path: Path) -> Iterator[Stand]:
    """A server of this test's own, on an empty SQLite data folder."""
    with Stand(tmp_path / "data") as stand:
        yield stand


@pytest.fixture(name="database_stand")
def serve_on_each_database(tmp_path: Path, database_url: str) -> Iterator[Stand]:
    """A server of this test's own, once on SQLite and once on PostgreSQL."""
    with Stand(tmp_path / "data", {"PACKHOUSE_DATABASE_URL": database_url}) as stand:
        yield stand


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "server: starts a server or a database (set by itself)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if SERVERS.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("server")
