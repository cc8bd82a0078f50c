"""What a page would show."""

from __future__ import annotations

from collections.abc import Sequence

from packhouse.contract import Moment, Snippet
from packhouse.model import PackageRow


def snippets(moment: Moment, package: PackageRow | None) -> Sequence[Snippet]:
    """How to fetch the list of names."""
    return (Snippet(client="curl", kind="setup", language="shell", text=f"curl {moment.here}/names"),)
