"""Which addresses an outbound request may reach: public ones, and what the administrator lists (threats, section 9.1)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from packhouse.errors import UpstreamRefused

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

# is_global leaves these out on some versions, or looks through them at what they carry
_EMBEDDING = tuple(ipaddress.ip_network(n) for n in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::ffff:0:0/96", "::/96"))
_ALWAYS = tuple(ipaddress.ip_network(n) for n in ("100.64.0.0/10", "192.88.99.0/24", "fec0::/10"))


class Guard:
    """The allow list, read once. Raises ValueError for an entry that is neither a network nor a host."""

    def __init__(self, allow: str = "") -> None:
        self._networks: list[Network] = []
        self._hosts: set[str] = set()
        for entry in (part.strip().lower() for part in allow.split(",")):
            if not entry:
                continue
            try:
                self._networks.append(ipaddress.ip_network(entry, strict=False))
            except ValueError:
                self._hosts.add(entry.rstrip("."))

    def check(self, host: str, addresses: Iterable[str]) -> Sequence[str]:
        """The addresses, if every one of them may be reached. Raises `UpstreamRefused`."""
        found = list(addresses)
        if not found:
            raise UpstreamRefused(f"The upstream host {host} has no address")
        for text in found:
            if not self.allows(host, ipaddress.ip_address(text.partition("%")[0])):
                raise UpstreamRefused(f"The upstream host {host} is at {text}, which is not public: an administrator can allow it in outbound_allow")
        return found

    def allows(self, host: str, address: Address) -> bool:
        """Whether this one may be reached under this host name."""
        if self.names(host) or self.lists(address):
            return True
        if any(address in network for network in (*_EMBEDDING, *_ALWAYS) if network.version == address.version):
            return False
        return address.is_global and not address.is_multicast

    def names(self, host: str) -> bool:
        """The administrator lists this host by its name."""
        return host.lower().rstrip(".") in self._hosts

    def lists(self, address: Address) -> bool:
        """The administrator lists a network that holds this address."""
        return any(address in network for network in self._networks if network.version == address.version)
