"""Memory that a body lies in while it is written and looked into: another process opens it by its path, and nobody reads the disk."""

from __future__ import annotations

import contextlib
import mmap
import os

MIB = 1024 * 1024
LARGEST = 16 * MIB
IDLE = 2  # kept for the next bodies: fresh memory has to be emptied first
MOST = 8  # at a time: other bodies go the way of long ones


class Memory:
    """Room for a body of up to `LARGEST` bytes."""

    def __init__(self) -> None:
        self._fd = os.memfd_create("packhouse-upload", os.MFD_CLOEXEC)
        try:
            os.ftruncate(self._fd, LARGEST)
            self.map = mmap.mmap(self._fd, LARGEST)
        except OSError:
            os.close(self._fd)
            raise
        self.path = f"/proc/{os.getpid()}/fd/{self._fd}"

    def fit(self, size: int) -> None:
        """The file at its path ends after so many bytes; those behind must not be touched until it is opened up again."""
        os.ftruncate(self._fd, size)

    def open_up(self) -> None:
        os.ftruncate(self._fd, LARGEST)

    def close(self) -> None:
        with contextlib.suppress(BufferError):  # a thread still looks at it: then it goes with that
            self.map.close()
        os.close(self._fd)


class MemoryPool:
    """Some that are used again."""

    def __init__(self) -> None:
        self._idle: list[Memory] = []
        self._taken: set[Memory] = set()  # threads give back too: a number would lose count

    def take(self) -> Memory | None:
        """None where too many are taken, or the system gives none."""
        if len(self._taken) == MOST:
            return None
        try:
            memory = self._idle.pop() if self._idle else Memory()
        except OSError:
            return None
        memory.open_up()
        self._taken.add(memory)
        return memory

    def give_back(self, memory: Memory) -> None:
        self._taken.discard(memory)
        if len(self._idle) < IDLE:
            self._idle.append(memory)
        else:
            memory.close()
