"""nginx: the same bytes as static files, no credential, no access log; the ceiling of what a server can do here."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from load import Request
from machine import program_version
from processes import Group, plain_environment, start_group, wait_until
from servers import free_port
from servers.answers import answers

CONFIG = """
daemon off;
{user}
worker_processes {workers};
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  default_type application/octet-stream;
  types {{ application/json json; }}
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; root {folder}/files; }}
}}
"""


@dataclass(frozen=True, slots=True)
class Nginx:
    """A running nginx over a folder."""

    url: str
    group: Group
    version: str
    files: Path
    name: str = "nginx"

    def serve(self, file: str, content: bytes) -> Request:
        """Lay a file into its folder; the request that gets it."""
        (self.files / file).write_bytes(content)
        return Request(f"{self.url}/{file}")


def start_nginx(folder: Path, workers: int) -> Nginx:
    """Start it with this many workers."""
    files = folder / "files"
    files.mkdir(parents=True)
    (files / "ready.json").write_text("{}")
    port = free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(CONFIG.format(folder=folder, workers=workers, port=port, user=user))
    group = start_group(
        "nginx", "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log", env=plain_environment(folder), log=folder / "log", cwd=folder
    )
    wait_until(lambda: answers(f"http://127.0.0.1:{port}/ready.json"), group, 20)
    return Nginx(f"http://127.0.0.1:{port}", group, program_version("nginx", "-v"), files)
