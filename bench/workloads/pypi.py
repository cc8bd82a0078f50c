"""PyPI: project pages and uploads, beside pypiserver and devpi; the large page also beside nginx with the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count

from figures import Race, Result, Sample, run_race
from load import Request, ask, send_all, send_for, warm_up
from samples import MIB, build_wheel
from servers import PypiServer
from stage import Stage
from workloads import Workload

MANY, ONE = "many-files", "one-file"
FILES = 500
UPLOADED = (200, 201)


def measure_pages(stage: Stage) -> list[Result]:
    """The page of a project with many files and that of a project with one."""
    stage.prepare("pypi store", lambda: _fill_stores(stage))
    servers = _servers(stage)
    many: dict[str, Callable[[], Sample]] = {}
    for server in servers:
        warm_up(server.page(MANY), 200, 8)
        many[server.name] = stage.reads(server, server.page(MANY))
    page = ask(servers[0].page(MANY), (200,))
    static = stage.nginx().serve("page.html", page.body)
    warm_up(static, 200)
    many["nginx"] = stage.reads(stage.nginx(), static)
    one = {}
    for server in [*servers, stage.pypiserver_of_one()]:
        warm_up(server.page(ONE), 200, 8)
        one[server.name] = stage.reads(server, server.page(ONE))
    lonely = stage.pypiserver_of_one().name
    return [
        run_race(Race(f"PyPI project page, {FILES} files", "requests/s", many, {"pypiserver": 100, "devpi": 100}), stage.rounds),
        run_race(Race(f"PyPI project page, 1 file, {FILES + 1} in the store", "requests/s", one, {"pypiserver": 15, lonely: 15}), stage.rounds),
    ]


def measure_uploads(stage: Stage) -> list[Result]:
    """Uploads of wheels of 10 MiB, each a version of its own, over four connections: with their SHA-256, and with BLAKE2 beside it."""
    numbers = count()
    results: list[Result] = []
    for title, blake2, targets in (
        ("PyPI upload, 10 MiB, c=4", False, {"pypiserver": 3.0, "devpi": 4.0}),
        ("PyPI upload, 10 MiB, BLAKE2 sent too, c=4", True, {}),
    ):
        entries = {server.name: _uploads(stage, server, numbers, blake2=blake2) for server in _servers(stage)}
        results.append(run_race(Race(title, "uploads/s", entries, targets), stage.rounds))
    return results


def _servers(stage: Stage) -> list[PypiServer]:
    peers: list[PypiServer] = [stage.pypiserver(), stage.devpi()]
    return [stage.packhouse(), *peers] if stage.with_ours else peers


def _fill_stores(stage: Stage) -> None:
    wheels = [build_wheel(MANY, f"1.0.{number}", 300) for number in range(FILES)]
    one = build_wheel(ONE, "1.0", 300)
    stage.pypiserver_of_one().place(one)
    for wheel in [*wheels, one]:
        stage.pypiserver().place(wheel)
    uploaders: list[PypiServer] = [stage.devpi()]
    if stage.with_ours:
        uploaders.append(stage.packhouse())
    for server in uploaders:
        stage.say(f"  filling {server.name} with {FILES + 1} files")
        send_all([server.upload(wheel) for wheel in [*wheels, one]], 1, UPLOADED)


def _uploads(stage: Stage, server: PypiServer, numbers: count[int], *, blake2: bool) -> Callable[[], Sample]:
    def make(_: int) -> Request:
        return server.upload(replace(build_wheel("large-wheel", f"1.{next(numbers)}", 10 * MIB), blake2=blake2))

    def measure() -> Sample:
        # A dozen bodies at most: they are held in memory before the clock starts, and each stays on the disk of its server.
        _, load = send_for(make, stage.seconds, 4, UPLOADED, most=12)
        return stage.sample(server, load)

    return measure


WORKLOADS = (
    Workload("pypi-page", "project pages of 500 files and of one; beside pypiserver, devpi and nginx", measure_pages),
    Workload("pypi-upload", "uploading wheels of 10 MiB; beside pypiserver and devpi", measure_uploads),
)
