"""What each process does beside answering: flush counters; and, under a lease that one process holds, seal the log."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy import Connection

from packhouse.db import changes, events
from packhouse.db.engine import now
from packhouse.jobs.collecting import POLICY_SECONDS, Collector, clean_if_leader
from packhouse.jobs.upkeep import UPKEEP_SECONDS, keep_house
from packhouse.packages.history import seal_events
from packhouse.packages.house import House
from packhouse.packages.stored import sweep_documents

FLUSH_SECONDS = 2.0
SEAL_SECONDS = 5.0
LEASE_SECONDS = 20
SWEEP_SECONDS = 300.0


async def flush_counters(house: House) -> None:
    """Downloads and token uses, from memory to rows, in one transaction."""
    counters = house.counters
    if not counters.downloads and not house.gate.used:
        return
    downloads, counters.downloads = counters.downloads, {}
    latest, counters.latest = counters.latest, {}
    used, house.gate.used = house.gate.used, {}
    await house.database.write(changes.add_downloads, downloads, latest, used)


def seal_under_lease(connection: Connection, holder: str) -> bool:
    """Seal, if this process holds the lease or can take it; whether it did."""
    if not events.take_lease(connection, "seal", holder, now(), LEASE_SECONDS):
        return False
    seal_events(connection)
    return True


async def seal_if_leader(house: House, holder: str) -> None:
    """Look first, without writing: most processes find another one at it, and most times nothing has happened."""
    leader = await house.database.read(events.peek_lease, "seal")
    if leader is not None and leader[0] != holder and leader[1] > now():
        return
    if await house.database.read(events.has_unsealed):
        await house.database.write(seal_under_lease, holder)


async def repeat(seconds: float, work: Callable[[], Awaitable[None]], name: str) -> None:
    """Again and again; a failure is logged and tried again."""
    logger = structlog.get_logger()
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except Exception as error:
            logger.warning("job failed", job=name, error=f"{type(error).__name__}: {error}")


@contextlib.asynccontextmanager
async def running(house: House, *more: tuple[float, Callable[[], Awaitable[None]], str]):  # type: ignore[no-untyped-def]
    """The loops of a process, for as long as it serves; `more` as `repeat` takes them."""
    holder = secrets.token_hex(8)
    tasks = [
        asyncio.create_task(repeat(FLUSH_SECONDS, lambda: flush_counters(house), "flush")),
        asyncio.create_task(repeat(SEAL_SECONDS, lambda: seal_if_leader(house, holder), "seal")),
        asyncio.create_task(repeat(SWEEP_SECONDS, lambda: sweep_documents(house, now()), "sweep")),
        asyncio.create_task(repeat(POLICY_SECONDS, lambda: clean_if_leader(house, holder), "cleanup policies")),
        asyncio.create_task(repeat(UPKEEP_SECONDS, lambda: keep_house(house, holder), "upkeep")),
        *(asyncio.create_task(repeat(*loop)) for loop in more),
    ]
    if house.settings.collect_seconds:
        tasks.append(asyncio.create_task(repeat(house.settings.collect_seconds, Collector(house, holder).round, "collect")))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await flush_counters(house)
