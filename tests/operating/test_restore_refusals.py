"""What a restore meets where it should find nothing, and what stays of one that was cut: neither is mixed with what comes back."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from postgres import Cluster
from stand import ROOT, Stand

from packhouse.assemble import make_house
from packhouse.db.snapshots import RESTORING
from packhouse.durable import sync
from packhouse.packages import restore_backup
from packhouse.packages.repositories import repository_name
from packhouse.settings import Settings

from .test_backup import command, content, fetch, publish, snapshots

NAMES = ("one", "two", "three")
SHARED = "20260131T120000Z"

Json = dict[str, Any]


def digest_of(name: str) -> str:
    return hashlib.sha256(content(name)).hexdigest()


def blob_in(folder: Path, name: str) -> Path:
    digest = digest_of(name)
    return folder / "blobs" / digest[:2] / digest


@pytest.fixture(scope="module", name="taken")
def take_backup(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Json]:
    """A backup, and the project that is in it; not to be written to."""
    place = tmp_path_factory.mktemp("taken")
    with Stand(place / "data") as stand:
        project = stand.make_project()
        for name in NAMES:
            assert publish(stand, project, name, content(name)) == 201
        command(stand.environment, "backup", place / "backup")
    (name,) = snapshots(place / "backup")
    (place / "backup" / "snapshots" / name).rename(place / "backup" / "snapshots" / SHARED)
    return place / "backup", project


@pytest.fixture(name="backup")
def copy_backup(taken: tuple[Path, Json], tmp_path: Path) -> Path:
    """A backup of this test's own."""
    shutil.copytree(taken[0], tmp_path / "backup")
    return tmp_path / "backup"


@pytest.fixture(name="restored")
def make_place(tmp_path: Path) -> Iterator[Stand]:
    """Where to bring it back: an empty data folder."""
    stand = Stand(tmp_path / "elsewhere")
    stand.data.mkdir()
    yield stand
    stand.stop()


def describe(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# -- what lies there -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["-wal", "-shm", "-journal"])
def test_what_another_database_has_left(backup: Path, restored: Stand, end: str) -> None:
    """The log of a database that is gone could be played into the one that was brought back."""
    left = restored.data / f"packhouse.sqlite3{end}"
    left.write_bytes(b"of another")
    said = command(restored.environment, "restore", backup, status=3)
    assert f"{left} is of another database" in said and "move it away" in said
    assert describe(restored.data) == {left.name: b"of another"}


@pytest.mark.parametrize("file", [f"repositories/ab/cd/{repository_name(1)}/HEAD", "keys/seal", f"blobs/ab/{'ab' * 32}"])
def test_what_another_installation_has_left(backup: Path, restored: Stand, file: str) -> None:
    """A new project could inherit a repository of an old one's number, or bytes be kept that nobody has looked at."""
    left = restored.data / file
    left.parent.mkdir(parents=True)
    left.write_bytes(b"of another")
    said = command(restored.environment, "restore", backup, status=3)
    assert f"There is something already in {restored.data / file.partition('/')[0]}" in said
    assert describe(restored.data) == {file: b"of another"}


def test_empty_folders_are_nothing(backup: Path, restored: Stand) -> None:
    """A data folder in which there are no files could be refused."""
    for name in ("blobs/ab", "keys", "repositories/ab"):
        (restored.data / name).mkdir(parents=True)
    assert command(restored.environment, "restore", backup).endswith("0 findings, 0 problems remain\n")


# -- a restore that was cut ------------------------------------------------------------------------------------------


class Held:
    """A restore that waits for the second blob of its backup, which is a pipe."""

    def __init__(self, backup: Path, restored: Stand) -> None:
        self.blob = blob_in(backup, "two")
        self.blob.unlink()
        os.mkfifo(self.blob)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "packhouse", "restore", str(backup)],
            cwd=ROOT, env=restored.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        wait_until(lambda: blob_in(restored.data, "one").exists() or self.process.poll() is not None)
        assert self.process.poll() is None, self.process.communicate()[0]

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *exception: object) -> None:
        with self.process:
            self.process.kill()

    def go_on(self) -> str:
        """Give the blob; what the command said after that, and its status at the end of it."""
        self.blob.write_bytes(content("two"))
        return f"{self.process.communicate(timeout=60)[0]}{self.process.returncode}"

    def cut(self) -> None:
        """End it, and make the backup whole again."""
        self.process.kill()
        self.process.wait()
        self.blob.unlink()
        self.blob.write_bytes(content("two"))


