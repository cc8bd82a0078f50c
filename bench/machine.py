"""Which machine, which commit, which versions."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIBRARIES = ("uvicorn", "uvloop", "httptools", "starlette", "sqlalchemy", "msgspec", "python-multipart")


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the figures come from."""

    cores: int
    processor: str
    memory_gib: float
    kernel: str
    python: str
    commit: str
    load_before: float


def describe_machine() -> Machine:
    """Look at this machine and this checkout."""
    model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    total = re.search(r"^MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return Machine(
        cores=len(os.sched_getaffinity(0)),
        processor=model.group(1) if model else platform.machine(),
        memory_gib=round(int(total.group(1)) / 1024**2, 1) if total else 0.0,
        kernel=platform.release(),
        python=platform.python_version(),
        commit=_describe_commit(),
        load_before=round(os.getloadavg()[0], 2),
    )


def library_versions() -> dict[str, str]:
    """Versions of the parts of ours that decide its speed."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def our_version() -> str:
    """The version that the source says."""
    found = re.search(r'__version__ = "(.+)"', (ROOT / "src" / "packhouse" / "__init__.py").read_text())
    return found.group(1) if found else "unknown"


def program_version(*argv: str) -> str:
    """The first number that looks like a version in what a program says of itself."""
    try:
        said = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    except OSError:
        return "missing"
    found = re.search(r"\d+(?:\.\d+)+", said.stdout + said.stderr)
    return found.group(0) if found else "unknown"


def _describe_commit() -> str:
    commit = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    changed = subprocess.run(["git", "status", "--porcelain", "--", "src"], cwd=ROOT, capture_output=True, text=True)
    if commit.returncode:
        return "unknown"
    return commit.stdout.strip() + (" with uncommitted changes under src" if changed.stdout.strip() else "")
