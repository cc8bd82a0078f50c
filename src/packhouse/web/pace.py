"""How fast a body has to come: what trickles in holds a connection, a file and a place for ever."""

from __future__ import annotations

from packhouse.errors import RequestTimeout

LEAST = 1024  # bytes a second, on the mean of a stretch
STRETCH = 60.0  # seconds of waiting; what the work on the body takes is not the client's
LONGEST = 6 * 3600.0


class Pace:
    """The pace of one body."""

    __slots__ = ("_began", "_bytes", "_waited")

    def __init__(self, now: float) -> None:
        self._began = now
        self._waited = 0.0
        self._bytes = 0

    def note(self, size: int, asked: float, now: float) -> None:
        """So many bytes came, since they were asked for. Raises `RequestTimeout`."""
        self._waited += now - asked
        self._bytes += size
        if now - self._began > LONGEST or (self._waited > STRETCH and self._bytes < LEAST * self._waited):
            raise RequestTimeout()
        if self._waited > STRETCH:
            self._waited, self._bytes = 0.0, 0
