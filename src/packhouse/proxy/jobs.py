"""What the proxies forget, by retention and by purge: under a lease that one process holds, in small steps."""

from __future__ import annotations

from packhouse.db import events, proxies
from packhouse.db.engine import now
from packhouse.model import Instant
from packhouse.packages import proxies as changes
from packhouse.packages.house import House

LEASE = "dependency_proxy"
LEASE_SECONDS = 120


async def forget(house: House, holder: str, at: Instant | None = None) -> None:
    """Expire what nobody has read for too long, and remove what is expired. Looks first, without writing."""
    moment = now() if at is None else at
    groups = await house.database.read(proxies.groups_to_expire, moment)
    if not groups and not await house.database.read(proxies.has_expired):
        return
    if not await house.database.write(events.take_lease, LEASE, holder, now(), LEASE_SECONDS):
        return
    for group in groups:
        await house.database.write(changes.expire, group, moment)
    while await house.database.write(proxies.drop_expired):
        pass
