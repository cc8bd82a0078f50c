"""Zip and tar archives looked into under limits, without extracting anything. Ambiguous ones are refused (threats, section 4.2).

`read_zip` and `read_tar` give the same `Archive`; both raise `InvalidUpload` and nothing else, whatever the bytes are.
"""

from __future__ import annotations

from packhouse.grammar.archive import LIMITS, Archive, Limits, Wanted
from packhouse.grammar.tars import read_tar
from packhouse.grammar.zips import read_zip

__all__ = ["LIMITS", "Archive", "Limits", "Wanted", "read_tar", "read_zip"]
