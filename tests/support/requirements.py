"""What a run does without a program it would need: skip on a laptop, fail where every one of them must be there."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def must_be_complete() -> bool:
    """Whether this run may skip nothing: in CI, or where PACKHOUSE_REQUIRE_CLIENTS asks for it."""
    return any(os.environ.get(name, "").lower() not in {"", "0", "false"} for name in ("CI", "PACKHOUSE_REQUIRE_CLIENTS"))


def miss(what: str) -> NoReturn:
    """End this test for want of a program."""
    message = f"{what} is not installed: run `make clients`"
    if must_be_complete():
        pytest.fail(message, pytrace=False)
    pytest.skip(message)
