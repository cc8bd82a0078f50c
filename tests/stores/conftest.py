"""Every blob store, one after the other, and bytes on their way to it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from object_storage import ACCESS_KEY, SECRET_KEY, Between, Storage, serve_between, serve_storage
from stand import ROOT

from packhouse.blobs.disk import DiskStore
from packhouse.blobs.s3 import Bucket, S3Store
from packhouse.blobs.spool import Spool
from packhouse.blobs.store import Store
from packhouse.model import Spooled

if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # the conformance suite is imported by name

__all__ = ["serve_between", "serve_storage"]  # fixtures

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


def bucket_of(environment: Mapping[str, str]) -> Bucket:
    """Where a server with these settings keeps its bytes."""
    name, _, prefix = environment["PACKHOUSE_BLOBS"].removeprefix("s3://").partition("/")
    return Bucket(
        name=name, prefix=prefix, endpoint=environment["PACKHOUSE_BLOBS_ENDPOINT"], region="us-east-1", access_key=ACCESS_KEY, secret_key=SECRET_KEY
    )


def bucket_at(storage: Storage, endpoint: str = "") -> Bucket:
    """The bucket, under a prefix of its own."""
    return bucket_of(storage.settings(endpoint))


@pytest.fixture(name="store", params=["disk", pytest.param("s3", marks=pytest.mark.server)])
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store."""
    if request.param == "s3":
        return S3Store(bucket_at(request.getfixturevalue("storage")))
    store = DiskStore(tmp_path / "blobs")
    store.start()
    return store


@pytest.fixture(name="far")
def make_far_store(storage: Storage) -> S3Store:
    """An empty store on object storage."""
    return S3Store(bucket_at(storage))


@pytest.fixture(name="shaky")
def make_shaky_store(storage: Storage, between: Between) -> S3Store:
    """The same, by way of what fails as the test says; patient for a second only."""
    return S3Store(bucket_at(storage, between.url), request_seconds=1)
