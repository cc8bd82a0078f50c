"""Copy the mirrors whose time has come, one after the other in each process; remove the repositories of projects that are long gone."""

from __future__ import annotations

import structlog

from packhouse.db import gits
from packhouse.db.engine import now
from packhouse.errors import RegistryError
from packhouse.packages import mirrors, repositories
from packhouse.packages.house import House

MIRROR_SECONDS = 20.0
DAY = 86_400_000_000


async def pull_due(house: House) -> None:
    """The mirrors that are due. What fails is kept with the mirror, and tried again at its next time."""
    logger = structlog.get_logger()
    for row in await house.database.read(gits.due_mirrors, now()):
        try:
            await mirrors.pull(house, row)
        except RegistryError as error:
            logger.info("mirror failed", project=row.project_id, error=error.message)
    before = now() - house.settings.retention_days * DAY
    for project in await house.database.read(gits.abandoned, before):
        await repositories.forget_repository(house, project)
