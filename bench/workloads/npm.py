"""npm: packuments, tarballs and publishes, beside verdaccio; documents and tarballs also beside nginx with the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count

from figures import Race, Result, Sample, run_race
from load import ONCE, Request, UnexpectedAnswer, ask, send_for, warm_up
from samples import KIB, MIB, build_npm_document
from servers import NpmServer
from stage import Stage
from workloads import Workload

LIBRARY = "@bench/library"
VERSIONS = 53  # about 60 KiB from ours
ABBREVIATED = {"Accept": "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*"}
PUBLISHED = (200, 201)


def measure_packument(stage: Stage) -> list[Result]:
    """Full and abbreviated packument, and the answer to a client that has it already."""
    servers = _servers(stage)
    stage.prepare("npm library", lambda: _publish_library(servers))
    full = {server.name: server.packument(LIBRARY) for server in servers}
    short = {server.name: _with(full[server.name], ABBREVIATED) for server in servers}
    zipped = {name: _with(request, {**ABBREVIATED, "Accept-Encoding": "gzip"}) for name, request in full.items()}
    new = {name: _with(request, {ONCE: "0"}) for name, request in full.items()}  # nothing remembered helps
    known = {name: _with(request, {"If-None-Match": _etag(request)}) for name, request in full.items()}
    return [
        _race(stage, servers, f"npm packument, {VERSIONS} versions, full", full, 200, {"verdaccio": 30, "nginx": 0.45}),
        _race(stage, servers, f"npm packument, {VERSIONS} versions, abbreviated", short, 200, {"verdaccio": 30, "nginx": 0}),
        _race(stage, servers, f"npm packument, {VERSIONS} versions, abbreviated, gzip as npm asks", zipped, 200, {}),
        _race(stage, servers, f"npm packument, {VERSIONS} versions, full, every request a new one", new, 200, {}),
        _race(stage, servers, "npm packument, client has it: 304", known, 304, {"verdaccio": 40}),
    ]


def measure_tarball(stage: Stage) -> list[Result]:
    """Downloads of a small and of a large tarball."""
    servers, results = _servers(stage), list[Result]()
    sizes = ((100 * KIB, "100 KiB", {"verdaccio": 8.0, "nginx": 0.0}), (10 * MIB, "10 MiB", {"verdaccio": 1.8, "nginx": 0.7}))
    for size, label, targets in sizes:
        package = f"@bench/tarball-{size}"
        document = build_npm_document(package, "1.0.0", size)
        stage.prepare(package, lambda d=document, p=package: [ask(server.publish_npm(p, d), PUBLISHED) for server in servers])  # type: ignore[misc]
        requests = {server.name: _tarball(server, package) for server in servers}
        results.append(_race(stage, servers, f"npm tarball, {label}", requests, 200, targets, large=size > MIB))
    return results


def measure_publish(stage: Stage) -> list[Result]:
    """Publishes of fresh names, 100 KiB each, over four connections."""
    numbers = count()
    entries = {server.name: _publishes(stage, server, numbers) for server in _servers(stage)}
    return [run_race(Race("npm publish, 100 KiB, new names, c=4", "publishes/s", entries, {"verdaccio": 2.5}), stage.rounds)]


def _servers(stage: Stage) -> list[NpmServer]:
    return [stage.packhouse(), stage.verdaccio()] if stage.with_ours else [stage.verdaccio()]


def _publish_library(servers: list[NpmServer]) -> None:
    for number in range(VERSIONS):
        document = build_npm_document(LIBRARY, f"1.{number}.0", 200)
        for server in servers:
            ask(server.publish_npm(LIBRARY, document), PUBLISHED)


def _race(
    stage: Stage,
    servers: list[NpmServer],
    title: str,
    requests: Mapping[str, Request],
    expect: int,
    targets: Mapping[str, float],
    *,
    large: bool = False,
) -> Result:
    measure = stage.downloads if large else stage.reads
    entries: dict[str, Callable[[], Sample]] = {}
    body = b""
    for server in servers:
        request = requests[server.name]
        reply = warm_up(request, expect)
        body = reply.body if server is servers[0] else body
        entries[server.name] = measure(server, request)
    if expect == 200 and "nginx" in targets:
        suffix = "json" if body[:1] == b"{" else "bin"
        static = stage.nginx().serve(f"npm-{len(body)}.{suffix}", body)
        warm_up(static, 200)
        entries["nginx"] = measure(stage.nginx(), static)
    return run_race(Race(title, "requests/s", entries, targets), stage.rounds)


def _tarball(server: NpmServer, package: str) -> Request:
    document = ask(server.packument(package), (200,)).json()
    assert isinstance(document, dict)
    return server.npm_tarball(document["versions"]["1.0.0"]["dist"]["tarball"])


def _publishes(stage: Stage, server: NpmServer, numbers: count[int]) -> Callable[[], Sample]:
    def make(_: int) -> Request:
        name = f"@bench/fresh-{next(numbers)}"
        return server.publish_npm(name, build_npm_document(name, "1.0.0", 100 * KIB))

    def measure() -> Sample:
        _, load = send_for(make, stage.seconds, 4, PUBLISHED, most=1500)
        return stage.sample(server, load)

    return measure


def _with(request: Request, headers: Mapping[str, str]) -> Request:
    return Request(request.url, {**request.headers, **headers})


def _etag(request: Request) -> str:
    tag = ask(request, (200,)).headers.get("etag")
    if not tag:
        raise UnexpectedAnswer(f"{request.url} has no ETag")
    return tag


WORKLOADS = (
    Workload("npm-packument", "packument: full, abbreviated, 304; beside verdaccio and nginx", measure_packument),
    Workload("npm-tarball", "tarball of 100 KiB and of 10 MiB; beside verdaccio and nginx", measure_tarball),
    Workload("npm-publish", "publishing 100 KiB under new names; beside verdaccio", measure_publish),
)
