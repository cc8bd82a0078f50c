"""Text of packages as XML: whatever bytes it was, what comes out is well-formed."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, quoteattr

ILLEGAL = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def decode(raw: bytes) -> str:
    """UTF-8, or Latin-1 where it is not."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def read_text(raw: bytes) -> str:
    """The text, without the characters that XML cannot hold."""
    return ILLEGAL.sub("", decode(raw))


def write_element(tag: str, text: str = "", **attributes: object) -> str:
    """An element that holds this text; attributes without a value are left out."""
    said = "".join(f" {name}={quoteattr(str(value))}" for name, value in attributes.items() if value not in (None, ""))
    return f"<{tag}{said}>{escape(text)}</{tag}>\n" if text else f"<{tag}{said}/>\n"
