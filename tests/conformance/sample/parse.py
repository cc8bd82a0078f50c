"""A spooled `.pkg`, text of "Key: value" lines → facts."""

from __future__ import annotations

from pathlib import Path

from packhouse.errors import InvalidUpload
from packhouse.model import About, Struct

LARGEST = 256 * 1024
REQUIRED = ("Name", "Version")


class Described(Struct):
    """What a package says about itself: its fields in their order, and further shelves that it stands on."""

    fields: tuple[tuple[str, str], ...]
    about: About
    also: tuple[str, ...] = ()


def read_package(path: str, name: str, version: str) -> Described:
    """The fields, where they agree with the name in the path. Raises `InvalidUpload`."""
    with Path(path).open("rb") as source:
        content = source.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise InvalidUpload(f"The package has more than {LARGEST} bytes of fields")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise InvalidUpload("The package is not valid UTF-8") from error
    fields = tuple(_read_line(line) for line in text.split("\n") if line)
    values = dict(fields)
    if len(values) != len(fields):
        raise InvalidUpload("A field is there twice")
    for key in REQUIRED:
        if key not in values:
            raise InvalidUpload(f"Field {key} is missing")
    if (values["Name"].lower(), values["Version"]) != (name, version):
        raise InvalidUpload(f"The package calls itself {values['Name'][:80]} {values['Version'][:80]}, its path says {name} {version}")
    return Described(fields=fields, about=About(summary=values.get("Summary", "")), also=tuple(values.get("Also", "").split()))


def _read_line(line: str) -> tuple[str, str]:
    key, colon, value = line.partition(": ")
    if not colon or not key.isascii() or not key.isalnum() or not value.isprintable():
        raise InvalidUpload(f"Line {line[:80]!r} is not Key: value")
    return key, value
