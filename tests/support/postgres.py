"""A PostgreSQL cluster on loopback for one test run, and a database of it for each use. A pytest plugin."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from requirements import miss
from stand import free_port, new_name

INSTALLED = Path("/usr/lib/postgresql")
OPTIONS = "-c listen_addresses=127.0.0.1 -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running cluster, open to everybody on this machine's loopback."""

    programs: Path
    port: int

    def make_database(self) -> str:
        """The name of a new, empty database."""
        name = new_name("test").replace("-", "_")
        self.query(f"CREATE DATABASE {name}")
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        self.query(f"DROP DATABASE {name} WITH (FORCE)")

    def url(self, name: str) -> str:
        """The SQLAlchemy URL of a database."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def query(self, sql: str, database: str = "postgres") -> str:
        """What psql prints for this statement, one row to a line."""
        address = ["--host", "127.0.0.1", "--port", str(self.port), "--username", "postgres", "--dbname", database]
        command = [str(self.programs / "psql"), "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", *address, "--command", sql]
        return subprocess.run(command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60).stdout


def find_programs() -> Path | None:
    """The folder of the newest PostgreSQL server installed."""
    found = [folder.parent for folder in INSTALLED.glob("*/bin/initdb")]
    return max(found, key=lambda folder: float(folder.parent.name), default=None)


def _owner() -> dict[str, Any]:
    # PostgreSQL refuses to run as root.
    return {} if os.getuid() else {"user": "postgres", "group": "postgres", "extra_groups": []}


def _run(folder: Path, program: Path, *arguments: str) -> None:
    # To a file, not a pipe: the server that pg_ctl starts would keep the pipe open.
    log = folder / "control.log"
    environment = {"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": str(folder)}
    with log.open("ab") as out:
        done = subprocess.run(
            [str(program), *arguments], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=120, **_owner()
        )
    assert done.returncode == 0, f"{program.name} ended with {done.returncode}:\n{log.read_text(errors='replace')[-2000:]}"


@pytest.fixture(scope="session", name="postgres")
def serve_postgres() -> Iterator[Cluster]:
    """The cluster of this test run."""
    programs = find_programs()
    if programs is None:
        miss("PostgreSQL")
    folder = Path(tempfile.mkdtemp(prefix="packhouse-postgres-"))
    try:
        if not os.getuid():
            account = pwd.getpwnam("postgres")
            os.chown(folder, account.pw_uid, account.pw_gid)
        _run(folder, programs / "initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync", "--pgdata", str(folder / "data"))
        port = free_port()
        start = ["--wait", "--pgdata", str(folder / "data"), "--log", str(folder / "server.log"), "--options", f"-p {port} -k {folder} {OPTIONS}"]
        _run(folder, programs / "pg_ctl", "start", *start)
        try:
            yield Cluster(programs, port)
        finally:
            _run(folder, programs / "pg_ctl", "stop", "--mode=immediate", "--pgdata", str(folder / "data"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(name="postgres_url")
def make_postgres_database(postgres: Cluster) -> Iterator[str]:
    """The URL of an empty PostgreSQL database of this test's own."""
    name = postgres.make_database()
    yield postgres.url(name)
    postgres.drop_database(name)


@pytest.fixture(name="database_url", params=["sqlite", "postgresql"])
def make_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of this test's own, once in each dialect."""
    if request.param == "postgresql":
        url: str = request.getfixturevalue("postgres_url")
        return url
    return f"sqlite:///{tmp_path / 'packhouse.sqlite'}"
