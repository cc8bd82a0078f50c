"""What every format must do, on a server that keeps nothing for itself: rows in PostgreSQL, bytes on object storage."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from object_storage import Storage
from postgres import Cluster
from tests.conformance import test_crash as crashes
from tests.conformance import test_race as races
from tests.conformance.conftest import Home, give_home, make_home
from tests.conformance.driver import ALL, Client, Sample
from tests.conformance.server import Server
from tests.conformance.test_delete import test_deleted_is_gone, test_emptied_package, test_published_again, test_same_bytes_elsewhere_stay
from tests.conformance.test_digests import test_digests_are_those_of_what_is_served
from tests.conformance.test_http import test_head_equals_get, test_large_body_streams, test_ranges_of_a_file, test_stored_bytes_are_harmless
from tests.conformance.test_immutability import test_other_bytes, test_same_bytes_again

from packhouse.blobs.s3 import S3Store
from packhouse.packages.crash import POINTS

from .conftest import bucket_of

__all__ = [
    "give_home",
    "test_deleted_is_gone",
    "test_digests_are_those_of_what_is_served",
    "test_emptied_package",
    "test_head_equals_get",
    "test_large_body_streams",
    "test_other_bytes",
    "test_published_again",
    "test_ranges_of_a_file",
    "test_same_bytes_again",
    "test_same_bytes_elsewhere_stay",
    "test_stored_bytes_are_harmless",
]

pytestmark = pytest.mark.server

FORMATS = ("debian", "generic", "maven", "npm", "pypi")


def _serve(storage: Storage, postgres: Cluster, workers: int) -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="packhouse-far-"))
    database = postgres.make_database()
    settings = {name.removeprefix("PACKHOUSE_").lower(): value for name, value in storage.settings().items()}
    try:
        with Server(folder / "data", postgres.url(database), **{**settings, "workers": str(workers)}) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        postgres.drop_database(database)


@pytest.fixture(scope="module", name="server")
def serve_far(storage: Storage, postgres: Cluster) -> Iterator[Server]:
    """One server for all of these tests."""
    yield from _serve(storage, postgres, 2)


@pytest.fixture(params=FORMATS, name="client")
def give_client(request: pytest.FixtureRequest) -> Client:
    """Some of the formats: the others have nothing of their own that meets the store."""
    return Client(ALL[request.param])


@pytest.fixture(scope="module", name="mortal")
def serve_to_be_killed(storage: Storage, postgres: Cluster) -> Iterator[Server]:
    """One server for all the crashes."""
    yield from _serve(storage, postgres, len(FORMATS))


@pytest.fixture(name="homes")
def prepare_homes(mortal: Server) -> list[tuple[Home, Sample]]:
    """A project for each format, one version in it."""
    homes = [make_home(mortal, Client(ALL[name])) for name in FORMATS]
    return [(home, home.publish_new(version="1.0.0")) for home in homes]


@pytest.mark.parametrize("how", ["kill", "enospc"])
@pytest.mark.parametrize("point", POINTS)
def test_crash(homes: list[tuple[Home, Sample]], point: str, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A publish that broke off between the object storage and the rows could be listed without its bytes, or block its name."""
    monkeypatch.setattr(crashes, "check_store", check_bucket)  # the other one looks at a folder
    crashes.test_crash(homes, point, how)


def check_bucket(server: Server) -> None:
    """Every file and document row has its bytes, and none of them lies on this machine."""
    store = S3Store(bucket_of(server.environment))
    for stored, size in server.furniture.read(crashes.list_stored):
        assert store._find_size(stored) == size
    assert not (server.data / "blobs").exists()


def test_same_bytes_at_once(home: Home) -> None:
    """Two who publish the same bytes at once could take them away from each other."""
    races.test_same_bytes_at_once(home)


def test_other_bytes_at_once(home: Home) -> None:
    """Two who publish other bytes at once could both win, or neither."""
    races.test_other_bytes_at_once(home)


def test_delete_at_once(home: Home) -> None:
    """A deletion beside a publish could leave half of either."""
    races.test_delete_at_once(home)
