"""Care for an installation from the command line: collection, the doctor, backups."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from packhouse.assemble import make_house
from packhouse.db import backups
from packhouse.db.engine import now
from packhouse.db.migrate import current_revision
from packhouse.packages import doctor
from packhouse.packages.backup import BackupError, take_backup
from packhouse.packages.collect import collect, horizon
from packhouse.packages.house import House
from packhouse.packages.restore_backup import restore_backup
from packhouse.settings import Settings
from packhouse.web.logs import configure_logs


@contextlib.asynccontextmanager
async def open_house(settings: Settings) -> AsyncIterator[House]:
    """The house without its server. Raises `SystemExit` where there is none yet."""
    configure_logs()
    house = make_house(settings)
    if not house.settings.database_url and not (settings.data_path / "packhouse.sqlite3").exists():
        sys.stderr.write(f"packhouse: there is no installation in {settings.data_path}\n")
        raise SystemExit(doctor.FAILED)
    await house.database.start()
    try:
        if await house.database.read(current_revision) is None:
            sys.stderr.write("packhouse: the database is empty\n")
            raise SystemExit(doctor.FAILED)
        yield house
    finally:
        await house.database.close()


async def collect_once(settings: Settings, dry_run: bool, release: bool = False) -> int:
    """One round; what it did, or would do, on standard output."""
    async with open_house(settings) as house:
        if release:
            await house.database.write(backups.hold, 0)
        done = await collect(house, horizon(house, now()), dry_run=dry_run)
    sys.stdout.write("\n".join([*done.lines, msgspec.json.encode(done.summary()).decode()]) + "\n")
    return 0


async def examine_all(settings: Settings, *, deep: bool, fix: str, as_json: bool) -> int:
    """Every finding on standard output, and the status to end with."""
    if fix not in ("", "safe"):
        sys.stderr.write(f"packhouse: --fix takes the word safe, not {fix!r}\n")
        return doctor.FAILED
    found = []
    async with open_house(settings) as house:
        async for finding in doctor.examine(house, deep=deep, fix=bool(fix)):
            found.append(finding)
            state = "repaired" if finding.repaired else "problem"
            line = msgspec.json.encode(finding).decode() if as_json else f"{finding.check} {state}: {finding.text}"
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
    if not as_json:
        sys.stdout.write(f"{len(found)} findings, {sum(not finding.repaired for finding in found)} problems remain\n")
    return doctor.status_of(found)


async def back_up(settings: Settings, folder: Path, *, with_keys: bool, keep: int, verify: bool) -> int:
    """A snapshot; what was copied on standard output, what could not be on standard error."""
    os.umask(0o077)
    async with open_house(settings) as house:
        try:
            problems = await take_backup(house, folder, with_keys=with_keys, keep=keep, verify=verify, say=_say)
        except BackupError as error:
            sys.stderr.write(f"packhouse: {error}\n")
            return doctor.FAILED
    for problem in problems:
        sys.stderr.write(f"packhouse: {problem}\n")
    return doctor.PROBLEMS if problems else doctor.CLEAN


async def restore(settings: Settings, folder: Path, name: str) -> int:
    """An installation from a snapshot, looked at by the doctor; the status is the doctor's."""
    os.umask(0o077)
    try:
        lost = await restore_backup(make_house(settings), folder, name, say=_say)
    except BackupError as error:
        sys.stderr.write(f"packhouse: {error}\n")
        return doctor.FAILED
    for line in lost:
        sys.stderr.write(f"packhouse: {line}\n")
    return await examine_all(settings, deep=False, fix="", as_json=False)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
