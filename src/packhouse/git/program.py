"""The `git` program as it may run here: fixed arguments, no shell, no settings of the machine, no hooks, no prompt (threats, T90, T91)."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from packhouse.errors import Unavailable

PROGRAM = "git"
MISSING = "The git program is not installed on this server: an administrator can install it"
# no protocol that leaves this machine, no hook, no helper that would ask
FIXED = (
    "-c", "protocol.allow=never",
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.fsmonitor=false",
    "-c", "credential.helper=",
    "-c", "safe.directory=*",
)  # fmt: skip

_running: set[subprocess.Popen[bytes]] = set()


def environment(**more: str) -> dict[str, str]:
    """Nothing of ours: neither tokens nor settings reach the child."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "GIT_NO_REPLACE_OBJECTS": "1",
        **more,
    }


def command(folder: Path | None, *arguments: str, settings: Sequence[str] = ()) -> list[str]:
    """The whole argument list; `settings` are `name=value` and win over the fixed ones."""
    given = [part for setting in settings for part in ("-c", setting)]
    where = [] if folder is None else [f"--git-dir={folder}"]
    return [PROGRAM, *FIXED, *given, *where, *arguments]


def run(
    folder: Path | None,
    *arguments: str,
    seconds: float = 60.0,
    settings: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
    begun: Callable[[int], None] = lambda pid: None,
    data: bytes = b"",
) -> subprocess.CompletedProcess[bytes]:
    """A command to its end, in a worker thread; `begun` gets its process id. Raises `subprocess.TimeoutExpired`, `Unavailable`."""
    try:
        child = subprocess.Popen(
            command(folder, *arguments, settings=settings),
            env=environment(**(variables or {})),
            stdin=subprocess.PIPE if data else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise Unavailable(MISSING) from error
    _running.add(child)
    try:
        begun(child.pid)
        out, err = child.communicate(data or None, timeout=seconds)
    finally:
        if child.poll() is None:
            kill(child.pid)
            child.communicate()
        _running.discard(child)
    return subprocess.CompletedProcess(child.args, child.returncode, out, err)


def kill(pid: int) -> None:
    """End a child with all that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def stop() -> None:
    """End every child that a thread waits for: the process is about to end, and would wait for them."""
    for child in list(_running):
        kill(child.pid)
