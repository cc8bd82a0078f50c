"""Start and rest: how long until the first answer, how much memory a worker holds that has nothing to do."""

from __future__ import annotations

import time

from figures import LimitResult, Result
from load import Request, warm_up
from processes import Memory
from servers.packhouse import Packhouse
from stage import Stage
from workloads import Workload

STARTS = 5
MIB_IN_KIB = 1024


def measure_start(stage: Stage) -> list[Result]:
    """From exec on an initialised, empty data folder to the first answers."""
    if not stage.with_ours:
        return []
    server = stage.own("start")
    ready, answered = [], []
    for _ in range(STARTS):
        server.group.stop()
        first, call = server.time_start()
        ready.append(first)
        answered.append(call)
    server.group.stop()
    return [
        LimitResult("Cold start: exec to readiness 200", "s", ready, 1.5),
        LimitResult("Cold start: exec to an authenticated API call answered 200", "s", answered, 1.5),
    ]


def measure_idle(stage: Stage) -> list[Result]:
    """Memory of each process after a few requests and two quiet seconds."""
    if not stage.with_ours:
        return []
    server = stage.own("idle")
    server.wait()
    warm_up(Request(f"{server.api}/user", {"PRIVATE-TOKEN": server.admin}), 200)
    time.sleep(2)
    held = server.group.memory()
    server.group.stop()
    workers = _workers(held, server)
    note = f"{len(held)} processes: " + ", ".join(f"{one.rss / MIB_IN_KIB:.0f}/{one.pss / MIB_IN_KIB:.0f}" for one in held) + " MiB RSS/PSS"
    return [
        LimitResult("Idle memory: RSS of a worker", "MiB", [one.rss / MIB_IN_KIB for one in workers], 90, note),
        LimitResult("Idle memory: PSS of a worker", "MiB", [one.pss / MIB_IN_KIB for one in workers], None),
        LimitResult("Idle memory: PSS of the whole server", "MiB", [sum(one.pss for one in held) / MIB_IN_KIB]),
    ]


def _workers(held: list[Memory], server: Packhouse) -> list[Memory]:
    """Those that serve: the children of the leader. Theirs look into archives."""
    leader = server.group.process.pid
    return [one for one in held if one.parent == leader]


WORKLOADS = (
    Workload("start", "cold start of ours", measure_start),
    Workload("idle", "memory of ours at rest", measure_idle),
)
