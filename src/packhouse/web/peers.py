"""Where a request comes from: the peer, or what proxies that are trusted say of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from packhouse.settings import Network

FORWARDED_FOR = b"x-forwarded-for"


class Peers:
    """Knows the proxies that are trusted to tell for whom they ask."""

    def __init__(self, trusted: Sequence[Network] = ()) -> None:
        self._trusted = trusted
        self._trusts = lru_cache(1024)(self._is_trusted)
        self._near = lru_cache(1024)(self._is_near)

    def trusts(self, address: str) -> bool:
        """Whether this is one of the proxies."""
        return bool(self._trusted) and self._trusts(address)

    def may_crowd(self, address: str) -> bool:
        """Whether many connections may come from here: from a proxy, or this very machine."""
        return self._near(address)

    def find(self, peer: str, forwarded: str) -> str:
        """The right-most address that is no trusted proxy: what stands left of it anybody can have written."""
        if not forwarded or not self.trusts(peer):
            return peer
        found = peer
        for hop in reversed(forwarded.split(",")):
            address = read_address(hop.strip())
            if address is None:
                break
            found = str(address)
            if not self._trusts(found):
                break
        return found

    def _is_trusted(self, text: str) -> bool:
        address = read_address(text)
        return address is not None and any(address in network for network in self._trusted)

    def _is_near(self, text: str) -> bool:
        address = read_address(text)
        return address is None or address.is_loopback or self._trusts(text)


def read_forwarded(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """What X-Forwarded-For says, its lines in one; empty where there is none."""
    return ",".join([value.decode("latin-1") for name, value in headers if name == FORWARDED_FOR])


def read_address(text: str) -> IPv4Address | IPv6Address | None:
    """An address, with a port or without; one of IPv4 in IPv6 as what it carries. None for what is none."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
