"""Archives are read in other processes: what those answer, how they break, and that they end."""

from __future__ import annotations

import asyncio
import os
import select
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from packhouse.blobs.memory import Memory
from packhouse.errors import InvalidName, InvalidUpload
from packhouse.packages.inspect import Inspector
from packhouse.packages.nursery import Nursery

PLENTY = 4 * 1024**3


def own_number(path: str) -> int:
    """Who reads."""
    return os.getpid()


def parent_number(path: str) -> int:
    """Who forked the reader."""
    return os.getppid()


def own_input(path: str) -> str:
    """What a reader has as its standard input."""
    return str(Path("/proc/self/fd/0").readlink())


def say(path: str, more: str = "") -> dict[str, str]:
    """What arrived."""
    return {"path": path, "more": more}


def refuse(path: str) -> str:
    """An error of the house."""
    raise InvalidName(f"{path} is no name")


def die(path: str) -> str:
    """As a bug in a library would."""
    os.kill(os.getpid(), signal.SIGSEGV)
    return ""


def fail(path: str) -> str:
    """As a bug of ours would."""
    raise KeyError(path)


def hoard(path: str) -> str:
    """More memory than a reader may have."""
    return str(len(bytes(PLENTY)))


def open_many(path: str) -> str:
    """More files than a reader may have open."""
    files = [Path(path).open() for _ in range(100)]  # noqa: SIM115
    return str(len(files))


def read_it(path: str) -> bytes:
    """What is there."""
    return Path(path).read_bytes()


def babble(path: str) -> bytes:
    """An answer that is too long."""
    return bytes(17 * 1024**2)


def run(work: Callable[[Inspector], Awaitable[None]], nursery: Nursery | None = None) -> None:
    async def whole() -> None:
        async with opened(nursery) as inspector:
            await work(inspector)

    asyncio.run(whole())


@asynccontextmanager
async def opened(nursery: Nursery | None = None) -> AsyncIterator[Inspector]:
    inspector = Inspector(nursery)
    try:
        yield inspector
    finally:
        await inspector.close()


async def all_lost(inspector: Inspector) -> None:
    """Until the loop has heard that every idle reader is gone."""
    while not all(reader.lost for reader in inspector._free):  # noqa: ASYNC110 - nothing would set an event
        await asyncio.sleep(0)


def wait_for_end(pid: int) -> None:
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([fd], [], [], 10)[0], f"process {pid} goes on"
    finally:
        os.close(fd)


def test_answer_and_refusal() -> None:
    """Arguments or answers would be lost on the way, or an error would arrive as another one."""

    async def work(inspector: Inspector) -> None:
        assert await inspector.run(say, "/a", more="b") == {"path": "/a", "more": "b"}
        with pytest.raises(InvalidName, match="/a is no name"):
            await inspector.run(refuse, "/a")
        assert await inspector.run(own_number, "/a") != os.getpid()

    run(work)


def test_readers_cannot_ask_for_readers() -> None:
    """What breaks into a reader could take what belongs to others, and a nursery that is gone would seem to be there."""

    async def work(inspector: Inspector) -> None:
        assert not (await inspector.run(own_input, "")).startswith("socket:")

    run(work)


def test_readers_are_used_again() -> None:
    """Each upload would pay for a process, or two at once would wait for one another."""

    async def work(inspector: Inspector) -> None:
        both = await asyncio.gather(inspector.run(own_number, ""), inspector.run(own_number, ""), inspector.run(own_number, ""))
        assert len(set(both)) == 2
        assert await inspector.run(own_number, "") in both

    run(work)


@pytest.mark.parametrize("broken", [die, fail, hoard, babble], ids=lambda read: str(read.__name__))
def test_what_breaks_a_reader_is_refused(broken: Callable[[str], object]) -> None:
    """A hostile archive would end the server, or the upload after it would meet the same dead reader."""

    async def work(inspector: Inspector) -> None:
        for _ in range(3):
            with pytest.raises(InvalidUpload):
                await inspector.run(broken, "/a")
        assert await inspector.run(say, "/b") == {"path": "/b", "more": ""}

    run(work)


def test_open_files_are_bounded(tmp_path: Path) -> None:
    """A reader could open what it likes."""
    file = tmp_path / "one"
    file.write_text("")

    async def work(inspector: Inspector) -> None:
        with pytest.raises(InvalidUpload):
            await inspector.run(open_many, str(file))

    run(work)


def test_what_lies_in_memory_is_seen() -> None:
    """Uploads that lie in the memory of a worker would be read from the disk, or could not be read."""
    memory = Memory()
    memory.map[:3] = b"abc"
    memory.fit(3)

    async def work(inspector: Inspector) -> None:
        assert await inspector.sees(memory.path)
        assert await inspector.run(read_it, memory.path) == b"abc"

    run(work)
    memory.close()


def test_what_is_not_seen_is_said() -> None:
    """On a system that hides the files of other processes, each upload would be refused."""

    async def work(inspector: Inspector) -> None:
        assert not await inspector.sees("/proc/1/fd/none")

    run(work)


def test_reader_that_died_while_idle() -> None:
    """An upload would be refused since an earlier process had been killed meanwhile."""

    async def work(inspector: Inspector) -> None:
        first = await inspector.run(own_number, "")
        os.kill(first, signal.SIGKILL)
        await all_lost(inspector)
        assert await inspector.run(own_number, "") != first

    run(work)


def test_nursery_that_was_killed() -> None:
    """No upload would be taken any more by a worker whose nursery is gone."""

    async def work(inspector: Inspector) -> None:
        first, nursery = await inspector.run(own_number, ""), await inspector.run(parent_number, "")
        for pid in (nursery, first):
            os.kill(pid, signal.SIGKILL)
        await all_lost(inspector)
        assert await inspector.run(parent_number, "") != nursery

    run(work)


@pytest.mark.parametrize("how", ["started", "forked"])
def test_all_end_with_the_inspector(how: str) -> None:
    """Processes would be left behind by a server that has ended, started as a program or forked from a worker."""
    pids: list[int] = []

    async def work(inspector: Inspector) -> None:
        pids.append(await inspector.run(own_number, ""))
        pids.append(await inspector.run(parent_number, ""))

    run(work, Nursery.fork() if how == "forked" else None)
    for pid in pids:
        wait_for_end(pid)
