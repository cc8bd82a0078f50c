"""A whole database in one file, as it was at one instant, and back. SQLite copies itself; PostgreSQL's own programs do it there."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL, Connection, make_url
from sqlalchemy.exc import SQLAlchemyError

from packhouse.db.engine import sqlite_engine
from packhouse.durable import move_to_new, sync
from packhouse.errors import AlreadyExists, Unavailable

FILE, DUMP = "database.sqlite3", "database.dump"
BESIDE = ("-wal", "-shm", "-journal")  # what SQLite keeps beside a database, and would take for the new one's
RESTORING = "restoring"  # a file in the data folder from before a restore puts anything there until all is there
UNKNOWN = "?"  # in place of a name, which was not written any more

_EXTENSION = re.compile(r"[0-9]+; [0-9]+ [0-9]+ (COMMENT - )?EXTENSION ")


def sqlite_file(url: str, data: Path) -> Path | None:
    """The file that the database is; None for PostgreSQL."""
    if not url:
        return data / "packhouse.sqlite3"
    return Path(make_url(url).database or "") if url.startswith("sqlite") else None


def unfinished_restore(data: Path) -> str:
    """The snapshot of a restore that is at work in this data folder, or was cut; "" where there is none."""
    try:
        return (data / RESTORING).read_text(errors="replace").strip() or UNKNOWN
    except (FileNotFoundError, NotADirectoryError):
        return ""


def check_free(file: Path) -> None:
    """Raises `AlreadyExists` where a database is, or what another one has left beside it."""
    if os.path.lexists(file):
        raise AlreadyExists(f"There is an installation already in {file}: bring a backup back where there is none")
    for left in (file.with_name(file.name + end) for end in BESIDE):
        if os.path.lexists(left):
            raise AlreadyExists(f"{left} is of another database, and would change the one that is brought back: move it away")


def take_snapshot(url: str, data: Path, folder: Path) -> Path:
    """The database as one durable file in this folder, while everything goes on. Raises `Unavailable` with the reason."""
    source = sqlite_file(url, data)
    target = folder / (DUMP if source is None else FILE)
    if source is None:
        _run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={target}", url=make_url(url))
    else:
        with closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as live, closing(sqlite3.connect(target)) as copy:
            live.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, and none beside it
    sync(target)
    return target


def bring_back(url: str, data: Path, snapshot: Path, change: Callable[[Connection], None]) -> None:
    """The database from such a file, where there is none, and changed so before anybody can open it.

    On SQLite it appears whole or not at all. On PostgreSQL the change is a transaction after the one that brings it back.
    Raises `AlreadyExists` where there is one, `Unavailable` with the reason for everything else.
    """
    target = sqlite_file(url, data)
    if target is None:
        _bring_back_dump(url, snapshot)
        return
    partial = target.with_name(f"{target.name}.partial")
    _remove_partial(partial)
    try:
        with closing(sqlite3.connect(f"{snapshot.resolve().as_uri()}?mode=ro", uri=True)) as kept, closing(sqlite3.connect(partial)) as copy:
            kept.backup(copy)
        engine = sqlite_engine(partial)
        try:
            with engine.begin() as connection:
                change(connection)
        finally:
            engine.dispose()
    except (sqlite3.Error, SQLAlchemyError) as error:
        _remove_partial(partial)
        raise Unavailable(f"{partial}: {getattr(error, 'orig', None) or error}") from error
    sync(partial)
    check_free(target)
    try:
        move_to_new(partial, target)
    except FileExistsError:
        check_free(target)
        raise
    sync(target.parent)


def _remove_partial(partial: Path) -> None:
    for left in (partial, *(partial.with_name(partial.name + end) for end in BESIDE)):
        left.unlink(missing_ok=True)


def _bring_back_dump(url: str, snapshot: Path) -> None:
    """Everything but extensions and rights, which belong to the server and not to us."""
    entries = _run("pg_restore", "--list", last=str(snapshot))
    with tempfile.NamedTemporaryFile("w", suffix=".list", errors="surrogateescape") as chosen:
        chosen.writelines(line for line in entries.splitlines(keepends=True) if not _EXTENSION.match(line))
        chosen.flush()
        options = ("--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges", f"--use-list={chosen.name}")
        _run("pg_restore", *options, url=make_url(url), last=str(snapshot))


def _run(program: str, *arguments: str, url: URL | None = None, last: str = "") -> str:
    """What the program printed. Raises `Unavailable` with the reason."""
    command, secret = [program, *arguments], {}
    if url is not None:
        # the password is not among the arguments, which every user of the machine can read
        command.append(f"--dbname={url._replace(drivername='postgresql', password=None).render_as_string(hide_password=False)}")
        secret = {"PGPASSWORD": str(url.password)} if url.password else {}
    command += [last] if last else []
    try:
        done = subprocess.run(command, env={**os.environ, **secret}, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise Unavailable(f"{program} is not installed here: install PostgreSQL's client programs, of the server's version or later") from error
    if done.returncode != 0:
        raise Unavailable(f"{program}: {done.stderr.decode(errors='replace').strip()[-500:]}")
    return done.stdout.decode(errors="surrogateescape")
