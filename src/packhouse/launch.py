"""Serving: prepare, listen, fork, wait. Imports only what it needs, since starting fast is a promise."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import hashlib
import multiprocessing
import os
import shutil
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from packhouse.errors import RegistryError
from packhouse.settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from packhouse.contract import Format, Signer
    from packhouse.packages.firststart import Secrets
    from packhouse.packages.house import House


MEMORY = Path("/dev/shm")  # a file system in memory, where there is one
MIB = 1024 * 1024
KEPT = {-1: 8 * MIB, -2: MIB, -3: 4 * MIB}  # options of the C library: when to give memory back, how much more to fetch, what to map by itself
COULD_NOT_RUN = 3  # a status: of settings that are wrong it is 2
COLLECTED = (20_000, 20, 50)  # objects that a collection of garbage waits for: a publish makes thousands, few of them in circles


def settings_or_exit() -> Settings:
    """The settings in force, or one line on standard error and status 2."""
    try:
        return load_settings()
    except SettingsError as error:
        fail(str(error))


def whole_or_exit(status: int = 2) -> Settings:
    """The settings in force, of a data folder that no restore is filling; else one line on standard error and this status."""
    settings = settings_or_exit()
    _check_restored(settings, status)
    return settings


def fail(message: str, status: int = 2) -> NoReturn:
    """One line on standard error, and the end with this status."""
    sys.stderr.write(f"packhouse: {message}\n")
    raise SystemExit(status)


def serve(formats: Sequence[Format] | None = None, signers: Callable[[int | None], Signer] | None = None) -> NoReturn:
    """Serve until told to stop: these formats, or all that there are, signed by the signer of each project."""
    settings = settings_or_exit()
    _check_restored(settings)
    os.umask(0o077)
    with _listen(settings) as sock:  # first: who cannot have the port leaves what is another's alone
        metrics = _make_metrics_folder(settings)
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)
        try:
            status = _serve(settings, formats, signers, sock)
        finally:
            shutil.rmtree(metrics, ignore_errors=True)
    raise SystemExit(status)


def _serve(settings: Settings, formats: Sequence[Format] | None, signers: Callable[[int | None], Signer] | None, sock: socket.socket) -> int:
    _keep_memory()

    # structlog's printer for consoles, which is not used here, takes 4 MiB where it finds this
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]

    from packhouse.assemble import make_app, make_house
    from packhouse.formats import FORMATS
    from packhouse.packages.nursery import Nursery
    from packhouse.web import server
    from packhouse.web.logs import configure_logs

    configure_logs()
    formats = FORMATS if formats is None else formats
    house = make_house(settings, formats, signers)
    made = _prepare_apart(house)
    house.store.start()
    if made is not None:
        _welcome(settings, made)
    gc.collect()
    gc.freeze()  # what is there now is shared by every process
    gc.set_threshold(*COLLECTED)
    return server.serve(lambda: make_app(settings, formats, signers, Nursery.fork()), sock, settings.processes, settings.drain_seconds)


def _listen(settings: Settings) -> socket.socket:
    """The socket that all processes accept from."""
    sock = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((settings.host, settings.port))
        sock.listen(2048)
    except OSError as error:
        sock.close()
        fail(f"cannot listen on {settings.listen}: {error.strerror}")
    sock.set_inheritable(True)
    return sock


def migrate() -> None:
    """Folder, schema and first user, without serving; what is shown once is shown here too. Raises `Unavailable`."""
    from packhouse.assemble import make_house
    from packhouse.packages.firststart import prepare

    settings = whole_or_exit()
    made = asyncio.run(prepare(make_house(settings)))
    if made is not None:
        _welcome(settings, made)


def _check_restored(settings: Settings, status: int = 2) -> None:
    from packhouse.db.snapshots import RESTORING, unfinished_restore

    name = unfinished_restore(settings.data_path)
    if name:
        file = settings.data_path / RESTORING
        fail(
            f"{file} says that the restore of {name} is at work or was cut: wait for it, or run `packhouse restore` with that snapshot again", status
        )


def _prepare_apart(house: House) -> Secrets | None:
    """`prepare` in a process of its own: the tools of migrations are 10 MiB that no worker needs."""
    from packhouse.packages.firststart import prepare

    fork = multiprocessing.get_context("fork")
    near, far = fork.Pipe(duplex=False)

    def prepare_all() -> None:
        _check_storage(house)
        try:
            far.send(asyncio.run(prepare(house)))
        except RegistryError as error:
            fail(error.message, COULD_NOT_RUN)

    child = fork.Process(target=prepare_all)
    child.start()
    far.close()
    try:
        made: Secrets | None = near.recv()
    except EOFError:
        child.join()
        raise SystemExit(child.exitcode or 1) from None  # it has said why
    child.join()
    return made


def _check_storage(house: House) -> None:
    """Nothing is published before somebody has seen that bytes can be kept; what else is odd is said and no more."""
    from packhouse.blobs.store import CANNOT_WRITE

    for line in house.store.examine():
        if line.startswith(CANNOT_WRITE):
            fail(line)
        sys.stderr.write(f"packhouse: {line}\n")


def _keep_memory() -> None:
    # bodies come in blocks of some hundred KiB: to fetch each from the system and give it back costs a quarter of an upload
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        for option, value in KEPT.items():
            set_option(option, value)


def _make_metrics_folder(settings: Settings) -> Path:
    # counters are files that every process maps into memory: on a full disk, touching a new page of one would end the process
    data = settings.data_path
    name = f"packhouse-metrics-{hashlib.sha256(os.fsencode(data)).hexdigest()[:16]}-{settings.port}"  # nobody else can have the port
    for folder in (MEMORY / name, data / f"metrics-{settings.port}"):
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, parents=folder.parent == data)
            return folder
    fail(f"cannot make a folder for metrics in {data}")


def _welcome(settings: Settings, made: Secrets) -> None:
    base = settings.base_url
    shown = "$PACKHOUSE_INITIAL_ADMIN_TOKEN" if made.given else made.token
    host = base.partition("://")[2]
    text = f"""
Packhouse is ready at {base}

  sign in     root
  password    {made.password}
  token       {shown}   (scopes api, sudo; valid for a year)

Shown once. A first package, in three commands:

  curl --header "PRIVATE-TOKEN: {shown}" --data "name=first&visibility=private" {base}/api/v4/projects
  curl --header "PRIVATE-TOKEN: {shown}" --upload-file README.md {base}/api/v4/projects/root%2Ffirst/packages/generic/hello/1.0.0/README.md
  python -m twine upload --repository-url {base}/api/v4/projects/root%2Ffirst/packages/pypi -u root -p {shown} dist/*

and back: pip install --index-url {base.partition("://")[0]}://root:{shown}@{host}/api/v4/projects/root%2Ffirst/packages/pypi/simple <name>
"""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
