"""What every blob store promises."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, cast

import pytest

from packhouse.blobs.disk import DiskStore
from packhouse.blobs.spool import SMALL
from packhouse.blobs.store import FarStore, Store, stored_names
from packhouse.errors import OutOfSpace
from packhouse.model import Spooled

Keep = Callable[[bytes], Spooled]
Run = Callable[[Any], Any]


def read(store: Store, name: str) -> bytes:
    path = store.path(name)
    if path is not None:
        return path.read_bytes()
    far = cast(FarStore, store)

    async def collect() -> bytes:
        size = await far.size(name)
        assert size is not None
        return b"".join([piece async for piece in far.read(name, 0, size)])

    return asyncio.run(collect())


@pytest.mark.parametrize(
    "content", [b"", b"x", os.urandom(3 * 1024 * 1024 + 1), os.urandom(17 * 1024 * 1024 + 1)], ids=["empty", "small", "large", "parts"]
)
def test_put(store: Store, keep: Keep, run: Run, content: bytes) -> None:
    """Bytes could come out other than they went in, or their size be told wrong."""
    spooled = keep(content)
    store.place(spooled, spooled.sha256)
    assert read(store, spooled.sha256) == content
    assert run(store.size(spooled.sha256)) == len(content)
    assert not Path(spooled.path).exists(), "the spooled file is gone"


def test_absent(store: Store, run: Run) -> None:
    """A look for what is not there could fail, or deleting it be an error."""
    assert run(store.size("0" * 64)) is None
    run(store.delete("0" * 64))


def test_delete(store: Store, keep: Keep, run: Run) -> None:
    """Deleted bytes could still be there, or others go with them."""
    one, two = keep(b"one"), keep(b"two")
    for spooled in (one, two):
        store.place(spooled, spooled.sha256)
    run(store.delete(one.sha256))
    run(store.delete(one.sha256))
    assert run(store.size(one.sha256)) is None
    assert read(store, two.sha256) == b"two"


def test_a_name_is_taken_once(store: Store, keep: Keep, run: Run) -> None:
    """Two uploads of the same bytes could share one stored file, and the one that loses take it away from the other."""
    first, second = keep(b"same"), keep(b"same")
    store.place(first, first.sha256)
    with pytest.raises(FileExistsError):
        store.place(second, first.sha256)
    assert Path(second.path).exists(), "whoever came second still has its bytes"
    store.place(second, f"{second.sha256}.2")
    run(store.delete(f"{second.sha256}.2"))
    assert read(store, first.sha256) == b"same"


def test_one_wins_at_once(store: Store, keep: Keep) -> None:
    """Of many at once two could take the same name."""
    spooled = [keep(b"many") for _ in range(12)]
    barrier = threading.Barrier(12)

    def put(one: Spooled) -> bool:
        barrier.wait(30)
        try:
            store.place(one, one.sha256)
        except FileExistsError:
            return False
        return True

    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(put, spooled)) == 1
    assert read(store, spooled[0].sha256) == b"many"


def test_names_of_their_own() -> None:
    """A name that is taken could be given out again."""
    assert list(islice(stored_names("a"), 4)) == ["a", "a.2", "a.3", "a.4"]


def test_placed_by_a_thread(store: Store, keep: Keep) -> None:
    """Bytes could be lost on the way that a publish takes."""
    spooled = keep(b"one")
    store.place(spooled, spooled.sha256)
    assert read(store, spooled.sha256) == b"one"
    assert not Path(spooled.path).exists(), "the spooled file is gone"


@pytest.mark.parametrize("there", [None, b"otherwise"], ids=["lost", "damaged"])
def test_restore(store: Store, keep: Keep, run: Run, there: bytes | None) -> None:
    """Bytes that were lost or damaged could stay so, or the ones that heal them be taken away from the publish that brought them."""
    spooled = keep(b"whole")
    if there is not None:
        store.place(keep(there), spooled.sha256)
    run(store.restore(spooled, spooled.sha256))
    assert read(store, spooled.sha256) == b"whole"
    assert Path(spooled.path).exists()


def note_syncs(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What is synced to disk from now on."""
    synced: list[Path] = []
    real = os.fsync

    def noting(fd: int) -> None:
        synced.append(Path(f"/proc/self/fd/{fd}").readlink())
        real(fd)

    monkeypatch.setattr(os, "fsync", noting)
    return synced


# -- the disk alone --------------------------------------------------------------------------------------------------


@pytest.fixture(name="disk")
def make_disk_store(tmp_path: Path) -> DiskStore:
    """A store on disk."""
    store = DiskStore(tmp_path / "blobs")
    store.start()
    return store


def test_names_are_durable(disk: DiskStore, keep: Keep, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was acknowledged could be without a name after the power fails."""
    spooled = keep(b"one")
    synced = note_syncs(monkeypatch)
    disk.place(spooled, spooled.sha256)
    assert disk.path(spooled.sha256).parent in synced


@pytest.mark.parametrize("size", [3, SMALL, SMALL + 1, 3 * 1024 * 1024])
def test_bytes_and_name_are_durable(disk: DiskStore, spool: Any, run: Run, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """A file could be acknowledged that has its name and not its bytes after the power fails."""
    synced = note_syncs(monkeypatch)
    spooled = run(spool.keep(b"x" * size))
    disk.place(spooled, spooled.sha256)
    assert synced == [Path(spooled.path) if size > SMALL else disk.path(spooled.sha256), disk.path(spooled.sha256).parent]


def test_bytes_that_could_not_be_synced(disk: DiskStore, keep: Keep, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file whose bytes the kernel may have dropped could stay under the name of whoever sends them again."""

    def refuse(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    spooled = keep(b"one")
    with monkeypatch.context() as failing, pytest.raises(OSError, match=os.strerror(errno.EIO)):
        failing.setattr(os, "fsync", refuse)
        disk.place(spooled, spooled.sha256)
    assert run(disk.size(spooled.sha256)) is None


def test_without_links(disk: DiskStore, keep: Keep, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that knows no links could not keep a store, or lose what is in it to the next that comes."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    spooled = keep(b"one")
    disk.place(spooled, spooled.sha256)
    assert read(disk, spooled.sha256) == b"one" and not Path(spooled.path).exists()
    second = keep(b"two")
    with pytest.raises(FileExistsError):
        disk.place(second, spooled.sha256)
    assert read(disk, spooled.sha256) == b"one"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full(disk: DiskStore, keep: Keep, run: Run, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """A full disk could be told as an error of ours."""

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    spooled = keep(b"one")
    with pytest.raises(OutOfSpace):
        disk.place(spooled, spooled.sha256)
    assert Path(spooled.path).read_bytes() == b"one"
    assert run(disk.size(spooled.sha256)) is None


def test_started_twice(disk: DiskStore, keep: Keep, run: Run) -> None:
    """A second start could empty the store."""
    spooled = keep(b"one")
    disk.place(spooled, spooled.sha256)
    disk.start()
    assert read(disk, spooled.sha256) == b"one"
    assert len([folder for folder in disk.folder.iterdir() if folder.is_dir()]) == 256