def wait_until(done: Callable[[], bool], patience: int = 60) -> None:
    pause = threading.Event()
    for _ in range(patience * 20):
        if done():
            return
        pause.wait(0.05)
    raise AssertionError(f"not within {patience} s")


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(("serve",), 2), (("migrate",), 2), (("rotate-registry-key",), 2), (("collect",), 3), (("doctor",), 3), (("backup", "folder"), 3)],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_nothing_else_opens_the_folder(restored: Stand, arguments: tuple[str, ...], status: int) -> None:
    """A server could come up on half an installation, or have its database replaced under it."""
    mark = restored.data / RESTORING
    mark.write_text(f"{SHARED}\n")
    said = command(restored.environment, *arguments, status=status)
    assert said.count("\n") == 1 and f"{mark} says that the restore of {SHARED} is at work or was cut" in said
    assert describe(restored.data) == {RESTORING: f"{SHARED}\n".encode()}


def test_a_cut_restore_is_begun_again(backup: Path, restored: Stand, taken: tuple[Path, Json]) -> None:
    """What a restore left when it was cut could be trusted by the next, which may be of another snapshot."""
    with Held(backup, restored) as held:
        assert (restored.data / RESTORING).read_text() == f"{SHARED}\n"
        assert "Another restore is at work" in command(restored.environment, "restore", taken[0], status=3)
        held.cut()
    one = blob_in(restored.data, "one")
    one.write_bytes(bytes(len(content("one"))))
    other = backup / "snapshots" / "20260131T120001Z"
    shutil.copytree(backup / "snapshots" / SHARED, other)
    said = command(restored.environment, "restore", backup, status=3)
    assert f"{restored.data / RESTORING} says that a restore of {SHARED} was cut" in said
    assert command(restored.environment, "restore", backup, "--snapshot", SHARED).endswith("0 findings, 0 problems remain\n")
    assert not (restored.data / RESTORING).exists() and not list(restored.data.glob("*.partial"))
    with restored:
        for name in NAMES:
            assert fetch(restored, taken[1], name) == content(name)


def test_a_cut_at_the_end(backup: Path, restored: Stand, taken: tuple[Path, Json]) -> None:
    """A restore that was cut when only its mark was left could never end, or end over another's database."""
    command(restored.environment, "restore", backup)
    mark = restored.data / RESTORING
    mark.write_text(f"{SHARED}\n")
    blob_in(restored.data, "one").unlink()
    assert command(restored.environment, "restore", backup).endswith("0 findings, 0 problems remain\n")
    assert not mark.exists()
    with restored:
        for name in NAMES:
            assert fetch(restored, taken[1], name) == content(name)
    with closing(sqlite3.connect(restored.data / "packhouse.sqlite3")) as database, database:
        database.execute("DELETE FROM event WHERE what = 'backup_restored'")
    mark.write_text(f"{SHARED}\n")
    assert "make it empty, and run this again" in command(restored.environment, "restore", backup, status=3)


@pytest.mark.parametrize("name", ["packhouse.sqlite3", "packhouse.sqlite3-wal"])
def test_a_database_that_came_meanwhile(backup: Path, restored: Stand, name: str) -> None:
    """A server that started a moment before the restore could lose its database to it."""
    with Held(backup, restored) as held:
        (restored.data / name).write_bytes(b"of another")
        said = held.go_on()
    assert said.endswith("3") and str(restored.data / name) in said and "Traceback" not in said
    assert (restored.data / name).read_bytes() == b"of another"
    assert (restored.data / RESTORING).exists()


