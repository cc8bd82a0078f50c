"""Projects and groups of ours beyond the one that every server of ours has, and requests below them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from load import Connection, Request, check_status, percentile, send_all
from servers import basic
from servers.packhouse import SCOPES, Packhouse

OK = (200, 201, 204)


@dataclass(frozen=True, slots=True)
class Spot:
    """A project or group with a deploy token, by the base of its addresses."""

    base: str
    user: str
    token: str

    def ask(self, path: str, method: str = "GET", body: bytes = b"", **headers: str) -> Request:
        """A request below it, with the token by Basic."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Request(f"{self.base}/{path}", {"Authorization": basic(self.user, self.token), **named}, method, body)


def own_project(server: Packhouse) -> Spot:
    """The project that the server has already."""
    return Spot(server.packages, server.user, server.token)


def make_group(server: Packhouse, name: str, count: int) -> tuple[Spot, list[Spot]]:
    """A private group, and as many projects in it."""
    group = _number(server.call("POST", "/groups", {"name": name, "path": name, "visibility": "private"}))
    projects = []
    for number in range(count):
        wanted = {"name": f"{name}-{number}", "path": f"{name}-{number}", "visibility": "private", "namespace_id": group}
        projects.append(_number(server.call("POST", "/projects", wanted)))
    token = server.call("POST", f"/groups/{group}/deploy_tokens", {"name": name, "scopes": SCOPES})
    assert isinstance(token, dict)
    user, secret = str(token["username"]), str(token["token"])
    spots = [Spot(f"{server.api}/projects/{project}/packages", user, secret) for project in projects]
    return Spot(f"{server.api}/groups/{group}/-/packages", user, secret), spots


def _number(answer: object) -> int:
    assert isinstance(answer, dict)
    return int(answer["id"])


def send_in_parts(make: Callable[[int], Request], numbers: Sequence[int]) -> float:
    """Send a request for each number over four connections, made some at a time; how many in a second."""
    took = 0.0
    for start in range(0, len(numbers), 500):
        took += send_all([make(number) for number in numbers[start : start + 500]], 4, OK).seconds
    return len(numbers) / took


def time_get(request: Request) -> float:
    """Milliseconds of one GET on a new connection."""
    begun = time.perf_counter()
    connection = Connection(request.url)
    check_status(request, connection.ask(request), (200,))
    connection.close()
    return (time.perf_counter() - begun) * 1000


def time_hot(request: Request, times: int = 100) -> float:
    """The median of GETs on one connection, in milliseconds."""
    connection = Connection(request.url)
    found = []
    for _ in range(times):
        begun = time.perf_counter()
        check_status(request, connection.ask(request), (200,))
        found.append((time.perf_counter() - begun) * 1000)
    connection.close()
    return percentile(found, 50)
