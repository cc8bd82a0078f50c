"""A body on its way to disk: every digest right however it is cut, never more than its limit, nothing left behind."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packhouse.blobs.memory import LARGEST, MOST
from packhouse.blobs.spool import ALIGNED, BLOCK, STALE_SECONDS, Spool, SpoolWriter
from packhouse.errors import OutOfSpace, TooLarge
from packhouse.model import Spooled

DIGESTS = ("md5", "sha1", "sha256", "sha512")


@pytest.fixture(name="spool", params=[False, True], ids=["few-cores", "many-cores"])
def make_spool(tmp_path: Path, request: pytest.FixtureRequest) -> Spool:
    """An empty spool, on a machine of this kind."""
    spool = Spool(tmp_path / "spool", spare_cores=request.param)
    spool.start()
    return spool


@pytest.fixture(name="runner")
def give_runner() -> Iterator[asyncio.Runner]:
    """A loop."""
    with asyncio.Runner() as runner:
        yield runner


async def write(spool: Spool, pieces: list[bytes], limit: int, *, direct: bool = False) -> Spooled:
    writer = spool.begin(limit, direct=direct)
    try:
        for piece in pieces:
            await writer.write(piece)
        return await writer.finish()
    except BaseException:
        writer.abort()
        raise


def read(path: str) -> bytes:
    return Path(path).read_bytes()


def left(spool: Spool) -> list[str]:
    return [entry.name for entry in spool.folder.iterdir()]


def check(spooled: Spooled, content: bytes) -> None:
    assert Path(spooled.path).read_bytes() == content
    assert spooled.size == len(content)
    assert {name: getattr(spooled, name) for name in DIGESTS} == {name: hashlib.new(name, content).hexdigest() for name in DIGESTS}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(st.lists(st.binary(max_size=2000), max_size=12))
def test_however_it_is_cut(spool: Spool, runner: asyncio.Runner, pieces: list[bytes]) -> None:
    """A digest could depend on how the network cuts the body."""
    check(runner.run(write(spool, pieces, 1_000_000)), b"".join(pieces))


@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize("size", [0, 1, BLOCK // 4 - 1, BLOCK // 4, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 17])
def test_around_blocks(spool: Spool, runner: asyncio.Runner, size: int, direct: bool) -> None:
    """A digest or a byte could be lost where one block ends and the next one begins, or where a page does that is written directly."""
    content = os.urandom(size)
    for step in (size or 1, 65_536, 300_001):
        check(runner.run(write(spool, [content[n : n + step] for n in range(0, size, step)], size, direct=direct)), content)


@pytest.mark.parametrize("taken", [None, 3 * ALIGNED, ALIGNED // 2])
def test_file_system_without_direct_writing(spool: Spool, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch, taken: int | None) -> None:
    """A file system that cannot write directly, or stops inside of a page, could lose bytes or fail the upload."""
    write_really = os.write

    def refuse(fd: int, data: memoryview) -> int:
        if fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_DIRECT:
            if taken is None:
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
            fcntl.fcntl(fd, fcntl.F_SETFL, 0)
            return write_really(fd, data[:taken])
        return write_really(fd, data)

    monkeypatch.setattr(os, "write", refuse)
    content = os.urandom(3 * BLOCK + 17)
    check(runner.run(write(spool, [content[n : n + 70_000] for n in range(0, len(content), 70_000)], 4 * BLOCK, direct=True)), content)


def test_going_on_inside_of_a_page(spool: Spool, runner: asyncio.Runner) -> None:
    """An upload that is resumed where no page begins could be written to a wrong place."""
    content = os.urandom(4 * BLOCK)

    async def in_steps(*ends: int) -> bytes:
        first = spool.begin(4 * BLOCK, (), direct=True)
        await first.write(content[: ends[0]])
        await first.sync()
        first.close()
        for start, end in pairwise((*ends, len(content))):
            more = spool.resume(Path(first.path).name, start, 4 * BLOCK, {})
            await more.write(content[start:end])
            await more.sync()
            more.close()
        return read(first.path)

    assert runner.run(in_steps(ALIGNED, BLOCK + ALIGNED, 3 * BLOCK + 17)) == content


def test_blocks_are_used_again(spool: Spool, runner: asyncio.Runner) -> None:
    """A block could go to two bodies at once, or a body take fresh memory each time."""

    async def one_after_another() -> set[int]:
        for _ in range(5):
            (spool.folder / (await write(spool, [b"x" * (BLOCK // 2)] * 5, 4 * BLOCK, direct=True)).path).unlink()
        return {id(spool.take_block()) for _ in range(2)}

    assert len(runner.run(one_after_another())) == 2
    assert spool._blocks == []


@pytest.mark.parametrize("limit", [0, 1, 10, BLOCK, 2 * BLOCK])
def test_limit(spool: Spool, runner: asyncio.Runner, limit: int) -> None:
    """A body could grow past its limit, or be refused at it."""
    check(runner.run(write(spool, [b"x" * limit], limit)), b"x" * limit)
    before = left(spool)
    with pytest.raises(TooLarge) as refused:
        runner.run(write(spool, [b"x" * (limit // 2), b"x" * (limit - limit // 2), b"x"], limit))
    assert refused.value.detail == {"limit": limit}
    spool._threads.shutdown()  # a block that was on its way is written first, then all of it is dropped
    assert left(spool) == before


def test_many_at_once(spool: Spool, runner: asyncio.Runner) -> None:
    """Two bodies could get into one another's file or digests."""
    contents = [os.urandom(BLOCK + n) for n in range(12)]

    async def all_of_them() -> list[Spooled]:
        return await asyncio.gather(*(write(spool, [c[n : n + 70_000] for n in range(0, len(c), 70_000)], 4 * BLOCK) for c in contents))

    for spooled, content in zip(runner.run(all_of_them()), contents, strict=True):
        check(spooled, content)


