"""An upstream that fails, lies or leads astray: right bytes or a clear error, never a poisoned cache, never a credential in the wrong place."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from stand import Stand
from wire import Answer, basic

from .conftest import Front, Group, Handler, Registry

MIB = 1024 * 1024
SMALL, LARGE = 2000, 4 * MIB
SIZES = pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])

Fault = Callable[[Handler], bool]


def only(kind: str, fault: Callable[[Handler], object]) -> Fault:
    """The fault, for paths that hold this text."""

    def chosen(handler: Handler) -> bool:
        if kind not in handler.path:
            return False
        fault(handler)
        return True

    return chosen


def error_of(answer: Answer) -> dict[str, object]:
    found: dict[str, object] = answer.json()["errors"][0]
    return found


def check_broken(group: Group, path: str, *statuses: int) -> None:
    """A clear error, or an answer that is cut before its end."""
    try:
        answer = group.get(path)
    except http.client.IncompleteRead:
        return
    assert error_of(answer.expect(*statuses))["message"]


@SIZES
def test_cut_in_the_middle(group: Group, registry: Registry, size: int) -> None:
    """Half a layer would be given out as a whole one, or kept."""
    image = registry.push(size=size)

    def cut(handler: Handler) -> None:
        status, headers, body = handler.fetch()
        handler.start(status, headers, len(body))
        handler.wfile.write(body[: len(body) // 2])
        handler.close_connection = True

    group.front.fault = only("/blobs/", cut)
    check_broken(group, f"{image.name}/blobs/{image.layer_digest}", 503)
    group.front.fault = None
    assert group.blob(image).expect(200).body == image.layer


@SIZES
def test_other_bytes(group: Group, registry: Registry, size: int) -> None:
    """Bytes that do not match their digest would be given out to their end, or kept."""
    image = registry.push(size=size)
    group.front.fault = only("/blobs/", lambda handler: handler.pass_on(lambda body: body[:-1] + bytes([body[-1] ^ 1])))
    check_broken(group, f"{image.name}/blobs/{image.layer_digest}", 502)
    group.front.fault = None
    assert group.blob(image).expect(200).body == image.layer


def test_no_length(group: Group, registry: Registry) -> None:
    """A layer that comes without its length would be streamed to an end that nobody has checked."""
    image = registry.push(size=LARGE)

    def close(handler: Handler) -> None:
        _, _, body = handler.fetch()
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True

    group.front.fault = only("/blobs/", close)
    assert group.blob(image).expect(200).body == image.layer


def test_slow_drip(group: Group, registry: Registry) -> None:
    """A layer that trickles in would be lost or mixed up."""
    image = registry.push(size=30_000)

    def drip(handler: Handler) -> None:
        status, headers, body = handler.fetch()
        handler.start(status, headers, len(body))
        for at in range(0, len(body), 16):
            handler.wfile.write(body[at : at + 16])
            handler.wfile.flush()

    group.front.fault = only("", drip)
    assert [answer.expect(200).body for answer in group.pull(image)] == [image.manifest, image.config, image.layer]


@pytest.mark.parametrize("fault", ["other bytes", "other digest", "a page", "another type", "no type", "too long"])
def test_spoiled_manifest(group: Group, registry: Registry, fault: str) -> None:
    """A manifest that is not what the upstream says, or no manifest at all, would be given out or kept."""
    image = registry.push()

    def spoil(handler: Handler) -> None:
        status, headers, body = handler.fetch()
        if fault == "other bytes":
            body = body.replace(b"amd64", b"arm64").replace(b'"size": ', b'"size":  ', 1)
        elif fault == "other digest":
            headers["Docker-Content-Digest"] = image.layer_digest
        elif fault == "a page":
            body, headers = b"<html>Sign in</html>", {"Content-Type": "text/html"}
        elif fault == "another type":
            headers["Content-Type"] = "application/vnd.oci.image.index.v1+json"
        elif fault == "no type":
            del headers["Content-Type"]
        else:
            body, headers = b" " * (5 * MIB), {"Content-Type": headers["Content-Type"]}
        handler.answer(status, body, headers)

    group.front.fault = only("/manifests/", spoil)
    for reference in {"1", image.digest} if fault == "other bytes" else {"1"}:
        answer = group.manifest(image, reference).expect(502, 503)
        assert error_of(answer)["message"]
    group.front.fault = None
    assert group.manifest(image).expect(200).body == image.manifest


def test_spoiled_after_a_good_one(group: Group, registry: Registry) -> None:
    """A lie of the upstream would take the place of what was good."""
    image = registry.push()
    group.manifest(image)
    registry.push(image.name)
    group.front.fault = lambda handler: handler.command == "GET" and handler.answer(200, b"{}", {"Content-Type": "application/json"}) is None
    answer = group.manifest(image).expect(200)
    assert (answer.body, answer.headers["X-Cache"]) == (image.manifest, "STALE")


@pytest.mark.parametrize("status", [429, 500, 503, 401, 403, 404])
def test_cached_is_served_when_the_upstream_refuses(group: Group, registry: Registry, status: int) -> None:
    """An upstream that limits, fails or forgets would take the cached image with it."""
    image = registry.push()
    group.pull(image)
    group.front.fault = lambda handler: handler.answer(status) is None
    answer = group.manifest(image).expect(200)
    assert (answer.body, answer.headers["X-Cache"]) == (image.manifest, "STALE")
    assert answer.headers["Warning"].startswith("110")
    assert group.blob(image).expect(200).body == image.layer


@pytest.mark.parametrize(
    ("status", "seen", "code"),
    [
        (429, 429, "TOOMANYREQUESTS"),
        (500, 503, "UNAVAILABLE"),
        (503, 503, "UNAVAILABLE"),
        (401, 403, "DENIED"),
        (403, 403, "DENIED"),
        (404, 404, "MANIFEST_UNKNOWN"),
    ],
)
def test_refusals_are_passed_on(group: Group, status: int, seen: int, code: str) -> None:
    """What an upstream answers would reach the client as something that it does not understand, or as a demand for its own credential."""
    group.front.fault = lambda handler: handler.answer(status, headers={"Retry-After": "7"}) is None
    answer = group.get("team/absent/manifests/1").expect(seen)
    assert error_of(answer)["code"] == code
    assert "WWW-Authenticate" not in answer.headers
    if status == 429:
        assert answer.headers["Retry-After"] == "7"


def test_upstream_is_down(group: Group, registry: Registry) -> None:
    """With the upstream gone, what is cached would not be served, or what is not cached end in something else than a clear 503."""
    image, other = registry.push(), registry.push()
    group.pull(image)
    group.front.stop()
    answers = group.pull(image)
    assert [answer.expect(200).body for answer in answers] == [image.manifest, image.config, image.layer]
    assert answers[0].headers["X-Cache"] == "STALE"
    for answer in (group.manifest(other), group.blob(other)):
        assert error_of(answer.expect(503))["code"] == "UNAVAILABLE"


def test_failing_upstream_is_left_alone(group: Group) -> None:
    """An upstream that fails again and again would be asked with every request."""
    group.front.fault = lambda handler: handler.answer(500) is None
    for number in range(20):
        group.get(f"team/absent/manifests/{number}").expect(503)
    assert len(group.front.seen) <= 10  # five for each of two processes


# -- led astray ------------------------------------------------------------------------------------------------------


def test_redirect_to_a_private_address(group: Group, registry: Registry) -> None:
    """An upstream could make the server ask an address that is not allowed."""
    image = registry.push()
    with socket.create_server(("127.0.0.2", 0)) as trap:
        target = f"http://127.0.0.2:{trap.getsockname()[1]}/secret"
        group.front.fault = lambda handler: handler.answer(307, headers={"Location": target}) is None
        for answer in (group.manifest(image), group.blob(image)):
            assert "127.0.0.2" in str(error_of(answer.expect(502))["message"])
        trap.setblocking(False)
        with pytest.raises(BlockingIOError):
            trap.accept()
    group.front.fault = None
    assert group.blob(image).expect(200).body == image.layer


def test_redirect_without_end(group: Group, registry: Registry) -> None:
    """An upstream could keep the server going round for ever."""
    image = registry.push()
    group.front.fault = lambda handler: handler.answer(307, headers={"Location": handler.path}) is None
    group.blob(image).expect(503)
    assert len(group.front.seen) <= 6


def demand(token: str, realm: str) -> Fault:
    """A registry that wants a token of this realm, which gives one to `robot` with the password `s3cret`."""

    def guard(handler: Handler) -> bool:
        if handler.path.startswith("/token"):
            granted = handler.headers.get("Authorization") == basic("robot", "s3cret")["Authorization"]
            handler.answer(200 if granted else 401, json.dumps({"token": token}).encode(), {"Content-Type": "application/json"})
            return True
        if handler.headers.get("Authorization") == f"Bearer {token}":
            return False
        challenge = f'Bearer realm="{realm}",service="reg",scope="repository:{handler.path.split("/v2/")[1].rsplit("/", 2)[0]}:pull"'
        handler.answer(401, headers={"WWW-Authenticate": challenge})
        return True

    return guard


def test_token_of_the_upstream(group: Group, registry: Registry) -> None:
    """A registry that wants tokens could not be pulled from, or a token be asked for with every request."""
    image = registry.push()
    group.front.fault = demand("tok-1", f"{group.front.url}/token")
    group.manifest(image).expect(403)
    group.set(identity="robot", secret="s3cret")
    group.front.seen.clear()
    for number in range(6):
        assert [answer.expect(200).body for answer in group.pull(image)] == [image.manifest, image.config, image.layer], number
    tokens = group.front.asked("GET", "/token")
    assert 1 <= len(tokens) <= 2  # one for each process
    assert parse_qs(urlsplit(tokens[-1]).query) == {"service": ["reg"], "scope": [f"repository:{image.name}:pull"]}
    guarded, group.front.fault = group.front.fault, None
    group.set(identity="robot", secret="changed upstream since")
    group.front.fault = guarded
    other = registry.push()
    group.manifest(other).expect(403)


def test_basic_of_the_upstream(group: Group, registry: Registry) -> None:
    """A registry that wants a name and a password could not be pulled from."""
    image = registry.push()
    wanted = basic("robot", "s3cret")["Authorization"]
    group.front.fault = lambda h: h.headers.get("Authorization") != wanted and h.answer(401, headers={"WWW-Authenticate": 'Basic realm="x"'}) is None
    group.manifest(image).expect(403)
    group.set(identity="robot", secret="s3cret")
    assert [answer.expect(200).body for answer in group.pull(image)] == [image.manifest, image.config, image.layer]


def test_realm_elsewhere_sees_nothing(group: Group, registry: Registry, other: Front) -> None:
    """An upstream could send the credentials it is given to a host of its choice."""
    image = registry.push()
    group.set(identity="robot", secret="s3cret")
    group.front.fault = demand("tok-1", f"{other.url}/token")
    other.fault = demand("tok-1", f"{other.url}/token")
    answer = group.manifest(image).expect(502)
    assert urlsplit(other.url).netloc in str(error_of(answer)["message"])
    assert other.seen == []


@pytest.mark.parametrize(
    "realm",
    ["http://[::1", "http://a:99999/", "http://a:b/", "http://a: 80/", "http://a\\@b/", "//a/", "http:///", "\u00e9", "http://a:1:2", "x" * 9000],
)
def test_realm_that_is_none(group: Group, registry: Registry, realm: str) -> None:
    """An upstream could break the server with the address of its token service."""
    image = registry.push()

    def demand_odd(handler: Handler) -> bool:
        handler.answer(401, headers={"WWW-Authenticate": f'Bearer realm="{realm}"'})
        return True

    group.front.fault = demand_odd
    assert error_of(group.manifest(image).expect(502, 503, 403))["message"]
    answer = group.stand.api("PUT", group.api, {"identity": "robot", "secret": "s3cret"})
    assert answer.status in (200, 400), answer.text


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-x\r\n",
        b"HTTP/1.1 999999 no\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nDocker-Content-Digest: \xff\xfe\r\nContent-Type: \xff\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        b"",
    ],
)
def test_answer_that_is_none(group: Group, registry: Registry, raw: bytes) -> None:
    """An upstream could break the server with an answer that is no HTTP."""
    image = registry.push()

    def speak(handler: Handler) -> bool:
        handler.wfile.write(raw)
        handler.close_connection = True
        return True

    group.front.fault = speak
    for path in (f"{image.name}/manifests/1", f"{image.name}/manifests/{image.digest}", f"{image.name}/blobs/{image.layer_digest}"):
        for method in ("HEAD", "GET"):
            answer = group.get(path, method)
            assert answer.status in ((502, 503) if method == "GET" else (200, 502, 503)), (path, method, answer.text)
    group.front.fault = None


@pytest.mark.parametrize("place", ["http://[::1", "http://a:99999/", "http://a:b/", "//", "\u00e9 \u00e9", "ftp://a/", "x" * 9000, ""])
def test_redirect_to_nowhere(group: Group, registry: Registry, place: str) -> None:
    """An upstream could break the server with a redirect that leads nowhere."""
    image = registry.push()
    group.front.fault = only("/blobs/", lambda handler: handler.answer(307, headers={"Location": place}))
    assert error_of(group.blob(image).expect(502, 503))["message"]


def test_realm_that_is_named(group: Group, registry: Registry, other: Front) -> None:
    """A token service on a host of its own could not be used although the group names it."""
    image = registry.push()
    group.set(identity="robot", secret="s3cret", auth_hosts=[urlsplit(other.url).netloc])
    group.front.fault = demand("tok-1", f"{other.url}/token")
    other.fault = demand("tok-1", f"{other.url}/token")
    assert group.manifest(image).expect(200).body == image.manifest
    assert {urlsplit(seen.path).path for seen in other.seen} == {"/token"}


def test_redirected_blobs_take_no_credentials_along(group: Group, registry: Registry, other: Front) -> None:
    """A redirect to a store of layers would carry the registry's token or password there."""
    image = registry.push()
    group.set(identity="robot", secret="s3cret")
    want = demand("tok-1", f"{group.front.url}/token")

    def lead(handler: Handler) -> bool:
        return want(handler) or ("/blobs/" in handler.path and handler.answer(307, headers={"Location": other.url + handler.path}) is None)

    group.front.fault = lead
    assert group.blob(image).expect(200).body == image.layer
    assert len(other.seen) == 1
    assert not {"authorization", "cookie"}.intersection(name.lower() for name in other.seen[0].headers)


def test_callers_credentials_stay_here(group: Group, registry: Registry) -> None:
    """The token of whoever pulls would be sent to the upstream."""
    image = registry.push()
    group.get(f"{image.name}/manifests/1", headers={**basic(group.guest.user, group.guest.token), "Cookie": "a=b", "X-Other": "c"}).expect(200)
    sent = {name.lower() for name in group.front.seen[0].headers}
    assert sent <= {"host", "accept", "accept-encoding", "user-agent"}


def test_identity_is_for_its_own_upstream(house: Stand, group: Group, registry: Registry, other: Front) -> None:
    """The secret for one upstream would be sent to the next one that is set."""
    image = registry.push()
    group.set(identity="robot", secret="s3cret")
    changed = group.set(upstream_url=other.url)
    assert changed["identity"] is None
    other.fault = demand("tok-1", f"{other.url}/token")
    group.manifest(image).expect(403)
    assert other.seen and not any("authorization" in map(str.lower, seen.headers) for seen in other.seen)
