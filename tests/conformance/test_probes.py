"""Who may ask how the server is: anybody whether it lives, the listed networks and administrators what it does all day."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .driver import Ask
from .inside import Inside

OUTSIDE = "203.0.113.9"


def read_metrics(inside: Inside, address: str = OUTSIDE, **headers: str) -> int:
    """The status that metrics answer to a request from there."""
    inside.address = address
    return inside.ask(Ask("GET", "/-/metrics", headers={name.replace("_", "-"): value for name, value in headers.items()}))[0]


@pytest.fixture(scope="module", name="inside")
def run_inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """One application for the module."""
    with Inside(tmp_path_factory.mktemp("probes") / "data") as inside:
        yield inside


def test_metrics_are_not_for_everybody(inside: Inside) -> None:
    """Anybody could read which routes are used, how often, and how often they are refused."""
    furniture = inside.furniture
    user, admin = furniture.user(), furniture.user(admin=True)
    assert read_metrics(inside) == 401
    assert read_metrics(inside, private_token=furniture.token(user).secret) == 403
    assert read_metrics(inside, private_token=furniture.token(admin, ["read_registry"]).secret) == 403
    assert read_metrics(inside, private_token="wrong") == 401
    assert read_metrics(inside, cookie=f"packhouse_session={furniture.session(user)}") == 403
    for headers in ({"private_token": furniture.token(admin, ["read_api"]).secret}, {"cookie": f"packhouse_session={furniture.session(admin)}"}):
        assert read_metrics(inside, **headers) == 200


@pytest.mark.parametrize(
    ("address", "status"), [("127.0.0.1", 200), ("127.8.0.1", 200), ("::1", 200), ("::ffff:127.0.0.1", 200), ("10.0.0.1", 401), ("fd00::1", 401)]
)
def test_this_machine_reads_metrics(inside: Inside, address: str, status: int) -> None:
    """A collector on this machine could need a token, or one elsewhere none."""
    assert read_metrics(inside, address) == status


@pytest.mark.parametrize("header", ["x_forwarded_for", "forwarded"])
def test_a_proxy_on_this_machine_is_not_its_client(inside: Inside, header: str) -> None:
    """Behind a proxy on the same machine, the whole world could pass for this machine."""
    assert read_metrics(inside, "127.0.0.1", **{header: OUTSIDE}) == 401


@pytest.mark.parametrize("path", ["health", "liveness", "readiness"])
def test_anybody_may_ask_whether_it_lives(inside: Inside, path: str) -> None:
    """A supervisor elsewhere could take the server for dead."""
    inside.address = OUTSIDE
    assert inside.ask(Ask("GET", f"/-/{path}"))[0] == 200


@pytest.mark.parametrize(("allow", "near", "far"), [("203.0.113.0/24, 10.0.0.0/8", 401, 200), ("none", 401, 401)])
def test_the_setting_says_who(tmp_path: Path, allow: str, near: int, far: int) -> None:
    """The networks of the setting could be added to others, or be passed over."""
    with Inside(tmp_path / "data", metrics_allow=allow) as inside:
        assert (read_metrics(inside, "127.0.0.1"), read_metrics(inside)) == (near, far)
