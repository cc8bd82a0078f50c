"""Health, liveness, readiness and metrics."""

from __future__ import annotations

import asyncio

from sqlalchemy import Connection, text

from packhouse.auth.credentials import read_credential
from packhouse.auth.policy import Access, authorize
from packhouse.auth.sessions import Sessions, cookie_name
from packhouse.contract import ROOT, Action, Route
from packhouse.packages.house import House
from packhouse.responses import Reply, json_reply
from packhouse.settings import read_networks
from packhouse.web.call import Call
from packhouse.web.entrance import read_cookie
from packhouse.web.metrics import expose
from packhouse.web.peers import read_address

FORWARDED = (b"forwarded", b"x-forwarded-for")


class Probes:
    """What a supervisor asks."""

    def __init__(self, house: House, sessions: Sessions) -> None:
        self._house = house
        self._sessions = sessions
        self._networks = read_networks("metrics_allow", house.settings.metrics_allow)

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
        """For the networks that the setting lists, and for administrators. Raises what `authorize` raises."""
        if not self._is_near(call):
            authorize(await self._identify(call), Action.ADMIN)
        body, media_type = await asyncio.to_thread(expose)
        return Reply(body, 200, media_type=media_type)

    def _is_near(self, call: Call) -> bool:
        peer = call.scope.get("client")
        if peer is None or (call.address == peer[0] and any(name in call.raw_headers for name in FORWARDED)):
            return False  # it comes by a proxy that nobody told us of, from who knows where
        address = read_address(call.address)
        return address is not None and any(address in network for network in self._networks)

    async def _identify(self, call: Call) -> Access:
        secret = read_cookie(call.raw_headers.get(b"cookie"), cookie_name(self._house.settings.secure))
        session = await self._sessions.find(secret) if secret else None
        if session is not None:
            return await self._house.gate.as_user(session.user_id, "session", None)
        credential = read_credential(call.raw_headers, call.query, query_allowed=self._house.settings.query_tokens)
        return await self._house.gate.identify(credential, None, address=call.address, native=False)


def _probe(connection: Connection) -> None:
    connection.execute(text("SELECT 1"))
