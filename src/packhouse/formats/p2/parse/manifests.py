"""MANIFEST.MF of a bundle: its main section, and headers that are lists of clauses (OSGi Core 3.2.3)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from packhouse.errors import InvalidUpload
from packhouse.formats.p2.parse.facts import NOT_XML
from packhouse.model import Struct

LARGEST = 1024 * 1024
MOST_CLAUSES = 5000

_PARAMETER = re.compile(r"\s*([\w.-]+)\s*:?=\s*(.*)", re.DOTALL)
_PIECES = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^",;])+|[,;]', re.DOTALL)


class Clause(Struct):
    """`path;attribute=value;directive:=value`."""

    path: str
    parameters: Mapping[str, str] = {}


def read_manifest(data: bytes) -> Mapping[str, str]:
    """The headers of the main section, by lower-case name. Raises `InvalidUpload`."""
    try:
        text = re.sub(rb"(?:\r\n|\r|\n) ", b"", data).decode()  # a line may be cut inside of a letter
    except UnicodeDecodeError as error:
        raise InvalidUpload("META-INF/MANIFEST.MF is not UTF-8") from error
    headers: dict[str, str] = {}
    for line in re.split("\r\n|\r|\n", text):
        if not line:
            break
        name, colon, value = line.partition(":")
        if not colon or name.lower() in headers:
            raise InvalidUpload(f"META-INF/MANIFEST.MF has a line without a header, or a header twice: {line[:80]!r}")
        if NOT_XML.search(line):
            raise InvalidUpload(f"META-INF/MANIFEST.MF has a control character in a header: {line[:80]!r}")
        headers[name.lower()] = value.strip()
    return headers


def read_clauses(value: str, header: str) -> Iterator[Clause]:
    """The clauses of a header; of several paths with the same parameters, each. Raises `InvalidUpload`."""
    count = 0
    for parts in _split(value, header):
        paths = [part.strip() for part in parts if not _PARAMETER.fullmatch(part)]
        parameters = {found[1]: found[2].strip().strip('"') for part in parts if (found := _PARAMETER.fullmatch(part))}
        for path in paths:
            count += 1
            if not path or count > MOST_CLAUSES:
                raise InvalidUpload(f"Header {header} of META-INF/MANIFEST.MF has an empty clause, or more than {MOST_CLAUSES}")
            yield Clause(path=path, parameters=parameters)


def _split(value: str, header: str) -> Iterator[list[str]]:
    parts = [""]
    at = 0
    for piece in _PIECES.finditer(value):
        if piece.start() != at:
            break
        at = piece.end()
        if piece[0] == ",":
            yield parts
            parts = [""]
        elif piece[0] == ";":
            parts.append("")
        else:
            parts[-1] = piece[0]
    if at != len(value):
        raise InvalidUpload(f"Header {header} of META-INF/MANIFEST.MF has a quote without its other half")
    yield parts
