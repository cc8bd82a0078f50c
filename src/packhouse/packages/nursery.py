"""The process that readers of archives are forked from. What they need is imported before, so that one is there in milliseconds.

It is forked from a process that has one thread only, or started as a program of its own. Both speak over a socket: a message
names a module to import and brings one end of a new socket, at which the reader answers.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from packhouse.errors import RegistryError

MEMORY = 1024**3
CPU_SECONDS = 30
OPEN_FILES = 64
LONGEST_NAME = 256
ENDING_SECONDS = 5
PR_SET_NAME = 15

HEAD = struct.Struct(">BI")
OK, REFUSED, HELLO = 0, 1, 2


class Request(msgspec.Struct, frozen=True):
    """A function to call, by its name."""

    module: str
    function: str
    args: list[Any]
    kwargs: dict[str, Any]


class Nursery:
    """Where readers are asked for. It ends with the process that made it."""

    def __init__(self, asking: socket.socket, process: subprocess.Popen[bytes] | None = None) -> None:
        self._asking = asking
        self._process = process

    @classmethod
    def fork(cls) -> Nursery:
        """One that has imported what this process has; this process has no other thread."""
        asking, asked = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if os.fork() == 0:
            try:
                _tend(asked)
            finally:
                os._exit(0)
        asked.close()
        return cls(asking)

    @classmethod
    def start(cls) -> Nursery:
        """One that imports what is asked for, when it is asked for first."""
        asking, asked = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "LANG": "C.UTF-8"}
        with asked:
            process = subprocess.Popen([sys.executable, "-m", "packhouse.packages.nursery"], stdin=asked.fileno(), env=environment, cwd="/")
        return cls(asking, process)

    def ask(self, module: str) -> socket.socket:
        """The near end of a new reader's socket. Raises `OSError` where the nursery is gone."""
        near, far = socket.socketpair()
        with far:
            try:
                socket.send_fds(self._asking, [module.encode()], [far.fileno()])
            except OSError:
                near.close()
                raise
        return near

    def close(self) -> None:
        """End it; its readers end with their sockets."""
        self._asking.close()
        if self._process is not None:
            try:
                self._process.wait(ENDING_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def can_open(path: str) -> bool:
    """Whether a reader may."""
    try:
        os.close(os.open(path, os.O_RDONLY))
    except OSError:
        return False
    return True


def _tend(asked: socket.socket) -> None:
    asked = _keep_only(asked)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):  # who asks says when it ends; nobody waits for readers
        signal.signal(number, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(PR_SET_NAME, b"packhouse-read")
    gc.freeze()
    while True:
        name, fds, _, _ = socket.recv_fds(asked, LONGEST_NAME, 1)
        if not name:
            return
        with contextlib.suppress(OSError, ImportError):  # who asked sees the socket close
            importlib.import_module(name.decode())
            if os.fork() == 0:
                asked.close()
                _serve(socket.socket(fileno=fds[0]))
        for fd in fds:
            os.close(fd)


def _keep_only(asked: socket.socket) -> socket.socket:
    """Nothing else of what the process held: its port would stay taken."""
    if asked.fileno() != 3:
        os.dup2(asked.detach(), 3)
        asked = socket.socket(fileno=3)
    os.closerange(4, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    return asked


def _serve(asker: socket.socket) -> None:
    """Answer until the socket closes; never returns."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        for limit, value in (
            (resource.RLIMIT_AS, pages * resource.getpagesize() + MEMORY),
            (resource.RLIMIT_NOFILE, OPEN_FILES),
            (resource.RLIMIT_CORE, 0),
        ):
            resource.setrlimit(limit, (value, value))
        sys.stdout = sys.stderr
        source = asker.makefile("rb")
        asker.sendall(HEAD.pack(HELLO, 4) + struct.pack(">I", os.getpid()))
        while len(head := source.read(4)) == 4:
            request = msgspec.msgpack.decode(source.read(struct.unpack(">I", head)[0]), type=Request)
            used = resource.getrusage(resource.RUSAGE_SELF)
            allowance = int(used.ru_utime + used.ru_stime) + CPU_SECONDS
            resource.setrlimit(resource.RLIMIT_CPU, (allowance, resource.RLIM_INFINITY))
            kind, answer = _answer(request)
            asker.sendall(HEAD.pack(kind, len(answer)) + answer)
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(0)


def _answer(request: Request) -> tuple[int, bytes]:
    read: Callable[..., Any] = getattr(importlib.import_module(request.module), request.function)
    try:
        return OK, msgspec.msgpack.encode(read(*request.args, **request.kwargs))
    except RegistryError as error:
        detail = {k: v for k, v in error.detail.items() if isinstance(v, str | int | float | None)}
        return REFUSED, msgspec.msgpack.encode((type(error).__name__, error.message, detail))
    except (MemoryError, RecursionError):
        return REFUSED, msgspec.msgpack.encode(("InvalidUpload", "The package cannot be inspected: it takes too much memory to read", {}))


if __name__ == "__main__":
    asked = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # readers inherit it, and shall not keep the way to ask
    _tend(socket.socket(fileno=asked))
