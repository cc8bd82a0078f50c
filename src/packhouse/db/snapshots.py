"""A whole database in one file, as it was at one instant, and back. SQLite copies itself; PostgreSQL's own programs do it there."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL, make_url

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


def bring_back(url: str, data: Path, snapshot: Path) -> None:
    """The database from such a file, where there is none; it appears whole or not at all. Raises `Unavailable` with the reason."""
    target = sqlite_file(url, data)
    if target is None:
        _run("pg_restore", "--exit-on-error", "--single-transaction", "--no-owner", str(snapshot), url=make_url(url), into=True)
        return
    partial = target.with_name(f"{target.name}.partial")
    with closing(sqlite3.connect(f"{snapshot.resolve().as_uri()}?mode=ro", uri=True)) as kept, closing(sqlite3.connect(partial)) as copy:
        kept.backup(copy)
    sync(partial)
    partial.rename(target)
    sync(target.parent)


def sync(path: Path) -> None:
    """A file, or the names in a folder, made durable."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _run(program: str, *arguments: str, url: URL, into: bool = False) -> None:
    address = url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    secret = {"PGPASSWORD": str(url.password)} if url.password else {}  # not among the arguments, which every user of the machine can read
    where = f"--dbname={address}"
    try:
        done = subprocess.run([program, *arguments[:-1], where, arguments[-1]] if into else [program, *arguments, where],
                              env={**os.environ, **secret}, stdin=subprocess.DEVNULL, capture_output=True, check=False)  # fmt: skip
    except FileNotFoundError as error:
        raise Unavailable(f"{program} is not installed here: install PostgreSQL's client programs, of the server's version or later") from error
    if done.returncode != 0:
        raise Unavailable(f"{program}: {done.stderr.decode(errors='replace').strip()[-500:]}")
