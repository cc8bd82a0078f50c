"""A working copy, and the address of a project's repository."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from git_work import Work, new_work
from stand import Json, Login, Stand


@pytest.fixture(name="work")
def make_work(tmp_path: Path) -> Work:
    """An empty working copy on the branch main."""
    return new_work(tmp_path / "work")


@pytest.fixture(name="address")
def make_address(stand: Stand) -> Callable[..., str]:
    """The URL of a project's repository, with a login in it or without."""

    def address(project: Json, login: Login | None = None) -> str:
        user = "" if login is None else f"{login.user}:{login.token}@"
        return f"http://{user}{stand.host}/{project['path_with_namespace']}.git"

    return address
