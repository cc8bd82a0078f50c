"""Care for an installation from the command line: collection and the doctor."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator

import msgspec

from packhouse.assemble import make_house
from packhouse.db.engine import now
from packhouse.db.migrate import current_revision
from packhouse.packages import doctor
from packhouse.packages.collect import collect, horizon
from packhouse.packages.house import House
from packhouse.settings import Settings


@contextlib.asynccontextmanager
async def open_house(settings: Settings) -> AsyncIterator[House]:
    """The house without its server. Raises `SystemExit` where there is none yet."""
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


async def collect_once(settings: Settings, dry_run: bool) -> int:
    """One round; what it did, or would do, on standard output."""
    async with open_house(settings) as house:
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
