"""What the guard lets an outbound request reach."""

from __future__ import annotations

import pytest

from packhouse.errors import UpstreamRefused
from packhouse.upstream.guard import Guard

PRIVATE = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255",
    "::1", "::", "fe80::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "fec0::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_refuses_what_is_not_public(address: str) -> None:
    """An upstream could make the server talk to its own network."""
    with pytest.raises(UpstreamRefused, match="not public"):
        Guard().check("registry.example", [address])


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_lets_public_addresses_through(address: str) -> None:
    """No upstream at all could be reached."""
    assert Guard().check("registry.example", [address]) == [address]


def test_one_bad_answer_spoils_all() -> None:
    """A name with one good and one bad address would be a way in, by luck of the draw."""
    with pytest.raises(UpstreamRefused):
        Guard().check("registry.example", ["93.184.215.14", "127.0.0.1"])


@pytest.mark.parametrize("allow", ["127.0.0.0/8", "10.0.0.0/8, 127.0.0.1", "registry.example", "REGISTRY.example."])
def test_an_administrator_may_allow(allow: str) -> None:
    """A private upstream that was allowed could not be used."""
    assert Guard(allow).check("registry.example", ["127.0.0.1"]) == ["127.0.0.1"]


def test_allowing_one_host_allows_no_other() -> None:
    """The allow list would be wider than it says."""
    with pytest.raises(UpstreamRefused):
        Guard("registry.example").check("other.example", ["127.0.0.1"])


def test_a_name_without_addresses_is_refused() -> None:
    """An empty answer would count as allowed."""
    with pytest.raises(UpstreamRefused, match="no address"):
        Guard().check("registry.example", [])
