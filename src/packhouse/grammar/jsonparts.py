"""Files that travel as base64 strings inside a JSON document (npm publish), decoded as they arrive.

The scanner here only finds its way: brackets, strings, and the keys on the selected path. Whether the document is valid
is asked of the JSON library at the end, which sees it without the files.
"""

from __future__ import annotations

import binascii
import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import NoReturn, TypeAlias

import pybase64

from packhouse.errors import InvalidUpload, TooLarge
from packhouse.model import PartEnd, PartStart

MIB = 1024**2
MAX_DEPTH = 64
MAX_STRUCTURE = 250_000  # brackets, and keys on the way; each costs about half a microsecond

Event: TypeAlias = PartStart | bytes | PartEnd

_BACKSLASH = b"\\"[0]
# group 1 is the mark that ends the match, group 2 the whole string that does
_AT_SELECTED = re.compile(rb'[^"{}\[\]:,]*+(["{}\[\]:,])?')
_ON_PATH = re.compile(rb'[^"{}\[\]:,]*+(?:([{}\[\]:,])|"((?:[^"\\]++|\\.)*)")?', re.DOTALL)
# possessive inside of the groups only: before 3.11.5, Python mismatches a possessive group whose last round fails half way
_OFF_PATH = re.compile(rb'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*")*([{}\[\]])?', re.DOTALL)
_UP_TO_QUOTE = re.compile(rb"(?:[^\"\\]++|\\.)*", re.DOTALL)
_ESCAPE = re.compile(rb"\\(?:/|u00([0-7][0-9a-fA-F]))")
_OPEN_ESCAPE = re.compile(rb"\\(?:u[0-9a-fA-F]{0,3})?\Z")


