"""Debian's docker-registry on an empty folder: the reference registry, without authentication."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import peers
from processes import Group, plain_environment, start_group, wait_until
from servers import free_port
from servers.answers import answers

CONFIG = """version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: '{folder}/store'}}, delete: {{enabled: true}}}}
http: {{addr: '127.0.0.1:{port}'}}
"""


@dataclass(slots=True)
class Registry:
    """A running registry."""

    url: str
    group: Group
    version: str
    name: str = "docker-registry"


def start_registry(folder: Path) -> Registry:
    """Start it; Debian's package is installed where it is missing."""
    peers.install_programs({"docker-registry": "docker-registry"})
    folder.mkdir()
    port = free_port()
    settings = folder / "registry.yml"
    settings.write_text(CONFIG.format(folder=folder, port=port))
    program = shutil.which("docker-registry") or "docker-registry"
    url = f"http://127.0.0.1:{port}"
    group = start_group(program, "serve", str(settings), env=plain_environment(folder), log=folder / "log", cwd=folder)
    wait_until(lambda: answers(f"{url}/v2/"), group, 30)
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return Registry(url, group, said.split()[-1].lstrip("v"))
