"""One outbound HTTP client: guarded addresses on every hop, no credentials across origins, limits on time and size (threats, section 9).

aiohttp is imported with the first request: see `upstream.resolver`.
"""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from yarl import URL

from packhouse.errors import UpstreamFailed, UpstreamRefused, UpstreamTimeout
from packhouse.upstream.guard import Address, Guard

if TYPE_CHECKING:
    import aiohttp

MOST_HOPS = 5
CONNECT_SECONDS = 5
FIRST_BYTE_SECONDS = 30
WHOLE_SECONDS = 60
FILE_SECONDS = 2 * 3600
CHUNK = 256 * 1024
REDIRECTS = frozenset({301, 302, 303, 307, 308})
ORIGIN_ONLY = frozenset({"authorization", "cookie", "proxy-authorization", "private-token"})


@dataclass(slots=True)
class Incoming:
    """An upstream's answer, its body not read yet."""

    status: int
    headers: Mapping[str, str]  # case-insensitive
    url: str
    _response: aiohttp.ClientResponse

    def every(self, name: str) -> list[str]:
        """All values of a header field."""
        return list(self._response.headers.getall(name, []))

    async def chunks(self, limit: int) -> AsyncIterator[bytes]:
        """The body as it comes. Raises `UpstreamFailed` where it is longer than the limit or cut short."""
        import aiohttp

        size = 0
        try:
            async for data in self._response.content.iter_chunked(CHUNK):
                size += len(data)
                if size > limit:
                    raise UpstreamFailed(f"The upstream sent more than {limit} bytes")
                yield data
        except TimeoutError as error:
            raise UpstreamTimeout("The upstream stopped sending") from error
        except (aiohttp.ClientError, OSError) as error:
            raise UpstreamFailed("The upstream's answer was cut short") from error

    async def read(self, limit: int) -> bytes:
        """The whole body. Raises `UpstreamFailed`."""
        return b"".join([data async for data in self.chunks(limit)])


class Outbound:
    """Requests to upstreams. One for each process; opened at the first request."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._session: aiohttp.ClientSession | None = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            import aiohttp

            from packhouse.upstream.resolver import GuardedResolver

            connector = aiohttp.TCPConnector(resolver=GuardedResolver(self._guard), use_dns_cache=False, limit=64, limit_per_host=16)
            self._session = aiohttp.ClientSession(connector=connector, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    @contextlib.asynccontextmanager
    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None, large: bool = False
    ) -> AsyncIterator[Incoming]:
        """One answer, redirects followed. Raises `UpstreamRefused`, `UpstreamTimeout`, `UpstreamFailed`."""
        send = dict(headers or {})
        for _ in range(MOST_HOPS + 1):
            response = await self._once(method, url, send, body, large)
            if response.status not in REDIRECTS or "location" not in response.headers:
                try:
                    yield Incoming(response.status, response.headers, url, response)
                finally:
                    response.release()
                return
            response.release()
            target = _join(url, response.headers["location"])
            if urlsplit(url).scheme == "https" and urlsplit(target).scheme != "https":
                raise UpstreamRefused("The upstream redirects from https to http")
            if origin(url) != origin(target):
                send = {name: value for name, value in send.items() if name.lower() not in ORIGIN_ONLY}
            if method not in ("GET", "HEAD"):
                raise UpstreamRefused(f"The upstream redirects a {method}")
            url = target
        raise UpstreamFailed(f"The upstream redirects more than {MOST_HOPS} times")

    async def _once(self, method: str, url: str, headers: dict[str, str], body: bytes | None, large: bool) -> aiohttp.ClientResponse:
        import aiohttp

        target = self._check(url)
        whole = FILE_SECONDS if large else WHOLE_SECONDS
        timeout = aiohttp.ClientTimeout(total=whole, sock_connect=CONNECT_SECONDS, sock_read=FIRST_BYTE_SECONDS)
        kind: Any
        try:
            return await self._open().request(method, target, headers=headers, data=body, allow_redirects=False, timeout=timeout)
        except TimeoutError as error:
            raise UpstreamTimeout("The upstream did not answer in time") from error
        except UpstreamRefused:
            raise
        except (aiohttp.ClientError, OSError) as error:
            kind = error.__cause__ or error.__context__
            if isinstance(kind, UpstreamRefused):
                raise kind from error
            raise UpstreamFailed(f"The upstream cannot be reached: {type(error).__name__}") from error

    def _check(self, url: str) -> URL:
        """What is asked is what was checked: the same object, read once."""
        target = read_url(url)
        if target.scheme not in ("http", "https") or not target.raw_host or target.raw_user is not None or target.raw_password is not None:
            raise UpstreamRefused("The upstream URL must be http or https, with a host and without a user")
        check_address(url, self._guard)
        return target


def read_url(url: str) -> URL:
    """The URL as the client reads it. Raises `UpstreamRefused`."""
    try:
        return URL(url)
    except ValueError as error:
        raise UpstreamRefused(f"The upstream URL {url[:200]!r} cannot be read") from error


def _join(url: str, location: str) -> str:
    try:
        return str(read_url(urljoin(url, location)))
    except ValueError as error:
        raise UpstreamFailed(f"The upstream redirects to {location[:200]!r}, which is no URL") from error


def literal_address(url: str) -> Address | None:
    """The address that a URL names instead of a host; None where it names a host. Raises `UpstreamRefused`."""
    return _address(read_url(url))


def check_address(url: str, guard: Guard) -> None:
    """An address in the place of the host must be one that may be reached; of a name, the resolver asks. Raises `UpstreamRefused`."""
    literal = literal_address(url)
    if literal is not None:
        guard.check(str(literal), [str(literal)])


def keeps_secrets(url: str, guard: Guard) -> bool:
    """A secret may be sent there: it goes encrypted, or to a host that the administrator lists. Raises `UpstreamRefused`."""
    target = read_url(url)
    address = _address(target)
    return target.scheme == "https" or guard.names(target.raw_host or "") or (address is not None and guard.lists(address))


def _address(url: URL) -> Address | None:
    # aiohttp takes whatever looks like this for an address, and asks no resolver
    host = url.raw_host or ""
    if ":" not in host and not host.replace(".", "").isdigit():
        return None
    try:
        return ipaddress.ip_address(host)
    except ValueError as error:
        raise UpstreamRefused(f"The upstream host {host[:200]} is no address: write it as four numbers, or as IPv6") from error


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)
