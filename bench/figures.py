"""Figures: what one measurement gave, races between servers, limits of one server, and how both are summed up."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

OURS = "packhouse"


@dataclass(frozen=True, slots=True)
class Sample:
    """One server, one round."""

    rate: float
    cpu_ms: float
    p50_ms: float
    p99_ms: float
    bytes_each: float
    broken: int = 0
    others: float = 0.0


@dataclass(frozen=True, slots=True)
class Race:
    """The same work for several servers, in turn. A target is the smallest ratio of ours to the peer that is good enough, 0 for none."""

    title: str
    unit: str
    entries: Mapping[str, Callable[[], Sample]]
    targets: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Spread:
    """A median and what lies around it."""

    median: float
    least: float
    most: float

    @property
    def width(self) -> float:
        """(most - least) / median, the measure of noise."""
        return (self.most - self.least) / self.median if self.median else 0.0


@dataclass(frozen=True, slots=True)
class RaceResult:
    """The samples of a race, by server, in the order of the rounds."""

    title: str
    unit: str
    samples: Mapping[str, list[Sample]]
    targets: Mapping[str, float]

    def rate(self, name: str) -> Spread:
        """Requests per second of a server."""
        return spread([sample.rate for sample in self.samples[name]])

    def cpu(self, name: str) -> float:
        """Processor milliseconds of a server for one request."""
        return statistics.median(sample.cpu_ms for sample in self.samples[name])

    def ratio(self, peer: str) -> Spread:
        """Ours to the peer, round by round, so that a machine that drifts moves both sides."""
        return spread([ours.rate / theirs.rate for ours, theirs in zip(self.samples[OURS], self.samples[peer], strict=True)])

    def cpu_ratio(self, peer: str) -> float:
        """How much less processor time ours takes for one request."""
        ours = self.cpu(OURS)
        return self.cpu(peer) / ours if ours else 0.0


@dataclass(frozen=True, slots=True)
class LimitResult:
    """One figure of ours against a limit; without one it is only told."""

    title: str
    unit: str
    values: list[float]
    at_most: float | None = None
    note: str = ""
    context: Mapping[str, float] = field(default_factory=dict)

    @property
    def spread(self) -> Spread:
        """The figure."""
        return spread(self.values)

    @property
    def good(self) -> bool | None:
        """Whether the median keeps the limit."""
        return None if self.at_most is None else self.spread.median <= self.at_most


Result = RaceResult | LimitResult


def run_race(race: Race, rounds: int) -> RaceResult:
    """Every server once per round, each round beginning with the next one."""
    names = list(race.entries)
    samples: dict[str, list[Sample]] = {name: [] for name in names}
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            samples[name].append(race.entries[name]())
    return RaceResult(race.title, race.unit, samples, {peer: target for peer, target in race.targets.items() if target and peer in samples})


def spread(values: list[float]) -> Spread:
    """Median, least and most."""
    return Spread(statistics.median(values), min(values), max(values))
