"""Measures ours beside its peers on this machine: `python bench/run.py` for everything, or some workloads by name."""

from __future__ import annotations

import argparse
import datetime
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import peers
from figures import Result
from machine import ROOT, describe_machine, library_versions
from report import Report, count_targets, write_json, write_markdown
from stage import Stage
from workloads import Workload, conan, container, files, git, large, maven, npm, nuget, pages, pypi, start, versions

WORKLOADS: tuple[Workload, ...] = (
    *npm.WORKLOADS, *pypi.WORKLOADS, *files.WORKLOADS, *start.WORKLOADS, *versions.WORKLOADS, *large.WORKLOADS, *container.WORKLOADS,
    *maven.WORKLOADS, *nuget.WORKLOADS, *conan.WORKLOADS, *pages.WORKLOADS, *git.WORKLOADS,
)  # fmt: skip
HERE = Path(__file__).resolve().parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for, write the results, tell whether every target is met when that was asked."""
    options = _parse(arguments)
    if options.list:
        print("\n".join(f"{workload.name:20} {workload.about}" for workload in WORKLOADS))
        return 0
    chosen = [workload for workload in WORKLOADS if options.all or workload.name in options.workloads]
    signal.signal(signal.SIGTERM, _end)
    os.environ["PATH"] = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin"
    try:
        peers.install_programs()
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    report = _measure(chosen, options)
    text = write_markdown(report)
    # Only the whole run speaks for the project; anything less goes where it is not committed.
    whole = options.all and not options.without_ours and not options.quick
    target = Path(options.output) if options.output else HERE if whole else peers.CACHE / "results"
    target.mkdir(parents=True, exist_ok=True)
    (target / "RESULTS.md").write_text(text)
    (target / "results.json").write_text(write_json(report))
    print(text)
    met, total = count_targets(report)
    print(f"{met} of {total} targets met; {len(report.failures)} workloads not measured")
    return 1 if report.failures or (options.check and met < total) else 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workloads", nargs="*", metavar="NAME", help="workloads to run (see --list); without any, all of them")
    parser.add_argument("--all", action="store_true", help="run every workload and write bench/RESULTS.md, as without any name")
    parser.add_argument("--list", action="store_true", help="list the workloads")
    parser.add_argument("--quick", action="store_true", help="one round of one second each: proves that it runs, says nothing about speed")
    parser.add_argument("--seconds", type=int, default=2, help="length of one measurement (default 2)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each race (default 3)")
    parser.add_argument("--workers", type=int, help="workers of ours and of nginx (default: as many as ours takes by itself, one for each core)")
    parser.add_argument("--without-ours", action="store_true", help="measure the peers alone")
    parser.add_argument("--minutes", type=float, default=14, help="begin no further workload after this long (default 14)")
    parser.add_argument("--check", action="store_true", help="exit 1 when a target is missed")
    parser.add_argument("--output", help="folder for RESULTS.md and results.json")
    options = parser.parse_args(arguments)
    unknown = set(options.workloads) - {workload.name for workload in WORKLOADS}
    if unknown:
        parser.error(f"no such workload: {', '.join(sorted(unknown))} (--list shows them)")
    options.all = options.all or not options.workloads
    if options.quick:
        options.seconds, options.rounds = 1, 1
    return options


def _measure(chosen: Sequence[Workload], options: argparse.Namespace) -> Report:
    machine, begun = describe_machine(), time.monotonic()
    stage = Stage(options.seconds, options.rounds, options.workers, not options.without_ours)
    results: list[Result] = []
    failures: dict[str, str] = {}
    try:
        for workload in chosen:
            if time.monotonic() - begun > options.minutes * 60:
                failures[workload.name] = f"not begun: the run had already taken {options.minutes:g} minutes"
                continue
            stage.say(f"{workload.name} ({time.monotonic() - begun:.0f} s)")
            try:
                results += workload.run(stage)
            except Exception as error:  # one workload that breaks must not cost the others
                failures[workload.name] = f"{type(error).__name__}: {error}".replace("\n", " ")[:600]
                stage.say(f"  not measured: {traceback.format_exc()}")
    finally:
        stage.close()
    workers = f"ours and nginx with {stage.processes} workers" + (" (one for each core)" if options.workers is None else "")
    made = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    took = time.monotonic() - begun
    return Report(made, machine, stage.versions, library_versions(), workers, stage.seconds, stage.rounds, took, results, failures)


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    if HERE.parent != ROOT:
        sys.exit("run it from a checkout")
    sys.exit(main())
