"""What every test may ask for; the fixtures themselves are in support/."""

from __future__ import annotations

from hypothesis import settings

pytest_plugins = ["stand", "postgres", "programs"]

settings.register_profile("quick", max_examples=10, deadline=None)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """A name for compressed bytes that is the same in every process of a run: they hold the time at which they were made."""
    return f"{argname} of {len(val)} bytes" if isinstance(val, bytes) and val.startswith(b"\x1f\x8b") else None
