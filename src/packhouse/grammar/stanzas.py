"""Paragraphs of "Key: value" lines with continuations (deb822): the fields in their order, as they were written."""

from __future__ import annotations

import re

from packhouse.errors import InvalidUpload

LARGEST = 1024 * 1024
MOST_FIELDS = 200
FIELD = re.compile(r"([!-\"$-,.-9;-~][!-9;-~]*):[ \t]*(.*)")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029]")

Fields = tuple[tuple[str, str], ...]


def read_stanza(content: bytes, what: str) -> Fields:
    """The fields of a file with exactly one paragraph. Raises `InvalidUpload`."""
    if len(content) > LARGEST:
        raise InvalidUpload(f"{what} has {len(content)} bytes, more than {LARGEST}")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise InvalidUpload(f"{what} is not valid UTF-8") from error
    lines = text.replace("\r\n", "\n").strip("\n").split("\n")
    fields: list[tuple[str, list[str]]] = []
    for line in lines:
        _add_line(fields, line.rstrip(" \t"), line, what)
    if not fields:
        raise InvalidUpload(f"{what} has no field, only comments")
    names = [name.lower() for name, _ in fields]
    if len(names) > MOST_FIELDS:
        raise InvalidUpload(f"{what} has {len(names)} fields, more than {MOST_FIELDS}")
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InvalidUpload(f"{what} has the field {twice} twice")
    return tuple((name, "\n".join(value)) for name, value in fields)


def _add_line(fields: list[tuple[str, list[str]]], line: str, raw: str, what: str) -> None:
    if CONTROL.search(line):
        raise InvalidUpload(f"{what} has a control character in {raw[:80]!r}")
    if raw.startswith("#"):
        return
    if not line:
        raise InvalidUpload(f"{what} has an empty line inside: write it as a blank and a dot")
    if line[0] in " \t":
        if not fields:
            raise InvalidUpload(f"{what} begins with a continued line")
        fields[-1][1].append(line)
        return
    found = FIELD.fullmatch(line)
    if found is None:
        raise InvalidUpload(f"{what} has a line that is not Key: value: {raw[:80]!r}")
    fields.append((found[1], [found[2]]))


def write_stanza(fields: Fields) -> str:
    """The paragraph again, a newline after each field."""
    return "".join(f"{name}:{'' if value.startswith(chr(10)) or not value else ' '}{value}\n" for name, value in fields)
