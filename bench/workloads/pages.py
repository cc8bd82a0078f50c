"""The page that lists 100,000 packages of ours, beside the REST call that answers the same twenty: a visitor without a session asks for both."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing

from figures import LimitResult, Result
from load import Connection, Request, check_status, percentile, warm_up
from servers.packhouse import Packhouse
from stage import Stage
from workloads import Workload

PACKAGES = 100_000
PLACE = "pages/list"


def measure_pages(stage: Stage) -> list[Result]:
    """Time of one GET at a time, on one connection: to the first byte, which is that of the whole answer."""
    if not stage.with_ours:
        return []
    server = stage.own("pages", workers=1)
    project = _open_project(server)
    stage.say(f"  filling a project with {PACKAGES} packages")
    server.group.stop()
    _multiply(server, project)
    server.launch()
    server.wait()
    rest = Request(f"{server.api}/projects/{project}/packages?order_by=created_at&sort=desc")
    pages = {
        "newest first": Request(f"{server.url}/{PLACE}/-/packages"),
        "by name": Request(f"{server.url}/{PLACE}/-/packages?orderBy=name&sort=asc"),
        "a part of a name": Request(f"{server.url}/{PLACE}/-/packages?search=package-0777"),
    }
    for request in (rest, *pages.values()):
        warm_up(request, 200, 3)
    rest_times = [_time(rest) for _ in range(stage.rounds)]
    times = {name: [_time(request) for _ in range(stage.rounds)] for name, request in pages.items()}
    server.group.stop()
    beside = {"REST, ms": percentile(rest_times, 50)}
    about = f"list page of {PACKAGES:,} packages"
    return [
        LimitResult(
            f"{about}, {name}", "ms", found, None if name != "newest first" else 2 * beside["REST, ms"], "at most twice the REST call", beside
        )
        for name, found in times.items()
    ]


def _open_project(server: Packhouse) -> int:
    group = _id(server.call("POST", "/groups", {"name": "pages", "path": "pages", "visibility": "public"}))
    project = _id(server.call("POST", "/projects", {"name": "list", "path": "list", "visibility": "public", "namespace_id": group}))
    for name in ("package-000000", "package-000001"):
        request = Request(
            f"{server.api}/projects/{project}/packages/generic/{name}/1.0.0/file.txt", {"PRIVATE-TOKEN": server.admin}, "PUT", name.encode()
        )
        connection = Connection(request.url)
        check_status(request, connection.ask(request), (200, 201))
        connection.close()
    return project


def _id(answer: object) -> int:
    assert isinstance(answer, dict)
    return int(answer["id"])


def _multiply(server: Packhouse, project: int) -> None:
    """The last package again and again, by its rows: to publish as many would take longer than all that is measured."""
    [path] = (server.folder / "data").glob("*.sqlite3")
    with closing(sqlite3.connect(path)) as database, database:
        last = database.execute("SELECT max(id) FROM package WHERE project_id = ?", (project,)).fetchone()[0]
        for number in range(2, PACKAGES):
            name = f"package-{number:06}"
            package = _copy(database, "package", "id", last, {"name": name, "name_key": name})
            version = _copy(database, "version", "package_id", last, {"name": name, "package_id": package, "created": 1_700_000_000_000_000 + number})
            _copy(database, "file", "package_id", last, {"package_id": package, "version_id": version})


def _copy(database: sqlite3.Connection, table: str, key: str, value: int, changed: dict[str, object]) -> int:
    names = [row[1] for row in database.execute(f"PRAGMA table_info({table})") if row[1] != "id"]
    taken = ", ".join(f":{name}" if name in changed else name for name in names)
    statement = f"INSERT INTO {table} ({', '.join(names)}) SELECT {taken} FROM {table} WHERE {key} = :_of"
    return int(database.execute(statement, {**changed, "_of": value}).lastrowid or 0)


def _time(request: Request) -> float:
    connection = Connection(request.url)
    times = []
    for _ in range(20):
        begun = time.perf_counter()
        check_status(request, connection.ask(request), (200,))
        times.append((time.perf_counter() - begun) * 1000)
    connection.close()
    return percentile(times, 50)


WORKLOADS = (Workload("pages", "list page of 100,000 packages of ours, beside the REST call", measure_pages),)
