"""A start that cannot be: one line that says what is wrong, never a secret, and no harm to who serves already. And two first starts at once."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
from postgres import Cluster
from stand import ROOT, Stand

SECRET = "kept-to-itself"
COMMANDS = (("serve",), ("migrate",), ("doctor",), ("collect",), ("backup", "copies"))


def run(data: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = Stand(data, {"PACKHOUSE_INITIAL_ADMIN_TOKEN": "", **settings}).environment
    return subprocess.run([sys.executable, "-m", "packhouse", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)


def told(done: subprocess.CompletedProcess[str]) -> str:
    """The one line on standard error."""
    lines = done.stderr.splitlines()
    assert done.returncode in (2, 3) and len(lines) == 1 and lines[0].startswith("packhouse: "), done.stderr
    assert SECRET not in done.stderr + done.stdout
    return lines[0]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda each: each[0])
@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"PACKHOUSE_DATABASE_URL": "nothing"}, "must be postgresql://"),
        ({"PACKHOUSE_DATABASE_URL": f"mysql://me:{SECRET}@127.0.0.1/packhouse"}, "not mysql://"),
        ({"PACKHOUSE_DATABASE_URL": f"postgresql://me:{SECRET}@127.0.0.1:1/packhouse"}, "127.0.0.1:1/packhouse cannot be opened: "),
    ],
    ids=["no URL", "another database", "nobody there"],
)
def test_database_that_cannot_be(tmp_path: Path, command: tuple[str, ...], settings: Mapping[str, str], expected: str) -> None:
    """A mistyped database could end a command in a traceback, or in one that shows the password."""
    assert expected in told(run(tmp_path / "data", *command, **settings))


@pytest.mark.parametrize("command", ["serve", "doctor"])
def test_database_that_is_absent(tmp_path: Path, postgres: Cluster, command: str) -> None:
    """A server that does not know the database could end a start in a traceback."""
    assert 'database "absent" does not exist' in told(run(tmp_path / "data", command, PACKHOUSE_DATABASE_URL=postgres.url("absent")))


@pytest.mark.parametrize("command", ["serve", "migrate", "doctor"])
def test_file_that_is_no_database(tmp_path: Path, command: str) -> None:
    """A damaged database file could end a start in a traceback."""
    file = tmp_path / "data" / "packhouse.sqlite3"
    file.parent.mkdir()
    file.write_bytes(b"something else" * 100)
    assert f"{file} cannot be opened: file is not a database" in told(run(tmp_path / "data", command))
    assert file.read_bytes() == b"something else" * 100


def test_database_of_a_later_version(tmp_path: Path) -> None:
    """Who goes back to an older version could be told so in a traceback."""
    assert run(tmp_path / "data", "migrate").returncode == 0
    with closing(sqlite3.connect(tmp_path / "data" / "packhouse.sqlite3")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    for command in ("serve", "migrate"):
        assert "revision 9999, which this version does not know: install the one that served it" in told(run(tmp_path / "data", command))


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_data_folder_that_cannot_be(tmp_path: Path, command: str) -> None:
    """A data folder that cannot be made could end a start in a traceback."""
    (tmp_path / "file").touch()
    assert "cannot be the data folder: Not a directory: " in told(run(tmp_path / "file" / "data", command))


def test_migrate_first(tmp_path: Path) -> None:
    """Whoever migrates before the first start could never learn the password of the administrator."""
    first, second = (run(tmp_path / "data", "migrate") for _ in range(2))
    assert first.returncode == second.returncode == 0
    assert "sign in     root\n  password    " in first.stdout and second.stdout == ""


def test_two_first_starts(tmp_path: Path, database_url: str) -> None:
    """Two first starts at once could both make the administrator, or end one of them."""
    environment = Stand(tmp_path / "data", {"PACKHOUSE_INITIAL_ADMIN_TOKEN": "", "PACKHOUSE_DATABASE_URL": database_url}).environment
    command = [sys.executable, "-m", "packhouse", "migrate"]
    both = [subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [each.communicate(timeout=60) for each in both]
    assert [each.returncode for each in both] == [0, 0], said
    assert sum("sign in     root" in out for out, _ in said) == 1, said


def test_start_beside_another(tmp_path: Path) -> None:
    """A second start, on the same port by mistake or on another one, could take away the figures of the server that runs."""
    with Stand(tmp_path / "data") as stand:
        stand.want(200, "GET", "/version")
        assert f"cannot listen on {stand.host}: " in told(run(tmp_path / "data", "serve", PACKHOUSE_LISTEN=stand.host))
        with Stand(tmp_path / "data") as other:
            other.want(200, "GET", "/version")
        figures = stand.http.get("/-/metrics").expect(200).text
        assert 'packhouse_requests_total{method="GET",route="/api/v4/version",status="200"}' in figures
