"""Guessing is slowed down; repeating one stale token is not guessing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable

import pytest

from packhouse.auth.guesses import BUCKET, BUCKETS, PLACES, SLOT, Guesses
from packhouse.auth.throttle import AT_ONCE, PER_ADDRESS, PER_NAME, SHARE, WINDOW, Throttle, count_together
from packhouse.errors import TooManyRequests


class Watch:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture(name="watch")
def give_watch() -> Watch:
    """A clock that a test moves."""
    return Watch()


@pytest.fixture(name="throttle")
def give_throttle(watch: Watch) -> Throttle:
    """A throttle on that clock."""
    return Throttle(watch)


def guess(throttle: Throttle, number: int, address: str = "192.0.2.1", name: str = "root") -> None:
    secret = f"{name}-{number}".encode()
    throttle.check(address, name, secret)
    throttle.wrong(address, name, secret)


def test_guessing_one_name(throttle: Throttle, watch: Watch) -> None:
    """Passwords of one user could be tried as fast as the network carries them."""
    for number in range(PER_NAME):
        guess(throttle, number)
    with pytest.raises(TooManyRequests) as refused:
        guess(throttle, PER_NAME)
    assert 0 < refused.value.detail["retry_after"] <= WINDOW + 1
    guess(throttle, 0, name="somebody else")
    guess(throttle, 0, address="192.0.2.2")
    watch.time += WINDOW + 1
    guess(throttle, PER_NAME)


def test_guessing_many_names(throttle: Throttle) -> None:
    """One password could be tried on every user from one address."""
    for number in range(PER_ADDRESS):
        guess(throttle, number, name=f"user-{number}")
    with pytest.raises(TooManyRequests):
        guess(throttle, 0, name="one more")
    with pytest.raises(TooManyRequests):
        guess(throttle, 0, name="")


def test_repeating_is_not_guessing(throttle: Throttle) -> None:
    """A client with a stale token in its settings could lock out its whole office."""
    for _ in range(PER_ADDRESS * 3):
        guess(throttle, 1)
    guess(throttle, 2)


def test_known_wrong_one_is_still_answered(throttle: Throttle) -> None:
    """Once throttled, a secret that was already told wrong could be told something else."""
    for number in range(PER_NAME):
        guess(throttle, number)
    throttle.check("192.0.2.1", "root", b"root-0")


def test_memory_is_bounded(throttle: Throttle) -> None:
    """Somebody with many addresses could fill our memory, or have what was counted for others forgotten with few of them."""
    for number in range(PER_NAME):
        guess(throttle, number)
    for number in range(2000):
        guess(throttle, 0, address=f"address-{number}", name="")
    with pytest.raises(TooManyRequests):
        guess(throttle, PER_NAME)
    assert len(throttle._guesses._memory) == BUCKETS * BUCKET


HERE = "192.0.2.1"
RIGHT = "the right one"


class Hashing:
    """Stands for the hashing: the right password is right for a known user, and every look is counted."""

    def __init__(self) -> None:
        self.looks: list[str | None] = []
        self.most = 0
        self._now = 0

    async def __call__(self, stored: str | None, password: str) -> bool:
        self.looks.append(stored)
        self._now += 1
        self.most = max(self.most, self._now)
        await asyncio.sleep(0)
        self._now -= 1
        return stored is not None and password == RIGHT


@pytest.fixture(name="hashing")
def give_hashing() -> Hashing:
    """Hashing that costs nothing."""
    return Hashing()


@pytest.fixture(name="door")
def give_door(watch: Watch, hashing: Hashing) -> Throttle:
    """A throttle on that clock and hashing."""
    return Throttle(watch, hashing)


Try = tuple[str, tuple[int, str] | None, str]
BOB = (7, "bob's hash")


async def ask(door: Throttle, name: str, known: tuple[int, str] | None, password: str, address: str = HERE) -> int:
    try:
        return 200 if await door.is_right(address, name, known, password) else 401
    except TooManyRequests as error:
        assert 0 < error.detail["retry_after"] <= WINDOW + 1
        return 429


def answers(door: Throttle, tries: Iterable[Try]) -> list[int]:
    """What these are answered, one after the other."""

    async def run() -> list[int]:
        return [await ask(door, *one) for one in tries]

    return asyncio.run(run())


def answers_at_once(door: Throttle, tries: Iterable[Try]) -> list[int]:
    """What these are answered when all come together."""

    async def run() -> list[int]:
        return await asyncio.gather(*(ask(door, *one) for one in tries))

    return asyncio.run(run())


def test_one_password_for_many_names(door: Throttle) -> None:
    """One password could be sprayed over every name without an end."""
    assert answers(door, [(f"user-{n}", None, "Summer2026") for n in range(PER_ADDRESS + 5)]) == [401] * PER_ADDRESS + [429] * 5


def test_known_wrong_password_costs_nothing(door: Throttle, hashing: Hashing) -> None:
    """A client that repeats one wrong password could keep every core busy, or lock its user out."""
    assert answers(door, [("bob", BOB, "stale")] * 70 + [("bob", BOB, RIGHT)]) == [401] * 70 + [200]
    assert len(hashing.looks) == 2


def test_wrong_password_that_became_the_right_one(door: Throttle) -> None:
    """Who has just been given a password that was wrong before would have to wait a minute."""
    assert answers(door, [("bob", None, RIGHT), ("bob", BOB, RIGHT)]) == [401, 200]


def test_unknown_user_costs_the_same(door: Throttle, hashing: Hashing) -> None:
    """User names could be told from others by time."""
    assert answers(door, [("nobody", None, "guess"), ("bob", BOB, "guess")]) == [401, 401]
    assert len(hashing.looks) == 2


def test_one_user_under_many_names(door: Throttle) -> None:
    """Each spelling of a name, and the mail address, would have its own ten guesses."""
    names = ("bob", "BOB", "bOb", "bob@example.com")
    assert answers(door, [(names[n % 4], BOB, f"guess {n}") for n in range(PER_NAME + 1)]) == [401] * PER_NAME + [429]
    assert answers(door, [(name, None, f"{name} {n}") for n in range(6) for name in ("eve", "EVE")])[-1] == 429


def test_guesses_at_the_same_moment(door: Throttle, hashing: Hashing) -> None:
    """Guesses sent at once would all be looked at before the first is counted."""
    told = answers_at_once(door, [("bob", BOB, f"guess {n}") for n in range(60)])
    assert sorted(told) == [401] * PER_NAME + [429] * 50
    assert len(hashing.looks) == PER_NAME


def test_right_password_many_times_at_once(door: Throttle, hashing: Hashing) -> None:
    """A client that opens many connections with the right password would be refused, or pay for each of them."""
    assert answers_at_once(door, [("bob", BOB, RIGHT)] * 40) == [200] * 40
    assert len(hashing.looks) == 1
    assert not any(door._recent(HERE, who) for who in (BOB[0], None))


def test_somebody_else_guesses_from_the_same_address(door: Throttle, hashing: Hashing) -> None:
    """Behind one address a single guesser would lock everybody out; who was guessed at waits, and the guesser gets a small share."""
    answers(door, [(f"user-{n}", None, "guess") for n in range(PER_ADDRESS - 1)] + [("eve", (8, "eve's hash"), "guess")])
    assert answers(door, [("bob", BOB, RIGHT), ("eve", (8, "eve's hash"), RIGHT), ("bob", BOB, "guess"), ("bob", BOB, RIGHT)]) == [200, 429, 429, 429]
    hashing.most = 0
    assert set(answers_at_once(door, [(f"more-{n}", None, "guess") for n in range(20)])) == {429}
    assert hashing.most == SHARE


def test_hashing_has_a_short_queue(door: Throttle, hashing: Hashing) -> None:
    """Guesses from many addresses could make everybody wait for minutes."""

    async def run() -> list[int]:
        return await asyncio.gather(*(ask(door, "bob", BOB, "guess", f"192.0.2.{n}") for n in range(AT_ONCE + 3)))

    assert asyncio.run(run()) == [401] * AT_ONCE + [429] * 3
    assert hashing.most == AT_ONCE


def test_hanging_up_takes_nothing_back(door: Throttle, hashing: Hashing) -> None:
    """Who hangs up before the answer could guess without being counted."""

    async def run() -> None:
        for number in range(PER_NAME + 5):
            task = asyncio.ensure_future(ask(door, "bob", BOB, f"guess {number}"))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])

    asyncio.run(run())
    assert answers(door, [("bob", BOB, RIGHT)]) == [429]


# -- several processes ---------------------------------------------------------------------------------------------------


@pytest.fixture(name="common")
def give_common(monkeypatch: pytest.MonkeyPatch) -> None:
    """Throttles from here on count together, as in a server with several workers."""
    monkeypatch.setattr(Throttle, "together", None)
    count_together()


def in_a_fork(work: Callable[[], None]) -> None:
    """Do this in a process of its own."""
    pid = os.fork()
    if not pid:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0


@pytest.mark.usefixtures("common")
def test_workers_count_together(watch: Watch, hashing: Hashing) -> None:
    """Every worker more would give everybody ten guesses more."""
    tries: list[Try] = [("bob", BOB, f"guess {n}") for n in range(PER_NAME)]

    def work() -> None:
        door = Throttle(watch, hashing)
        assert answers(door, tries[: PER_NAME - 2]) == [401] * (PER_NAME - 2)
        guess(door, 0, name="carol")

    in_a_fork(work)
    door = Throttle(watch, hashing)
    assert answers(door, [*tries, ("bob", BOB, "one more"), ("bob", BOB, tries[0][2])]) == [401] * PER_NAME + [429, 401]
    assert len(hashing.looks) == 2  # what another worker found wrong costs nothing here
    for number in range(PER_NAME):
        guess(door, number, name="carol")
    with pytest.raises(TooManyRequests):
        guess(door, PER_NAME, name="carol")
    watch.time += WINDOW + 1
    assert answers(door, [("bob", BOB, RIGHT)]) == [200]


@pytest.mark.usefixtures("common")
def test_a_right_password_at_two_workers_at_once(watch: Watch, hashing: Hashing) -> None:
    """A client with two connections could be told that its right password is wrong, because the other worker is still looking."""
    one, other = Throttle(watch, hashing), Throttle(watch, hashing)

    async def run() -> list[int]:
        return await asyncio.gather(*(ask(door, "bob", BOB, RIGHT) for door in (one, other) * 3))

    assert asyncio.run(run()) == [200] * 6
    assert len(hashing.looks) == 2
    assert not one._recent(HERE, BOB[0])


@pytest.mark.usefixtures("common")
def test_a_worker_that_dies_takes_no_lock_with_it(watch: Watch) -> None:
    """One worker that is killed could stop all others at their next wrong password."""

    def work() -> None:
        guess(Throttle(watch), 0)
        Throttle(watch)._guesses.__enter__()

    in_a_fork(work)
    guess(Throttle(watch), 1)
    assert len(Throttle(watch)._recent(HERE, None)) == 2


def test_a_full_bucket_forgets_the_oldest() -> None:
    """A table that is full could count nobody any more, or forget what is new."""
    guesses, now = Guesses(), 1.0
    for number in range(PLACES + 10):
        guesses.put("bob", number, now + number, True)
    guesses.put("bob", PLACES, now + PLACES, False)
    assert sorted(guesses.since("bob", 0.0)) == list(range(10, PLACES + 10))
    assert PLACES > PER_ADDRESS + PER_NAME and SLOT.size == 32
    guesses.drop("bob", 20)
    assert 20 not in guesses.since("bob", 0.0)
