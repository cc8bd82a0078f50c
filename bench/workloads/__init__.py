"""The workloads, each with a name to select it by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from figures import Result
from stage import Stage


@dataclass(frozen=True, slots=True)
class Workload:
    """A named piece of the benchmark."""

    name: str
    about: str
    run: Callable[[Stage], list[Result]]
