"""Credentials that clients write in a way of their own."""

from __future__ import annotations

from collections.abc import Mapping


def read_bare_token(headers: Mapping[str, str]) -> str | None:
    """The token that is the whole of `Authorization`, with no scheme in front, as Cargo and `gem` send it."""
    value = headers.get("authorization", "").strip()
    return value if value and " " not in value else None
