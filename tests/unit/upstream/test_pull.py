"""One flight for whoever asks, over tasks and processes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from packhouse.errors import UpstreamFailed
from packhouse.upstream.pull import HELD, LARGE, Flights, Following, Reader, is_crawling


def flights(folder: Path) -> Flights:
    return Flights(folder / "lock", folder)


def test_one_flight_for_all(tmp_path: Path) -> None:
    """Several who ask for the same would each start the work, or one who leaves would end it for the others."""

    async def run() -> None:
        made, go, count = flights(tmp_path), asyncio.Event(), 0

        async def work(_: Following) -> int:
            nonlocal count
            count += 1
            await go.wait()
            return count

        waiting = [asyncio.ensure_future(made.board("key", work).result()) for _ in range(5)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        go.set()
        assert await asyncio.gather(*waiting[1:]) == [1] * 4
        assert await made.board("key", work).result() == 2  # landed: the next one flies anew
        await made.close()

    asyncio.run(run())


def test_failure_reaches_everybody(tmp_path: Path) -> None:
    """Somebody who waits for a flight that fails would wait for ever, or get another error."""

    async def run() -> None:
        made = flights(tmp_path)

        async def work(_: Following) -> int:
            raise UpstreamFailed("no")

        found = await asyncio.gather(*(made.board("key", work).result() for _ in range(3)), return_exceptions=True)
        assert [str(error) for error in found] == ["no"] * 3

    asyncio.run(run())


@pytest.mark.parametrize("good", [True, False])
def test_end_is_held_back(tmp_path: Path, good: bool) -> None:
    """The last bytes of a file would leave before all of it is checked."""

    async def run() -> None:
        made, check = flights(tmp_path), asyncio.Event()
        path, content = tmp_path / "file", os.urandom(LARGE)

        async def work(following: Following) -> str:
            path.write_bytes(content)
            following.begin(path, len(content))
            path.unlink()  # as when it is moved into the store
            await check.wait()
            if not good:
                raise UpstreamFailed("spoiled")
            return "stored"

        reader = await made.board("key", work).result_or_stream()
        assert isinstance(reader, Reader)
        got = b""
        while len(got) < LARGE - HELD:
            got += await anext(reader)
        assert got == content[: LARGE - HELD]
        rest = asyncio.ensure_future(anext(reader))
        await asyncio.wait([rest], timeout=0)
        assert not rest.done()
        check.set()
        if good:
            assert got + await rest == content
            with pytest.raises(StopAsyncIteration):
                await anext(reader)
        else:
            with pytest.raises(UpstreamFailed):
                await rest
        reader.close()

    asyncio.run(run())


HOLD = """
import asyncio, sys
from pathlib import Path
from packhouse.upstream.pull import Flights, Following

async def hold():
    async with Flights(Path(sys.argv[1]) / "lock", Path(sys.argv[1])).alone("key", Following()):
        print("held", flush=True)
        sys.stdin.read()

asyncio.run(hold())
"""


@pytest.mark.parametrize("how", ["ends", "killed"])
def test_one_process_at_a_time(tmp_path: Path, how: str) -> None:
    """Two processes would fetch the same at once, or one that dies would keep the others out for ever."""
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"

        async def run() -> None:
            made = flights(tmp_path)

            async def take() -> None:
                async with made.alone("key", Following()):
                    pass

            async with made.alone("another key", Following()):
                pass  # nobody holds this one
            taking = asyncio.ensure_future(take())
            await asyncio.wait([taking], timeout=0)
            assert not taking.done()
            if how == "killed":
                other.kill()
            other.communicate()
            await asyncio.wait_for(taking, 30)
            await made.close()

        asyncio.run(run())


def test_crawling() -> None:
    """An upstream that sends next to nothing would be waited for, or a slow line be given up."""
    assert is_crawling(1000, 31)
    assert not is_crawling(0, 29)
    assert not is_crawling(40_000, 31)
