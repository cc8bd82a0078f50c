"""Load: wrk for reads, a few connections of our own for uploads. Every loop is bounded."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import httptools

T = TypeVar("T")

ONCE = "X-Once"
"""A header that wrk sets to another number with every request."""

MOST_KEPT = 64 * 1024 * 1024

SUMMARY = Path(__file__).parent / "summary.lua"
SEVERAL = SUMMARY.with_name("several.lua")


@dataclass(frozen=True, slots=True)
class Request:
    """One request to a server on this machine."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "GET"
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; of a very long body only the beginning."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> object:
        """The body, parsed."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Flood:
    """What a bounded load did: how many were answered, in how long, how fast each."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    bytes_each: float
    broken: int = 0


class UnexpectedAnswer(RuntimeError):
    """A server did not answer as the workload expects, so its figures would mean nothing."""


class _Answer:
    """An answer as it is parsed: httptools calls these methods."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.pieces: list[bytes] = []
        self.kept = 0
        self.complete = self.last = False
        self.parser = httptools.HttpResponseParser(self)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        if self.kept < MOST_KEPT:
            self.pieces.append(body)
            self.kept += len(body)

    def on_message_complete(self) -> None:
        self.complete, self.last = True, not self.parser.should_keep_alive()


class Connection:
    """One kept-alive connection to a server, as little work as it can be: the servers share the processors with it."""

    def __init__(self, url: str, timeout: float = 120.0) -> None:
        parts = urllib.parse.urlsplit(url)
        self._host, self._port, self._timeout = parts.hostname or "127.0.0.1", parts.port or 80, timeout
        self._socket: socket.socket | None = None

    def ask(self, request: Request) -> Reply:
        """Send a request and read the whole answer. Raises `OSError`."""
        link = self._open()
        _send(link, _head(request), request.body)
        answer = _Answer()
        while not answer.complete:
            answer.parser.feed_data(self._some(request, link.recv(256 * 1024)))
        if answer.last:
            self.close()
        return Reply(answer.parser.get_status_code(), answer.headers, b"".join(answer.pieces))

    def _open(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection((self._host, self._port), self._timeout)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def _some(self, request: Request, data: bytes) -> bytes:
        if not data:
            raise ConnectionResetError(f"{request.method} {request.url}: the connection was closed before the whole answer came")
        return data

    def swallow(self, request: Request) -> int:
        """Send a GET and read the whole answer, keeping nothing of it; its length. Raises `OSError`, `UnexpectedAnswer`."""
        link = self._open()
        _send(link, _head(request), b"")
        head = b""
        while b"\r\n\r\n" not in head:
            head += self._some(request, link.recv(4096))
        answer = _Answer()
        answer.parser.feed_data(head)
        check_status(request, Reply(answer.parser.get_status_code(), answer.headers, head[:300]), (200,))
        length = head.index(b"\r\n\r\n") + 4 + int(answer.headers["content-length"])
        left, buffer = length - len(head), bytearray(256 * 1024)
        while left:
            got = link.recv_into(buffer, min(left, len(buffer)))
            if not got:
                raise ConnectionResetError(f"{request.url}: the connection was closed {left} bytes before the end")
            left -= got
        return length

    def close(self) -> None:
        """Close it."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _head(request: Request) -> bytes:
    parts = urllib.parse.urlsplit(request.url)
    lines = [f"{request.method} {parts.path or '/'}{f'?{parts.query}' if parts.query else ''} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    if request.body or request.method in ("PUT", "POST"):
        lines.append(f"Content-Length: {len(request.body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _send(to: socket.socket, head: bytes, body: bytes) -> None:
    left = memoryview(body)[max(0, to.sendmsg([head, body]) - len(head)) :]  # the head is short: it goes at once
    if left:
        to.sendall(left)


def ask(request: Request, expect: Sequence[int] = (), timeout: float = 120.0) -> Reply:
    """One request on a connection of its own. Raises `UnexpectedAnswer` for a status that is not expected."""
    connection = Connection(request.url, timeout)
    try:
        reply = connection.ask(request)
    finally:
        connection.close()
    check_status(request, reply, expect)
    return reply


def check_status(request: Request, reply: Reply, expect: Sequence[int]) -> None:
    """Raises `UnexpectedAnswer` where the status is none of the expected ones."""
    if expect and reply.status not in expect:
        raise UnexpectedAnswer(f"{request.method} {request.url} was answered {reply.status}, not {expect}: {reply.body[:300]!r}")


def warm_up(request: Request, expect: int, connections: int = 16) -> Reply:
    """Ask twice on each of several connections, so that every worker has seen the request; returns the last answer."""
    reply = Reply(0, {}, b"")
    for _ in range(connections):
        connection = Connection(request.url)
        for _ in range(2):
            reply = connection.ask(request)
            check_status(request, reply, (expect,))
        connection.close()
    return reply


def flood(request: Request, seconds: int, connections: int, others: Sequence[Request] = ()) -> Flood:
    """Let wrk repeat one GET, or several in turn that differ in their paths. Raises `UnexpectedAnswer` when any answer is an error."""
    script = SEVERAL if others else SUMMARY
    argv = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "-s", str(script)]
    for name, value in request.headers.items():
        argv += ["-H", f"{name}: {value}"]
    paths = [urllib.parse.urlsplit(one.url).path for one in (request, *others)] if others else []
    argv += [request.url, *(["--", *paths] if paths else [])]
    env = {**os.environ, "SUMMARY": str(SUMMARY)}
    out = subprocess.run(argv, capture_output=True, text=True, timeout=seconds + 40, check=True, env=env).stdout
    line = next((line for line in out.splitlines() if line.startswith("SUMMARY ")), "")
    if not line:
        raise UnexpectedAnswer(f"wrk said nothing of {request.url}: {out[-300:]}")
    said = json.loads(line.removeprefix("SUMMARY "))
    if said["refused"] or not said["requests"]:
        raise UnexpectedAnswer(f"{request.url}: {said['refused']} of {said['requests']} answers were errors")
    count = int(said["requests"])
    return Flood(count, said["microseconds"] / 1e6, said["p50"] / 1000, said["p99"] / 1000, said["bytes"] / count, int(said["broken"]))


def swallow(request: Request, seconds: float, connections: int) -> Flood:
    """Repeat one GET of a large body over several connections, each to the end of the answer that it is in. Raises `UnexpectedAnswer`.

    Bodies are read in pieces of 256 KiB and forgotten: wrk reads 8 KiB at a time, which costs more than it costs a server to send them.
    """
    times, lengths = list[float](), list[int]()
    ends = time.perf_counter() + seconds

    def work(connection: Connection) -> None:
        while (before := time.perf_counter()) < ends:
            lengths.append(connection.swallow(request))
            times.append(time.perf_counter() - before)

    elapsed = at_once(work, request.url, connections)
    return make_flood(times, elapsed, sum(lengths) / len(lengths))


def send_all(requests: Sequence[Request], connections: int, expect: Sequence[int]) -> Flood:
    """Send every request once over several connections. Raises `UnexpectedAnswer` at the first other status."""
    waiting, times = Waiting(requests), list[float]()

    def work(connection: Connection) -> None:
        for request in waiting:
            before = time.perf_counter()
            check_status(request, connection.ask(request), expect)
            times.append(time.perf_counter() - before)

    elapsed = at_once(work, requests[0].url, connections)
    return make_flood(times, elapsed, sum(len(r.body) for r in requests) / len(requests))


def at_once(work: Callable[[Connection], None], url: str, connections: int) -> float:
    """Let so many threads work, each on a connection of its own; the seconds until the last has ended. Raises what the first to fail raised."""
    failures: list[BaseException] = []

    def run() -> None:
        connection = Connection(url)
        try:
            work(connection)
        except (OSError, KeyError, httptools.HttpParserError, UnexpectedAnswer) as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(connections)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - begun
    if failures:
        raise failures[0]
    return elapsed


def make_flood(times: Sequence[float], elapsed: float, bytes_each: float) -> Flood:
    """What a load did, from how long each request took."""
    return Flood(len(times), elapsed, percentile(times, 50) * 1000, percentile(times, 99) * 1000, bytes_each)


class Waiting(Generic[T]):
    """Work that several threads share: each piece is handed out once."""

    def __init__(self, pieces: Iterable[T]) -> None:
        self._pieces, self._lock = iter(pieces), threading.Lock()

    def __iter__(self) -> Iterator[T]:
        while True:
            with self._lock:
                try:
                    piece = next(self._pieces)
                except StopIteration:
                    return
            yield piece


def send_for(make: Callable[[int], Request], seconds: float, connections: int, expect: Sequence[int], most: int) -> tuple[Flood, Callable[[], Flood]]:
    """Learn a server's pace from a few uploads, and return them with the measurement itself, its requests made beforehand."""
    few = max(connections, 2 * connections if most > 100 else connections)
    learned = send_all([make(number) for number in range(few)], connections, expect)
    pace = learned.requests / learned.seconds
    count = max(2 * connections, min(most, int(pace * seconds)))
    ready = [make(few + number) for number in range(count)]
    return learned, lambda: send_all(ready, connections, expect)


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which this share lies, by nearest rank; 0 for nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0
