"""devpi-server: one process with its threads, one stage index without bases; reads are open to anybody."""

from __future__ import annotations

import base64
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import peers
from load import Request, ask
from machine import program_version
from processes import Group, plain_environment, start_group, wait_until
from samples import Wheel, build_upload_form
from servers import PIP_ACCEPT, free_port
from servers.answers import answers

USER, PASSWORD = "bench", "bench-password-1"


@dataclass(frozen=True, slots=True)
class Devpi:
    """A running devpi-server with one index."""

    url: str
    group: Group
    version: str
    token: str
    name: str = "devpi"

    def page(self, project: str) -> Request:
        """The page of a project, without a credential."""
        return Request(f"{self.url}/{USER}/dev/+simple/{project}/", {"Accept": PIP_ACCEPT})

    def upload(self, wheel: Wheel) -> Request:
        """An upload with the token of a login, which spares it the password's hash each time."""
        body, media_type = build_upload_form(wheel)
        return Request(f"{self.url}/{USER}/dev/", {"Content-Type": media_type, "X-Devpi-Auth": self.token}, "POST", body)


def start_devpi(folder: Path) -> Devpi:
    """Start it on an empty folder, make a user, a token and an index."""
    bin_folder = peers.install_python_peer("devpi")
    folder.mkdir()
    data, port = folder / "data", free_port()
    url, env = f"http://127.0.0.1:{port}", plain_environment(folder, PYTHONWARNINGS="ignore")
    subprocess.run([bin_folder / "devpi-init", "--serverdir", data, "--no-root-pypi"], env=env, cwd=folder, check=True, capture_output=True)
    group = start_group(
        bin_folder / "devpi-server",
        "--serverdir",
        data,
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--offline-mode",
        env=env,
        log=folder / "log",
        cwd=folder,
    )
    wait_until(lambda: answers(f"{url}/+api"), group, 60)
    _send(f"{url}/{USER}", "PUT", {"password": PASSWORD}, {}, 201)
    login = _send(f"{url}/+login", "POST", {"user": USER, "password": PASSWORD}, {}, 200)
    token = base64.b64encode(f"{USER}:{login['password']}".encode()).decode()
    _send(f"{url}/{USER}/dev", "PUT", {"type": "stage", "bases": [], "volatile": False}, {"X-Devpi-Auth": token}, 200)
    return Devpi(url, group, program_version(str(bin_folder / "devpi-server"), "--version"), token)


def _send(url: str, method: str, data: dict[str, object], headers: dict[str, str], expect: int) -> dict[str, object]:
    head = {"Content-Type": "application/json", "Accept": "application/json", **headers}
    said = ask(Request(url, head, method, json.dumps(data).encode()), (expect,)).json()
    assert isinstance(said, dict)
    result = said["result"]
    assert isinstance(result, dict)
    return result
