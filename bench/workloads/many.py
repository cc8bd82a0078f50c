"""A package with thousands of versions, in a project and over the projects of a group: its index cold, hot, known, and beside nginx."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from figures import LimitResult, Race, Result, run_race
from load import Request, UnexpectedAnswer, ask, warm_up
from samples import KIB, build_npm_document
from servers.packhouse import Packhouse
from stage import Stage
from workloads.places import OK, Spot, make_group, own_project, send_in_parts, time_get, time_hot

VERSIONS = 5000
IN_GROUP, PROJECTS = 10_000, 20
HOT = "median of 100 GETs on one connection, each round"


@dataclass(frozen=True, slots=True)
class Many:
    """A format's package: the name of its index, its path below a project or group, the publish of a version by its number.

    `follow`: the address of what a client reads next, from the index.
    """

    about: str
    path: str
    put: Callable[[Spot, int], Request]
    follow: Callable[[bytes], str] | None = None


def measure_many(stage: Stage, what: Many) -> list[Result]:
    """Everything about one such package, on a server of its own."""
    if not stage.with_ours:
        return []
    server = stage.own(what.path.replace("/", "-"))
    try:
        return [*_measure_project(stage, server, what), *_measure_group(stage, server, what)]
    finally:
        server.group.stop()


def _measure_project(stage: Stage, server: Packhouse, what: Many) -> list[Result]:
    spot = own_project(server)
    stage.say(f"  publishing {VERSIONS} versions")
    filled = send_in_parts(lambda number: what.put(spot, number), range(VERSIONS))
    request = spot.ask(what.path)
    cold, after_restart, following = [], [], []
    for number in range(stage.rounds):
        ask(what.put(spot, VERSIONS + number), OK)
        cold.append(time_get(request))
        if what.follow is not None:
            following.append(time_get(Request(what.follow(ask(request).body), request.headers)))
    for _ in range(stage.rounds):
        server.restart()
        after_restart.append(time_get(request))
    body = warm_up(request, 200).body
    hot = [time_hot(request) for _ in range(stage.rounds)]
    about = f"{what.about}, {VERSIONS} versions"
    return [
        *([LimitResult(f"{about}, a page of it, first GET after a publish", "ms", following, 300)] if following else []),
        LimitResult(f"{about}, first GET after a publish", "ms", cold, 300, f"body {len(body) / KIB:.0f} KiB"),
        LimitResult(f"{about}, first GET after a restart", "ms", after_restart, 300),
        LimitResult(f"{about}, hot", "ms", hot, 10, HOT),
        LimitResult(f"{what.about}: publishes into one package, while it was filled, c=4", "publishes/s", [filled]),
        _race_nginx(stage, server, request, body, about),
        _race_known(stage, server, spot, request, about),
    ]


def _race_nginx(stage: Stage, server: Packhouse, request: Request, body: bytes, about: str) -> Result:
    static = stage.nginx().serve(f"many-{len(body)}.bin", body)
    warm_up(static, 200)
    entries = {server.name: stage.reads(server, request), "nginx": stage.reads(stage.nginx(), static)}
    return run_race(Race(f"{about}, hot", "requests/s", entries, {"nginx": 0.4}), stage.rounds)


def _race_known(stage: Stage, server: Packhouse, spot: Spot, request: Request, about: str) -> Result:
    """Ours against ours: what a client has already, here and of a small npm package."""
    ask(server.publish_npm("@bench/known", build_npm_document("@bench/known", "1.0.0", 100)), OK)
    ours, npm = _known(request), _known(server.packument("@bench/known"))
    entries = {server.name: stage.reads(server, ours), "our npm": stage.reads(server, npm)}
    return run_race(Race(f"{about}, client has it: 304", "requests/s", entries, {"our npm": 0.9}), stage.rounds)


def _known(request: Request) -> Request:
    tag = ask(request, (200,)).headers.get("etag")
    if not tag:
        raise UnexpectedAnswer(f"{request.url} has no ETag")
    known = Request(request.url, {**request.headers, "If-None-Match": tag})
    warm_up(known, 304)
    return known


def _measure_group(stage: Stage, server: Packhouse, what: Many) -> list[Result]:
    group, projects = make_group(server, "many", PROJECTS)
    stage.say(f"  publishing {IN_GROUP} versions over {PROJECTS} projects, and as many in one")
    send_in_parts(lambda number: what.put(projects[number % PROJECTS], number), range(IN_GROUP))
    whole = own_project(server)
    send_in_parts(lambda number: what.put(whole, number), range(VERSIONS + stage.rounds, IN_GROUP))
    request, single = group.ask(what.path), whole.ask(what.path)
    cold, ratios = [], []
    for number in range(stage.rounds):
        ask(what.put(projects[number % PROJECTS], IN_GROUP + number), OK)
        cold.append(time_get(request))
    for one in (request, single):
        warm_up(one, 200)
    for _ in range(stage.rounds):
        ratios.append(time_hot(request) / time_hot(single))
    about = f"{what.about}, group of {PROJECTS} projects with {IN_GROUP} versions"
    return [
        LimitResult(f"{about}, first GET after a publish", "ms", cold, 500),
        LimitResult(f"{about}, hot, time beside that of one project with as many", "×", ratios, 2, HOT),
    ]
