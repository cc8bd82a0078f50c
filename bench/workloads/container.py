"""Container images: manifests by tag, pulls and pushes of layers, a list of many tags; beside docker-registry, which asks for no credential."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import time
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from figures import LimitResult, Race, Result, Sample, run_race
from load import Connection, Flood, Request, UnexpectedAnswer, Waiting, ask, at_once, check_status, make_flood, send_all, warm_up
from samples import GIB, KIB, MIB
from servers import Server, basic
from servers.packhouse import Packhouse
from stage import Stage
from workloads import Workload

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
IMAGE = "bench/load/image"
TAGS = 10_000
PAGE = 100
DOOMED = 2000
CREATED = (201,)
PIECE = b"\x5a" * MIB


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where one server keeps an image, and the header that opens it."""

    url: str
    header: str

    def ask(self, path: str, method: str = "GET", body: bytes = b"", **headers: str) -> Request:
        """A request below the image."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Request(f"{self.url}/v2/{IMAGE}/{path}", {**({"Authorization": self.header} if self.header else {}), **named}, method, body)


def _shelf(server: Server, url: str) -> Shelf:
    """A fresh token of ours, as a client gets one before it pulls or pushes; the peer knows none."""
    if not isinstance(server, Packhouse):
        return Shelf(url, "")
    user, secret = _container_token(server)
    query = urllib.parse.urlencode({"service": "container_registry", "scope": f"repository:{IMAGE}:pull,push"})
    reply = ask(Request(f"{server.url}/jwt/auth?{query}", {"Authorization": basic(user, secret)}), (200,)).json()
    assert isinstance(reply, dict)
    return Shelf(url, f"Bearer {reply['token']}")


_tokens: dict[str, tuple[str, str]] = {}


def _container_token(server: Packhouse) -> tuple[str, str]:
    if server.url not in _tokens:
        wanted = {"name": "images", "scopes": ["read_registry", "write_registry"]}
        made = server.call("POST", f"/projects/{server.project}/deploy_tokens", wanted)
        assert isinstance(made, dict)
        _tokens[server.url] = (str(made["username"]), str(made["token"]))
    return _tokens[server.url]


def _servers(stage: Stage) -> list[tuple[Server, str]]:
    peer = stage.registry()
    return [(stage.packhouse(), stage.packhouse().url), (peer, peer.url)] if stage.with_ours else [(peer, peer.url)]


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _push(connection: Connection, shelf: Shelf, data: bytes, digest: str) -> None:
    """One layer as docker pushes it: a session, its bytes, its digest, which is known beforehand."""
    begun = connection.ask(shelf.ask("blobs/uploads/", "POST"))
    check_status(shelf.ask("blobs/uploads/"), begun, (202,))
    sent = connection.ask(_at(shelf, begun.headers["location"], "PATCH", data, Content_Type="application/octet-stream"))
    check_status(shelf.ask("blobs/uploads/"), sent, (202,))
    place = sent.headers["location"]
    done = connection.ask(_at(shelf, f"{place}{'&' if '?' in place else '?'}digest={digest}", "PUT"))
    check_status(shelf.ask("blobs/uploads/"), done, CREATED)


def _at(shelf: Shelf, location: str, method: str, body: bytes = b"", **headers: str) -> Request:
    made = shelf.ask("", method, body, **headers)
    return Request(urllib.parse.urljoin(shelf.url, location), made.headers, method, body)


def _push_image(shelf: Shelf, tag: str, *contents: bytes) -> tuple[str, bytes]:
    """An image of these layers; the digest of the first and the manifest."""
    connection = Connection(shelf.url)
    config = json.dumps(
        {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [_digest(one) for one in contents]}}
    ).encode()
    for one in (*contents, config):
        _push(connection, shelf, one, _digest(one))
    kind = "application/vnd.oci.image.layer.v1.tar"
    layers = [{"mediaType": kind, "size": len(one), "digest": _digest(one)} for one in contents]
    described = {"mediaType": "application/vnd.oci.image.config.v1+json", "size": len(config), "digest": _digest(config)}
    manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": described, "layers": layers}).encode()
    request = shelf.ask(f"manifests/{tag}", "PUT", manifest, Content_Type=MANIFEST)
    check_status(request, connection.ask(request), CREATED)
    connection.close()
    return str(layers[0]["digest"]), manifest


def measure_manifest(stage: Stage) -> list[Result]:
    """A manifest by its tag, from sixteen clients at once."""
    entries: dict[str, Callable[[], Sample]] = {}
    for server, url in _servers(stage):
        _push_image(_shelf(server, url), "small", os.urandom(KIB))
        entries[server.name] = _reads(server, url, "manifests/small", stage.reads)
    return [run_race(Race("Manifest by tag, c=16", "requests/s", entries, {"docker-registry": 6}), stage.rounds)]


def _reads(server: Server, url: str, path: str, how: Callable[[Server, Request], Callable[[], Sample]]) -> Callable[[], Sample]:
    def measure() -> Sample:
        request = _shelf(server, url).ask(path, Accept=MANIFEST)
        warm_up(request, 200, 2)
        return how(server, request)()

    return measure


def measure_pull(stage: Stage) -> list[Result]:
    """Layers of 10 MiB and of 1 GiB."""
    results: list[Result] = []
    for size, label, connections, targets in (
        (10 * MIB, "10 MiB", 8, {"docker-registry": 1.5, "nginx": 0.7}),
        (GIB, "1 GiB", 2, {"docker-registry": 1.2, "nginx": 0.0}),
    ):
        layer = os.urandom(min(size, 10 * MIB)) + PIECE * ((size - 10 * MIB) // MIB if size > 10 * MIB else 0)
        entries: dict[str, Callable[[], Sample]] = {}
        for server, url in _servers(stage):
            digest, _ = _push_image(_shelf(server, url), f"layer-{size}", layer)
            entries[server.name] = _reads(server, url, f"blobs/{digest}", partial(stage.downloads, connections=connections))
        static = stage.nginx().serve(f"layer-{size}.bin", layer)
        warm_up(static, 200, 2)
        entries["nginx"] = stage.downloads(stage.nginx(), static, connections)
        results.append(run_race(Race(f"Layer pull, {label}, c={connections}", "requests/s", entries, targets), stage.rounds))
    return results


def measure_push(stage: Stage) -> list[Result]:
    """Pushes of layers of 1 MiB over four connections, and of one of 1 GiB."""
    small = {server.name: _pushes(stage, server, url) for server, url in _servers(stage)}
    large = {server.name: _large_push(stage, server, url) for server, url in _servers(stage)}
    return [
        run_race(Race("Layer push, 1 MiB, c=4", "layers/s", small, {"docker-registry": 2}), stage.rounds),
        run_race(Race("Layer push, 1 GiB", "layers/s", large, {"docker-registry": 1.1}), stage.rounds),
    ]


def _pushes(stage: Stage, server: Server, url: str) -> Callable[[], Sample]:
    def measure() -> Sample:
        shelf = _shelf(server, url)
        _push_all(shelf, [os.urandom(MIB) for _ in range(8)])
        layers = [os.urandom(MIB) for _ in range(40 * stage.seconds)]
        return stage.sample(server, lambda: _push_all(shelf, layers))

    return measure


def _push_all(shelf: Shelf, layers: Sequence[bytes]) -> Flood:
    waiting, times = Waiting([(layer, _digest(layer)) for layer in layers]), list[float]()

    def work(connection: Connection) -> None:
        for layer, digest in waiting:
            before = time.perf_counter()
            _push(connection, shelf, layer, digest)
            times.append(time.perf_counter() - before)

    return make_flood(times, at_once(work, shelf.url, 4), MIB)


def _large_push(stage: Stage, server: Server, url: str) -> Callable[[], Sample]:
    def measure() -> Sample:
        shelf, head = _shelf(server, url), os.urandom(MIB)
        digest = hashlib.sha256(head + PIECE * (GIB // MIB - 1)).hexdigest()
        sample = stage.sample(server, lambda: _stream(shelf, head, digest))
        _forget(server, shelf, digest)
        return sample

    return measure


def _stream(shelf: Shelf, head: bytes, digest: str) -> Flood:
    """One layer of 1 GiB, sent as it is made."""
    begun = time.perf_counter()
    first = ask(shelf.ask("blobs/uploads/", "POST"), (202,))
    place = urllib.parse.urlsplit(urllib.parse.urljoin(shelf.url, first.headers["location"]))
    connection = http.client.HTTPConnection(place.hostname or "127.0.0.1", place.port, timeout=120)
    target = place.path + (f"?{place.query}" if place.query else "")
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(GIB), **({"Authorization": shelf.header} if shelf.header else {})}
    connection.request("PATCH", target, _pieces(head), headers)
    answer = connection.getresponse()
    answer.read()
    if answer.status != 202:
        raise UnexpectedAnswer(f"the PATCH of 1 GiB was answered {answer.status}")
    location = answer.headers["location"]
    connection.close()
    ask(_at(shelf, f"{location}{'&' if '?' in location else '?'}digest=sha256:{digest}", "PUT"), CREATED)
    took = time.perf_counter() - begun
    return Flood(1, took, took * 1000, took * 1000, GIB)


def _pieces(head: bytes) -> Iterator[bytes]:
    yield head
    for _ in range(GIB // MIB - 1):
        yield PIECE


def _forget(server: Server, shelf: Shelf, digest: str) -> None:
    """Give the disk back where the server lets us."""
    if not isinstance(server, Packhouse):
        ask(shelf.ask(f"blobs/sha256:{digest}", "DELETE"), (202, 404, 405))


def measure_tags(stage: Stage) -> list[Result]:
    """A page of the tags of an image that has very many."""
    if not stage.with_ours:
        return []
    server = stage.packhouse()
    shelf = _shelf(server, server.url)
    _, manifest = _push_image(shelf, "first", os.urandom(KIB))

    def fill() -> None:
        stage.say(f"  setting {TAGS} tags")
        for start in range(0, TAGS, 1000):
            fresh = _shelf(server, server.url)
            send_all([fresh.ask(f"manifests/t{n:05}", "PUT", manifest, Content_Type=MANIFEST) for n in range(start, start + 1000)], 4, CREATED)

    stage.prepare("tags", fill)
    shelf = _shelf(server, server.url)
    connection = Connection(server.url)
    times = []
    for number in range(100 * stage.rounds):
        # each page another one, so that nothing is remembered
        request = shelf.ask(f"tags/list?n={PAGE}&last=t{(number * 97) % (TAGS - PAGE):05}")
        begun = time.perf_counter()
        reply = connection.ask(request)
        times.append((time.perf_counter() - begun) * 1000)
        check_status(request, reply, (200,))
    connection.close()
    return [LimitResult(f"Tags of an image with {TAGS:,}, a page of {PAGE}", "ms", times, 10, "each request another page")]


def measure_collect(stage: Stage) -> list[Result]:
    """Images of their own configuration, deleted by digest over four connections, and their bytes collected by the command."""
    if not stage.with_ours:
        return []
    server = stage.own("collecting")
    at_once = {f"PACKHOUSE_{name}": "0" for name in ("COLLECT_GRACE_SECONDS", "COLLECT_SWEEP_SECONDS", "RETENTION_DAYS")}
    seconds, left = list[float](), 0
    for _ in range(stage.rounds):
        doomed = _push_many(server, DOOMED)
        shelf = _administrator(server)
        took = send_all([shelf.ask(f"manifests/{digest}", "DELETE") for digest in doomed], 4, (202,)).seconds
        # the second round removes what the first has condemned; the third finds nothing, and tells what the command itself costs
        *rounds, idle = (_time(lambda: server.run("collect", **at_once)) for _ in range(3))
        seconds.append((took + sum(rounds) - 2 * idle) * 10_000 / len(doomed) + 2 * idle)
        left = sum(1 for path in (server.folder / "data" / "blobs").glob("??/*") if path.is_file())
    server.group.stop()
    note = f"{DOOMED} images a round, each a manifest and a configuration; {left} of the files left"
    return [LimitResult("Images deleted by digest and collected, for 10,000 of them", "s", seconds, 60, note)]


def _time(work: Callable[[], None]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _push_many(server: Packhouse, count: int) -> list[str]:
    """So many images without layers; their digests."""
    shelf = _administrator(server)
    configs = [json.dumps({"architecture": "amd64", "os": "linux", "author": os.urandom(8).hex()}).encode() for _ in range(count)]
    kind = "application/vnd.oci.image.config.v1+json"
    manifests = [
        json.dumps(
            {"schemaVersion": 2, "mediaType": MANIFEST, "config": {"mediaType": kind, "size": len(one), "digest": _digest(one)}, "layers": []}
        ).encode()
        for one in configs
    ]
    send_all([shelf.ask(f"blobs/uploads/?digest={_digest(one)}", "POST", one) for one in configs], 4, CREATED)
    send_all([shelf.ask(f"manifests/{_digest(one)}", "PUT", one, Content_Type=MANIFEST) for one in manifests], 4, CREATED)
    return [_digest(one) for one in manifests]


def _administrator(server: Packhouse) -> Shelf:
    """A fresh token that may delete, which no deploy token may."""
    query = urllib.parse.urlencode({"service": "container_registry", "scope": f"repository:{IMAGE}:pull,push,delete"})
    reply = ask(Request(f"{server.url}/jwt/auth?{query}", {"Authorization": basic("root", server.admin)}), (200,)).json()
    assert isinstance(reply, dict)
    return Shelf(server.url, f"Bearer {reply['token']}")


def measure_warm(stage: Stage) -> list[Result]:
    """Whole pulls by tag, all of it cached, through the dependency proxy and of the same image hosted here."""
    if not stage.with_ours:
        return []
    server, peer = stage.packhouse(), stage.registry()
    layers = [os.urandom(20 * MIB) for _ in range(5)]
    for one, url in _servers(stage):
        _push_image(_shelf(one, url), "warm", *layers)
    server.call("PUT", "/groups/bench/dependency_proxy", {"upstream_url": peer.url}, 200)
    reply = ask(Request(f"{server.url}/jwt/auth?service=dependency_proxy", {"Authorization": basic("root", server.admin)}), (200,)).json()
    assert isinstance(reply, dict)
    proxied = Request(f"{server.url}/v2/bench/dependency_proxy/containers/{IMAGE}", {"Authorization": f"Bearer {reply['token']}"})
    hosted = Request(f"{server.url}/v2/{IMAGE}", dict(_shelf(server, server.url).ask("").headers))
    for base in (proxied, hosted):
        _pull_often(base, 3)
    count = 5 * stage.seconds
    entries = {
        server.name: lambda: stage.sample(server, lambda: _pull_often(proxied, count)),
        "hosted here": lambda: stage.sample(server, lambda: _pull_often(hosted, count)),
    }
    return [
        run_race(
            Race("Warm pull by tag through the proxy, an image of 100 MiB in 5 layers, c=1", "images/s", entries, {"hosted here": 0.9}), stage.rounds
        )
    ]


def _pull_often(base: Request, count: int) -> Flood:
    """Manifest by tag, configuration, layers, each compared with its digest as every client does: again and again on one connection."""
    connection, times = Connection(base.url), list[float]()
    begun = time.perf_counter()
    for _ in range(count):
        before = time.perf_counter()
        request = Request(f"{base.url}/manifests/warm", {**base.headers, "Accept": MANIFEST})
        reply = connection.ask(request)
        check_status(request, reply, (200,))
        manifest = json.loads(reply.body)
        for blob in (manifest["config"], *manifest["layers"]):
            request = Request(f"{base.url}/blobs/{blob['digest']}", base.headers)
            reply = connection.ask(request)
            check_status(request, reply, (200,))
            if _digest(reply.body) != blob["digest"]:
                raise UnexpectedAnswer(f"{request.url} was answered with other bytes")
        times.append(time.perf_counter() - before)
    elapsed = time.perf_counter() - begun
    connection.close()
    return make_flood(times, elapsed, 100 * MIB)


WORKLOADS = (
    Workload("container-manifest", "manifest by tag; beside docker-registry", measure_manifest),
    Workload("container-pull", "layers of 10 MiB and 1 GiB; beside docker-registry and nginx", measure_pull),
    Workload("container-push", "layers of 1 MiB and 1 GiB; beside docker-registry", measure_push),
    Workload("container-warm", "whole pulls through the dependency proxy, beside hosted ones", measure_warm),
    Workload("container-tags", "pages of 10,000 tags of ours", measure_tags),
    Workload("container-collect", "deleting 2,000 images of ours and collecting their bytes", measure_collect),
)
