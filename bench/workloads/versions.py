"""One npm package with 5,000 versions: its first packument after a publish and after a restart, and the hot one."""

from __future__ import annotations

import time

from figures import LimitResult, Result
from load import Connection, Request, check_status, percentile, send_all, warm_up
from samples import build_npm_document
from servers.packhouse import Packhouse
from stage import Stage
from workloads import Workload

PACKAGE = "@bench/five-thousand"
VERSIONS = 5000
ABBREVIATED = {"Accept": "application/vnd.npm.install-v1+json"}


def measure_versions(stage: Stage) -> list[Result]:
    """Time of one GET at a time, on one connection."""
    if not stage.with_ours:
        return []
    server = stage.own("versions")
    stage.say(f"  publishing {VERSIONS} versions")
    begun = time.monotonic()
    _publish(server, range(VERSIONS))
    filled = VERSIONS / (time.monotonic() - begun)
    full = server.packument(PACKAGE)
    short = Request(full.url, {**full.headers, **ABBREVIATED})
    after_publish = [_time_after_publish(server, full, number) for number in range(stage.rounds)]
    short_after_publish = [_time_after_publish(server, short, stage.rounds + number) for number in range(stage.rounds)]
    after_restart = [_time_after_restart(server, full) for _ in range(stage.rounds)]
    size = len(warm_up(full, 200).body)
    short_size = len(warm_up(short, 200).body)
    hot, short_hot = ([_time_hot(request) for _ in range(stage.rounds)] for request in (full, short))
    server.group.stop()
    about = f"npm packument, {VERSIONS} versions"
    return [
        LimitResult(f"{about}, full, first GET after a publish", "ms", after_publish, 300, f"body {size / 2**20:.1f} MiB"),
        LimitResult(f"{about}, abbreviated, first GET after a publish", "ms", short_after_publish, 300, f"body {short_size / 2**20:.1f} MiB"),
        LimitResult(f"{about}, full, first GET after a restart", "ms", after_restart, 300),
        LimitResult(f"{about}, full, hot", "ms", hot, 10, "median of 100 GETs on one connection, each round"),
        LimitResult(f"{about}, abbreviated, hot", "ms", short_hot, 10, "median of 100 GETs on one connection, each round"),
        LimitResult("npm publish into one package, while it was filled, c=4", "publishes/s", [filled]),
    ]


def _publish(server: Packhouse, numbers: range) -> None:
    for start in range(numbers.start, numbers.stop, 500):
        some = range(start, min(start + 500, numbers.stop))
        requests = [server.publish_npm(PACKAGE, build_npm_document(PACKAGE, f"1.{number}.0", 100)) for number in some]
        send_all(requests, 4 if len(some) > 1 else 1, (200, 201))


def _time_after_publish(server: Packhouse, request: Request, number: int) -> float:
    _publish(server, range(VERSIONS + number, VERSIONS + number + 1))
    return _time_get(request)


def _time_after_restart(server: Packhouse, request: Request) -> float:
    server.restart()
    return _time_get(request)


def _time_get(request: Request) -> float:
    begun = time.perf_counter()
    connection = Connection(request.url)
    check_status(request, connection.ask(request), (200,))
    connection.close()
    return (time.perf_counter() - begun) * 1000


def _time_hot(request: Request) -> float:
    connection = Connection(request.url)
    times = []
    for _ in range(100):
        begun = time.perf_counter()
        check_status(request, connection.ask(request), (200,))
        times.append((time.perf_counter() - begun) * 1000)
    connection.close()
    return percentile(times, 50)


WORKLOADS = (Workload("npm-5000-versions", "packument of 5,000 versions of ours, cold and hot", measure_versions),)
