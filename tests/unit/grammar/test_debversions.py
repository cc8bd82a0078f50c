"""The order of dpkg's versions."""

from __future__ import annotations

import subprocess

from packhouse.grammar.debversions import version_order


def test_order_is_that_of_dpkg() -> None:
    """A version could be sorted against dpkg, from whose source both apt and opkg have their order."""
    versions = ["1:0", "1.0~~", "1.0~rc1", "1.0", "1.0-0", "1.0-r1", "1.0a", "1.0+", "1.0_", "1.00", "1.10", "1-2-3", "2007_365-4"]
    for one in versions:
        for other in versions:
            less = subprocess.run(["dpkg", "--compare-versions", one, "lt", other], stderr=subprocess.DEVNULL, check=False).returncode == 0
            assert less == (version_order(one) < version_order(other)), (one, other)
