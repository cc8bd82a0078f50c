"""Wrong credentials are counted, right ones never: 10 a minute for a name from an address, 60 for an address (threats, section 5)."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from packhouse.errors import TooManyRequests

WINDOW = 60.0
PER_NAME = 10
PER_ADDRESS = 60
REMEMBERED = 4096


class Throttle:
    """Counts distinct wrong secrets, so a client that repeats one stale token is told 401 each time and learns nothing new."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: OrderedDict[tuple[str, str], dict[bytes, float]] = OrderedDict()

    def check(self, address: str, name: str, secret: bytes) -> None:
        """Before a credential that is not known to be right is looked at more closely. Raises `TooManyRequests`."""
        now = self._clock()
        for key, most in (((address, name), PER_NAME), ((address, ""), PER_ADDRESS)):
            if name == "" and most == PER_NAME:
                continue
            tried = self._wrong.get(key)
            if tried is None or secret in tried:
                continue
            for old in [s for s, at in tried.items() if now - at > WINDOW]:
                del tried[old]
            if len(tried) >= most:
                oldest = min(tried.values())
                raise TooManyRequests(retry_after=max(1, int(WINDOW - (now - oldest)) + 1))

    def wrong(self, address: str, name: str, secret: bytes) -> None:
        """This one was wrong."""
        for key in {(address, name), (address, "")}:
            self._wrong.setdefault(key, {})[secret] = self._clock()
            self._wrong.move_to_end(key)
        while len(self._wrong) > REMEMBERED:
            self._wrong.popitem(last=False)
