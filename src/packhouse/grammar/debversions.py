"""The order of versions as dpkg and opkg have it (Debian policy 5.6.12)."""

from __future__ import annotations

import re
from typing import TypeAlias

Order: TypeAlias = tuple[object, ...]

_RUN = re.compile(r"([^0-9]*)([0-9]*)")


def version_order(version: str) -> Order:
    """Sorts by the epoch, the upstream version, the revision."""
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, dash, revision = rest.rpartition("-")
    if not dash:
        upstream, revision = rest, ""
    return int(epoch), _order(upstream), _order(revision)


def _order(text: str) -> Order:
    # letters before everything else, a tilde even before the end
    out: list[object] = []
    for letters, digits in _RUN.findall(text or "0"):
        if letters or digits:
            out += [(*(-1 if c == "~" else ord(c) if c.isalpha() else ord(c) + 256 for c in letters), 0), int(digits or 0)]
    return (*out, (0,))
