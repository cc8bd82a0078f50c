"""Only a proxy that is trusted says where a request comes from, and only of the hop next to the trusted ones."""

from __future__ import annotations

import pytest

from packhouse.settings import read_networks
from packhouse.web.peers import Peers, read_forwarded

PROXIES = Peers(read_networks("trusted_proxies", "10.0.0.0/8, fd00::/8"))


@pytest.mark.parametrize(("peer", "forwarded", "address"), [
    ("10.0.0.1", "192.0.2.7", "192.0.2.7"),
    ("10.0.0.1", "127.0.0.1, 198.51.100.9, 192.0.2.7", "192.0.2.7"),  # what the client wrote itself stands left
    ("10.0.0.1", "192.0.2.7, 10.2.2.2,10.3.3.3", "192.0.2.7"),
    ("::ffff:10.0.0.1", "192.0.2.7", "192.0.2.7"),
    ("fd00::1", "2001:db8::7", "2001:db8::7"),
    ("10.0.0.1", "[2001:db8::7]:4711", "2001:db8::7"),
    ("10.0.0.1", "192.0.2.7:4711", "192.0.2.7"),
    ("10.0.0.1", "10.2.2.2, 10.3.3.3", "10.2.2.2"),
    ("10.0.0.1", "192.0.2.7, unknown, 10.3.3.3", "10.3.3.3"),
    ("10.0.0.1", "unknown", "10.0.0.1"),
    ("10.0.0.1", "", "10.0.0.1"),
    ("192.0.2.1", "192.0.2.7", "192.0.2.1"),
    ("", "192.0.2.7", ""),
])  # fmt: skip
def test_address(peer: str, forwarded: str, address: str) -> None:
    """A client could choose the address that it is counted and logged under, or all behind a proxy be taken for one."""
    assert PROXIES.find(peer, forwarded) == address


def test_nobody_is_trusted_by_default() -> None:
    """Without a setting, a header of the client would be believed."""
    assert Peers().find("127.0.0.1", "192.0.2.7") == "127.0.0.1"
    assert not Peers().trusts("127.0.0.1")


def test_header_in_several_lines() -> None:
    """The line that the proxy added could be overlooked beside the client's own."""
    assert read_forwarded([(b"x-forwarded-for", b"1.1.1.1"), (b"host", b"x"), (b"x-forwarded-for", b"192.0.2.7")]) == "1.1.1.1,192.0.2.7"
