"""Texts of bundles and features that are in a file of their own: `%key` in a manifest, `key = text` beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from packhouse.formats.p2.parse.facts import NOT_XML

_PROPERTY = re.compile(r"[ \t]*([^#!=: \t][^=: \t]*)[ \t]*[=:][ \t]*(.*)")


def read_texts(data: bytes) -> Mapping[str, str]:
    """The texts of a file, by key; what is no text on one line, or has a character that XML has not, is passed over."""
    lines = (line for line in re.split("[\r\n]+", data.decode("latin-1")) if not NOT_XML.search(line))
    return {found[1]: found[2] for line in lines if (found := _PROPERTY.fullmatch(line))}


def translate(value: str, texts: Mapping[str, str]) -> str:
    """The text behind `%key`."""
    return texts.get(value[1:], value) if value.startswith("%") else value
