"""Health, liveness, readiness and metrics."""

from __future__ import annotations

import asyncio

from sqlalchemy import Connection, text

from packhouse.contract import ROOT, Action, Route
from packhouse.packages.house import House
from packhouse.responses import Reply, json_reply
from packhouse.web.call import Call
from packhouse.web.metrics import expose


class Probes:
    """What a supervisor asks."""

    def __init__(self, house: House) -> None:
        self._house = house

    def routes(self) -> list[Route]:
        return [
            Route(method="GET", path="-/health", handler=self.health, action=Action.OPEN, reach=ROOT),
            Route(method="GET", path="-/liveness", handler=self.health, action=Action.OPEN, reach=ROOT),
            Route(method="GET", path="-/readiness", handler=self.readiness, action=Action.OPEN, reach=ROOT),
            Route(method="GET", path="-/metrics", handler=self.metrics, action=Action.OPEN, reach=ROOT),
        ]

    async def health(self, call: Call) -> Reply:
        """The process answers."""
        return json_reply({"status": "ok"})

    async def readiness(self, call: Call) -> Reply:
        """The database and the blob store answer."""
        try:
            async with asyncio.timeout(5):
                await self._house.database.read(_probe)
            self._house.spool.check_space()
        except Exception as error:
            return json_reply({"status": "failed", "reason": type(error).__name__}, 503)
        return json_reply({"status": "ok"})

    async def metrics(self, call: Call) -> Reply:
        body, media_type = await asyncio.to_thread(expose)
        return Reply(body, 200, media_type=media_type)


def _probe(connection: Connection) -> None:
    connection.execute(text("SELECT 1"))