class JsonPartsSplitter:
    """A `contract.Splitter`. Strings at `selected` become file parts; the rest comes at the end as the text part `field`, with "" in their place.

    `selected` is a path of object keys, `"*"` for any; the part is named after the key at position `name_from`.
    With `check=False` it is for the reader of the document to ask whether that is strict JSON. Raises `InvalidUpload`; `TooLarge`
    where the rest passes `limit`.
    """

    def __init__(
        self,
        selected: tuple[str, ...] = ("_attachments", "*", "data"),
        name_from: int = 1,
        field: str = "document",
        *,
        limit: int = 10 * MIB,
        max_files: int = 16,
        check: bool = True,
    ) -> None:
        self._selected = selected
        self._name_from = name_from
        self._field = field
        self._check = check
        self._left = self._limit = limit
        self._files_left = self._max_files = max_files
        self._structure_left = MAX_STRUCTURE
        self._document = bytearray()
        self._events: list[Event] = []
        self._rest = b""  # an escape that is not complete
        self._quads = b""  # base64 digits that do not make a group of four yet
        self._padded = False
        self._depth = 0
        self._path: list[str] = []  # the last key in each object that encloses us, as far as they lie on the selected path
        self._key: bytearray | None = None
        self._in_value = self._in_string = self._in_file = False

    def feed(self, data: bytes) -> Iterable[Event]:
        """The pieces these bytes complete."""
        if self._rest:
            data, self._rest = self._rest + data, b""
        position = 0
        while position < len(data):
            if self._in_file:
                position = self._read_file(data, position)
                continue
            start = position
            position = self._read_string(data, position) if self._in_string else self._read_structure(data, position)
            self._keep(data[start:position])
            if self._rest:
                break
        events, self._events = self._events, []
        return events

    def end(self) -> Iterable[Event]:
        """The document. Raises `InvalidUpload` where it is cut short or not JSON."""
        if self._depth or self._in_string or self._in_file or self._rest:
            _refuse("is cut short")
        document = bytes(self._document)
        if self._check:
            _check_json(document)
        return (PartStart(name=self._field, media_type="application/json"), document, PartEnd())

    def _keep(self, piece: bytes) -> None:
        self._left -= len(piece)
        if self._left < 0:
            raise TooLarge(f"The JSON document has more than {self._limit} bytes beside its files", limit=self._limit)
        self._document += piece

    # On the selected path every key counts; elsewhere only brackets do, and the regular expression passes over the rest.

    @property
    def _on_path(self) -> bool:
        return self._depth == len(self._path)

    def _read_structure(self, data: bytes, position: int) -> int:
        """Pass over marks and whole strings; answers where a string begins that is selected or cut off, or the end."""
        while True:
            match = self._pattern().match(data, position)
            assert match is not None
            position = match.end()
            if match.lastindex == 2:
                self._pass_string(match[2])
                continue
            mark = match[1]
            if mark is None and position == len(data):
                return position
            if mark is None or mark == b'"':  # a string that is cut off, or selected
                self._begin_string()
                return position if mark else position + 1
            if mark in b"{[":
                self._open(mark)
            elif mark in b"}]":
                self._close()
            else:
                self._in_value = mark == b":"

    def _pattern(self) -> re.Pattern[bytes]:
        if not self._on_path:
            return _OFF_PATH
        return _AT_SELECTED if self._depth == len(self._selected) and self._matches() else _ON_PATH

    def _pass_string(self, text: bytes) -> None:
        if self._path:
            self._count()
            if not self._in_value:
                self._path[-1] = _read_key(text)

    def _open(self, mark: bytes) -> None:
        self._count()
        if self._on_path and mark == b"{" and len(self._path) < len(self._selected) and (not self._path or self._matches()):
            self._path.append("")
            self._in_value = False
        self._depth += 1
        if self._depth > MAX_DEPTH:
            _refuse(f"is nested deeper than {MAX_DEPTH}")

    def _close(self) -> None:
        self._depth -= 1
        if self._depth < 0:
            _refuse("has a bracket too many")
        if len(self._path) > self._depth:
            self._path.pop()
            self._in_value = True

    def _count(self) -> None:
        self._structure_left -= 1
        if self._structure_left < 0:
            _refuse(f"has more than {MAX_STRUCTURE} objects, arrays and keys")

    def _matches(self) -> bool:
        return self._in_value and self._selected[len(self._path) - 1] in ("*", self._path[-1])

    def _begin_string(self) -> None:
        if self._path and self._on_path:
            self._count()
            if not self._in_value:
                self._key = bytearray()
            elif len(self._path) == len(self._selected) and self._matches():
                self._begin_file()
                return
        self._in_string = True

    def _read_string(self, data: bytes, position: int) -> int:
        match = _UP_TO_QUOTE.match(data, position)
        end = match.end() if match else position
        if self._key is not None:
            self._key += data[position:end]
        if end == len(data):
            return end
        if data[end] == _BACKSLASH:
            self._rest = data[end:]
            return end
        self._in_string = False
        if self._key is not None:
            self._path[-1] = _read_key(bytes(self._key))
            self._key = None
        return end + 1

    def _begin_file(self) -> None:
        self._files_left -= 1
        if self._files_left < 0:
            _refuse(f"has more than {self._max_files} files")
        self._in_file = True
        self._padded = False
        self._events.append(PartStart(name=self._path[self._name_from], file=True))

    def _read_file(self, data: bytes, position: int) -> int:
        end = data.find(b'"', position)
        last = end >= 0
        piece = data[position:end] if last else data[position:]
        if b"\\" in piece:
            cut = None if last else _OPEN_ESCAPE.search(piece, max(0, len(piece) - 5))
            if cut:
                piece, self._rest = piece[: cut.start()], piece[cut.start() :]
            piece = _ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()) if match[1] else b"/", piece)
        self._decode(piece)
        if not last:
            return len(data)
        if self._quads:
            _refuse_base64(self._path[self._name_from])
        self._in_file = False
        self._events.append(PartEnd())
        self._keep(b'"')
        return end + 1

    def _decode(self, digits: bytes) -> None:
        if self._quads:
            digits = self._quads + digits
        whole = len(digits) & ~3
        self._quads = digits[whole:]
        if not digits:
            return
        digits = digits[:whole]
        if self._padded or digits.endswith(b"==="):
            _refuse_base64(self._path[self._name_from])
        try:
            content = pybase64.b64decode(digits, validate=True)
        except binascii.Error:
            _refuse_base64(self._path[self._name_from])
        self._padded = digits.endswith(b"=")
        if content:
            self._events.append(content)


def _read_key(raw: bytes) -> str:
    try:
        key = json.loads(b'"' + raw + b'"') if b"\\" in raw else raw.decode()
        key.encode()  # half a surrogate pair is no text
    except ValueError as error:
        raise InvalidUpload("The JSON document has a key that is not valid text") from error
    return str(key)


def _check_json(document: bytes) -> None:
    """Refuses what is not strict JSON, and objects with two equal keys, at any depth."""
    try:
        json.loads(document.decode(), object_pairs_hook=_refuse_twins, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidUpload(f"The body is not valid JSON: {str(error)[:100]}") from error


def _refuse_twins(pairs: list[tuple[str, object]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        ((twin, _),) = Counter(key for key, _ in pairs).most_common(1)
        _refuse(f"has the key {twin[:100]!a} twice in one object")


def _refuse_constant(name: str) -> NoReturn:
    _refuse(f"has the value {name}, which is not JSON")


def _refuse(what: str) -> NoReturn:
    raise InvalidUpload(f"The JSON document {what}")


def _refuse_base64(name: str) -> NoReturn:
    raise InvalidUpload(f"The data of {name[:100]!a} is not valid base64")