def test_a_cut_before_the_change(postgres: Cluster, tmp_path: Path) -> None:
    """On PostgreSQL, rows that came back could be served with old sessions, and the collection remove what came after them."""
    stands = []
    databases = [postgres.make_database() for _ in range(2)]
    try:
        stands = [Stand(tmp_path / name, {"PACKHOUSE_DATABASE_URL": postgres.url(name)}) for name in databases]
        with stands[0]:
            project = stands[0].make_project()
            assert publish(stands[0], project, "one", content("one")) == 201
            command(stands[0].environment, "backup", tmp_path / "backup")
        program = tmp_path / "bin" / "pg_restore"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nPATH={os.environ["PATH"]} pg_restore "$@"\n[ "$1" = --list ] || kill -9 $PPID\n')
        program.chmod(0o755)
        restored = stands[1]
        command(restored.environment | {"PATH": f"{program.parent}:{os.environ['PATH']}"}, "restore", tmp_path / "backup", status=-9)
        assert postgres.query("SELECT count(*) FROM alembic_version", databases[1]).strip() == "1"
        assert "was cut" in command(restored.environment, "serve", status=2)
        assert "has filled this database already: make it empty" in command(restored.environment, "restore", tmp_path / "backup", status=3)
        postgres.drop_database(databases[1])
        postgres.query(f"CREATE DATABASE {databases[1]}")
        assert command(restored.environment, "restore", tmp_path / "backup").endswith("0 findings, 0 problems remain\n")
        with restored:
            assert fetch(restored, project, "one") == content("one")
    finally:
        for stand in stands:
            stand.stop()
        for name in databases:
            postgres.drop_database(name)


# -- what cannot be brought back -------------------------------------------------------------------------------------


