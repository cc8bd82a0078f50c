"""Whether a server answers yet."""

from __future__ import annotations

from collections.abc import Mapping

import httptools

from load import Request, ask


def answers(url: str, headers: Mapping[str, str] | None = None) -> bool:
    """Whether a GET is answered 200."""
    try:
        return ask(Request(url, headers or {}), timeout=5).status == 200
    except (OSError, httptools.HttpParserError):
        return False
