"""Whether a server answers yet."""

from __future__ import annotations

import http.client
from collections.abc import Mapping

from load import Request, ask


def answers(url: str, headers: Mapping[str, str] | None = None) -> bool:
    """Whether a GET is answered 200."""
    try:
        return ask(Request(url, headers or {}), timeout=5).status == 200
    except (OSError, http.client.HTTPException):
        return False
