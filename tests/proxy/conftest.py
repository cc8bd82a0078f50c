"""Debian's registry as the upstream, a server that stands in front of it and misbehaves when told to, and Packhouse behind both."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import itertools
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from requirements import miss
from stand import GUEST, Json, Login, Stand, free_port
from wire import Answer, Client, basic, bearer

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCTETS = {"Content-Type": "application/octet-stream"}
_names = itertools.count(1)


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Image:
    """What was pushed upstream."""

    name: str
    tag: str
    manifest: bytes
    config: bytes
    layer: bytes

    @property
    def digest(self) -> str:
        return digest_of(self.manifest)

    @property
    def layer_digest(self) -> str:
        return digest_of(self.layer)

    @property
    def config_digest(self) -> str:
        return digest_of(self.config)


class Registry:
    """Debian's docker-registry on loopback."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.http = Client(f"http://127.0.0.1:{self.port}")
        settings = folder / "registry.yml"
        settings.write_text(
            "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
            f"storage: {{filesystem: {{rootdirectory: {folder}/store}}}}\nhttp: {{addr: '127.0.0.1:{self.port}'}}\n"
        )
        with (folder / "registry.log").open("wb") as log:
            self._process = subprocess.Popen(["docker-registry", "serve", str(settings)], stdout=log, stderr=subprocess.STDOUT, cwd=folder)
        pause, deadline = threading.Event(), time.monotonic() + 30
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), Client(f"http://127.0.0.1:{self.port}") as probe:
                if probe.get("/v2/").status == 200:
                    return
            pause.wait(0.05)
        raise AssertionError("the upstream registry did not start")

    def stop(self) -> None:
        self.http.close()
        self._process.terminate()
        self._process.wait(10)

    def push(self, name: str | None = None, tag: str = "1", size: int = 2000) -> Image:
        """An image with one layer of random bytes, under a name of its own."""
        name = name or f"team/image{next(_names)}"
        layer = os.urandom(size)
        config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [digest_of(layer)]}}).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "size": len(config), "digest": self._blob(name, config)},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "size": len(layer), "digest": self._blob(name, layer)}],
        }
        body = json.dumps(manifest).encode()
        self.http.put(f"/v2/{name}/manifests/{tag}", body, {"Content-Type": MANIFEST}).expect(201)
        return Image(name, tag, body, config, layer)

    def _blob(self, name: str, content: bytes) -> str:
        digest = digest_of(content)
        parts = urlsplit(self.http.post(f"/v2/{name}/blobs/uploads/").expect(202).headers["location"])
        self.http.put(f"{parts.path}?{parts.query}&digest={digest}", content, OCTETS).expect(201)
        return digest


@dataclass(frozen=True)
class Seen:
    """A request that reached the server in front."""

    method: str
    path: str
    headers: Mapping[str, str]


class Handler(BaseHTTPRequestHandler):
    """Passes on, unless there is a fault to make."""

    protocol_version = "HTTP/1.1"
    server: Front

    def do_GET(self) -> None:
        self.server.seen.append(Seen(self.command, self.path, dict(self.headers.items())))
        fault = self.server.fault
        if fault is None or not fault(self):
            self.pass_on()

    do_HEAD = do_GET

    def pass_on(self, change: Callable[[bytes], bytes] = lambda body: body) -> None:
        """The registry's own answer, its body changed."""
        status, headers, body = self.fetch()
        self.answer(status, change(body), headers, length=int(headers["Content-Length"]))

    def fetch(self) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.behind, timeout=30)
        with contextlib.closing(connection):
            connection.request(self.command, self.path, headers={"Accept": self.headers.get("Accept", "*/*")})
            response = connection.getresponse()
            names = ("Content-Type", "Content-Length", "Docker-Content-Digest")
            return response.status, {name: response.headers[name] for name in names if name in response.headers}, response.read()

    def answer(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None, length: int | None = None) -> None:
        self.start(status, headers, len(body) if length is None else length)
        if self.command != "HEAD":
            self.wfile.write(body)

    def start(self, status: int, headers: Mapping[str, str] | None, length: int) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            if name != "Content-Length":
                self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Silence."""


class Front(ThreadingHTTPServer):
    """A server in front of the registry: it remembers what was asked, and misbehaves as its `fault` says."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, behind: int) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behind = behind
        self.seen: list[Seen] = []
        self.fault: Callable[[Handler], bool] | None = None
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def asked(self, method: str, text: str = "") -> list[str]:
        """The paths with this text that were asked for."""
        return [seen.path for seen in self.seen if seen.method == method and text in seen.path]

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, *_: object) -> None:
        """Clients that go away are what some of the tests are about."""


