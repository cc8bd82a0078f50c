"""A backup of a server that is being published to, brought back elsewhere: what was acknowledged before it is there."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from object_storage import Storage
from postgres import Cluster
from stand import ADMIN_TOKEN, ROOT, Stand

Json = dict[str, Any]


def command(environment: Mapping[str, str], *arguments: str | Path, status: int = 0) -> str:
    """What a command of ours said; it must end with this status."""
    done = subprocess.run(
        [sys.executable, "-m", "packhouse", *map(str, arguments)],
        cwd=ROOT, env=dict(environment), capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == status, f"{arguments} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def snapshots(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "snapshots").iterdir())


def blobs_in(folder: Path) -> set[str]:
    return {path.name for path in (folder / "blobs").glob("??/*")}


def publish(stand: Stand, project: Json, name: str, body: bytes) -> int:
    path = f"/projects/{project['id']}/packages/generic/{name}/1.0.0/{name}.bin"
    return stand.api("PUT", path, body=body).status


def fetch(stand: Stand, project: Json, name: str) -> bytes:
    body: bytes = stand.api("GET", f"/projects/{project['id']}/packages/generic/{name}/1.0.0/{name}.bin").expect(200).body
    return body


def content(name: str) -> bytes:
    return name.encode() * 3000


@pytest.fixture(name="elsewhere")
def make_other_place(database_stand: Stand, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Stand]:
    """A server that has not been started, on an empty folder and a database of the same kind."""
    url, drop = "", lambda: None
    if database_stand.environment["PACKHOUSE_DATABASE_URL"].startswith("postgresql"):
        cluster: Cluster = request.getfixturevalue("postgres")
        name = cluster.make_database()
        url, drop = cluster.url(name), lambda: cluster.drop_database(name)
    stand = Stand(tmp_path / "elsewhere", {"PACKHOUSE_DATABASE_URL": url})
    yield stand
    stand.stop()
    drop()


def publish_until(stand: Stand, project: Json, done: threading.Event, acknowledged: list[str]) -> None:
    number = 0
    while not done.is_set():
        name = f"busy-{number}"
        if publish(stand, project, name, content(name)) == 201:
            acknowledged.append(name)
        number += 1


def test_drill(database_stand: Stand, elsewhere: Stand, tmp_path: Path) -> None:
    """A backup that is taken while others publish could miss the bytes of a row, or what was acknowledged before it; or sessions live on."""
    project = database_stand.make_project()
    acknowledged: list[str] = []
    done = threading.Event()
    writer = threading.Thread(target=publish_until, args=(database_stand, project, done, acknowledged))
    writer.start()
    try:
        while len(acknowledged) < 20:
            assert writer.is_alive()
            done.wait(0.01)
        before = list(acknowledged)
        command(database_stand.environment, "backup", tmp_path / "backup")
    finally:
        done.set()
        writer.join()
    (name,) = snapshots(tmp_path / "backup")
    manifest = json.loads((tmp_path / "backup" / "snapshots" / name / "manifest.json").read_bytes())
    assert manifest["blobs"] >= len(before) and not manifest["bucket"]

    said = command(elsewhere.environment, "restore", tmp_path / "backup")
    assert said.endswith("0 findings, 0 problems remain\n")
    elsewhere.start()
    for name in before:
        assert fetch(elsewhere, project, name) == content(name)
    listed = {package["name"] for package in elsewhere.list_packages(project)}
    assert set(before[:100]) <= listed | set(before[100:])
    assert publish(elsewhere, project, "afterwards", b"new") == 201
    assert "a backup was brought back" in command(elsewhere.environment, "collect")
    assert "a backup was brought back" not in command(elsewhere.environment, "collect", "--release")


def test_only_what_is_new_is_copied(fresh_stand: Stand, tmp_path: Path) -> None:
    """Every backup could copy everything again, keep what nothing needs, or remove what another snapshot needs."""
    folder, project = tmp_path / "backup", fresh_stand.make_project()
    assert publish(fresh_stand, project, "one", b"one") == 201
    command(fresh_stand.environment, "backup", folder)
    (first,) = blobs_in(folder)
    written = (folder / "blobs" / first[:2] / first).stat().st_mtime_ns

    (package,) = fresh_stand.list_packages(project)
    fresh_stand.want(204, "DELETE", f"/projects/{project['id']}/packages/{package['id']}")
    assert publish(fresh_stand, project, "two", b"two") == 201
    wait_for_next_second(folder)
    command(fresh_stand.environment, "backup", folder)
    assert len(snapshots(folder)) == 2 and len(blobs_in(folder)) == 2
    assert (folder / "blobs" / first[:2] / first).stat().st_mtime_ns == written

    unneeded = folder / "blobs" / "ab" / ("ab" * 32)
    unneeded.parent.mkdir(exist_ok=True)
    unneeded.touch()
    wait_for_next_second(folder)
    said = command(fresh_stand.environment, "backup", folder, "--keep", "1")
    assert said.count("removed") == 2 and len(snapshots(folder)) == 1
    assert blobs_in(folder) >= {hashlib.sha256(b"two").hexdigest()} and unneeded.name not in blobs_in(folder)


def wait_for_next_second(folder: Path) -> None:
    """Snapshots are named by the second."""
    newest = snapshots(folder)[-1]
    pause = threading.Event()
    while subprocess.check_output(["date", "-u", "+%Y%m%dT%H%M%SZ"], text=True).strip() <= newest:
        pause.wait(0.05)


def test_repositories_and_keys(fresh_stand: Stand, tmp_path: Path) -> None:
    """A Git repository could be left out, or copied without a ref; or the keys without which the checksum database is another one."""
    project = fresh_stand.make_project()
    sources = tmp_path / "sources"
    address = f"http://root:{fresh_stand.environment['PACKHOUSE_INITIAL_ADMIN_TOKEN']}@{fresh_stand.host}/{project['path_with_namespace']}.git"
    git(tmp_path, "init", "-q", "-b", "trunk", str(sources))
    git(sources, "-c", "user.name=t", "-c", "user.email=t@t.example", "commit", "-q", "--allow-empty", "-m", "first")
    git(sources, "tag", "v1.0.0")
    git(sources, "push", "-q", address, "trunk", "v1.0.0")
    key = fresh_stand.http.get("/sumdb/key").body
    command(fresh_stand.environment, "backup", tmp_path / "backup")

    restored = Stand(tmp_path / "elsewhere")
    command(restored.environment, "restore", tmp_path / "backup")
    with restored:
        assert restored.http.get("/sumdb/key").body == key
        address = address.replace(fresh_stand.host, restored.host)
        heads = git(tmp_path, "ls-remote", "--symref", address)
        assert "refs/heads/trunk\tHEAD" in heads and "refs/tags/v1.0.0" in heads
        git(tmp_path, "clone", "-q", address, "again")
    without = tmp_path / "without"
    command(fresh_stand.environment, "backup", without, "--no-keys")
    assert not list(without.rglob("keys"))


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_from_a_disk_to_a_bucket_and_back(fresh_stand: Stand, storage: Storage, tmp_path: Path) -> None:
    """A backup of a disk could not be brought back into a bucket, or one of a bucket pretend to hold its bytes."""
    project = fresh_stand.make_project()
    assert publish(fresh_stand, project, "one", large := os.urandom(9 * 1024 * 1024)) == 201
    command(fresh_stand.environment, "backup", tmp_path / "backup")
    with_bucket = Stand(tmp_path / "elsewhere", storage.settings())
    assert command(with_bucket.environment, "restore", tmp_path / "backup").endswith("0 findings, 0 problems remain\n")
    assert not (with_bucket.data / "blobs").exists()
    with with_bucket:
        assert fetch(with_bucket, project, "one") == large
        command(with_bucket.environment, "backup", tmp_path / "rows")
    (name,) = snapshots(tmp_path / "rows")
    assert json.loads((tmp_path / "rows" / "snapshots" / name / "manifest.json").read_bytes())["bucket"]
    again = Stand(tmp_path / "again", storage.settings() | {"PACKHOUSE_BLOBS": with_bucket.environment["PACKHOUSE_BLOBS"]})
    command(again.environment, "restore", tmp_path / "rows")
    with again:
        assert fetch(again, project, "one") == large


def truncate_database(folder: Path) -> str:
    (snapshot,) = (folder / "snapshots").iterdir()
    (snapshot / "database.sqlite3").write_bytes(b"SQLite format 3\0")
    return "is damaged"


def point_outside(folder: Path) -> str:
    (snapshot,) = (folder / "snapshots").iterdir()
    (snapshot / "blobs.txt").write_text(f"../../../../tmp/evil {'0' * 64} 3\n")
    return "is not one of ours"


def age(folder: Path) -> str:
    (snapshot,) = (folder / "snapshots").iterdir()
    manifest = json.loads((snapshot / "manifest.json").read_bytes())
    (snapshot / "manifest.json").write_text(json.dumps(manifest | {"revision": "9999"}))
    return "newer than this one"


def leave_half(folder: Path) -> str:
    (snapshot,) = (folder / "snapshots").iterdir()
    (snapshot / "manifest.json").unlink()
    return "There is no such snapshot"


@pytest.mark.parametrize("harm", [truncate_database, point_outside, age, leave_half])
def test_harmed_backups_are_refused(fresh_stand: Stand, tmp_path: Path, harm: Callable[[Path], str]) -> None:
    """A backup that is damaged could be brought back in part, and look as if it were whole."""
    project = fresh_stand.make_project()
    assert publish(fresh_stand, project, "one", b"one") == 201
    command(fresh_stand.environment, "backup", tmp_path / "backup")
    reason = harm(tmp_path / "backup")
    restored = Stand(tmp_path / "elsewhere")
    assert reason in command(restored.environment, "restore", tmp_path / "backup", status=3)
    assert not (restored.data / "packhouse.sqlite3").exists()


def test_what_the_backup_has_lost_is_said(fresh_stand: Stand, tmp_path: Path) -> None:
    """One rotten copy could keep everything else from coming back, or pass unnoticed; or a backup never look at what it holds."""
    project = fresh_stand.make_project()
    for name in ("one", "two", "three"):
        assert publish(fresh_stand, project, name, name.encode()) == 201
    command(fresh_stand.environment, "backup", tmp_path / "backup")
    one, two = (hashlib.sha256(name.encode()).hexdigest() for name in ("one", "two"))
    blobs = tmp_path / "backup" / "blobs"
    (blobs / one[:2] / one).write_bytes(b"oNe")
    (blobs / two[:2] / two).unlink()
    restored = Stand(tmp_path / "elsewhere")
    said = command(restored.environment, "restore", tmp_path / "backup", status=2)
    assert f"Damaged in the backup: sha256:{one}" in said and f"Missing in the backup: sha256:{two}" in said and "2 problems remain" in said
    with restored:
        assert fetch(restored, project, "three") == b"three"
        assert publish(restored, project, "one", b"one") == 201 and fetch(restored, project, "one") == b"one"
    command(fresh_stand.environment, "backup", tmp_path / "backup", "--verify")
    assert (blobs / one[:2] / one).read_bytes() == b"one" and (blobs / two[:2] / two).read_bytes() == b"two"


def test_only_the_repositories_of_the_snapshot_come_back(fresh_stand: Stand, tmp_path: Path) -> None:
    """A number that is given out again could bring another project's private repository along."""
    command(fresh_stand.environment, "backup", tmp_path / "backup")
    (first,) = snapshots(tmp_path / "backup")
    secret = fresh_stand.make_project()
    address = f"http://root:{ADMIN_TOKEN}@{fresh_stand.host}/{secret['path_with_namespace']}.git"
    git(tmp_path, "init", "-q", "-b", "main", "sources")
    git(tmp_path / "sources", "-c", "user.name=t", "-c", "user.email=t@t.example", "commit", "-q", "--allow-empty", "-m", "secret")
    git(tmp_path / "sources", "push", "-q", address, "main")
    wait_for_next_second(tmp_path / "backup")
    command(fresh_stand.environment, "backup", tmp_path / "backup")

    restored = Stand(tmp_path / "elsewhere")
    command(restored.environment, "restore", tmp_path / "backup", "--snapshot", first)
    with restored:
        other = restored.make_project(visibility="public")
        assert other["id"] == secret["id"]
        assert git(tmp_path, "ls-remote", f"{restored.url}/{other['path_with_namespace']}.git") == ""


