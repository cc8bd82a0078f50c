"""Generic files, beside nginx with the same bytes."""

from __future__ import annotations

import os

from figures import Race, Result, run_race
from load import ask, warm_up
from samples import KIB, MIB
from stage import Stage
from workloads import Workload


def measure_downloads(stage: Stage) -> list[Result]:
    """Downloads of a small, a middling and a large file."""
    if not stage.with_ours:
        return []
    server, results = stage.packhouse(), list[Result]()
    for size, label, target in ((KIB, "1 KiB", 0.0), (100 * KIB, "100 KiB", 0.0), (10 * MIB, "10 MiB", 0.7)):
        content = os.urandom(size)
        file = f"file-{size}.bin"
        stage.prepare(file, lambda f=file, c=content: ask(server.generic(f, "PUT", c), (200, 201)))  # type: ignore[misc]
        static = stage.nginx().serve(file, content)
        warm_up(server.generic(file), 200)
        warm_up(static, 200)
        measure = stage.downloads if size > MIB else stage.reads
        entries = {
            server.name: measure(server, server.generic(file)),
            "nginx": measure(stage.nginx(), static),
        }
        results.append(run_race(Race(f"Generic download, {label}", "requests/s", entries, {"nginx": target}), stage.rounds))
    return results


WORKLOADS = (Workload("generic-download", "files of 1 KiB, 100 KiB and 10 MiB; beside nginx", measure_downloads),)