@dataclass(frozen=True)
class Group:
    """A private group whose proxy has the front as its upstream, and a guest of it."""

    stand: Stand
    group: Json
    guest: Login
    front: Front
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def base(self) -> str:
        return f"/v2/{self.group['path']}/dependency_proxy/containers"

    @property
    def api(self) -> str:
        return f"/groups/{self.group['id']}/dependency_proxy"

    def get(self, path: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> Answer:
        """An answer over a connection of its own: it may reach either process."""
        with Client(self.stand.url, timeout=60) as client:
            return client.request(method, f"{self.base}/{path}", None, self.headers if headers is None else headers)

    def manifest(self, image: Image, reference: str = "", method: str = "GET") -> Answer:
        return self.get(f"{image.name}/manifests/{reference or image.tag}", method)

    def blob(self, image: Image, digest: str = "", method: str = "GET") -> Answer:
        return self.get(f"{image.name}/blobs/{digest or image.layer_digest}", method)

    def pull(self, image: Image) -> list[Answer]:
        """What a client asks for."""
        return [self.manifest(image), self.blob(image, image.config_digest), self.blob(image)]

    def set(self, **settings: Any) -> Json:
        changed: Json = self.stand.want(200, "PUT", self.api, settings)
        self.front.seen[:] = [seen for seen in self.front.seen if seen.path != "/v2/"]  # that they were tried
        return changed


def token_of(stand: Stand, login: Login, service: str = "dependency_proxy") -> dict[str, str]:
    """The header with a registry token."""
    with Client(stand.url) as client:
        answer = client.get(f"/jwt/auth?service={service}", basic(login.user, login.token)).expect(200)
    return bearer(answer.json()["token"])


def make_group(stand: Stand, front: Front, visibility: str = "private", service: str = "dependency_proxy") -> Group:
    group = stand.make_group(visibility=visibility)
    guest = stand.make_member(group, GUEST)
    made = Group(stand, group, guest, front, token_of(stand, guest, service))
    made.set(upstream_url=front.url)
    return made


@pytest.fixture(scope="session", name="registry")
def serve_registry() -> Iterator[Registry]:
    """The upstream of all tests."""
    if shutil.which("docker-registry") is None:
        miss("docker-registry")
    folder = Path(tempfile.mkdtemp(prefix="packhouse-upstream-"))
    registry = Registry(folder)
    yield registry
    registry.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(name="front")
def serve_front(registry: Registry) -> Iterator[Front]:
    """An upstream address of this test's own."""
    front = Front(registry.port)
    yield front
    front.stop()


@pytest.fixture(name="other")
def serve_other(registry: Registry) -> Iterator[Front]:
    """Another origin, which nothing should reach that is meant for the first."""
    front = Front(registry.port)
    yield front
    front.stop()


@pytest.fixture(scope="session", name="house")
def serve_house() -> Iterator[Stand]:
    """Packhouse with two processes that may reach one address of this machine."""
    folder = Path(tempfile.mkdtemp(prefix="packhouse-proxy-"))
    try:
        with Stand(folder / "data", {"PACKHOUSE_WORKERS": "2", "PACKHOUSE_OUTBOUND_ALLOW": "127.0.0.1"}) as stand:
            yield stand
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(name="group")
def give_group(house: Stand, front: Front) -> Group:
    return make_group(house, front)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if {"house", "registry"}.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("server")
