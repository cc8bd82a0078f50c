"""The proxies of this process, as `assemble` puts them together."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterable

from packhouse.contract import ErrorStyle, Format, Route
from packhouse.packages.house import House
from packhouse.packages.proxies import FORMAT
from packhouse.proxy.cache import Cache
from packhouse.proxy.errors import style_of
from packhouse.proxy.jobs import forget
from packhouse.proxy.routes import Routes

FLUSH_SECONDS = 5.0
FORGET_SECONDS = 300.0

Loop = tuple[float, Callable[[], Awaitable[None]], str]


class Proxy:
    """Routes, error style and loops; nothing where there is no container registry."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.format: Format | None = house.formats.get(FORMAT)
        self._cache = Cache(house) if self.format is not None else None

    @property
    def style(self) -> ErrorStyle:
        assert self.format is not None
        return style_of(self.format.errors)

    def routes(self) -> Iterable[Route]:
        return Routes(self._cache).routes() if self._cache is not None else ()

    def loops(self) -> Iterable[Loop]:
        """What is done again and again."""
        if self._cache is None:
            return ()
        holder = secrets.token_hex(8)
        return (
            (FLUSH_SECONDS, self._cache.flush, "flush dependency proxies"),
            (FORGET_SECONDS, lambda: forget(self._house, holder), "forget in dependency proxies"),
        )

    async def close(self) -> None:
        if self._cache is not None:
            await self._cache.flush()
            await self._cache.close()
