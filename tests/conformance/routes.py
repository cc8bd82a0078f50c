"""Every route of a format as a request, for tests that walk them all."""

from __future__ import annotations

from collections.abc import Iterator

from packhouse.contract import Route
from packhouse.model import Reach

from .driver import Ask, Client, Sample, fill

LEVELS = {Reach.PROJECT: "projects", Reach.GROUP: "groups"}


def walk(client: Client, level: str, place: int | str, sample: Sample, time: str = "") -> Iterator[tuple[Route, Ask]]:
    """Each route that is mounted at this level, in the place, filled with the sample; at a moment only what reads."""
    for route in client.format.routes:
        if not any(reach in route.reach and name == level for reach, name in LEVELS.items()) or (time and route.method != "GET"):
            continue
        for path in fill(route, sample, b""):
            body = b"{}" if route.method in ("PUT", "POST") else None
            yield route, Ask(route.method, client.base(level, place, time) + path, body)
            if route.method == "GET":
                yield route, Ask("HEAD", client.base(level, place, time) + path)
