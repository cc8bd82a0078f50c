"""conan_server: behind gunicorn, as its documentation has it for more than a try; every request carries the login token."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import peers
from load import Request, ask
from machine import program_version
from processes import Group, plain_environment, start_group, wait_until
from servers import basic, free_port
from servers.answers import answers

CONFIG = """[server]
jwt_secret: a-secret-of-the-measurements-alone
jwt_expire_minutes: 120
ssl_enabled: False
port: {port}
public_port:
host_name: 127.0.0.1
authorize_timeout: 1800
disk_storage_path: ./data
disk_authorize_timeout: 1800
updown_secret: another-secret-of-the-measurements

[write_permissions]
*/*@*/*: *

[read_permissions]
*/*@*/*: *

[users]
demo: demo
"""


@dataclass(frozen=True, slots=True)
class ConanServer:
    """A running conan_server with one user."""

    url: str
    group: Group
    version: str
    token: str
    name: str = "conan_server"

    def conan(self, path: str, method: str = "GET", body: bytes = b"") -> Request:
        """A request below its base, with the token of a login."""
        return Request(f"{self.url}/{path}", {"Authorization": f"Bearer {self.token}"}, method, body)


def start_conan_server(folder: Path, workers: int) -> ConanServer:
    """Start it on an empty folder with this many workers, and log in."""
    bin_folder = peers.install_python_peer("conan_server")
    home, port = folder / ".conan_server", free_port()
    home.mkdir(parents=True)
    (home / "server.conf").write_text(CONFIG.format(port=port))
    url = f"http://127.0.0.1:{port}"
    program = ("-b", f"127.0.0.1:{port}", "-w", str(workers), "-t", "300", "--preload", "conans.server.server_launcher:app")
    group = start_group(bin_folder / "gunicorn", *program, env=plain_environment(folder, CONAN_SERVER_HOME=str(home)), log=folder / "log", cwd=folder)
    wait_until(lambda: answers(f"{url}/v1/ping"), group, 60)
    token = ask(Request(f"{url}/v2/users/authenticate", {"Authorization": basic("demo", "demo")}), (200,)).body.decode()
    show = "from importlib.metadata import version; print(version('conan-server'))"
    return ConanServer(url, group, program_version(str(bin_folder / "python"), "-c", show), token)
