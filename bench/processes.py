"""Programs that a measurement starts: their processor time, their memory, their end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_started: list[Group] = []
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Memory:
    """What one process holds, in KiB."""

    pid: int
    parent: int
    rss: int
    pss: int


@dataclass(frozen=True, slots=True)
class _Stat:
    parent: int
    session: int
    seconds: float


@dataclass(slots=True)
class Peak:
    """The largest sum seen while a group was watched, in KiB."""

    pss: int = 0
    samples: int = 0


@dataclass(slots=True)
class Group:
    """A program and whatever it started, known by the session that it leads."""

    process: subprocess.Popen[bytes]
    log: Path
    stopped: bool = False

    def pids(self) -> list[int]:
        """The living processes of the group, the leader first."""
        found = [pid for pid, stat in _all_stats() if stat.session == self.process.pid]
        return sorted(found, key=lambda pid: (pid != self.process.pid, pid))

    def cpu_seconds(self) -> float:
        """Processor time of the group so far, children that have ended included."""
        return sum(stat.seconds for _, stat in _all_stats() if stat.session == self.process.pid)

    def memory(self) -> list[Memory]:
        """What each process of the group holds now."""
        return [held for held in map(_read_memory, self.pids()) if held]

    def tail(self) -> str:
        """The last lines that the program wrote."""
        return "\n".join(self.log.read_text(errors="replace").strip().splitlines()[-12:])

    def stop(self, grace: float = 15.0) -> None:
        """End the program: SIGTERM to its leader, SIGKILL to what is left of the group after the grace."""
        if self.stopped:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(grace)
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(grace)
        self.stopped = True


def start_group(*argv: str | Path, env: Mapping[str, str], log: Path, cwd: Path) -> Group:
    """Start a program in a session of its own, with exactly this environment."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            [str(part) for part in argv], env=dict(env), cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
    group = Group(process, log)
    _started.append(group)
    return group


def stop_everything() -> None:
    """End every program that this process has started, whatever became of the code that started it."""
    while _started:
        _started.pop().stop()


def plain_environment(home: Path, **more: str) -> dict[str, str]:
    """An environment that carries nothing of the caller's but the search path."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": str(home), "LANG": "C.UTF-8", "TZ": "UTC", **more}


@contextlib.contextmanager
def watch_memory(group: Group, every: float = 0.1) -> Iterator[Peak]:
    """Sample the sum of the group's PSS until the block ends."""
    peak, done = Peak(), threading.Event()

    def sample() -> None:
        while True:
            peak.pss = max(peak.pss, sum(held.pss for held in group.memory()))
            peak.samples += 1
            if done.wait(every):
                return

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def busy_seconds() -> float:
    """Processor time that the whole machine has spent on anything."""
    numbers = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    idle = numbers[3] + numbers[4]
    return (sum(numbers[:8]) - idle) / TICKS


def own_seconds() -> float:
    """Processor time of this process and of the load generators that have ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def wait_until(ready: Callable[[], bool], group: Group, seconds: float) -> None:
    """Call `ready()` until it is true; raises `RuntimeError` with the program's last words when it ends or takes too long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if group.process.poll() is not None:
            raise RuntimeError(f"the program ended at its start: {group.tail()}")
        if ready():
            return
        time.sleep(0.02)
    raise RuntimeError(f"the program was not ready after {seconds:.0f} s: {group.tail()}")


def _all_stats() -> Iterator[tuple[int, _Stat]]:
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                yield int(entry.name), _parse_stat(Path(entry.path, "stat").read_text(errors="replace"))


def _parse_stat(text: str) -> _Stat:
    # The command stands in brackets and may hold anything; the numbers follow the last bracket.
    numbers = text.rpartition(")")[2].split()
    return _Stat(parent=int(numbers[1]), session=int(numbers[3]), seconds=sum(int(word) for word in numbers[11:15]) / TICKS)


def _read_memory(pid: int) -> Memory | None:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        stat = _parse_stat(Path(f"/proc/{pid}/stat").read_text(errors="replace"))
    except OSError:
        return None
    sizes = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.endswith(" kB")}
    return Memory(pid, stat.parent, sizes.get("Rss", 0), sizes.get("Pss", 0))
