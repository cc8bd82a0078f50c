"""Installs the peers and the load generator, once, under .cache/bench/."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from machine import ROOT

CACHE = ROOT / ".cache" / "bench"
PROGRAMS = {"wrk": "wrk", "nginx": "nginx-light"}
# verdaccio 6.9 and later want a newer Node than Debian's neighbours ship; the override is for a tag of node-fetch that not every mirror has.
VERDACCIO = {"private": True, "dependencies": {"verdaccio": "6.8.0"}, "overrides": {"node-fetch": "2.7.0"}}
PYTHON_PEERS = {
    "pypiserver": ("pypiserver==2.4.2", "passlib==1.7.4"),
    "devpi": ("devpi-server==6.20.3",),
    "conan_server": ("conan-server==2.33.0", "gunicorn==27.0.1"),
}


def install_programs(programs: Mapping[str, str] = PROGRAMS) -> None:
    """Programs from Debian, wrk and nginx first of all. Raises `RuntimeError` when they are missing and may not be installed."""
    missing = [package for program, package in programs.items() if not shutil.which(program)]
    if not missing:
        return
    if os.geteuid() != 0:
        raise RuntimeError(f"install {' and '.join(missing)} first: apt-get install {' '.join(missing)}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], env=env, check=True)
    # Debian starts nginx when it is installed, where there is something to start it; the policy file keeps port 80 quiet.
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], env=env, check=True, stdout=subprocess.DEVNULL)
    finally:
        if ours:
            policy.unlink()


def install_python_peer(name: str) -> Path:
    """A virtual environment with a Python peer, on the interpreter that ours runs on; returns its bin folder."""
    home, wanted = CACHE / name, "\n".join([sys.version, sys.base_prefix, *PYTHON_PEERS[name]])
    mark = home / "installed"
    if not mark.exists() or mark.read_text() != wanted:
        shutil.rmtree(home, ignore_errors=True)
        home.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        subprocess.run([str(home / "bin" / "pip"), "install", "--quiet", *PYTHON_PEERS[name]], check=True)
        mark.write_text(wanted)
    return home / "bin"


def install_verdaccio() -> Path:
    """verdaccio in a folder of its own; returns the program."""
    home, wanted = CACHE / "verdaccio", json.dumps(VERDACCIO, indent=1)
    mark = home / "installed"
    if not mark.exists() or mark.read_text() != wanted:
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        (home / "package.json").write_text(wanted)
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund"], cwd=home, check=True)
        mark.write_text(wanted)
    return home / "node_modules" / ".bin" / "verdaccio"