def test_abort_leaves_nothing(spool: Spool, runner: asyncio.Runner) -> None:
    """A body that broke off could stay on disk, or keep a file open."""

    async def begin_and_abort() -> None:
        writer = spool.begin(10 * BLOCK)
        await writer.write(b"x" * (2 * BLOCK))
        writer.abort()
        other = spool.begin(10)
        other.abort()

    open_before = count_open()
    runner.run(begin_and_abort())
    spool._threads.shutdown()
    assert left(spool) == []
    assert count_open() <= open_before


def count_open() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_room(tmp_path: Path) -> None:
    """A body could be begun for which there is no room."""
    spool = Spool(tmp_path / "spool", min_free=1)
    spool.start()
    spool.check_space(1)
    with pytest.raises(OutOfSpace):
        spool.check_space(1 << 60)
    with pytest.raises(OutOfSpace):
        Spool(tmp_path / "spool", min_free=1 << 60).check_space()


def test_sweep(spool: Spool, runner: asyncio.Runner) -> None:
    """What a crash left could stay for ever, or a body of another process be swept away while it comes in."""
    old, new = (runner.run(write(spool, [text], 10)) for text in (b"old", b"new"))
    past = time.time() - STALE_SECONDS - 10
    os.utime(old.path, (past, past))
    spool.start()
    assert left(spool) == [Path(new.path).name]


def test_names_are_ours(spool: Spool, runner: asyncio.Runner) -> None:
    """A file could lie in the spool under a name that somebody else can guess, or be read by other users."""
    spooled = runner.run(write(spool, [b"x"], 10))
    assert Path(spooled.path).parent == spool.folder and len(Path(spooled.path).name) == 32
    assert Path(spooled.path).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("size", [0, 1, 128 * 1024, 128 * 1024 + 1, BLOCK, BLOCK + 1, 3 * BLOCK, 5 * BLOCK + 4097, LARGEST])
def test_held_bodies_are_the_same_in_memory_and_on_disk(spool: Spool, runner: asyncio.Runner, size: int) -> None:
    """What was looked into would not be what is stored, or the memory would hold more than the body."""
    content = os.urandom(size)

    async def work() -> None:
        for cut in (size or 1, 65536, 1_300_000):
            writer = spool.begin(LARGEST, most=size)
            for at in range(0, size, cut):
                await writer.write(content[at : at + cut])
            spooled = await writer.finish()
            check(spooled, content)
            assert bool(spooled.memory) == (size > 128 * 1024)
            if spooled.memory:
                assert read(spooled.memory) == content
            writer.release()

    runner.run(work())


def test_memory_is_used_again_and_never_tells_what_was_there(spool: Spool, runner: asyncio.Runner) -> None:
    """Each upload would take fresh memory, or the end of a longer one would be seen behind a shorter."""

    async def work() -> None:
        seen = []
        for size in (5 * BLOCK, 2 * BLOCK, 4 * BLOCK):
            writer = spool.begin(LARGEST, most=size)
            await writer.write(b"x" * size)
            spooled = await writer.finish()
            assert read(spooled.memory) == b"x" * size
            seen.append(spooled.memory)
            writer.release()
        assert len(set(seen)) == 1

    runner.run(work())


def test_bodies_that_may_be_too_long_are_not_held(spool: Spool, runner: asyncio.Runner) -> None:
    """A body without a length, or a long one, would not fit."""

    async def work() -> None:
        for most in (None, LARGEST + 1):
            writer = spool.begin(2 * LARGEST, most=most)
            await writer.write(b"x" * BLOCK)
            assert not (await writer.finish()).memory

    runner.run(work())


@pytest.mark.parametrize("why", ["many", "none"])
def test_bodies_without_room_in_memory_go_to_the_disk(spool: Spool, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    """Uploads beside many others would eat the memory of the server, or be refused by a system that gives none."""
    content = os.urandom(3 * BLOCK + 5)

    async def hold() -> SpoolWriter:
        writer = spool.begin(LARGEST, most=len(content))
        await writer.write(content)
        return writer

    async def work() -> None:
        if why == "none":
            monkeypatch.setattr(os, "memfd_create", lambda *_: (_ for _ in ()).throw(OSError(errno.EMFILE, "no more files")))
        held = [await hold() for _ in range(MOST if why == "many" else 0)]
        writer = await hold()
        spooled = await writer.finish()
        assert not spooled.memory
        check(spooled, content)
        for other in held:
            other.abort()
        assert why == "none" or (await (await hold()).finish()).memory

    runner.run(work())


def test_abort_gives_the_memory_back(spool: Spool, runner: asyncio.Runner) -> None:
    """Refused uploads would eat the memory of the server."""

    async def work() -> None:
        paths = set()
        for _ in range(3):
            writer = spool.begin(LARGEST, most=2 * BLOCK)
            await writer.write(b"x" * 300_000)
            assert writer._memory is not None
            paths.add(writer._memory.path)
            writer.abort()
        assert len(paths) == 1
        assert left(spool) == []

    runner.run(work())
