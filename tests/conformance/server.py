"""A real server with the suite's own format beside the others, and its furniture."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from stand import ROOT, Stand
from wire import Answer, Body, Client

from .furniture import Furniture


class Server(Stand):
    """`python -m tests.conformance.serve`, ready, on a data folder of its own."""

    def __init__(self, data: Path, database_url: str = "", **settings: str) -> None:
        environment = {f"PACKHOUSE_{name.upper()}": value for name, value in settings.items()}
        if database_url:
            environment["PACKHOUSE_DATABASE_URL"] = database_url
        super().__init__(data, {"PACKHOUSE_WORKERS": "2", "PACKHOUSE_ACCESS_LOG": "false", **environment})
        self._database_url = database_url
        self._furniture: Furniture | None = None

    def start(self, patience: float = 60) -> Self:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.conformance.serve"], cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + patience
        pause = threading.Event()
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise AssertionError(f"the server ended at its start with {self._process.returncode}:\n{self.tail()}")
            with contextlib.suppress(OSError), Client(self.url, timeout=5) as probe:
                if probe.get("/-/health").status == 200:
                    return self
            pause.wait(0.02)
        self.stop(signal.SIGKILL)
        raise AssertionError(f"the server was not ready after {patience} s:\n{self.tail()}")

    def stop(self, sign: signal.Signals = signal.SIGTERM, patience: float = 40) -> int | None:
        if self._furniture is not None:
            self._furniture.close()
            self._furniture = None
        return super().stop(sign, patience)

    @property
    def furniture(self) -> Furniture:
        if self._furniture is None:
            self._furniture = Furniture(self._database_url, self.data)
        return self._furniture

    def send(self, method: str, path: str, body: Body = None, headers: Mapping[str, str] | None = None) -> Answer:
        """One request on the server's kept-alive connection."""
        return self.http.request(method, path, body, headers)
