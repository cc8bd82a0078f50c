"""A full disk: uploads are refused with 507, reading goes on, and publishing works again as soon as there is room."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from requirements import must_be_complete

from .conftest import make_home
from .driver import Client
from .server import Server

SIZE = 24 * 1024 * 1024


@pytest.fixture(scope="module", name="small")
def mount_small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file system of a few MiB."""
    folder = tmp_path_factory.mktemp("small")
    mounted = shutil.which("mount") is not None and os.getuid() == 0
    if mounted:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)], capture_output=True).returncode == 0
    if not mounted:
        if must_be_complete():
            pytest.fail("no file system can be mounted here, which this test needs: run it as root", pytrace=False)
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module", name="cramped")
def serve_on_small_disk(small: Path) -> Iterator[Server]:
    """A server that has only this disk, and keeps nothing of it free."""
    with Server(small / "data", workers="2", min_free_mib="0") as server:
        yield server


def fill_up(folder: Path, leave: int) -> Path:
    """A file that leaves only so much room."""
    ballast = folder / "ballast"
    # the server may take some of it meanwhile
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as out:
        left = shutil.disk_usage(folder).free - leave
        while left > 0:
            left -= out.write(b"\1" * min(left, 1024 * 1024))
    return ballast


@pytest.mark.parametrize("leave", [0, 4096, 65536])
def test_full_disk(cramped: Server, client: Client, leave: int) -> None:
    """A full disk could break the server, lose what is there, or go on refusing when there is room again."""
    home = make_home(cramped, client)
    kept = home.publish_new("kept")
    home.listing(kept).expect(200)
    big = client.sample("big")
    ballast = fill_up(cramped.data.parent, leave)
    try:
        for _ in range(3):
            answer = home.publish(big)
            assert answer.status in (507, 503) or (leave and answer.status in (200, 201)), (answer.status, answer.text)
            assert home.fetch(kept).expect(200).body == kept.content
            home.listing(kept).expect(200)
        cramped.send("GET", "/-/health").expect(200)
    finally:
        ballast.unlink()
    home.publish(big).expect(200, 201)
    assert home.fetch(big).expect(200).body == big.content
    assert client.shows(home.listing(big).expect(200).body, big)


def test_room_is_kept(small: Path, cramped: Server, client: Client) -> None:
    """An upload that would leave less room than the setting says could be taken."""
    settings = {"workers": "1", "min_free_mib": str(SIZE // 1024 // 1024 + 1)}
    with Server(small / "other", **settings) as server:
        home = make_home(server, client)
        assert home.publish(client.sample()).status == 507
        assert not list((server.data / "spool").iterdir())
