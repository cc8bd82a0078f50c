"""The interface of a blob store: a few methods; a blob is stored before its rows, so a failure leaves at worst an orphan."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Protocol

from packhouse.model import Spooled


class Store(Protocol):
    """Bytes under stored names made by the house, never by a user."""

    near: bool  # whether the bytes lie on a disk of this machine: then `place` takes a moment, and a change need not wait for it apart

    def place(self, content: Spooled, name: str) -> None:
        """`put`, for a thread that may wait."""

    async def put(self, content: Spooled, name: str) -> None:
        """Durable under this name when it returns; the spooled file is gone then. Raises `FileExistsError` for a name that is taken, `OutOfSpace`."""

    async def restore(self, content: Spooled, name: str) -> None:
        """The same in place of whatever is there: bytes that were lost or damaged. The spooled file stays. Raises `OutOfSpace`."""

    def path(self, name: str) -> Path | None:
        """Where the bytes lie on local disk; None where they do not."""

    async def url(self, name: str, filename: str) -> str | None:
        """A short-lived address that needs no credential; None where the store has none."""

    async def size(self, name: str) -> int | None:
        """Stored size in bytes; None when it is missing."""

    async def delete(self, name: str) -> None:
        """Remove; removing what is not there is no error."""


def stored_names(sha256: str) -> Iterator[str]:
    """The stored names for a digest, the best first: the digest itself, then with generations, for when that name is taken."""
    yield sha256
    for generation in count(2):
        yield f"{sha256}.{generation}"
