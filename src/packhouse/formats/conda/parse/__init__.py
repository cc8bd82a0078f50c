"""Spooled packages → what they say of themselves. Pure: they raise `InvalidUpload` and its kin, whatever they are fed."""

from packhouse.formats.conda.parse.packages import Read, read_package
from packhouse.formats.conda.parse.records import Facts

__all__ = ["Facts", "Read", "read_package"]
