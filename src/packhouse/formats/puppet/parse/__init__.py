"""Spooled modules → what they say of themselves. Pure: they raise `InvalidUpload` and its kin, whatever they are fed."""

from packhouse.formats.puppet.parse.module import Read, read_module
from packhouse.formats.puppet.parse.splitter import ReleaseSplitter

__all__ = ["Read", "ReleaseSplitter", "read_module"]
