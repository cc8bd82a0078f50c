"""What a store on object storage does when the service fails, and what it shows to clients and to those who look after it."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from object_storage import Between, Fault

from packhouse.blobs.s3 import LINK_SECONDS, PART, PIECE, RETRIES, S3Store, sign_link
from packhouse.blobs.store import CANNOT_WRITE
from packhouse.db.engine import now
from packhouse.errors import FileNotFound, Unavailable
from packhouse.model import Spooled, replace

pytestmark = pytest.mark.server

Keep = Callable[[bytes], Spooled]
Run = Callable[[Any], Any]
DAY = 86_400_000_000
ALWAYS = 1 + RETRIES


async def collect(store: S3Store, name: str, first: int, length: int) -> list[bytes]:
    return [piece async for piece in store.read(name, first, length)]


# -- in --------------------------------------------------------------------------------------------------------------


def test_checksums_are_sent(shaky: S3Store, keep: Keep, between: Between) -> None:
    """The service could not notice that other bytes arrived than were sent, nor that a name is taken."""
    spooled = keep(b"one")
    shaky.place(spooled, spooled.sha256)
    (put,) = [one for one in between.asked if one.method == "PUT"]
    assert put.headers["x-amz-checksum-sha256"] and put.headers["if-none-match"] == "*"
    assert [one.method for one in between.asked] == ["HEAD", "PUT", "HEAD"], "the size is asked for at the end"


@pytest.mark.parametrize("kind", ["403", "500", "503", "lose", "spoil"])
@pytest.mark.parametrize("size", [3, PART + 1], ids=["small", "parts"])
def test_a_failed_put(shaky: S3Store, keep: Keep, run: Run, between: Between, kind: str, size: int) -> None:
    """Bytes that are not there, or are others, could be taken for stored, or be lost for the retry."""
    spooled = keep(b"x" * size)
    between.fail("PUT", kind, 2 * ALWAYS)
    with pytest.raises(Unavailable):
        shaky.place(spooled, spooled.sha256)
    assert Path(spooled.path).exists()
    assert run(shaky.size(spooled.sha256)) is None
    between.faults.clear()
    shaky.place(spooled, spooled.sha256)
    assert run(shaky.size(spooled.sha256)) == size


def test_busy_for_a_moment(shaky: S3Store, keep: Keep, run: Run, between: Between) -> None:
    """A service that asks to slow down, as they do, could fail a publish at once."""
    spooled = keep(b"one")
    between.fail("PUT", "503")
    shaky.place(spooled, spooled.sha256)
    assert run(shaky.size(spooled.sha256)) == 3


def test_an_answer_that_never_comes(shaky: S3Store, keep: Keep, run: Run, between: Between) -> None:
    """What was stored, though nobody said so in time, could be called a failure."""
    spooled = keep(b"one")
    between.fail("PUT", "late")
    shaky.place(spooled, spooled.sha256)
    assert run(collect(shaky, spooled.sha256, 0, 3)) == [b"one"]


def test_gone_after_put(shaky: S3Store, keep: Keep, between: Between) -> None:
    """Bytes could be taken for stored that nobody finds a moment later."""
    spooled = keep(b"one")
    between.fail("PUT", "lose")
    with pytest.raises(Unavailable):
        shaky.place(spooled, spooled.sha256)


def test_a_refused_restore(shaky: S3Store, keep: Keep, run: Run, between: Between) -> None:
    """Damaged bytes could be called healed, since they are as long as those that were refused."""
    damaged, spooled = keep(b"oNe"), keep(b"one")
    shaky.place(damaged, spooled.sha256)
    between.fail("PUT", "403", ALWAYS)
    with pytest.raises(Unavailable):
        run(shaky.restore(spooled, spooled.sha256))
    between.faults.clear()
    run(shaky.restore(spooled, spooled.sha256))
    assert run(collect(shaky, spooled.sha256, 0, 3)) == [b"one"]


def test_a_service_without_conditions(shaky: S3Store, keep: Keep, run: Run, between: Between) -> None:
    """A service that cannot be told to keep what is there could not be used at all."""
    between.fail("PUT", "501", ALWAYS)
    first, second = keep(b"one"), keep(b"one")
    shaky.place(first, first.sha256)
    assert run(shaky.size(first.sha256)) == 3
    assert "if-none-match" not in next(one for one in reversed(between.asked) if one.method == "PUT").headers
    with pytest.raises(FileExistsError):
        shaky.place(second, first.sha256)


def test_nothing_is_known(shaky: S3Store, between: Between, run: Run) -> None:
    """A service that fails could be taken for one that has nothing, and what it has be sent again or given up."""
    between.fail("HEAD", "500", ALWAYS)
    with pytest.raises(Unavailable):
        run(shaky.size("a" * 64))
    between.fail("HEAD", "403", ALWAYS)
    with pytest.raises(Unavailable):
        run(shaky.size("a" * 64))


# -- out -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "length"), [(0, 0), (0, 1), (PIECE - 1, 2), (0, 3 * PIECE + 7), (PIECE, 2 * PIECE)], ids=["none", "one", "over", "all", "inner"]
)
def test_ranges(far: S3Store, keep: Keep, run: Run, first: int, length: int) -> None:
    """A range could begin or end elsewhere than asked for, or come as one piece however large it is."""
    content = os.urandom(3 * PIECE + 7)
    spooled = keep(content)
    far.place(spooled, spooled.sha256)
    pieces = run(collect(far, spooled.sha256, first, length))
    assert b"".join(pieces) == content[first : first + length]
    assert all(len(piece) <= PIECE for piece in pieces)


def test_no_more_than_is_taken(shaky: S3Store, keep: Keep, run: Run, between: Between) -> None:
    """A client that reads slowly could have a whole file wait for it in memory, or megabytes of it."""
    spooled = keep(b"x" * (8 * PIECE))
    shaky.place(spooled, spooled.sha256)
    between.asked.clear()

    async def take_one() -> int:
        pieces = shaky.read(spooled.sha256, 0, spooled.size)
        await anext(pieces)
        await pieces.aclose()  # type: ignore[attr-defined]
        return len(between.asked)

    assert run(take_one()) * PIECE <= 512 * 1024


@pytest.mark.parametrize("kind", ["403", "500", "503", "late", "cut", "shorten"])
def test_a_failed_read(shaky: S3Store, keep: Keep, run: Run, between: Between, kind: str) -> None:
    """Less than the file could be taken for the file."""
    spooled = keep(b"x" * 1000)
    shaky.place(spooled, spooled.sha256)
    between.fail("GET", kind, 2 * ALWAYS)
    with pytest.raises(Unavailable):
        run(collect(shaky, spooled.sha256, 0, 1000))
    between.faults.clear()
    assert b"".join(run(collect(shaky, spooled.sha256, 0, 1000))) == b"x" * 1000


def test_nothing_to_read(far: S3Store, run: Run) -> None:
    """Bytes that are lost could be told as a fault that passes."""
    with pytest.raises(FileNotFound):
        run(collect(far, "a" * 64, 0, 10))


# -- addresses -------------------------------------------------------------------------------------------------------


def test_an_address(far: S3Store, keep: Keep) -> None:
    """A client could not read from the address it is sent to, or be told another type and name than ours."""
    spooled = keep(b"one")
    far.place(spooled, spooled.sha256)
    url = far.link(spooled.sha256, "application/zip", 'attachment; filename="ä b.zip"')
    with urllib.request.urlopen(url, timeout=30) as answer:
        assert answer.read() == b"one"
        assert answer.headers["content-type"] == "application/zip"
        assert answer.headers["content-disposition"].startswith("attachment; filename=")
    assert int(parse_qs(urlsplit(url).query)["X-Amz-Expires"][0]) == LINK_SECONDS <= 300


@pytest.mark.parametrize("change", [("application%2Fzip", "text%2Fhtml"), ("X-Amz-Expires=300", "X-Amz-Expires=900")], ids=["type", "life"])
def test_an_address_is_not_changed(far: S3Store, keep: Keep, change: tuple[str, str]) -> None:
    """Who holds an address could make a page of what is stored, or use it for longer."""
    spooled = keep(b"one")
    far.place(spooled, spooled.sha256)
    url = far.link(spooled.sha256, "application/zip", "attachment").replace(*change)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(url, timeout=30)
    assert refused.value.code == 403
    refused.value.close()


def test_an_address_ends(far: S3Store, keep: Keep) -> None:
    """An address could be good for ever."""
    spooled = keep(b"one")
    far.place(spooled, spooled.sha256)
    key = f"{far.at.prefix}/{spooled.sha256[:2]}/{spooled.sha256}"
    url = sign_link(far.at, key, {}, datetime.fromtimestamp(datetime.now(UTC).timestamp() - LINK_SECONDS - 60, UTC))
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(url, timeout=30)
    assert refused.value.code == 403
    refused.value.close()


def test_signed_as_others_do(far: S3Store) -> None:
    """Our signature could be one that a single service takes: it is compared with that of a library."""
    from datetime import timedelta

    import obstore

    theirs = obstore.sign(far._bucket, "GET", "ab/cd", timedelta(seconds=LINK_SECONDS))
    stamp = parse_qs(urlsplit(theirs).query)["X-Amz-Date"][0]
    ours = sign_link(far.at, f"{far.at.prefix}/ab/cd", {}, datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC))
    assert parse_qs(urlsplit(ours).query) == parse_qs(urlsplit(theirs).query)


# -- care ------------------------------------------------------------------------------------------------------------


def test_listed_by_age(far: S3Store, keep: Keep) -> None:
    """Bytes that were just written could be taken for forgotten ones, or old ones never be found."""
    spooled = keep(b"one")
    far.place(spooled, spooled.sha256)
    shard = int(spooled.sha256[:2], 16)
    assert far.old_names(shard, now() - DAY) == []
    assert far.old_names(shard, now() + DAY) == [spooled.sha256]
    assert far.old_names((shard + 1) % 256, now() + DAY) == []


def test_put_aside(far: S3Store, keep: Keep, run: Run) -> None:
    """What nobody knows of could be lost at once, or stay for ever."""
    spooled = keep(b"one")
    far.place(spooled, spooled.sha256)
    far.put_aside(spooled.sha256)
    far.put_aside("0" * 64)  # what is not there is no error
    assert run(far.size(spooled.sha256)) is None
    assert far.old_names(int(spooled.sha256[:2], 16), now() + DAY) == []
    assert far.empty_aside(now() - DAY) == 0
    assert far.empty_aside(now() + DAY) == 1
    assert far.empty_aside(now() + DAY) == 0


def test_old_bytes_alone_are_removed(far: S3Store, keep: Keep, run: Run) -> None:
    """Collection could remove what a push has put under the same name since."""
    spooled = keep(b"one")
    far.place(spooled, spooled.sha256)
    far.remove_old(spooled.sha256, now() - DAY)
    assert run(far.size(spooled.sha256)) == 3
    far.remove_old(spooled.sha256, now() + DAY)
    far.remove_old(spooled.sha256, now() + DAY)
    assert run(far.size(spooled.sha256)) is None


def test_a_delete_is_never_tried_again(shaky: S3Store, keep: Keep, run: Run, between: Between) -> None:
    """A second try could take away what was written under the same name after the first."""
    spooled = keep(b"one")
    shaky.place(spooled, spooled.sha256)
    between.fail("POST", "500", ALWAYS)
    between.fail("DELETE", "500", ALWAYS)
    run(shaky.delete(spooled.sha256))  # no error: a publish that was written down has nothing to do with it
    assert sum(fault.done for fault in between.faults) == 1
    with pytest.raises(Unavailable):
        shaky.remove_old(spooled.sha256, now() + DAY)


def test_nothing_wrong(far: S3Store) -> None:
    """The doctor could call a sound bucket ill, or leave something behind in it."""
    assert list(far.examine()) == []
    assert far._list("probe") == []


def test_what_is_wrong(shaky: S3Store, between: Between) -> None:
    """A bucket that cannot be written to, or ignores conditions, could pass for sound."""
    between.fail("PUT", "403", ALWAYS)
    assert [line.partition(":")[0] for line in shaky.examine()] == [CANNOT_WRITE]
    between.faults[:] = [Fault("HEAD", "403", 1)]
    assert [line.partition(":")[0] for line in shaky.examine()] == [CANNOT_WRITE], "what is not there must be told from what is forbidden"
    between.faults[:] = [Fault("PUT", "lose", 2)]
    assert ["If-None-Match" in line for line in shaky.examine()] == [True, False], "it said twice that it had written, and has nothing"


def test_keys_stay_secret(far: S3Store, capsys: pytest.CaptureFixture[str]) -> None:
    """A key could be written to a log with the store it belongs to, or with an error."""
    wrong = S3Store(replace(far.at, secret_key="another-secret"))
    with pytest.raises(Unavailable) as refused:
        wrong.remove_old("a" * 64, 0)
    said = capsys.readouterr().out + repr(wrong.at) + repr(refused.value) + str(refused.value.__cause__)
    assert "object store failed" in said and "another-secret" not in said and far.at.secret_key not in said
