"""The figures as Markdown tables and as JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from figures import OURS, LimitResult, RaceResult, Result, Spread
from machine import Machine

QUIET = 0.1
MET, MISSED = "met", "**missed**"


@dataclass(frozen=True, slots=True)
class Report:
    """One run."""

    made: str
    machine: Machine
    versions: Mapping[str, str]
    libraries: Mapping[str, str]
    workers: str
    seconds: int
    rounds: int
    took: float
    results: Sequence[Result]
    failures: Mapping[str, str]


def count_targets(report: Report) -> tuple[int, int]:
    """How many targets are met, of how many."""
    verdicts = [good for result in report.results for good in _verdicts(result)]
    return sum(verdicts), len(verdicts)


def write_markdown(report: Report) -> str:
    """The tables, widest claim first."""
    met, total = count_targets(report)
    machine = report.machine
    lines = [
        "# Results",
        "",
        f"Written by `bench/run.py`; how to read it: `README.md` beside this file. **{met} of {total} targets met.**",
        "",
        "| | |",
        "| --- | --- |",
        f"| made | {report.made}, in {report.took / 60:.1f} min |",
        f"| commit | {machine.commit} |",
        f"| machine | {machine.cores} cores, {machine.processor}, {machine.memory_gib} GiB, Linux {machine.kernel} |",
        f"| load average when it began | {machine.load_before} |",
        f"| disturbance | {_describe_disturbance(report.results)} |",
        f"| measured | {report.rounds} interleaved rounds of {report.seconds} s, medians; {report.workers} |",
        f"| versions | {_list_versions(report.versions)} |",
        f"| Python | {machine.python}; {_list_versions(report.libraries)} |",
        "",
        "## Beside other servers",
        "",
        "Ratio: ours to the peer, median of the rounds (least to most). CPU: processor milliseconds of the server for one request.",
        "",
        "| workload | ours | CPU ms | body | peer | its rate | CPU ms | body | ratio | CPU ratio | target | |",
        "| --- | ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    lines += [row for result in report.results if isinstance(result, RaceResult) for row in _race_rows(result)]
    lines += ["", "## Limits", "", "| figure | median | least to most | limit | | note |", "| --- | ---: | ---: | ---: | --- | --- |"]
    lines += [_limit_row(result) for result in report.results if isinstance(result, LimitResult)]
    lines += [
        "",
        "## Noise",
        "",
        "Spread: (most - least) / median of the rates. Others: share of the machine that went to anybody else meanwhile.",
        "",
    ]
    lines += ["| workload | server | spread | p50 ms | p99 ms | others |", "| --- | --- | ---: | ---: | ---: | ---: |"]
    lines += [row for result in report.results if isinstance(result, RaceResult) for row in _noise_rows(result)]
    if report.failures:
        lines += ["", "## Not measured", ""]
        lines += [f"- {name}: {why}" for name, why in report.failures.items()]
    return "\n".join(lines) + "\n"


def write_json(report: Report) -> str:
    """Everything, each round by itself."""
    return json.dumps(dataclasses.asdict(report), indent=1, sort_keys=True) + "\n"


def _race_rows(result: RaceResult) -> list[str]:
    peers = [name for name in result.samples if name != OURS]
    if OURS not in result.samples:
        return [f"| {result.title} | – | – | – | {_peer_cells(result, peer)} | – | – | – | |" for peer in peers]
    ours = f"{_number(result.rate(OURS).median)} {result.unit} | {result.cpu(OURS):.3f} | {_size(result, OURS)}"
    rows = []
    for number, peer in enumerate(peers):
        ratio, target = result.ratio(peer), result.targets.get(peer)
        wanted = "" if target is None else f"≥ {target:g}"
        verdict = "" if target is None else (MET if ratio.median >= target else MISSED)
        head = f"{result.title} | {ours}" if number == 0 else " | | |"
        rows.append(f"| {head} | {_peer_cells(result, peer)} | {_range(ratio)} | {result.cpu_ratio(peer):.3g} | {wanted} | {verdict} |")
    return rows


def _peer_cells(result: RaceResult, peer: str) -> str:
    return f"{peer} | {_number(result.rate(peer).median)} | {result.cpu(peer):.3f} | {_size(result, peer)}"


def _limit_row(result: LimitResult) -> str:
    found = result.spread
    limit = "" if result.at_most is None else f"≤ {result.at_most:g}"
    verdict = {None: "", True: MET, False: MISSED}[result.good]
    around = f"{_number(found.least)} to {_number(found.most)}"
    return f"| {result.title} | {_number(found.median)} {result.unit} | {around} | {limit} | {verdict} | {result.note} |"


def _noise_rows(result: RaceResult) -> list[str]:
    rows = []
    for name, samples in result.samples.items():
        middle = sorted(samples, key=lambda sample: sample.rate)[len(samples) // 2]
        others = max(sample.others for sample in samples)
        broken = sum(sample.broken for sample in samples)
        server = name + (f" ({broken} broken connections)" if broken else "")
        rows.append(f"| {result.title} | {server} | {result.rate(name).width:.0%} | {middle.p50_ms:.2f} | {middle.p99_ms:.2f} | {others:.0%} |")
    return rows


def _describe_disturbance(results: Sequence[Result]) -> str:
    shares = [sample.others for result in results if isinstance(result, RaceResult) for samples in result.samples.values() for sample in samples]
    disturbed = sum(share > QUIET for share in shares)
    if not disturbed:
        return f"none: nobody else had more than {QUIET:.0%} of the machine in any measurement"
    return f"**{disturbed} of {len(shares)} measurements**, in which others had more than {QUIET:.0%} of the machine (most: {max(shares):.0%})"


def _verdicts(result: Result) -> list[bool]:
    if isinstance(result, LimitResult):
        return [] if result.good is None else [result.good]
    if OURS not in result.samples:
        return []
    return [result.ratio(peer).median >= target for peer, target in result.targets.items()]


def _size(result: RaceResult, name: str) -> str:
    size = result.samples[name][0].bytes_each
    if size >= 2**20:
        return f"{size / 2**20:.1f} MiB"
    return f"{size / 2**10:.1f} KiB"


def _range(found: Spread) -> str:
    return f"{found.median:.3g} ({found.least:.3g} to {found.most:.3g})"


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def _list_versions(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(versions.items()) if "(" not in name)
