"""A DESCRIPTION file: one record of fields (R's `read.dcf`), as text in whatever encoding it says."""

from __future__ import annotations

import re
from collections.abc import Mapping

from packhouse.errors import InvalidUpload

LARGEST = 1024 * 1024
MOST_FIELDS = 300

_FIELD = re.compile(r"([!-\"$-,.-9;-~][!-9;-~]*):(.*)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_ENCODING = re.compile(rb"^Encoding:[ \t]*(\S+)[ \t]*\r?$", re.MULTILINE)
_CODECS = {"ascii": "ascii", "utf-8": "utf-8-sig", "utf8": "utf-8-sig", "latin1": "latin-1", "latin2": "iso8859-2", "latin9": "iso8859-15"}


def read_description(content: bytes) -> Mapping[str, str]:
    """The fields, lines of a folded one parted by newlines. Raises `InvalidUpload`."""
    if len(content) > LARGEST:
        raise InvalidUpload(f"DESCRIPTION has {len(content)} bytes, more than {LARGEST}")
    lines = _decode(content).replace("\r\n", "\n").lstrip("\n").rstrip().split("\n")
    fields: list[tuple[str, list[str]]] = []
    for line in lines:
        _add_line(fields, line)
    if len(fields) > MOST_FIELDS:
        raise InvalidUpload(f"DESCRIPTION has {len(fields)} fields, more than {MOST_FIELDS}")
    found = {name: "\n".join(part.strip(" \t") for part in parts).strip("\n") for name, parts in fields}
    if len(found) < len(fields):
        twice = next(name for name, _ in fields if [other for other, _ in fields].count(name) > 1)
        raise InvalidUpload(f"DESCRIPTION has the field {twice[:80]} twice")
    return found


def _decode(content: bytes) -> str:
    said = _ENCODING.search(content)
    name = "utf-8" if said is None else said[1].decode("ascii", "replace").lower()
    codec = _CODECS.get(name)
    if codec is None:
        raise InvalidUpload(f"DESCRIPTION says Encoding: {name[:40]}, which R does not know: use UTF-8, latin1 or latin2")
    try:
        return content.decode(codec)
    except UnicodeDecodeError as error:
        raise InvalidUpload(f"DESCRIPTION is not valid {name}: save it so, or say its encoding in the field Encoding") from error


def _add_line(fields: list[tuple[str, list[str]]], line: str) -> None:
    if _CONTROL.search(line):
        raise InvalidUpload(f"DESCRIPTION has a control character in {line[:80]!r}")
    if line.startswith("#"):
        return
    if not line.strip(" \t"):
        raise InvalidUpload("DESCRIPTION has an empty line inside: it must be one record")
    if line[0] in " \t" or ":" not in line:  # R indents them; what has no colon can be nothing else
        if not fields:
            raise InvalidUpload("DESCRIPTION begins with a continued line")
        fields[-1][1].append(line)
        return
    found = _FIELD.fullmatch(line)
    if found is None:
        raise InvalidUpload(f"DESCRIPTION has a line that is not Field: value: {line[:80]!r}")
    fields.append((found[1], [found[2]]))
