"""The keys of trusted issuers: found once when an administrator adds one, fetched when a token comes, kept for a while (threats, 6.5)."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from packhouse.auth.oidc import read_keys
from packhouse.db.oidc import IssuerRow
from packhouse.errors import InvalidParameter, UpstreamFailed, UpstreamRefused
from packhouse.upstream.client import Outbound, literal_address
from packhouse.upstream.guard import Guard

DISCOVERY = "/.well-known/openid-configuration"
LARGEST = 256 * 1024
KEPT_SECONDS = 3600.0
AGAIN_SECONDS = 30.0  # an unknown key is asked for no more often than this
HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}


class _Held(NamedTuple):
    keys: Mapping[str, Any]
    fetched: float
    tried: float  # with or without success


class Identities:
    """What this process knows of issuers' keys. One for each process."""

    def __init__(self, allow: str) -> None:
        self._guard = Guard(allow)
        self._outbound = Outbound(self._guard)
        self._keys: dict[str, _Held] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def close(self) -> None:
        await self._outbound.close()

    async def discover(self, issuer: str) -> str:
        """Where an issuer says that its keys are. Raises `InvalidParameter`, `UpstreamFailed` and its like."""
        await self._check_url(issuer, "issuer_url")
        body = await self._fetch(issuer.rstrip("/") + DISCOVERY)
        try:
            document = msgspec.json.decode(body, type=dict[str, Any])
        except (ValueError, RecursionError) as error:
            raise UpstreamFailed(f"{DISCOVERY} of the issuer is no JSON object") from error
        if document.get("issuer") != issuer:
            said = str(document.get("issuer"))[:200]
            raise InvalidParameter(f"issuer_url must be what the issuer calls itself: {said!r}", parameter="issuer_url")
        keys = document.get("jwks_uri")
        if not isinstance(keys, str) or len(keys) > 2048:
            raise UpstreamFailed(f"{DISCOVERY} of the issuer does not say where its keys are")
        await self._check_url(keys, "issuer_url")
        if urlsplit(issuer).scheme == "https" and urlsplit(keys).scheme != "https":
            raise InvalidParameter("issuer_url is https, and its keys are not", parameter="issuer_url")
        return keys

    async def keys(self, issuer: IssuerRow, kid: str) -> Mapping[str, Any]:
        """The issuer's keys; fetched again where this one is not among them, for issuers change theirs. Raises `UpstreamFailed` and its like."""
        async with self._locks.setdefault(issuer.jwks_url, asyncio.Lock()):
            held, now = self._keys.get(issuer.jwks_url), time.monotonic()
            if held is not None and kid in held.keys and now - held.fetched < KEPT_SECONDS:
                return held.keys
            if held is not None and now - held.tried < AGAIN_SECONDS:
                return held.keys if now - held.fetched < KEPT_SECONDS else {}
            self._keys[issuer.jwks_url] = _Held(held.keys if held else {}, held.fetched if held else -KEPT_SECONDS, now)
            found = read_keys(await self._fetch(issuer.jwks_url))
            self._keys[issuer.jwks_url] = _Held(found, now, now)
            return found

    async def _fetch(self, url: str) -> bytes:
        async with self._outbound.request("GET", url, headers=HEADERS) as answer:
            if answer.url != url:
                raise UpstreamRefused("The issuer redirects to another address: name that one")
            if answer.status != 200:
                raise UpstreamFailed(f"The issuer answers {answer.status} to {urlsplit(url).path}")
            return await answer.read(LARGEST)

    async def _check_url(self, url: str, parameter: str) -> None:
        """https, or plain http to what the administrator lists by name or network. Raises `InvalidParameter`."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise InvalidParameter(f"{parameter} is not a valid URL", parameter=parameter) from error
        host = parts.hostname or ""
        if parts.scheme not in ("http", "https") or not host or parts.username or parts.query or parts.fragment:
            raise InvalidParameter(f"{parameter} must be an https URL without user, query and fragment", parameter=parameter)
        if parts.scheme == "http" and not self._guard.names(host):
            literal = literal_address(url)
            addresses = [literal] if literal is not None else await _resolve(host, port or 80)
            if not addresses or not all(self._guard.lists(address) for address in addresses):
                raise InvalidParameter(f"{parameter} must be https: plain http is only for hosts that outbound_allow lists", parameter=parameter)


async def _resolve(host: str, port: int) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port)
    except OSError:
        return []
    return [ipaddress.ip_address(str(info[4][0]).partition("%")[0]) for info in found]