def test_nobody_is_signed_in_afterwards(fresh_stand: Stand, tmp_path: Path) -> None:
    """A session that was ended after the snapshot could live again; or files of the database be open to others."""
    with closing(sqlite3.connect(fresh_stand.data / "packhouse.sqlite3", timeout=30)) as database, database:
        database.execute("INSERT INTO session SELECT X'00', id, 'csrf', 1, 1 FROM user_account LIMIT 1")
    command(fresh_stand.environment, "backup", tmp_path / "backup")
    restored = Stand(tmp_path / "elsewhere")
    command(restored.environment, "restore", tmp_path / "backup")
    with closing(sqlite3.connect(restored.data / "packhouse.sqlite3")) as database:
        assert database.execute("SELECT count(*) FROM session").fetchone() == (0,)
    for folder in (restored.data, tmp_path / "backup"):
        assert not [path for path in folder.rglob("*") if path.stat().st_mode & 0o077 and path.suffix != ".git" and "repositories" not in path.parts]


def test_one_at_a_time(fresh_stand: Stand, tmp_path: Path) -> None:
    """Two backups into one folder could remove what the other relies on."""
    folder = tmp_path / "backup"
    folder.mkdir()
    with (folder / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert "Another backup" in command(fresh_stand.environment, "backup", folder, status=3)
    (tmp_path / "file").touch()
    assert "Not a directory" in command(fresh_stand.environment, "backup", tmp_path / "file" / "folder", status=3)


def test_passwords_are_no_arguments(tmp_path: Path) -> None:
    """Whoever can list the processes of the machine could read the password of the database."""
    program = tmp_path / "pg_dump"
    program.write_text(
        '#!/bin/sh\nprintf "%s " "$@" "PGPASSWORD=$PGPASSWORD" >"$0.said"\nfor one; do case $one in --file=*) touch "${one#--file=}";; esac; done\n'
    )
    program.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT / "src")}
    script = (
        "import sys; from pathlib import Path; from packhouse.db.snapshots import take_snapshot; "
        "take_snapshot(sys.argv[1], Path(), Path(sys.argv[2]))"
    )
    address = "postgresql://packhouse:sekret@db.example/packhouse"
    subprocess.run([sys.executable, "-c", script, address, str(tmp_path)], env=environment, check=True, timeout=60)
    arguments, password = (tmp_path / "pg_dump.said").read_text().split("PGPASSWORD=")
    assert "sekret" not in arguments and "packhouse@db.example/packhouse" in arguments and password.strip() == "sekret"


def test_nothing_is_overwritten(fresh_stand: Stand, tmp_path: Path) -> None:
    """A backup could be brought back over an installation that is in use."""
    command(fresh_stand.environment, "backup", tmp_path / "backup")
    assert "There is an installation already" in command(fresh_stand.environment, "restore", tmp_path / "backup", status=3)


def test_what_cannot_be_copied_is_said(fresh_stand: Stand, tmp_path: Path) -> None:
    """A backup without some of its bytes could pass for a good one."""
    project = fresh_stand.make_project()
    for name in ("one", "two"):
        assert publish(fresh_stand, project, name, name.encode()) == 201
    one, two = (hashlib.sha256(name.encode()).hexdigest() for name in ("one", "two"))
    (fresh_stand.data / "blobs" / one[:2] / one).unlink()
    (fresh_stand.data / "blobs" / two[:2] / two).write_bytes(b"tWo")
    said = command(fresh_stand.environment, "backup", tmp_path / "backup", status=2)
    assert f"Missing bytes: sha256:{one}" in said and f"Damaged bytes: sha256:{two}" in said
