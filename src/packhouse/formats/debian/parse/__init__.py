"""Spooled packages → facts. Pure: they raise `InvalidUpload` and its kin, whatever they are fed."""

from packhouse.formats.debian.parse.changes import Changes, Source, Sum, read_changes, read_dsc
from packhouse.formats.debian.parse.debs import Facts, Read, read_deb

__all__ = ["Changes", "Facts", "Read", "Source", "Sum", "read_changes", "read_deb", "read_dsc"]
