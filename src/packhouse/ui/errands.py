"""Pages change things through the REST API's own routes, in this process: the same checks, the same words, the same events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from packhouse.api.routes import api_routes
from packhouse.auth.policy import Access, authorize
from packhouse.contract import Route
from packhouse.errors import Invalid
from packhouse.model import Actor, Place, Struct
from packhouse.packages.house import House
from packhouse.responses import Reply
from packhouse.ui.calls import PageCall

READS = frozenset({"GET", "HEAD"})


class Way(Struct):
    """The route of an errand, as the API sees it (web.match.Entry)."""

    route: Route
    template: str


class Errand:
    """One request to the API, made for the viewer of a page (api.call.Call)."""

    def __init__(
        self,
        house: House,
        call: PageCall,
        route: Route,
        params: Mapping[str, str],
        query: Mapping[str, Any],
        sent: Mapping[str, Any] | None,
    ) -> None:
        self.house = house
        self.access = call.access
        self.entry: Any = Way(route=route, template=route.path)
        self.address = call.address
        self.lookup: Callable[[int], Awaitable[Access]] = call.lookup
        self.method = route.method
        self.params = params
        self.headers: Mapping[str, str] = {"content-type": "application/json"}
        self._query = urlencode(query)
        self._body = b"" if sent is None else msgspec.json.encode(sent)

    @property
    def query_list(self) -> list[tuple[str, str]]:
        return parse_qsl(self._query, keep_blank_values=True)

    @property
    def query(self) -> Mapping[str, str]:
        return dict(self.query_list)

    @property
    def actor(self) -> Actor:
        return self.access.actor

    @property
    def place(self) -> Place:
        assert self.access.place is not None
        return self.access.place

    async def body(self) -> bytes:
        return self._body


class Errands:
    """The API as pages use it."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._routes: Mapping[tuple[str, str], Route] = {(route.method, route.path): route for route in api_routes(house)}

    def has(self, method: str, path: str) -> bool:
        """Whether the API can do this."""
        return (method, f"api/v4/{path}") in self._routes

    async def run(
        self,
        call: PageCall,
        method: str,
        path: str,
        sent: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, str | int] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Any:
        """What the API answers to the viewer, decoded; `path` is the route's own, its place that of the page. Raises what the API raises."""
        answer, _ = await self.page(call, method, path, sent, params=params, query=query)
        return answer

    async def page(
        self,
        call: PageCall,
        method: str,
        path: str,
        sent: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, str | int] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> tuple[Any, int]:
        """The same, and of how many things in all it is a page."""
        route = self._routes[method, f"api/v4/{path}"]
        place = call.access.place
        authorize(call.access, route.action, needs_place=route.place_of is not None)
        named = {"id": str(place.id)} if place is not None else {}
        named |= {name: str(value) for name, value in (params or {}).items()}
        reply = await route.handler(Errand(self._house, call, route, named, query or {}, sent))
        assert isinstance(reply, Reply)
        answer = msgspec.json.decode(reply.body) if reply.body else None
        if reply.status_code >= 400:
            raise Invalid(_said(answer))
        return answer, int(reply.headers.get("x-total", 0))


def _said(answer: Any) -> str:
    """What is wrong, of an answer that is no error of the house."""
    message = answer.get("message", "") if isinstance(answer, dict) else ""
    return str(message).removeprefix("422 Unprocessable Entity - ") or "That cannot be done"
