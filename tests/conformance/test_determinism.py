"""The same rows, the same bytes: in another process, in another order of rows, from another database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial

import msgspec
import pytest
from stand import ROOT

from packhouse.db.rows import read_rows
from packhouse.errors import InvalidName
from packhouse.model import PackageRow, Rows, replace

from .conftest import Home, find_server, make_home
from .driver import Client
from .server import Server
from .write_index import MOMENT, write_all


@pytest.fixture(name="indexed")
def only_formats_with_an_index(client: Client) -> Client:
    """A format with documents; the others have none by their record."""
    if not client.format.indexes:
        pytest.skip(f"{client.name} has no index")
    return client


def publish_some(home: Home) -> Rows:
    """Rows of several packages, names in an order that collations disagree on, one version deleted."""
    for name in filter(partial(takes, home.client), ("b-2", "b1", "b", "a.c", "ab", "a-b")):
        for version in ("1.0.0", "10.0.0", "2.0.0"):
            home.publish_new(name, version)
    home.delete(home.client.sample("ab", "10.0.0")).expect(200, 202, 204)
    return read(home)


def takes(client: Client, name: str) -> bool:
    """Whether it is a name in this format."""
    try:
        client.format.coordinates.name_key(client.sample(name).name)
    except InvalidName:
        return False
    return True


def read(home: Home) -> Rows:
    return Rows(packages=home.server.furniture.read(read_rows, [home.project], home.client.name))


def without_ids(rows: Rows) -> Rows:
    """The rows with what differs by nature made alike: ids, and times by their order."""
    times = sorted({version.created for package in rows.packages for version in package.versions})
    times += sorted({file.created for package in rows.packages for version in package.versions for file in version.files})
    rank = {time: MOMENT.at - 1_000_000 + n * 1000 for n, time in enumerate(sorted(set(times)))}

    def plain(package: PackageRow) -> PackageRow:
        versions = tuple(
            replace(
                version, id=0, project=1, created=rank[version.created],
                files=tuple(replace(file, id=0, project=1, created=rank[file.created]) for file in version.files),
            )
            for version in package.versions
        )  # fmt: skip
        return replace(package, id=0, project=1, versions=versions)

    return Rows(packages=tuple(plain(package) for package in rows.packages))


def write_elsewhere(format: str, rows: Rows, **environment: str) -> dict[str, str]:
    """The digests of every document, as a process with this environment makes them."""
    env = {"PATH": os.defpath, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT / 'tests' / 'support'}", **environment}
    command = [sys.executable, "-m", "tests.conformance.write_index", format]
    done = subprocess.run(command, cwd=ROOT, env=env, input=msgspec.msgpack.encode(rows), capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    made: dict[str, str] = json.loads(done.stdout)
    return made


def test_other_processes(server: Server, indexed: Client) -> None:
    """Two servers could serve other bytes for the same packages: by the seed of hashes, the time zone or the language."""
    rows = publish_some(make_home(server, indexed))
    one = write_elsewhere(indexed.name, rows, PYTHONHASHSEED="1", TZ="UTC", LANG="C.UTF-8")
    other = write_elsewhere(indexed.name, rows, PYTHONHASHSEED="4242", TZ="Asia/Kolkata", LANG="C")
    assert one and one == other


def test_other_order(server: Server, indexed: Client) -> None:
    """A database that sorts names in another way could change a document."""
    rows = publish_some(make_home(server, indexed))
    moment = replace(MOMENT, format=indexed.name)
    turned = Rows(packages=tuple(reversed(rows.packages)))
    assert write_all(indexed.format, turned, moment) == write_all(indexed.format, rows, moment)


def test_other_dialect(servers: dict[str, Server], request: pytest.FixtureRequest, indexed: Client) -> None:
    """The same uploads could give other documents on PostgreSQL than on SQLite."""
    moment = replace(MOMENT, format=indexed.name)
    made = {}
    for dialect in ("sqlite", "postgresql"):
        rows = publish_some(make_home(find_server(servers, request, dialect), indexed))
        made[dialect] = write_all(indexed.format, without_ids(rows), moment)
    assert made["sqlite"] and made["sqlite"] == made["postgresql"]


def test_served_is_what_is_written(server: Server, indexed: Client) -> None:
    """What is served could be something else than the writer makes of the rows."""
    home = make_home(server, indexed)
    sample = home.publish_new()
    listing = home.listing(sample).expect(200)
    again = home.listing(sample).expect(200)
    assert (again.body, again.headers["etag"]) == (listing.body, listing.headers["etag"])
    home.publish_new("another")
    assert home.client.shows(home.listing(sample).body, sample)
