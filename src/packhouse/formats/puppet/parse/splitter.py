"""The JSON of a publish: `{"file": "<base64>"}`, decoded as it arrives."""

from __future__ import annotations

from packhouse.grammar.jsonparts import JsonPartsSplitter

KIB = 1024


class ReleaseSplitter(JsonPartsSplitter):
    """A `contract.Splitter`: one file part named `file`. Line breaks inside the base64, as Ruby writes them, are passed over."""

    def __init__(self) -> None:
        super().__init__(("file",), 0, limit=64 * KIB, max_files=1)

    def _decode(self, digits: bytes) -> None:
        # after an escaped backslash one is left over, and is no digit
        super()._decode(digits.replace(b"\\n", b"").replace(b"\\r", b"") if b"\\" in digits else digits)
