"""One Generic upload of 1 GiB: its throughput, the memory of the whole server, and a small request beside it."""

from __future__ import annotations

import http.client
import os
import shutil
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass

from figures import LimitResult, Result
from load import Request, UnexpectedAnswer, ask, percentile, warm_up
from probe import Probe
from processes import watch_memory
from samples import GIB, MIB
from servers.packhouse import Packhouse
from stage import Stage
from workloads import Workload

QUIET_SECONDS = 4
SMALL = "small.bin"


@dataclass(frozen=True, slots=True)
class Passage:
    """One upload, and what was seen beside it."""

    mib_per_second: float
    cpu_seconds: float
    peak_pss_mib: float
    quiet_p99: float
    beside_p99: float
    beside_most: float


def measure_large(stage: Stage) -> list[Result]:
    """With as many workers as by default, and with one, where upload and small request share a process."""
    if not stage.with_ours:
        return []
    results: list[Result] = []
    for workers in dict.fromkeys((stage.workers, 1)):
        passages = [_pass_alone(stage, workers, number) for number in range(stage.rounds)]
        results += _sum_up(passages, "1 worker" if workers == 1 else "default workers" if workers is None else f"{workers} workers")
    return results


def _pass_alone(stage: Stage, workers: int | None, number: int) -> Passage:
    # A server of its own each time: its memory starts low, and its disk is given back.
    stage.say(f"  uploading 1 GiB, round {number + 1}")
    server = stage.own(f"large-{workers or 'default'}-{number}", workers)
    ask(server.generic(SMALL, "PUT", os.urandom(1000)), (200, 201))
    passage = _pass(server)
    server.group.stop()
    shutil.rmtree(server.folder, ignore_errors=True)
    return passage


def _pass(server: Packhouse) -> Passage:
    small = server.generic(SMALL)
    warm_up(small, 200, 8)
    probe = Probe(small)
    time.sleep(QUIET_SECONDS)
    quiet = probe.stop()
    probe, cpu = Probe(small), server.group.cpu_seconds()
    begun = time.perf_counter()
    _upload(server.generic("large.bin", "PUT"), GIB)
    elapsed = time.perf_counter() - begun
    beside = probe.stop()
    cpu = server.group.cpu_seconds() - cpu
    # Memory is watched in an upload of its own: whoever reads a process's pages holds that process up.
    with watch_memory(server.group) as peak:
        _upload(server.generic("larger.bin", "PUT"), GIB)
    return Passage(1024 / elapsed, cpu, peak.pss / 1024, percentile(quiet, 99), percentile(beside, 99), max(beside))


def _sum_up(passages: list[Passage], with_workers: str) -> list[Result]:
    about = f"Generic upload of 1 GiB, {with_workers}"
    return [
        LimitResult(f"{about}: throughput", "MiB/s", [one.mib_per_second for one in passages]),
        LimitResult(f"{about}: processor time", "s", [one.cpu_seconds for one in passages]),
        LimitResult(f"{about}: peak memory of the server (sum of PSS)", "MiB", [one.peak_pss_mib for one in passages], 200),
        LimitResult(f"{about}: p99 of a small GET without it", "ms", [one.quiet_p99 for one in passages]),
        LimitResult(f"{about}: p99 of a small GET beside it", "ms", [one.beside_p99 for one in passages]),
        LimitResult(f"{about}: longest small GET beside it", "ms", [one.beside_most for one in passages]),
        LimitResult(f"{about}: p99 beside it to p99 without", "times", [one.beside_p99 / one.quiet_p99 for one in passages], 5),
    ]


def _upload(request: Request, size: int) -> None:
    parts = urllib.parse.urlsplit(request.url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=300)
    connection.request(request.method, parts.path, body=_blocks(size), headers={**request.headers, "Content-Length": str(size)})
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    if answer.status not in (200, 201):
        raise UnexpectedAnswer(f"the upload of 1 GiB was answered {answer.status}: {said[:300]!r}")


def _blocks(size: int) -> Iterator[bytes]:
    # The first block is new each time, so that the server has not seen these bytes; the rest may repeat.
    yield os.urandom(MIB)
    block = os.urandom(MIB)
    for _ in range(size // MIB - 1):
        yield block


WORKLOADS = (Workload("large-upload", "a Generic upload of 1 GiB and a small request beside it, ours", measure_large),)
