"""What workloads share in one run: the options, the temporary folder, the running servers."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import figures
from load import Flood, Request, flood, swallow
from processes import busy_seconds, own_seconds, stop_everything
from servers import Server
from servers.conan import ConanServer, start_conan_server
from servers.devpi import Devpi, start_devpi
from servers.nginx import Nginx, start_nginx
from servers.packhouse import Packhouse, start_packhouse
from servers.pypiserver import Pypiserver, start_pypiserver
from servers.registry import Registry, start_registry
from servers.verdaccio import Verdaccio, start_verdaccio

T = TypeVar("T", bound=Server)


@dataclass(slots=True)
class Stage:
    """One run. Servers start when a workload first asks for them, and stop with the run."""

    seconds: int
    rounds: int
    workers: int | None
    with_ours: bool = True
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="bench-")))
    versions: dict[str, str] = field(default_factory=dict)
    _running: dict[str, Server] = field(default_factory=dict)
    _prepared: set[str] = field(default_factory=set)

    @property
    def processes(self) -> int:
        """How many workers ours has, and so nginx."""
        return self.workers or len(os.sched_getaffinity(0))

    def packhouse(self) -> Packhouse:
        """Ours."""
        return self._once("packhouse", lambda: start_packhouse(self.folder / "packhouse", self.workers))

    def verdaccio(self) -> Verdaccio:
        """The npm peer."""
        return self._once("verdaccio", lambda: start_verdaccio(self.folder / "verdaccio"))

    def pypiserver(self) -> Pypiserver:
        """A PyPI peer."""
        return self._once("pypiserver", lambda: start_pypiserver(self.folder / "pypiserver"))

    def pypiserver_of_one(self) -> Pypiserver:
        """The same, with a single file in its store."""
        name = "pypiserver (1 file in all)"
        return self._once(name, lambda: start_pypiserver(self.folder / "pypiserver-of-one", name))

    def devpi(self) -> Devpi:
        """Another PyPI peer."""
        return self._once("devpi", lambda: start_devpi(self.folder / "devpi"))

    def conan_server(self) -> ConanServer:
        """The Conan peer."""
        return self._once("conan_server", lambda: start_conan_server(self.folder / "conan_server", self.processes))

    def registry(self) -> Registry:
        """The container peer."""
        return self._once("docker-registry", lambda: start_registry(self.folder / "docker-registry"))

    def nginx(self) -> Nginx:
        """The static peer."""
        return self._once("nginx", lambda: start_nginx(self.folder / "nginx", self.processes))

    def prepare(self, what: str, make: Callable[[], object]) -> None:
        """Do a piece of set-up once in a run."""
        if what not in self._prepared:
            make()
            self._prepared.add(what)

    def own(self, folder: str, workers: int | None = None) -> Packhouse:
        """Another of ours, on an empty folder, for a workload alone."""
        return start_packhouse(self.folder / folder, workers or self.workers)

    def sample(self, server: Server, load: Callable[[], Flood]) -> figures.Sample:
        """Run a load, and account the processor time of the server, of the load and of everybody else."""
        busy, own, cpu = busy_seconds(), own_seconds(), server.group.cpu_seconds()
        did = load()
        cpu, own, busy = server.group.cpu_seconds() - cpu, own_seconds() - own, busy_seconds() - busy
        others = max(0.0, busy - own - cpu) / (did.seconds * len(os.sched_getaffinity(0)))
        return figures.Sample(did.requests / did.seconds, cpu / did.requests * 1000, did.p50_ms, did.p99_ms, did.bytes_each, did.broken, others)

    def reads(self, server: Server, request: Request) -> Callable[[], figures.Sample]:
        """A measurement that repeats one GET."""
        return lambda: self.sample(server, lambda: flood(request, self.seconds, 16))

    def downloads(self, server: Server, request: Request, connections: int = 8) -> Callable[[], figures.Sample]:
        """A measurement that repeats one GET of a large body."""
        return lambda: self.sample(server, lambda: swallow(request, self.seconds, connections))

    def close(self) -> None:
        """Stop the servers and remove the data."""
        try:
            stop_everything()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def say(self, text: str) -> None:
        """Tell the person who waits what is going on."""
        print(text, file=sys.stderr, flush=True)

    def _once(self, name: str, start: Callable[[], T]) -> T:
        if name not in self._running:
            self.say(f"  starting {name}")
            server = self._running[name] = start()
            self.versions[server.name] = server.version
        return self._running[name]  # type: ignore[return-value]
