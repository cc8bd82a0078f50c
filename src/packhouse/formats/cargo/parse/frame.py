"""The body of a publish as it arrives: two parts, each behind its length in 32 bits, little end first (Cargo book, "Web API")."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from packhouse.errors import InvalidUpload, TooLarge
from packhouse.model import PartEnd, PartStart

Event: TypeAlias = PartStart | bytes | PartEnd

DOCUMENT, CRATE = "document", "crate"
DOCUMENT_LIMIT = 1024**2
MAX_FILE_SIZE = 500 * 1024**2

_PARTS = ((DOCUMENT, DOCUMENT_LIMIT), (CRATE, MAX_FILE_SIZE))
_LENGTH = 4


class FrameSplitter:
    """A `contract.Splitter`: the JSON document becomes a field, the crate a file. Raises `InvalidUpload`, and `TooLarge` by what a length says."""

    def __init__(self) -> None:
        self._part = 0  # which of the parts is being read
        self._head = b""  # as much of its length as has come
        self._left: int | None = None  # bytes of it that are still to come; None: its length is not complete

    def feed(self, data: bytes) -> Iterable[Event]:
        """The pieces these bytes complete."""
        events: list[Event] = []
        at = 0
        while at < len(data):
            if self._part == len(_PARTS):
                raise InvalidUpload("The body goes on behind the crate: send the two lengths and what they speak of, nothing else")
            if self._left is None:
                taken = data[at : at + _LENGTH - len(self._head)]
                self._head += taken
                if len(self._head) == _LENGTH:
                    events += self._begin(int.from_bytes(self._head, "little"))
            else:
                taken = data[at : at + self._left]
                events += [taken, *self._count(len(taken))]
            at += len(taken)
        return events

    def end(self) -> Iterable[Event]:
        """Nothing more; the body must be complete. Raises `InvalidUpload`."""
        if self._part < len(_PARTS):
            missing = "its length" if self._left is None else f"{self._left} of its bytes"
            raise InvalidUpload(f"The body is cut short: the {_PARTS[self._part][0]} lacks {missing}")
        return ()

    def _begin(self, length: int) -> Iterable[Event]:
        name, limit = _PARTS[self._part]
        if length > limit:
            raise TooLarge(f"The {name} has {length} bytes, more than {limit}", limit=limit)
        self._head, self._left = b"", length
        return (PartStart(name=name, file=name == CRATE), *self._count(0))

    def _count(self, taken: int) -> Iterable[Event]:
        assert self._left is not None
        self._left -= taken
        if self._left:
            return ()
        self._part, self._left = self._part + 1, None
        return (PartEnd(),)
