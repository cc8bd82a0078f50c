"""What a page needs of a request: a part of what the web room hands to every handler."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from packhouse.auth.policy import Access
from packhouse.auth.sessions import Session
from packhouse.contract import Params
from packhouse.model import Actor


class PageCall(Protocol):
    """One request for a page, authorised for the place its path means."""

    @property
    def method(self) -> str: ...

    @property
    def params(self) -> Params: ...

    @property
    def query(self) -> Mapping[str, str]: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def actor(self) -> Actor: ...

    @property
    def access(self) -> Access:
        """Who asks, for which place, with which role there."""

    @property
    def session(self) -> Session | None:
        """The browser's session."""

    @property
    def address(self) -> str:
        """The client's network address, for counting wrong passwords."""

    @property
    def scope(self) -> Mapping[str, Any]:
        """The request as the server gives it: its path as it was sent, and its query."""

    @property
    def lookup(self) -> Callable[[int], Awaitable[Access]]:
        """The viewer's standing in another place, by its id or path."""

    async def body(self) -> bytes: ...
