"""multipart/form-data as it arrives (RFC 7578), cut by python-multipart's push parser under limits (threats, T47)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from packhouse.errors import InvalidUpload, TooLarge
from packhouse.model import PartEnd, PartStart

KIB, MIB = 1024, 1024**2
MAX_HEADERS = 8 * KIB
MAX_HEADER_COUNT = 32
FORM = "multipart/form-data"

Event: TypeAlias = PartStart | bytes | PartEnd

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_VALUE = re.compile(rf"[ \t]*({_TOKEN}(?:/{_TOKEN})?)[ \t]*")
_PARAMETER = re.compile(rf';[ \t]*(?:({_TOKEN})[ \t]*=[ \t]*(?:"((?:[^"\\]++|\\.)*)"|([^;" \t]*+)))?[ \t]*')
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")  # RFC 2046, section 5.1.1
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def splitter_of(content_type: str) -> MultipartSplitter | None:
    """For a body that is a file, or a form with a file in it; None where it is the file itself. Raises `InvalidUpload`."""
    return MultipartSplitter(content_type) if content_type.partition(";")[0].strip().lower() == FORM else None


class MultipartSplitter:
    """A `contract.Splitter`. A part with a filename is a file; fields that come twice are the caller's business.

    `file_fields`: the only names files may have (None: any). `field_limits` are limits of single text fields where they differ from `field_limit`.
    Raises `InvalidUpload`; `TooLarge` where all text fields together pass `text_limit`.
    """

    def __init__(
        self,
        content_type: str,
        file_fields: frozenset[str] | None = None,
        *,
        max_parts: int = 64,
        field_limit: int = MIB,
        field_limits: Mapping[str, int] | None = None,
        text_limit: int = 10 * MIB,
    ) -> None:
        self._file_fields = file_fields
        self._max_parts = max_parts
        self._field_limit = field_limit
        self._field_limits = field_limits or {}
        self._text_left = self._text_limit = text_limit
        self._parts = 0
        self._begun = self._done = False
        self._events: list[Event] = []
        self._begin_part()
        boundary = _read_boundary(content_type).encode()
        self._delimiter = b"\r\n--" + boundary
        self._delimiters_left = max_parts + 1
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_begin": self._begin_header,
                "on_header_field": self._add_header_name,
                "on_header_value": self._add_header_value,
                "on_headers_finished": self._start_part,
                "on_part_data": self._add_data,
                "on_part_end": self._end_part,
                "on_end": self._finish,
            },
            max_header_count=MAX_HEADER_COUNT,
            max_header_size=MAX_HEADERS,
        )

    def feed(self, data: bytes) -> Iterable[Event]:
        """The pieces these bytes complete."""
        if not self._begun:
            data = data.lstrip(b"\r\n")
            # The parser would pass over text in front of the first boundary.
            if data[:1] not in (b"-", b""):
                raise InvalidUpload("The multipart body does not begin with its boundary")
            self._begun = bool(data)
        # Each lookalike inside a file costs the parser a microsecond, and none may be there (RFC 2046, section 5.1.1).
        self._delimiters_left -= data.count(self._delimiter)
        if self._delimiters_left < 0:
            raise InvalidUpload(f"The multipart body has more than {self._max_parts} parts, or its boundary occurs in a file")
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise InvalidUpload(f"The multipart body is malformed: {error}") from error
        events, self._events = self._events, []
        return events

    def end(self) -> Iterable[Event]:
        """Nothing more; raises `InvalidUpload` where the last boundary has not come."""
        if not self._done:
            raise InvalidUpload("The multipart body is cut short: its last boundary is missing")
        return ()

    def _begin_part(self) -> None:
        self._headers: list[tuple[bytearray, bytearray]] = []
        self._header_size = 0
        self._text_name: str | None = None
        self._field_left = 0

    def _begin_header(self) -> None:
        self._headers.append((bytearray(), bytearray()))

    def _add_header_name(self, data: bytes, start: int, end: int) -> None:
        self._add_header(0, data[start:end])

    def _add_header_value(self, data: bytes, start: int, end: int) -> None:
        self._add_header(1, data[start:end])

    def _add_header(self, half: int, piece: bytes) -> None:
        self._header_size += len(piece)
        if self._header_size > MAX_HEADERS:
            raise InvalidUpload(f"A part of the multipart body has more than {MAX_HEADERS} bytes of headers")
        self._headers[-1][half].extend(piece)

    def _start_part(self) -> None:
        self._parts += 1
        if self._parts > self._max_parts:
            raise InvalidUpload(f"The multipart body has more than {self._max_parts} parts")
        start = _read_headers(self._headers)
        if start.file and self._file_fields is not None and start.name not in self._file_fields:
            raise InvalidUpload(f"Part {start.name!r} may not be a file: expected {', '.join(sorted(self._file_fields))}")
        if not start.file:
            self._text_name = start.name
            self._field_left = self._field_limits.get(start.name, self._field_limit)
        self._events.append(start)

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        if self._text_name is not None:
            self._field_left -= end - start
            self._text_left -= end - start
            if self._field_left < 0:
                limit = self._field_limits.get(self._text_name, self._field_limit)
                raise InvalidUpload(f"Field {self._text_name!r} has more than {limit} bytes")
            if self._text_left < 0:
                raise TooLarge(f"The fields of the form have more than {self._text_limit} bytes", limit=self._text_limit)
        self._events.append(data[start:end])

    def _end_part(self) -> None:
        self._events.append(PartEnd())

    def _finish(self) -> None:
        self._done = True


def _read_boundary(content_type: str) -> str:
    media_type, parameters = _read_options(content_type, "Content-Type")
    if media_type != FORM:
        raise InvalidUpload(f"Content-Type {media_type[:100]!r} is not multipart/form-data")
    boundary = parameters.get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary):
        raise InvalidUpload("The boundary in Content-Type is missing or malformed")
    return boundary


def _read_headers(headers: Iterable[tuple[bytearray, bytearray]]) -> PartStart:
    fields: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name = raw_name.decode("ascii").lower()
        if name in fields:
            raise InvalidUpload(f"A part of the multipart body has two {name} headers")
        try:
            fields[name] = raw_value.decode()
        except UnicodeDecodeError as error:
            raise InvalidUpload(f"A part of the multipart body has a {name} header that is not UTF-8") from error
    disposition, parameters = _read_options(fields.get("content-disposition", ""), "Content-Disposition")
    name = parameters.get("name", "")
    if disposition != "form-data" or not name:
        raise InvalidUpload("A part of the multipart body has no Content-Disposition: form-data with a name")
    if fields.get("content-transfer-encoding", "binary").strip().lower() not in ("binary", "8bit", "7bit"):
        raise InvalidUpload(f"Part {name!r} has a Content-Transfer-Encoding: send it as it is (RFC 7578, section 4.7)")
    filename = parameters.get("filename")
    media_type = fields.get("content-type", "").strip()
    return PartStart(name=name, filename=filename or "", media_type=media_type, file=filename is not None)


def _read_options(value: str, header: str) -> tuple[str, dict[str, str]]:
    """The value and its parameters. python-multipart's own reader takes the last of two equal ones, others take the first."""
    match = None if _CONTROL.search(value.replace("\t", " ")) else _VALUE.match(value)
    if match is None:
        raise InvalidUpload(f"{header} of the multipart body is missing or malformed")
    kind, position = match[1].lower(), match.end()
    parameters: dict[str, str] = {}
    while position < len(value):
        match = _PARAMETER.match(value, position)
        if match is None:
            raise InvalidUpload(f"{header} of the multipart body is malformed")
        position = match.end()
        if match[1] is None:
            continue
        name = match[1].lower()
        if name in parameters:
            raise InvalidUpload(f"{header} of the multipart body has two {name} parameters")
        parameters[name] = match[3] if match[2] is None else re.sub(r'\\(["\\])', r"\1", match[2])
    return kind, parameters
