"""A house in this process with one private project, for what is below the routes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from packhouse.assemble import make_house
from packhouse.db import places
from packhouse.db.engine import now
from packhouse.formats.generic import FORMAT
from packhouse.model import Visibility
from packhouse.packages.firststart import prepare
from packhouse.packages.house import House
from packhouse.settings import Settings

Story = Callable[[House, int], Coroutine[Any, Any, None]]


def tell(folder: Path, story: Story) -> None:
    """Run a story in a house with one private project in one group."""

    async def run() -> None:
        house = make_house(Settings(data=str(folder), access_log=False, min_free_mib=0), (FORMAT,))
        await prepare(house)
        house.store.start()
        house.spool.start()
        await house.database.start()
        try:
            await story(house, await house.database.write(_add_project))
        finally:
            await house.inspector.close()
            await house.database.close()

    asyncio.run(run())


def _add_project(connection: Any) -> int:
    made: dict[str, Any] = {"visibility": Visibility.PRIVATE, "description": "", "creator_id": None, "at": now()}
    group = places.add_place(connection, kind="group", path="team", name="team", parent=None, **made)
    above = places.get_place(connection, group)
    return places.add_place(connection, kind="project", path="lib", name="lib", parent=above, **made)
