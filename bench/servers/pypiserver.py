"""pypiserver: one process on a folder, without any credential, which spares it all checking."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import peers
from load import Request
from machine import program_version
from processes import Group, plain_environment, start_group, wait_until
from samples import Wheel, build_upload_form
from servers import PIP_ACCEPT, free_port
from servers.answers import answers


@dataclass(frozen=True, slots=True)
class Pypiserver:
    """A running pypiserver."""

    name: str
    url: str
    group: Group
    version: str
    packages: Path

    def page(self, project: str) -> Request:
        """The page of a project."""
        return Request(f"{self.url}/simple/{project}/", {"Accept": PIP_ACCEPT})

    def upload(self, wheel: Wheel) -> Request:
        """An upload, without a credential."""
        body, media_type = build_upload_form(wheel)
        return Request(f"{self.url}/", {"Content-Type": media_type}, "POST", body)

    def place(self, wheel: Wheel) -> None:
        """Put a file into the store, as its documentation does."""
        (self.packages / wheel.filename).write_bytes(wheel.content)


def start_pypiserver(folder: Path, name: str = "pypiserver") -> Pypiserver:
    """Start it on an empty folder."""
    bin_folder = peers.install_python_peer("pypiserver")
    packages = folder / "packages"
    packages.mkdir(parents=True)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    env = plain_environment(folder, PYTHONWARNINGS="ignore")
    group = start_group(
        bin_folder / "pypi-server",
        "run",
        "-i",
        "127.0.0.1",
        "-p",
        str(port),
        "-a",
        ".",
        "-P",
        ".",
        "--disable-fallback",
        packages,
        env=env,
        log=folder / "log",
        cwd=folder,
    )
    wait_until(lambda: answers(f"{url}/simple/"), group, 60)
    return Pypiserver(name, url, group, program_version(str(bin_folder / "pypi-server"), "--version"), packages)
