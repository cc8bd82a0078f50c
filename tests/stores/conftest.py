"""Every blob store, one after the other, and bytes on their way to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from packhouse.blobs.disk import DiskStore
from packhouse.blobs.spool import Spool
from packhouse.blobs.store import Store
from packhouse.model import Spooled

Run = Callable[[Any], Any]


@pytest.fixture(name="run")
def give_loop() -> Iterator[Run]:
    """Runs a coroutine to its end."""
    with asyncio.Runner() as runner:
        yield runner.run


@pytest.fixture(name="spool")
def make_spool(tmp_path: Path) -> Spool:
    """A spool on the file system of the stores."""
    spool = Spool(tmp_path / "spool")
    spool.start()
    return spool


@pytest.fixture(name="keep")
def give_keeper(spool: Spool, run: Run) -> Callable[[bytes], Spooled]:
    """Puts bytes into the spool."""
    return lambda content: run(spool.keep(content))


@pytest.fixture(name="store", params=["disk"])
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store."""
    store = DiskStore(tmp_path / "blobs")
    store.start()
    return store
