"""The interface of a blob store; a blob is stored before its rows, so a failure leaves at worst an orphan."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Protocol

from packhouse.model import Instant, Spooled

CANNOT_WRITE = "The object store cannot be written to"
ASIDE = "quarantine"  # the folder of what was put aside


class Store(Protocol):
    """Bytes under stored names made by the house, never by a user."""

    near: bool  # whether the bytes lie on a disk of this machine: then `place` takes a moment, and a change need not wait for it apart

    def start(self) -> None:
        """Make what has to be there."""

    def place(self, content: Spooled, name: str) -> None:
        """Durable under this name when it returns; the spooled file is gone then. For a thread that may wait.

        Raises `FileExistsError` for a name that is taken, `OutOfSpace`, `Unavailable`.
        """

    async def restore(self, content: Spooled, name: str) -> None:
        """The same in place of whatever is there: bytes that were lost or damaged. The spooled file stays. Raises `OutOfSpace`, `Unavailable`."""

    def path(self, name: str) -> Path | None:
        """Where the bytes lie on local disk; None where they do not."""

    def read(self, name: str, first: int, length: int) -> AsyncIterator[bytes]:
        """This range in pieces, all of it or an error; little is held at once. Raises `FileNotFound`, `Unavailable`."""

    async def whole(self, name: str, size: int) -> bytes | None:
        """All of it, for what is small; None where it is gone, or not of this size. Raises `Unavailable`."""

    async def size(self, name: str) -> int | None:
        """Stored size in bytes; None when it is missing."""

    async def delete(self, name: str) -> None:
        """Remove; removing what is not there is no error."""

    # for threads that may wait: what no row speaks of

    def old_names(self, shard: int, before: Instant) -> Sequence[str]:
        """The stored names that begin with these two hexadecimal digits, written and named before this instant. Raises `Unavailable`."""

    def is_old(self, name: str, before: Instant) -> bool:
        """Whether it is there, and was written and named before this instant. Raises `Unavailable`."""

    def remove_old(self, name: str, before: Instant) -> None:
        """Remove what was written before this instant; what is not there, or younger, is no error. Raises `Unavailable`."""

    def put_aside(self, name: str) -> None:
        """Out of the way, where nobody reads it, until `empty_aside`; what cannot be moved stays, and the log says so."""

    def empty_aside(self, before: Instant) -> int:
        """Remove what was put aside before this instant; how much. Raises `Unavailable`."""

    def examine(self) -> Iterator[str]:
        """What is wrong with the place where the bytes are, and with what this machine may do there; `CANNOT_WRITE` begins the worst."""


class FarStore(Store, Protocol):
    """A store whose bytes lie on another machine, from which clients may read them."""

    def link(self, name: str, media_type: str, disposition: str) -> str:
        """A short-lived address from which a client reads the bytes without a credential, told what they are by these headers."""


def stored_names(sha256: str) -> Iterator[str]:
    """The stored names for a digest, the best first: the digest itself, then with generations, for when that name is taken."""
    yield sha256
    for generation in count(2):
        yield f"{sha256}.{generation}"
