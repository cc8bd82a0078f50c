"""What goes wrong while a backup is made: it is said, and nothing that was good in the folder is lost by it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from stand import ROOT

from packhouse.assemble import make_house
from packhouse.db.migrate import migrate, sync_engine
from packhouse.git.keeping import make_repository, read_refs
from packhouse.packages import backup
from packhouse.packages.backup import BackupError, take_backup
from packhouse.packages.house import House
from packhouse.packages.repositories import repository_name, repository_path
from packhouse.packages.restore_backup import restore_backup
from packhouse.settings import Settings

LONG_AGO, FAR_AHEAD = "20010101T000000Z", "20991231T000000Z"
PROJECT = 7


@pytest.fixture(name="house")
def make_installation(tmp_path: Path) -> House:
    """An installation that nobody has used yet, without its server."""
    house = make_house(Settings(data=str(tmp_path / "data")))
    house.store.start()
    house.spool.start()
    engine = sync_engine("", house.settings.data_path)
    with engine.begin() as connection:
        migrate(connection)
    engine.dispose()
    return house


@pytest.fixture(name="folder")
def name_folder(tmp_path: Path) -> Path:
    return tmp_path / "backup"


def change(house: House, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(house.settings.data_path / "packhouse.sqlite3")) as database, database:
        database.execute(statement, values)


def put_blob(house: House, content: bytes) -> Path:
    """Where the bytes of a new blob lie."""
    digest = hashlib.sha256(content).hexdigest()
    path = house.store.path(digest)
    assert path is not None
    path.write_bytes(content)
    change(house, "INSERT INTO blob (sha256, size, place, created, touched) VALUES (?, ?, ?, 1, 1)", digest, len(content), digest)
    return path


def put_repository(house: House, branch: str = "main") -> Path:
    """Where the repository of a project with one commit lies."""
    folder = repository_path(house, PROJECT)
    make_repository(folder)
    change(house, "INSERT INTO git_repository (project_id, default_branch, mirror_state) VALUES (?, ?, 'none')", PROJECT, branch)
    commit(folder)
    return folder


def commit(folder: Path) -> None:
    """Another commit on the branch main."""
    tree = git(folder, "hash-object", "-t", "tree", "-w", "--stdin")
    count = len(list(folder.rglob("*")))
    git(folder, "update-ref", "refs/heads/main", git(folder, "commit-tree", tree, "-m", f"of {count}"))


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", f"--git-dir={folder}", "-c", "user.name=t", "-c", "user.email=t@t.example", *arguments],
        env={"PATH": os.environ["PATH"], "HOME": str(folder.parent), "GIT_CONFIG_NOSYSTEM": "1"},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def back_up(house: House, folder: Path, **options: Any) -> list[str]:
    """What could not be copied."""

    async def take() -> list[str]:
        await house.database.start()
        try:
            return await take_backup(house, folder, **options)
        finally:
            await house.database.close()

    return asyncio.run(take())


def bring_back(folder: Path, name: str = "") -> list[str]:
    """What the backup has lost; into a folder beside it."""
    data = folder.with_name("elsewhere")
    shutil.rmtree(data, ignore_errors=True)
    return asyncio.run(restore_backup(make_house(Settings(data=str(data))), folder, name))


def rename_newest(folder: Path, name: str) -> Path:
    """The snapshot as if it had been taken at another time: two in one second are refused."""
    newest = backup.list_snapshots(folder)[-1]
    return (folder / "snapshots" / newest).rename(folder / "snapshots" / name)


def manifest_of(snapshot: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((snapshot / "manifest.json").read_bytes())
    return read


def lose(repository: Path) -> None:
    shutil.rmtree(repository)


def spoil(repository: Path) -> None:
    (repository / "HEAD").write_text("garbage")


def lose_refs(repository: Path) -> None:
    shutil.rmtree(repository / "refs")
    (repository / "refs").mkdir()


@pytest.mark.parametrize("harm", [lose, spoil, lose_refs])
def test_the_last_good_copy_of_a_repository_stays(house: House, folder: Path, harm: Callable[[Path], None]) -> None:
    """A repository that is lost or damaged could drop out of the backups without a word, and `--keep` remove its last good copy."""
    repository = put_repository(house)
    refs = read_refs(repository)
    assert back_up(house, folder) == []
    rename_newest(folder, LONG_AGO)
    harm(repository)
    (problem,) = back_up(house, folder, keep=1)
    assert f"The Git repository of project {PROJECT}" in problem
    (name,) = backup.list_snapshots(folder)
    assert manifest_of(folder / "snapshots" / name)["repositories"] == [PROJECT]
    assert read_refs(folder / "repositories" / repository_name(PROJECT)) == refs


def test_a_repository_that_is_not_there_yet_is_no_problem(house: House, folder: Path) -> None:
    """Every backup could end with a problem for a project that nobody has pushed to, or one of a lost repository name a copy that is not there."""
    shutil.rmtree(put_repository(house, branch=""))
    assert back_up(house, folder) == []
    rename_newest(folder, LONG_AGO)
    change(house, "UPDATE git_repository SET default_branch = 'main'")
    assert len(back_up(house, folder)) == 1
    assert manifest_of(folder / "snapshots" / backup.list_snapshots(folder)[-1])["repositories"] == []


def test_a_lock_in_the_copy_of_a_repository_does_not_last(house: House, folder: Path) -> None:
    """A backup that was killed could leave a lock behind, for which that repository is never copied again; or a folder that nobody removes."""
    repository = put_repository(house)
    back_up(house, folder)
    copy = folder / "repositories" / repository_name(PROJECT)
    (copy / "refs" / "heads").mkdir(exist_ok=True)
    (copy / "refs" / "heads" / "main.lock").touch()
    left = copy.with_name(f"{copy.name}.0123456789abcdef.new")
    left.mkdir()
    commit(repository)
    rename_newest(folder, LONG_AGO)
    assert back_up(house, folder) == []
    assert read_refs(copy) == read_refs(repository)
    assert [path.name for path in copy.parent.iterdir()] == [copy.name]


def test_the_snapshot_just_made_stays(house: House, folder: Path) -> None:
    """With a clock that was wrong once, `--keep` could remove the newest snapshot, and nobody know that another one passes for it."""
    back_up(house, folder)
    rename_newest(folder, FAR_AHEAD)
    (problem,) = back_up(house, folder, keep=2)
    made, ahead = backup.list_snapshots(folder)
    assert ahead == FAR_AHEAD and FAR_AHEAD in problem and "future" in problem
    rename_newest(folder, "20991230T000000Z")
    (folder / "snapshots" / made).rename(folder / "snapshots" / LONG_AGO)
    assert back_up(house, folder, keep=1) == []
    (name,) = backup.list_snapshots(folder)
    assert LONG_AGO < name < FAR_AHEAD


def test_folders_of_the_installation_are_refused(house: House, tmp_path: Path) -> None:
    """A backup into the data folder could remove blobs and repositories of the installation as if they were old copies."""
    blob, data = put_blob(house, b"one"), house.settings.data_path
    (tmp_path / "link").symlink_to(data)
    (tmp_path / "around").mkdir()
    (tmp_path / "around" / "blobs").symlink_to(data / "blobs")
    for folder in (data, tmp_path / "link", tmp_path / "around", data / "blobs", data / "repositories" / "ab", data / "keys"):
        with pytest.raises(BackupError, match="another folder"):
            back_up(house, folder, keep=1)
    assert blob.exists() and not (data / "snapshots").exists()
    assert back_up(house, data / "backup", keep=1) == []


def cut_list(snapshot: Path) -> str:
    lines = (snapshot / "blobs.txt").read_text().splitlines(keepends=True)
    (snapshot / "blobs.txt").write_text("".join(lines[:1]))
    return r"blobs\.txt"


def cut_old_list(snapshot: Path) -> str:
    old = {name: value for name, value in manifest_of(snapshot).items() if name not in ("list_sha256", "key_sha256")}
    (snapshot / "manifest.json").write_text(json.dumps(old))
    return cut_list(snapshot)


def spoil_key(snapshot: Path) -> str:
    (snapshot / "keys" / "sumdb").write_bytes(b"\0" * 6)
    return "sumdb"


def lose_keys(snapshot: Path) -> str:
    shutil.rmtree(snapshot / "keys")
    return "sumdb"


@pytest.mark.parametrize("harm", [cut_list, cut_old_list, spoil_key, lose_keys])
def test_a_damaged_list_or_key_is_refused(house: House, folder: Path, harm: Callable[[Path], str]) -> None:
    """A list of blobs that was cut, or a key with other bytes, could come back as if it were whole."""
    for content in (b"one", b"two", b"three"):
        put_blob(house, content)
    put_key(house)
    back_up(house, folder)
    reason = harm(folder / "snapshots" / backup.list_snapshots(folder)[0])
    with pytest.raises(BackupError, match=reason):
        bring_back(folder)


def put_key(house: House) -> Path:
    keys = house.settings.data_path / "keys"
    keys.mkdir(exist_ok=True)
    (keys / "sumdb").write_bytes(b"secret")
    return keys


def test_snapshots_of_before_come_back(house: House, folder: Path) -> None:
    """A snapshot whose manifest has no digests of its list and keys yet could be refused."""
    put_blob(house, b"one")
    put_key(house)
    back_up(house, folder)
    snapshot = folder / "snapshots" / backup.list_snapshots(folder)[0]
    written = manifest_of(snapshot)
    assert len(written.pop("list_sha256")) == 64 and list(written.pop("key_sha256")) == ["sumdb"]
    (snapshot / "manifest.json").write_text(json.dumps(written))
    assert bring_back(folder) == []


def test_a_damaged_list_keeps_the_copies(house: House, folder: Path) -> None:
    """`--keep` could remove blobs that a snapshot needs since its list, damaged, does not name them; or a damaged snapshot stop all backups."""
    one, two = put_blob(house, b"one"), put_blob(house, b"two")
    for name in (LONG_AGO, "20010102T000000Z"):
        back_up(house, folder)
        cut = rename_newest(folder, name)
    cut_list(cut)
    for path in (one, two):
        change(house, "UPDATE blob SET condemned = 1 WHERE place = ?", path.name)
    (problem,) = back_up(house, folder, keep=2)
    assert "blobs.txt" in problem
    assert len(backup.list_snapshots(folder)) == 3 and len(list((folder / "blobs").glob("??/*"))) == 2
    rename_newest(folder, "20010103T000000Z")
    assert back_up(house, folder, keep=1) == []
    assert len(backup.list_snapshots(folder)) == 1 and list((folder / "blobs").glob("??/*")) == []


def test_a_list_of_other_bytes_is_refused(house: House, folder: Path) -> None:
    """A byte in the list of blobs that is no letter could end a restore with a traceback."""
    put_blob(house, b"one")
    back_up(house, folder)
    snapshot = folder / "snapshots" / backup.list_snapshots(folder)[0]
    (snapshot / "blobs.txt").write_bytes(b"\xff\n")
    with pytest.raises(BackupError, match=r"Line 1 of .*blobs\.txt is not one of ours"):
        list(backup.read_blobs(snapshot))


def test_a_full_disk_is_said(house: House, folder: Path) -> None:
    """A disk that is full while the database is copied could end with a traceback, and a status that means something else."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src"), "PACKHOUSE_DATA": str(house.settings.data_path)}
    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 100; exec "$0" -m packhouse backup "$1"', sys.executable, str(folder)],
        env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 3 and "Traceback" not in done.stderr, done.stderr
    assert done.stderr.startswith("packhouse: The database cannot be copied")
    assert backup.list_snapshots(folder) == []


