"""Settings are tried when they are saved: what the upstream says is told, what is wrong is refused, and no secret goes astray."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from stand import Stand
from wire import basic

from packhouse.upstream.client import Outbound
from packhouse.upstream.guard import Guard
from packhouse.upstream.oci import RegistryClient, Source, Trial

from .conftest import Front, Group, Handler, Json, make_group
from .test_faults import demand

ROBOT = {"identity": "robot", "secret": "s3cret"}


def want_basic(handler: Handler) -> bool:
    if handler.headers.get("Authorization") == basic("robot", "s3cret")["Authorization"]:
        return False
    handler.answer(401, headers={"WWW-Authenticate": 'Basic realm="x"'})
    return True


def always(status: int, **headers: str) -> Callable[[Handler], bool]:
    def fault(handler: Handler) -> bool:
        handler.answer(status, headers=headers)
        return True

    return fault


def tried(group: Group, **settings: object) -> Json:
    """What the upstream said to settings that were saved."""
    found: Json = group.stand.want(200, "PUT", group.api, settings)["upstream_check"]
    return found


def refused(group: Group, **settings: object) -> str:
    """Why settings were not saved; nothing of them was."""
    before = group.stand.want(200, "GET", group.api)
    answer = group.stand.api("PUT", group.api, settings).expect(400)
    assert group.stand.want(200, "GET", group.api) == before
    return str(answer.json()["error"])


def test_reachable(group: Group, other: Front) -> None:
    """An upstream that answers would be told apart from nothing, or be asked although nothing about it changes."""
    assert tried(group, upstream_url=other.url) == {"result": "reachable", "message": "The upstream answers"}
    assert [(seen.method, seen.path) for seen in other.seen] == [("GET", "/v2/")]
    assert "does not ask" in tried(group, **ROBOT)["message"]
    assert not any("Authorization" in seen.headers for seen in other.seen), "nobody asked for it"
    other.seen.clear()
    assert "upstream_check" not in group.stand.want(200, "PUT", group.api, {"ttl_days": 3, "upstream_url": other.url})
    assert "upstream_check" not in group.stand.want(200, "GET", group.api) and not other.seen


@pytest.mark.parametrize("way", ["basic", "token"])
def test_credentials_are_tried(group: Group, way: str) -> None:
    """A mistyped password would be found out by the first build that pulls; or a right one be refused."""
    group.front.fault = want_basic if way == "basic" else demand("tok-1", f"{group.front.url}/token")
    assert tried(group, auth_hosts=["auth.example"])["result"] == "wants_credentials"
    assert "does not accept" in refused(group, identity="robot", secret="wrong")
    assert tried(group, **ROBOT)["message"] == "The upstream answers, and accepts the identity"
    assert group.stand.want(200, "GET", group.api)["identity"] == "robot"
    assert "does not accept" in refused(group, identity="robot", secret="wrong")
    assert tried(group, identity=None, secret=None)["result"] == "wants_credentials"


def test_not_allowed(group: Group, other: Front) -> None:
    """An address that may not be reached would be saved, and every pull fail; or the reason not be told."""
    group.front.fault = always(307, Location="http://10.1.2.3/v2/")
    assert "not public" in refused(group, **ROBOT)
    other.fault = group.front.fault = demand("tok-1", f"{other.url}/token")
    assert "auth_hosts" in refused(group, **ROBOT)
    assert other.seen == []
    assert tried(group, auth_hosts=[urlsplit(other.url).netloc], **ROBOT)["result"] == "reachable"


def test_name_of_a_private_address() -> None:
    """A name that leads to a private address would be told apart from one that is not known, or the connection be made."""

    async def ask() -> Trial:
        outbound = Outbound(Guard(""))
        try:
            return await RegistryClient(outbound).test(Source(url="http://localhost:5000"))
        finally:
            await outbound.close()

    said = asyncio.run(ask())
    assert said.result == "not_allowed" and "localhost" in said.message


@pytest.mark.parametrize("status", [204, 301, 400, 403, 404])
def test_no_registry(group: Group, other: Front, status: int) -> None:
    """The address of something else would be saved as an upstream."""
    other.fault = always(status)
    assert f"answered {status}" in refused(group, upstream_url=other.url)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_nothing_can_be_told(group: Group, other: Front, status: int) -> None:
    """Settings could not be saved while the upstream is in trouble, or would be taken without a word."""
    other.fault = always(status)
    said = tried(group, upstream_url=other.url)
    assert said["result"] == "not_reachable" and str(status) in said["message"]


def test_nobody_there(group: Group) -> None:
    """An upstream that is down, or a name that is not known yet, would be refused; or taken without a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}", "https://registry.invalid"):
        assert tried(group, upstream_url=url)["result"] == "not_reachable"
        assert group.stand.want(200, "GET", group.api)["upstream_url"] == url


def test_secret_follows_no_redirect(group: Group, other: Front) -> None:
    """A secret would go where the upstream sends its clients when it is tried."""
    group.front.fault = lambda h: want_basic(h) or h.answer(307, headers={"Location": f"{other.url}/v2/"}) is None
    other.fault = want_basic
    assert tried(group, **ROBOT)["result"] == "not_reachable"
    assert other.seen and not any("Authorization" in seen.headers for seen in other.seen)


def test_instance_upstream(front: Front, other: Front, tmp_path: Path) -> None:
    """A group could not go back to the upstream of the instance while that is in trouble."""
    front.fault = always(404)
    environment = {"PACKHOUSE_OUTBOUND_ALLOW": "127.0.0.1", "PACKHOUSE_DEPENDENCY_PROXY_UPSTREAM": front.url}
    with Stand(tmp_path / "data", environment) as stand:
        group = make_group(stand, other)
        assert group.set(upstream_url=None)["effective_upstream_url"] == front.url
        assert front.seen == []
