"""verdaccio: one process, as its documentation starts it; reads are open to anybody, which spares it all checking of credentials."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import peers
from load import Request, ask
from machine import program_version
from processes import Group, plain_environment, start_group, wait_until
from servers import free_port, quote_npm
from servers.answers import answers

CONFIG = """
storage: ./storage
auth:
  htpasswd:
    file: ./htpasswd
    max_users: 10
security:
  api:
    jwt:
      sign:
        expiresIn: 30d
uplinks: {}
packages:
  '**':
    access: $all
    publish: $authenticated
max_body_size: 64mb
log: {type: stdout, format: json, level: warn}
"""


@dataclass(frozen=True, slots=True)
class Verdaccio:
    """A running verdaccio with one user."""

    url: str
    group: Group
    version: str
    token: str
    name: str = "verdaccio"

    def packument(self, package: str) -> Request:
        """The packument, without a credential."""
        return Request(f"{self.url}/{quote_npm(package)}")

    def publish_npm(self, package: str, document: bytes) -> Request:
        """A publish with a JSON web token, the cheapest credential that verdaccio takes."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        return Request(f"{self.url}/{quote_npm(package)}", headers, "PUT", document)

    def npm_tarball(self, url: str) -> Request:
        """The tarball, without a credential."""
        return Request(url)


def start_verdaccio(folder: Path) -> Verdaccio:
    """Start it on an empty folder and sign a user up."""
    program = peers.install_verdaccio()
    folder.mkdir()
    (folder / "config.yaml").write_text(CONFIG)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    env = plain_environment(folder, NODE_ENV="production")
    group = start_group(program, "--config", folder / "config.yaml", "--listen", f"127.0.0.1:{port}", env=env, log=folder / "log", cwd=folder)
    wait_until(lambda: answers(f"{url}/-/ping"), group, 60)
    user = json.dumps({"name": "bench", "password": "bench-password-1"}).encode()
    reply = ask(Request(f"{url}/-/user/org.couchdb.user:bench", {"Content-Type": "application/json"}, "PUT", user), (201,))
    said = reply.json()
    assert isinstance(said, dict)
    return Verdaccio(url, group, program_version(str(program), "--version"), str(said["token"]))
