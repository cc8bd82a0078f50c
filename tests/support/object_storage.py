"""SeaweedFS on loopback, a real service that speaks S3, for one test run; and something in between that fails as a test says."""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from loopback import Loopback, send
from requirements import miss
from stand import ROOT, free_port, new_name

PROGRAM = ROOT / ".cache" / "clients" / "seaweedfs" / "bin" / "weed"
BUCKET = "packhouse"
ACCESS_KEY, SECRET_KEY = "key-of-the-tests", "secret-of-the-tests"
IDENTITY = {
    "name": "tests",
    "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
    "actions": ["Admin", "Read", "Write", "List", "Tagging"],
}
SILENT = 60  # seconds that a fault waits at most for whoever asked to give up


@dataclass(frozen=True, slots=True)
class Storage:
    """A running service."""

    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def make_prefix(self) -> str:
        """A part of the bucket that nobody has used: each bucket would take volumes of its own."""
        return f"some/{new_name('where')}"

    def settings(self, endpoint: str = "") -> dict[str, str]:
        """What a server is told to keep its bytes here, apart from all others."""
        return {
            "PACKHOUSE_BLOBS": f"s3://{BUCKET}/{self.make_prefix()}",
            "PACKHOUSE_BLOBS_ENDPOINT": endpoint or self.url,
            "PACKHOUSE_BLOBS_ACCESS_KEY": ACCESS_KEY,
            "PACKHOUSE_BLOBS_SECRET_KEY": SECRET_KEY,
        }


def _free_pair() -> int:
    """A port below the ones the system gives out, whose twin, 10,000 above it, is free too."""
    while True:
        port = free_port() - 10_000
        with contextlib.suppress(OSError):
            for one in (port, port + 10_000):
                with contextlib.closing(http.client.HTTPConnection("127.0.0.1", one, timeout=1)) as probe:
                    try:
                        probe.connect()
                    except ConnectionRefusedError:
                        continue
                    raise OSError
            return port


@pytest.fixture(scope="session", name="storage")
def serve_storage() -> Iterator[Storage]:
    """The service of this test run."""
    if not PROGRAM.exists():
        miss("SeaweedFS")
    folder = Path(tempfile.mkdtemp(prefix="packhouse-storage-"))
    try:
        (folder / "data").mkdir()
        (folder / "s3.json").write_text(json.dumps({"identities": [IDENTITY]}))
        master, volume, filer, s3 = (_free_pair() for _ in range(4))
        command = [
            str(PROGRAM), "server", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-master.port={master}",
            f"-volume.port={volume}", "-filer", f"-filer.port={filer}", "-s3", f"-s3.port={s3}", f"-s3.config={folder / 's3.json'}",
            "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.volumeSizeLimitMB=64", "-volume.max=50",
        ]  # fmt: skip
        storage = Storage(s3, folder / "log")
        with storage.log.open("wb") as log:
            process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            _wait_for(storage, process)
            yield storage
        finally:
            process.kill()
            process.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(storage: Storage, process: subprocess.Popen[bytes], patience: float = 90) -> None:
    deadline = time.monotonic() + patience
    pause = threading.Event()
    from obstore import put
    from obstore.store import S3Store

    bucket = S3Store(
        BUCKET, endpoint=storage.url, access_key_id=ACCESS_KEY, secret_access_key=SECRET_KEY, region="us-east-1", client_options={"allow_http": True}
    )
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError, Exception):
            put(bucket, "first", b"first")
            return
        pause.wait(0.2)
    raise AssertionError(f"SeaweedFS was not ready:\n{storage.log.read_text(errors='replace')[-3000:]}")


# -- faults ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that came by."""

    method: str
    path: str
    headers: dict[str, str]


@dataclass(slots=True)
class Fault:
    """What goes wrong with the next requests of a method: a status, or the name of a method below."""

    method: str
    kind: str
    times: int = 1
    done: int = field(default=0, init=False)


class Between(Loopback):
    """Passes every request on to the service, notes it, and lets some of them go wrong."""

    def __init__(self, storage: Storage) -> None:
        super().__init__()
        self._storage = storage
        self.asked: list[Asked] = []
        self.faults: list[Fault] = []
        self.over = threading.Event()
        handler = self._server.RequestHandlerClass
        for method in ("HEAD", "PUT", "POST", "DELETE"):
            setattr(handler, f"do_{method}", handler.do_GET)  # type: ignore[attr-defined]

    def __exit__(self, *exception: object) -> None:
        self.over.set()
        super().__exit__(*exception)

    def fail(self, method: str, kind: str, times: int = 1) -> None:
        """Let the next requests of this method go wrong."""
        self.faults.append(Fault(method, kind, times))

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        self.asked.append(Asked(request.command, request.path, {name.lower(): value for name, value in request.headers.items()}))
        fault = next((one for one in self.faults if one.method == request.command and one.done < one.times), None)
        if fault is None:
            self._give(request, *self._pass_on(request, body))
        else:
            fault.done += 1
            with contextlib.suppress(OSError):
                if fault.kind.isdigit():
                    send(request, int(fault.kind), b"<Error><Code>Told</Code><Message>as the test says</Message></Error>")
                else:
                    getattr(self, fault.kind)(request, body)

    def _pass_on(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, str], bytes]:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self._storage.port, timeout=60)) as there:
            there.putrequest(request.command, request.path, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers.items():
                there.putheader(name, value)
            there.endheaders(body)
            answer = there.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()

    def _give(self, request: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes) -> None:
        length = headers.get("Content-Length", "0") if request.command == "HEAD" else str(len(body))
        request.send_response(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "connection", "transfer-encoding", "date", "server"):
                request.send_header(name, value)
        request.send_header("Content-Length", length)
        request.end_headers()
        request.wfile.write(body)

    # -- what can go wrong -------------------------------------------------------------------------------------------

    def late(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        """Done, and never answered."""
        self._pass_on(request, body)
        self.over.wait(SILENT)

    def lose(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        """Answered, and never done."""
        send(request, 200, b"", {"ETag": '"lost"'})

    def spoil(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        """Other bytes than were sent, as a fault of memory on the way would make them."""
        self._give(request, *self._pass_on(request, bytes([body[0] ^ 1]) + body[1:]))

    def cut(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        """Half of what was promised, and the end."""
        status, _, whole = self._pass_on(request, body)
        request.send_response(status)
        request.send_header("Content-Length", str(len(whole)))
        request.end_headers()
        request.wfile.write(whole[: len(whole) // 2])

    def shorten(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        """Less than was asked for, told as if it were all."""
        status, headers, whole = self._pass_on(request, body)
        self._give(request, status, headers, whole[: len(whole) // 2])


@pytest.fixture(name="between")
def serve_between(storage: Storage) -> Iterator[Between]:
    """The service, by way of something that fails as the test says."""
    with Between(storage) as between:
        yield between
