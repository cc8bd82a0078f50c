"""Guesses are counted before they are looked at, a right one is taken back: 10 a minute for a user from an address, 60 for an address.

An address that has used up its own still reaches users who were not guessed at from there: who shares it with a guesser can sign in (threats, 5).
Processes that were forked after `count_together` count as one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import ClassVar, TypeAlias

from packhouse.auth.guesses import Guesses
from packhouse.auth.passwords import verify_password
from packhouse.auth.tokens import hash_token
from packhouse.errors import TooManyRequests

WINDOW = 60.0
PER_NAME = 10
PER_ADDRESS = 60
AT_ONCE = 32  # passwords that are looked at or wait for it; some 2 seconds of hashing
SHARE = 4  # of these, for an address that has used up its guesses

Who: TypeAlias = str | int
"""A user's id; the name as it was sent where there is no such user."""


class Throttle:
    """Counts distinct wrong secrets, so a client that repeats one stale secret is told 401 each time, learns nothing new and costs nothing."""

    together: ClassVar[Guesses | None] = None  # of this process and those that are forked from it

    def __init__(self, clock: Callable[[], float] = time.monotonic, verify: Callable[[str | None, str], Awaitable[bool]] = verify_password) -> None:
        self._clock = clock  # one that every process reads alike
        self._verify = verify
        self._guesses = self.together or Guesses()  # by address and user, and by address
        self._running: dict[tuple[str, int], asyncio.Task[bool]] = {}

    def check(self, address: str, name: str, secret: bytes) -> None:
        """Before a secret that costs no hashing is looked at more closely. Raises `TooManyRequests`."""
        keys, guess = _keys(name), _mix(name.lower(), "", secret.hex())
        with self._guesses:
            if any(guess in self._recent(address, who) for who in keys):
                return
            if wait := max(self._wait(address, who) for who in keys):
                raise TooManyRequests(retry_after=wait)

    def wrong(self, address: str, name: str, secret: bytes) -> None:
        """This one was wrong."""
        with self._guesses:
            for who in _keys(name):
                self._guesses.put((address, who), _mix(name.lower(), "", secret.hex()), self._clock(), True)

    async def is_right(self, address: str, name: str, known: tuple[int, str] | None, password: str) -> bool:
        """Whether a user of this id and stored password has this password; None, an unknown one, takes as long. Raises `TooManyRequests`."""
        who: Who = name.lower() if known is None else known[0]
        stored = None if known is None else known[1]
        guess = _mix(who, stored or "", password)  # another stored password is another question
        task = self._running.get((address, guess))
        if task is None:
            with self._guesses:
                found = self._recent(address, who).get(guess)
                if found is not None and found[1]:
                    return False
                self._admit(address, who, guess, counted=found is not None)
            task = asyncio.ensure_future(self._look(address, who, guess, stored, password))
            self._running[address, guess] = task
        if await asyncio.shield(task):  # who hangs up has guessed all the same
            return True
        with self._guesses:
            if guess not in self._recent(address, None):
                raise TooManyRequests(retry_after=max(1, self._wait(address, None)))
        return False

    def _admit(self, address: str, who: Who, guess: int, *, counted: bool) -> None:
        """Count a guess, where no other process looks at it already. Raises `TooManyRequests`."""
        crowded = 0
        if not counted:
            if wait := self._wait(address, who):
                raise TooManyRequests(retry_after=wait)
            crowded = self._wait(address, None)
            if crowded and (self._recent(address, who) or sum(at == address for at, _ in self._running) >= SHARE):
                raise TooManyRequests(retry_after=crowded)
        if len(self._running) >= AT_ONCE:
            raise TooManyRequests(retry_after=2)
        if not counted:
            self._guesses.put((address, who), guess, self._clock(), False)
            if not crowded:
                self._guesses.put((address, None), guess, self._clock(), False)

    async def _look(self, address: str, who: Who, guess: int, stored: str | None, password: str) -> bool:
        innocent = True
        try:
            innocent = await self._verify(stored, password)
            return innocent
        finally:
            del self._running[address, guess]
            with self._guesses:
                for key in (who, None):
                    if innocent:
                        self._guesses.drop((address, key), guess)
                    elif found := self._recent(address, key).get(guess):
                        self._guesses.put((address, key), guess, found[0], True)

    def _recent(self, address: str, who: Who | None) -> dict[int, tuple[float, bool]]:
        """The guesses of the last minute."""
        return self._guesses.since((address, who), self._clock() - WINDOW)

    def _wait(self, address: str, who: Who | None) -> int:
        """The seconds until one more may be tried; 0: at once."""
        guesses = self._recent(address, who)
        if len(guesses) < (PER_ADDRESS if who is None else PER_NAME):
            return 0
        return max(1, int(WINDOW - (self._clock() - min(at for at, _ in guesses.values()))) + 1)


def count_together() -> None:
    """Throttles of this process from now on, and of those that are forked from it, count the same guesses."""
    Throttle.together = Guesses(shared=True)


def _keys(name: str) -> tuple[Who | None, ...]:
    return (name.lower(), None) if name else (None,)


def _mix(who: Who, stored: str, secret: str) -> int:
    return int.from_bytes(hash_token(f"{who!r}\0{stored}\0{secret}")[:8], "little")
