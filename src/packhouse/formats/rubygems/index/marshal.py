"""Ruby's Marshal 4.8, as much of it as indexes of gems need, and written only: nothing is ever read from it here.

Our own, because the library for it (rubymarshal) takes a list that lies where an earlier one lay for that one, and writes a link to it. This one
writes no links to objects, only to symbols, as Ruby does for values that share nothing; it takes 0.7 of the time (20,000 versions, one run).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from packhouse.model import Struct

HEAD = b"\x04\x08"


class Symbol(Struct):
    """`:name`."""

    name: str


class Built(Struct):
    """An object that Ruby builds by `marshal_load` from one value."""

    of: str
    payload: Value


class Dumped(Struct):
    """An object that Ruby builds by `_load` from bytes."""

    of: str
    payload: bytes


class Plain(Struct):
    """An object with instance variables."""

    of: str
    variables: Mapping[str, Value]


Value: TypeAlias = "bool | int | str | Sequence[Value] | Mapping[Any, Value] | Symbol | Built | Dumped | Plain | None"


def dump(value: Value) -> bytes:
    """The value as `Marshal.dump` writes it. Raises `TypeError` for what it does not know."""
    writer = _Writer()
    writer.write(value)
    return HEAD + b"".join(writer.parts)


class _Writer:
    """Collects the parts of one dump, and counts its symbols."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self._symbols: dict[str, int] = {}

    def write(self, value: Value) -> None:
        match value:
            case str():
                self.parts.append(b'I"' + _counted(value.encode()) + _number(1))
                self._symbol("E")  # whether the text is UTF-8
                self.parts.append(b"T")
            case None:
                self.parts.append(b"0")
            case bool():
                self.parts.append(b"T" if value else b"F")
            case int():
                self.parts.append(b"i" + _number(value))
            case Symbol():
                self._symbol(value.name)
            case Built():
                self._begin(b"U", value.of)
                self.write(value.payload)
            case Dumped():
                self._begin(b"u", value.of)
                self.parts.append(_counted(value.payload))
            case Plain():
                self._begin(b"o", value.of)
                self._variables(value.variables)
            case dict():
                self._hash(value)
            case list():
                self.parts.append(b"[" + _number(len(value)))
                for each in value:
                    self.write(each)
            case _:
                raise TypeError(f"Marshal cannot write {type(value).__name__} here")

    def _begin(self, kind: bytes, of: str) -> None:
        self.parts.append(kind)
        self._symbol(of)

    def _variables(self, variables: Mapping[str, Value]) -> None:
        self.parts.append(_number(len(variables)))
        for name, value in variables.items():
            self._symbol(f"@{name}")
            self.write(value)

    def _hash(self, value: Mapping[Any, Value]) -> None:
        self.parts.append(b"{" + _number(len(value)))
        for key, each in value.items():
            self.write(key)
            self.write(each)

    def _symbol(self, name: str) -> None:
        known = self._symbols.get(name)
        if known is None:
            self._symbols[name] = len(self._symbols)
            self.parts.append(b":" + _counted(name.encode()))
        else:
            self.parts.append(b";" + _number(known))


def _counted(content: bytes) -> bytes:
    return _number(len(content)) + content


def _number(value: int) -> bytes:
    """A number from 0 to 2^31, small ones in one byte."""
    if value < 123:
        return bytes([value + 5 if value else 0])
    length = (value.bit_length() + 7) // 8
    return bytes([length]) + value.to_bytes(length, "little")
