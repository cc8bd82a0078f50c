"""Older states of files and unfinished uploads, looked for by one process at a time."""

from __future__ import annotations

import structlog

from packhouse.db.engine import now
from packhouse.jobs.collecting import lead
from packhouse.packages import upkeep
from packhouse.packages.house import House

UPKEEP_SECONDS = 600.0


async def keep_house(house: House, holder: str) -> None:
    """Run the policies whose time has come and sweep what nobody finished, if this process may."""
    if not await lead(house, "upkeep", holder):
        return
    kept, swept = await upkeep.keep_newest(house), await upkeep.sweep_unfinished(house, now())
    if kept or swept:
        structlog.get_logger().info("upkeep", older_states=kept, unfinished=swept)
