"""A whole database in one file, as it was at one instant, and back. SQLite copies itself; PostgreSQL's own programs do it there."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL, Connection, make_url

from packhouse.db.engine import sqlite_engine
from packhouse.durable import sync
from packhouse.errors import Unavailable


def sqlite_file(url: str, data: Path) -> Path | None:
    """The file that the database is; None for PostgreSQL."""
    if not url:
        return data / "packhouse.sqlite3"
    return Path(make_url(url).database or "") if url.startswith("sqlite") else None


def take_snapshot(url: str, data: Path, folder: Path) -> Path:
    """The database as one durable file in this folder, while everything goes on. Raises `Unavailable` with the reason."""
    source = sqlite_file(url, data)
    target = folder / ("database.dump" if source is None else "database.sqlite3")
    if source is None:
        _run("pg_dump", "--format=custom", "--no-owner", f"--file={target}", url=make_url(url))
    else:
        with closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as live, closing(sqlite3.connect(target)) as copy:
            live.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, and none beside it
    sync(target)
    return target


def bring_back(url: str, data: Path, snapshot: Path, change: Callable[[Connection], None]) -> None:
    """The database from such a file, where there is none, and changed so before anybody can open it. Raises `Unavailable` with the reason.

    On SQLite it appears whole or not at all. On PostgreSQL the change is a transaction after the one that brings it back.
    """
    target = sqlite_file(url, data)
    if target is None:
        _run("pg_restore", "--exit-on-error", "--single-transaction", "--no-owner", url=make_url(url), last=str(snapshot))
        return
    partial = target.with_name(f"{target.name}.partial")
    for left in (partial, *(partial.with_name(partial.name + end) for end in ("-wal", "-shm"))):
        left.unlink(missing_ok=True)
    with closing(sqlite3.connect(f"{snapshot.resolve().as_uri()}?mode=ro", uri=True)) as kept, closing(sqlite3.connect(partial)) as copy:
        kept.backup(copy)
    engine = sqlite_engine(partial)
    with engine.begin() as connection:
        change(connection)
    engine.dispose()
    sync(partial)
    partial.rename(target)
    sync(target.parent)


def _run(program: str, *arguments: str, url: URL, last: str = "") -> None:
    # the password is not among the arguments, which every user of the machine can read
    address = url._replace(drivername="postgresql", password=None).render_as_string(hide_password=False)
    secret = {"PGPASSWORD": str(url.password)} if url.password else {}
    command = [program, *arguments, f"--dbname={address}", *([last] if last else [])]
    try:
        done = subprocess.run(command, env={**os.environ, **secret}, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise Unavailable(f"{program} is not installed here: install PostgreSQL's client programs, of the server's version or later") from error
    if done.returncode != 0:
        raise Unavailable(f"{program}: {done.stderr.decode(errors='replace').strip()[-500:]}")
