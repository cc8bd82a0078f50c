"""The wrong secrets of the last minute, in memory that forked processes share: a fixed table, which an attacker cannot make grow."""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
import struct
from collections.abc import Iterator

SLOT = struct.Struct("<QQd?7x")  # whose, which guess, when, whether it was found wrong
PLACES = 128  # guesses of the keys that share a bucket: more than one address can make
BUCKET = SLOT.size * PLACES
BUCKETS = 512


class Guesses:
    """Guesses by key. Held (`with`) while it is looked at and written, by one process at a time."""

    def __init__(self, *, shared: bool = False) -> None:
        self._memory = mmap.mmap(-1, BUCKETS * BUCKET)
        self._secret = os.urandom(16)  # nobody can choose a name that shares a bucket with another's
        # the lock of a process ends with it, however that ends
        self._lock = os.memfd_create("packhouse-guesses") if shared else None

    def __enter__(self) -> None:
        if self._lock is not None:
            fcntl.lockf(self._lock, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            fcntl.lockf(self._lock, fcntl.LOCK_UN)

    def since(self, key: object, at: float) -> dict[int, tuple[float, bool]]:
        """When each guess that is no older was made, and whether it was found wrong; for those that were not, somebody is looking."""
        whose = self._number(key)
        return {guess: (made, wrong) for _, owner, guess, made, wrong in self._bucket(whose) if owner == whose and made >= at}

    def put(self, key: object, guess: int, at: float, wrong: bool) -> None:
        """Note a guess; the oldest of its bucket makes room."""
        whose = self._number(key)
        standing = list(self._bucket(whose))
        place, *_ = min(standing, key=lambda slot: (slot[1:3] != (whose, guess), slot[3]))
        SLOT.pack_into(self._memory, place, whose, guess, at, wrong)

    def drop(self, key: object, guess: int) -> None:
        """It was none."""
        whose = self._number(key)
        for place, owner, known, _, _ in self._bucket(whose):
            if owner == whose and known == guess:
                SLOT.pack_into(self._memory, place, 0, 0, 0.0, False)

    def _number(self, key: object) -> int:
        return int.from_bytes(hashlib.blake2b(repr(key).encode(), digest_size=8, key=self._secret).digest(), "little") | 1

    def _bucket(self, whose: int) -> Iterator[tuple[int, int, int, float, bool]]:
        start = (whose >> 1) % BUCKETS * BUCKET
        slots = SLOT.iter_unpack(self._memory[start : start + BUCKET])
        return ((start + number * SLOT.size, *slot) for number, slot in enumerate(slots))
