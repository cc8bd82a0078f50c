"""Ours: `packhouse serve` on an empty folder, one private project; every request carries a credential."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from load import Connection, Request, ask
from machine import ROOT, our_version
from processes import Group, plain_environment, start_group, wait_until
from samples import Wheel, build_upload_form
from servers import PIP_ACCEPT, basic, free_port, quote_npm
from servers.answers import answers

SCOPES = ["read_package_registry", "write_package_registry"]


@dataclass(slots=True)
class Packhouse:
    """A server on a data folder; it may be stopped and started again."""

    folder: Path
    workers: int | None
    admin: str
    url: str
    group: Group
    name: str = "packhouse"
    project: int = 0
    user: str = ""
    token: str = ""
    version: str = field(default="")

    @property
    def api(self) -> str:
        """Base of the REST API."""
        return f"{self.url}/api/v4"

    @property
    def packages(self) -> str:
        """Base of the formats of the project."""
        return f"{self.api}/projects/{self.project}/packages"

    def call(self, method: str, path: str, data: object = None, expect: int = 201) -> object:
        """One REST call as the administrator. Raises `UnexpectedAnswer`."""
        headers = {"PRIVATE-TOKEN": self.admin, "Content-Type": "application/json"}
        reply = ask(Request(self.api + path, headers, method, b"" if data is None else json.dumps(data).encode()), (expect,))
        return reply.json() if reply.body else None

    def open_project(self) -> None:
        """Make a group, a private project in it and a deploy token that reads and writes."""
        group = _mapping(self.call("POST", "/groups", {"name": "bench", "path": "bench", "visibility": "private"}))
        wanted = {"name": "load", "path": "load", "visibility": "private", "namespace_id": group["id"]}
        self.project = int(str(_mapping(self.call("POST", "/projects", wanted))["id"]))
        token = _mapping(self.call("POST", f"/projects/{self.project}/deploy_tokens", {"name": "bench", "scopes": SCOPES}))
        self.user, self.token = str(token["username"]), str(token["token"])

    def packument(self, package: str) -> Request:
        """The packument, with the deploy token."""
        return Request(f"{self.packages}/npm/{quote_npm(package)}", {"Authorization": f"Bearer {self.token}"})

    def publish_npm(self, package: str, document: bytes) -> Request:
        """A publish with the deploy token."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        return Request(f"{self.packages}/npm/{quote_npm(package)}", headers, "PUT", document)

    def npm_tarball(self, url: str) -> Request:
        """The tarball, with the deploy token."""
        return Request(url, {"Authorization": f"Bearer {self.token}"})

    def page(self, project: str) -> Request:
        """The page of a project, with the deploy token by Basic as pip sends it."""
        return Request(f"{self.packages}/pypi/simple/{project}/", {"Accept": PIP_ACCEPT, "Authorization": basic(self.user, self.token)})

    def upload(self, wheel: Wheel) -> Request:
        """An upload with the deploy token by Basic as twine sends it."""
        body, media_type = build_upload_form(wheel)
        return Request(f"{self.packages}/pypi", {"Content-Type": media_type, "Authorization": basic(self.user, self.token)}, "POST", body)

    def generic(self, file: str, method: str = "GET", body: bytes = b"") -> Request:
        """A Generic file, with the deploy token in its header."""
        return Request(f"{self.packages}/generic/load/1.0.0/{file}", {"DEPLOY-TOKEN": self.token}, method, body)

    def launch(self) -> None:
        """Start the program, without waiting for it."""
        self.group = start_group(*_program("serve"), env=self._environment(), log=self.folder / "log", cwd=self.folder)

    def restart(self) -> None:
        """Stop it, start it on the same data, wait until it is ready."""
        self.group.stop()
        self.launch()
        self.wait()

    def wait(self) -> None:
        """Until it says that it is ready."""
        wait_until(lambda: answers(f"{self.url}/-/readiness"), self.group, 120)

    def run(self, *arguments: str, **settings: str) -> None:
        """A command of the program on the same data, beside the server. Raises `CalledProcessError`."""
        subprocess.run(_program(*arguments), env={**self._environment(), **settings}, cwd=self.folder, stdout=subprocess.DEVNULL, check=True)

    def time_start(self) -> tuple[float, float]:
        """Seconds from exec to the first 200 of readiness, and to that of an authenticated call."""
        readiness = Request(f"{self.url}/-/readiness")
        call = Request(f"{self.api}/user", {"PRIVATE-TOKEN": self.admin})
        begun = time.perf_counter()
        self.launch()
        return _first_answer(readiness, begun, self.group), _first_answer(call, begun, self.group)

    def _environment(self) -> dict[str, str]:
        host = self.url.removeprefix("http://")
        workers = {} if self.workers is None else {"PACKHOUSE_WORKERS": str(self.workers)}
        settings = {"PACKHOUSE_DATA": str(self.folder / "data"), "PACKHOUSE_LISTEN": host, "PACKHOUSE_INITIAL_ADMIN_TOKEN": self.admin}
        settings["PACKHOUSE_OUTBOUND_ALLOW"] = "127.0.0.1"  # for the dependency proxy, whose upstream is a peer
        # A checkout that is not installed is run from its source.
        return plain_environment(self.folder, **settings, **workers, PYTHONPATH=str(ROOT / "src"))


def start_packhouse(folder: Path, workers: int | None) -> Packhouse:
    """Start it on an empty folder and open a project; without `workers` it has as many as it takes by itself."""
    folder.mkdir(parents=True)
    admin = "phat-" + secrets.token_urlsafe(15).replace("-", "x").replace("_", "y")
    url = f"http://127.0.0.1:{free_port()}"
    group = start_group("true", env=plain_environment(folder), log=folder / "log", cwd=folder)
    server = Packhouse(folder, workers, admin, url, group, version=our_version())
    server.launch()
    server.wait()
    server.open_project()
    return server


def _program(*arguments: str) -> list[str | Path]:
    script = Path(sys.executable).parent / "packhouse"
    found = script if script.exists() else shutil.which("packhouse")
    return [found, *arguments] if found else [sys.executable, "-m", "packhouse", *arguments]


def _first_answer(request: Request, begun: float, group: Group) -> float:
    while time.perf_counter() - begun < 60:
        try:
            connection = Connection(request.url, timeout=30)
            status = connection.ask(request).status
            connection.close()
        except OSError:
            status = 0
        if status == 200:
            return time.perf_counter() - begun
        if group.process.poll() is not None:
            break
        time.sleep(0.002)
    raise RuntimeError(f"the server did not start: {group.tail()}")


def _mapping(value: object) -> dict[str, object]:
    assert isinstance(value, dict), value
    return value
