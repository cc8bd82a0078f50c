"""Guessing is slowed down; repeating one stale token is not guessing."""

from __future__ import annotations

import pytest

from packhouse.auth.throttle import PER_ADDRESS, PER_NAME, REMEMBERED, WINDOW, Throttle
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
    """Somebody with many addresses could fill our memory."""
    for number in range(REMEMBERED + 500):
        guess(throttle, 0, address=f"address-{number}", name="")
    assert len(throttle._wrong) <= REMEMBERED
