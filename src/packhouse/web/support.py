"""The support table: what each format can do, read off its record, so that it cannot lie."""

from __future__ import annotations

from collections.abc import Sequence

from packhouse.contract import Format
from packhouse.model import Reach

LEVELS = ((Reach.PROJECT, "project"), (Reach.GROUP, "group"), (Reach.INSTANCE, "instance"), (Reach.ROOT, "root"))


def support_table(formats: Sequence[Format]) -> str:
    """A Markdown table, one row for each format."""
    rows = ["| format | levels | index | as-of reads | proxy | clients in the suite |", "| --- | --- | --- | --- | --- | --- |"]
    for format in formats:
        reach = Reach(0)
        for route in format.routes:
            reach |= route.reach
        levels = ", ".join(name for flag, name in LEVELS if flag in reach)
        indexes = ", ".join(format.indexes) or "none"
        rows.append(f"| {format.title} | {levels} | {indexes} | yes | {'yes' if format.upstream else 'not yet'} | {', '.join(format.clients)} |")
    return "\n".join(rows)
