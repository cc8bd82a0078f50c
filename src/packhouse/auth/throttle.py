"""Guesses are counted before they are looked at, a right one is taken back: 10 a minute for a user from an address, 60 for an address.

An address that has used up its own still reaches users who were not guessed at from there: who shares it with a guesser can sign in (threats, 5).
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from packhouse.auth.passwords import verify_password
from packhouse.auth.tokens import hash_token
from packhouse.errors import TooManyRequests

WINDOW = 60.0
PER_NAME = 10
PER_ADDRESS = 60
REMEMBERED = 4096
AT_ONCE = 32  # passwords that are looked at or wait for it; some 2 seconds of hashing
SHARE = 4  # of these, for an address that has used up its guesses

Who: TypeAlias = str | int
"""A user's id; the name as it was sent where there is no such user."""


class Throttle:
    """Counts distinct wrong secrets, so a client that repeats one stale secret is told 401 each time, learns nothing new and costs nothing."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, verify: Callable[[str | None, str], Awaitable[bool]] = verify_password) -> None:
        self._clock = clock
        self._verify = verify
        self._guesses: OrderedDict[tuple[str, Who | None], dict[bytes, float]] = OrderedDict()  # by address and user, and by address
        self._running: dict[tuple[str, bytes], asyncio.Task[bool]] = {}

    def check(self, address: str, name: str, secret: bytes) -> None:
        """Before a secret that costs no hashing is looked at more closely. Raises `TooManyRequests`."""
        keys = _keys(name)
        if any(_mix(name.lower(), "", secret.hex()) in self._recent((address, who)) for who in keys):
            return
        if wait := max(self._wait(address, who) for who in keys):
            raise TooManyRequests(retry_after=wait)

    def wrong(self, address: str, name: str, secret: bytes) -> None:
        """This one was wrong."""
        for who in _keys(name):
            self._count(address, who, _mix(name.lower(), "", secret.hex()))

    async def is_right(self, address: str, name: str, known: tuple[int, str] | None, password: str) -> bool:
        """Whether a user of this id and stored password has this password; None, an unknown one, takes as long. Raises `TooManyRequests`."""
        who: Who = name.lower() if known is None else known[0]
        stored = None if known is None else known[1]
        guess = _mix(who, stored or "", password)  # another stored password is another question
        task = self._running.get((address, guess))
        if task is None:
            if guess in self._recent((address, who)):
                return False
            self._admit(address, who, guess)
            task = asyncio.ensure_future(self._look(address, who, guess, stored, password))
            self._running[address, guess] = task
        if await asyncio.shield(task):  # who hangs up has guessed all the same
            return True
        if guess not in self._recent((address, None)):
            raise TooManyRequests(retry_after=max(1, self._wait(address, None)))
        return False

    def _admit(self, address: str, who: Who, guess: bytes) -> None:
        """Count a guess. Raises `TooManyRequests`."""
        if wait := self._wait(address, who):
            raise TooManyRequests(retry_after=wait)
        crowded = self._wait(address, None)
        if crowded and (self._recent((address, who)) or sum(at == address for at, _ in self._running) >= SHARE):
            raise TooManyRequests(retry_after=crowded)
        if len(self._running) >= AT_ONCE:
            raise TooManyRequests(retry_after=2)
        self._count(address, who, guess)
        if not crowded:
            self._count(address, None, guess)

    async def _look(self, address: str, who: Who, guess: bytes, stored: str | None, password: str) -> bool:
        innocent = True
        try:
            innocent = await self._verify(stored, password)
            return innocent
        finally:
            del self._running[address, guess]
            if innocent:
                for key in ((address, who), (address, None)):
                    self._guesses.get(key, {}).pop(guess, None)

    def _recent(self, key: tuple[str, Who | None]) -> dict[bytes, float]:
        """The guesses of the last minute."""
        guesses = self._guesses.get(key, {})
        now = self._clock()
        for old in [guess for guess, at in guesses.items() if now - at > WINDOW]:
            del guesses[old]
        return guesses

    def _wait(self, address: str, who: Who | None) -> int:
        """The seconds until one more may be tried; 0: at once."""
        guesses = self._recent((address, who))
        if len(guesses) < (PER_ADDRESS if who is None else PER_NAME):
            return 0
        return max(1, int(WINDOW - (self._clock() - min(guesses.values()))) + 1)

    def _count(self, address: str, who: Who | None, guess: bytes) -> None:
        self._guesses.setdefault((address, who), {})[guess] = self._clock()
        self._guesses.move_to_end((address, who))
        while len(self._guesses) > REMEMBERED:
            self._guesses.popitem(last=False)


def _keys(name: str) -> tuple[Who | None, ...]:
    return (name.lower(), None) if name else (None,)


def _mix(who: Who, stored: str, secret: str) -> bytes:
    return hash_token(f"{who!r}\0{stored}\0{secret}")
