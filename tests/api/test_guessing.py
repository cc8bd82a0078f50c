"""Guesses are counted for the whole server, whichever of its processes hears them."""

from __future__ import annotations

import base64
from pathlib import Path

from stand import Stand
from wire import Client


def test_processes_count_together(tmp_path: Path) -> None:
    """Every process more would give everybody ten guesses a minute more."""
    with Stand(tmp_path / "data", {"PACKHOUSE_WORKERS": "4"}) as stand:
        told = []
        for number in range(30):
            login = base64.b64encode(f"root:guess {number}".encode()).decode()
            with Client(stand.url) as client:  # a connection of its own, which any of the processes may take
                told.append(client.get("/api/v4/projects/1/packages/pypi/simple/x", {"Authorization": f"Basic {login}"}).status)
    assert told == [401] * 10 + [429] * 20
