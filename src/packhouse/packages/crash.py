"""Named points at which a test build can be made to fail: `PACKHOUSE_CRASH_AT=<point>[:kill|enospc|eio]`. Else one comparison."""

from __future__ import annotations

import errno
import os
import signal

_AT, _, _HOW = os.environ.get("PACKHOUSE_CRASH_AT", "").partition(":")

POINTS = ("before place", "after place", "in transaction", "before commit", "after commit")


def crash_point(name: str) -> None:
    """Fail here, if told to."""
    if name != _AT:
        return
    if _HOW in ("", "kill"):
        os.kill(os.getpid(), signal.SIGKILL)
    raise OSError(errno.ENOSPC if _HOW == "enospc" else errno.EIO, os.strerror(errno.ENOSPC))
