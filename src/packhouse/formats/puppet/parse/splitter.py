"""The JSON of a publish: `{"file": "<base64>"}`, decoded as it arrives."""

from __future__ import annotations

import re
from collections.abc import Iterable

from packhouse.grammar.jsonparts import Event, JsonPartsSplitter

KIB = 1024

# pairs are read from left to right: what follows an escaped backslash is no line break
_BREAK = re.compile(rb"(\\[^nr])|\\[nr]", re.DOTALL)
_BACKSLASH = b"\\"


class ReleaseSplitter:
    """A `contract.Splitter`: one file part named `file`. Line breaks inside the base64, as Ruby writes them, are passed over."""

    def __init__(self) -> None:
        self._parts = JsonPartsSplitter(("file",), 0, limit=64 * KIB, max_files=1)
        self._rest = b""

    def feed(self, data: bytes) -> Iterable[Event]:
        """The pieces these bytes complete. Raises `InvalidUpload`, `TooLarge`."""
        data, self._rest = self._rest + data, b""
        if _BACKSLASH in data:
            if (len(data) - len(data.rstrip(_BACKSLASH))) % 2:
                data, self._rest = data[:-1], _BACKSLASH
            data = _BREAK.sub(rb"\1", data)
        return self._parts.feed(data)

    def end(self) -> Iterable[Event]:
        """The document without the file. Raises `InvalidUpload`."""
        return (*(self._parts.feed(self._rest) if self._rest else ()), *self._parts.end())