def test_rights_and_extensions_stay_behind(postgres: Cluster, tmp_path: Path) -> None:
    """A database that a monitor may read, or that has an extension, could not be brought back on another server."""
    owner, watcher = "packhouse_owner", "packhouse_watcher"
    databases = [postgres.make_database() for _ in range(2)]
    urls = [postgres.url(name).replace("postgres@", f"{owner}@") for name in databases]
    postgres.query(f"CREATE ROLE {owner} LOGIN")
    postgres.query(f"CREATE ROLE {watcher}")
    try:
        for name in databases:
            postgres.query(f"ALTER DATABASE {name} OWNER TO {owner}")
        stands = [Stand(tmp_path / name, {"PACKHOUSE_DATABASE_URL": url}) for name, url in zip(databases, urls, strict=True)]
        with stands[0]:
            project = stands[0].make_project()
            assert publish(stands[0], project, "one", content("one")) == 201
        postgres.query("CREATE EXTENSION pg_stat_statements", databases[0])
        postgres.query(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {watcher}", databases[0])
        command(stands[0].environment, "backup", tmp_path / "backup")
        postgres.query(f"DROP OWNED BY {watcher}", databases[0])
        postgres.query(f"DROP ROLE {watcher}")
        assert command(stands[1].environment, "restore", tmp_path / "backup").endswith("0 findings, 0 problems remain\n")
    finally:
        for name in databases:
            postgres.drop_database(name)
        postgres.query(f"DROP ROLE IF EXISTS {watcher}")
        postgres.query(f"DROP ROLE {owner}")


def test_the_other_kind_of_database(backup: Path, restored: Stand, postgres_url: str, tmp_path: Path) -> None:
    """A backup of another kind of database could be found out only after all of its blobs were copied, by a traceback."""
    said = command(restored.environment | {"PACKHOUSE_DATABASE_URL": postgres_url}, "restore", backup, status=3)
    assert "is of a database on SQLite, and the setting database_url names one on PostgreSQL" in said and not describe(restored.data)
    with Stand(tmp_path / "rows", {"PACKHOUSE_DATABASE_URL": postgres_url}) as stand:
        command(stand.environment, "backup", tmp_path / "dump")
    said = command(restored.environment, "restore", tmp_path / "dump", status=3)
    assert "is of a database on PostgreSQL, and the setting database_url names one on SQLite" in said and not describe(restored.data)


def test_no_space_for_the_database(backup: Path, restored: Stand) -> None:
    """A disk that is full could end a restore with a traceback, and a status that means nothing."""
    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 200; exec "$@"', "sh", sys.executable, "-m", "packhouse", "restore", str(backup)],
        cwd=ROOT, env=restored.environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 3 and "The database cannot be brought back" in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert not list(restored.data.glob("packhouse.sqlite3*"))
    assert command(restored.environment, "restore", backup).endswith("0 findings, 0 problems remain\n")


def edit_manifest(backup: Path, **values: object) -> Json:
    file = backup / "snapshots" / SHARED / "manifest.json"
    manifest: Json = json.loads(file.read_bytes()) | values
    file.write_text(json.dumps({name: value for name, value in manifest.items() if value is not None}))
    return manifest


def test_a_database_of_a_later_version(backup: Path, restored: Stand) -> None:
    """A revision of the schema that nobody knows here could end a restore with a traceback."""
    file = backup / "snapshots" / SHARED / "database.sqlite3"
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    edit_manifest(backup, sha256=hashlib.sha256(file.read_bytes()).hexdigest())
    said = command(restored.environment, "restore", backup, status=3)
    assert "revision 9999, which this version does not know" in said and "Traceback" not in said
    assert not (restored.data / "packhouse.sqlite3").exists()


def test_a_manifest_of_a_later_format(backup: Path, restored: Stand) -> None:
    """A manifest that later versions write otherwise could be called damaged."""
    edit_manifest(backup, format=2, version="9.1", blobs=None)
    said = command(restored.environment, "restore", backup, status=3)
    assert "taken by version 9.1, which is newer than this one" in said


# -- the folder of backups -------------------------------------------------------------------------------------------


def test_a_folder_that_is_not_there(restored: Stand, tmp_path: Path) -> None:
    """A name that was mistyped could make a folder."""
    said = command(restored.environment, "restore", tmp_path / "mistyped", status=3)
    assert f"There is no folder {tmp_path / 'mistyped'}" in said and not (tmp_path / "mistyped").exists()


@pytest.mark.parametrize("lock", [True, False], ids=["lock", "no lock"])
def test_a_medium_that_cannot_be_written(backup: Path, restored: Stand, lock: bool) -> None:
    """A backup on a medium that is read-only could not be brought back from it."""
    if not lock:
        (backup / "lock").unlink()
    script = (
        'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && ! touch "$1/lock2" 2>/dev/null || exit 77; exec "$2" -m packhouse restore "$1"'
    )
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", str(backup), sys.executable],
        cwd=ROOT, env=restored.environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    if done.returncode in (1, 77) and "packhouse" not in done.stderr:
        pytest.skip("this machine lets nobody mount")
    assert done.returncode == 0, done.stdout + done.stderr


def test_all_is_made_durable(backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and repositories could be gone with the power, though the database that needs them is there."""
    repository = backup / "repositories" / repository_name(1)
    (repository / "refs").mkdir(parents=True)
    (repository / "HEAD").write_text("ref: refs/heads/main\n")
    edit_manifest(backup, repositories=[1])
    durable: set[str] = set()

    def note(path: Path) -> None:
        durable.add(str(path.relative_to(tmp_path / "data")))
        sync(path)

    monkeypatch.setattr(restore_backup, "sync", note)
    asyncio.run(restore_backup.restore_backup(make_house(Settings(data=str(tmp_path / "data"))), backup))
    name = repository_name(1)
    place = f"repositories/{name[:2]}/{name[2:4]}/{name}"
    assert {"keys", "repositories", f"repositories/{name[:2]}", place, f"{place}/HEAD", f"{place}/refs"} <= durable