def test_a_rotten_copy_is_missed_ever_after(house: House, folder: Path) -> None:
    """A copy that is found rotten, and cannot be made again, could pass for a good one at the next run."""
    source = put_blob(house, b"one")
    back_up(house, folder)
    rename_newest(folder, LONG_AGO)
    source.unlink()
    backup.blob_path(folder, source.name).write_bytes(b"oNe")
    for number, verify in enumerate((True, False), 2):
        assert back_up(house, folder, verify=verify) == [f"Missing bytes: sha256:{source.name}"]
        rename_newest(folder, f"2001010{number}T000000Z")


def test_a_key_that_is_a_link_to_nothing_is_said(house: House, folder: Path) -> None:
    """One link that leads nowhere could keep every backup from being made, for a reason that is not told."""
    keys = put_key(house)
    (keys / "old").symlink_to("nowhere")
    (problem,) = back_up(house, folder)
    assert str(keys / "old") in problem
    assert list(manifest_of(folder / "snapshots" / backup.list_snapshots(folder)[0])["key_sha256"]) == ["sumdb"]


def test_half_a_snapshot_stops_nothing(house: House, folder: Path) -> None:
    """A snapshot whose removal was cut could make every later backup end as if it had not been made."""
    for name in (LONG_AGO, "20010103T000000Z"):
        back_up(house, folder)
        half = rename_newest(folder, name)
    (half / "blobs.txt").unlink()
    (problem,) = back_up(house, folder, keep=2)
    assert str(half / "blobs.txt") in problem and len(backup.list_snapshots(folder)) == 3
    partial = half.rename(half.with_name(f"{half.name}.partial"))  # how a removal begins
    rename_newest(folder, "20010104T000000Z")
    assert back_up(house, folder, keep=2) == [] and not partial.exists()
