"""Garbage collection and cleanup policies, each by one process at a time."""

from __future__ import annotations

import structlog
from sqlalchemy import Connection

from packhouse.db import events
from packhouse.db.engine import now
from packhouse.packages.cleanup import run_policies
from packhouse.packages.collect import ClockJumped, Clockwork, Strays, collect, horizon, is_held
from packhouse.packages.house import House

LEASE_SECONDS = 900
POLICY_SECONDS = 60.0


class Collector:
    """What a process remembers between two rounds of collection."""

    def __init__(self, house: House, holder: str) -> None:
        self._house = house
        self._holder = holder
        self._clockwork = Clockwork()
        self._strays = Strays()

    async def round(self) -> None:
        """One round, if this process may."""
        if not await lead(self._house, "collect", self._holder):
            return
        try:
            self._clockwork.check(now())
        except ClockJumped as error:
            structlog.get_logger().warning("collection waits", reason=str(error))
            return
        when = horizon(self._house, now())
        done = await collect(self._house, when)
        if not await is_held(self._house, when.now):
            done.quarantined = await self._strays.look(self._house, when)
        if done.anything:
            structlog.get_logger().info("collected", **done.summary())


async def clean_if_leader(house: House, holder: str) -> None:
    """Run the cleanup policies whose time has come, if this process may."""
    if await lead(house, "policies", holder):
        await run_policies(house)


async def lead(house: House, name: str, holder: str) -> bool:
    """Whether this process holds the lease, or takes it now. Looks first, without writing."""
    leader = await house.database.read(events.peek_lease, name)
    if leader is not None and leader[0] != holder and leader[1] > now():
        return False
    return await house.database.write(_take, name, holder)


def _take(connection: Connection, name: str, holder: str) -> bool:
    return events.take_lease(connection, name, holder, now(), LEASE_SECONDS)
