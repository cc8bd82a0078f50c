"""A client of its own process that asks for one small thing at a steady pace until its standard input ends; prints each time in ms as JSON."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from load import Connection, Request, check_status

CONNECTIONS = 4
PAUSE = 0.002


class Probe:
    """The running client."""

    def __init__(self, request: Request) -> None:
        argv = [sys.executable, str(Path(__file__)), request.url, json.dumps(dict(request.headers))]
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def stop(self) -> list[float]:
        """Let it end; the times that it saw, in ms. Raises `RuntimeError` when an answer was not 200."""
        out, _ = self._process.communicate(b"\n", timeout=60)
        if self._process.returncode:
            raise RuntimeError("the probe beside the upload failed")
        times: list[float] = json.loads(out)
        return times


def ask_until_stopped(url: str, headers: Mapping[str, str]) -> list[float]:
    """Ask in turn on a few connections, so that every worker has its share."""
    request = Request(url, headers)
    connections = [Connection(url) for _ in range(CONNECTIONS)]
    times: list[float] = []
    while not select.select([sys.stdin], [], [], PAUSE)[0]:
        connection = connections[len(times) % CONNECTIONS]
        begun = time.perf_counter()
        check_status(request, connection.ask(request), (200,))
        times.append((time.perf_counter() - begun) * 1000)
    return times


if __name__ == "__main__":
    print(json.dumps(ask_until_stopped(sys.argv[1], json.loads(sys.argv[2]))))
