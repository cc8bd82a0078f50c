"""The processes that carry the application: one listening socket, one uvicorn for each core, forked after everything is imported."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

import uvicorn

from packhouse.auth.throttle import count_together
from packhouse.web.protocol import Protocol

RESTART_SECONDS = 1.0
PR_SET_PDEATHSIG = 1


def run_worker(make_app: Callable[[], Any], sock: socket.socket, drain_seconds: int) -> None:
    """Serve until told to stop; open requests get their time."""
    app = make_app()
    Protocol.answers = app.answers
    Protocol.peers = app.peers
    config = uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        lifespan="on",
        loop="uvloop",
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=True,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=drain_seconds,
        proxy_headers=False,
    )
    uvicorn.Server(config).run(sockets=[sock])


class Supervisor:
    """Runs the processes, restarts what dies, stops on SIGTERM or SIGINT."""

    def __init__(self, start: Callable[[], int], processes: int, drain_seconds: int) -> None:
        self._start = start  # forks one; its pid
        self._processes = processes
        self._drain = drain_seconds
        self._children: dict[int, float] = {}
        self._stopping = False

    def run(self) -> None:
        """Until every process has ended."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        for _ in range(self._processes):
            self._children[self._start()] = time.monotonic()
        while self._children:
            pid, status = os.waitpid(-1, 0)
            born = self._children.pop(pid, None)
            if born is not None and not self._stopping:
                self._replace(status, born)

    def _replace(self, status: int, born: float) -> None:
        sys.stderr.write(f"A worker ended with status {status}; another one takes its place\n")
        if time.monotonic() - born < RESTART_SECONDS:
            time.sleep(RESTART_SECONDS)
        if not self._stopping:
            self._children[self._start()] = time.monotonic()

    def _stop(self, _signal: int, _frame: Any) -> None:
        self._stopping = True
        self._send(signal.SIGTERM)
        signal.signal(signal.SIGALRM, lambda *_: self._send(signal.SIGKILL))
        signal.alarm(self._drain + 10)

    def _send(self, number: int) -> None:
        for pid in list(self._children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def serve(make_app: Callable[[], Any], sock: socket.socket, processes: int, drain_seconds: int) -> int:
    """Serve from so many processes until told to stop; the exit status."""
    count_together()
    Supervisor(lambda: _fork(make_app, sock, drain_seconds), processes, drain_seconds).run()
    return 0


def _fork(make_app: Callable[[], Any], sock: socket.socket, drain_seconds: int) -> int:
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    # a child: it ends with its parent, however that ends
    status = 1
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.alarm(0)
        if os.getppid() == parent:
            run_worker(make_app, sock, drain_seconds)
        status = 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
