"""Spooled packages → facts. Pure: they raise `InvalidUpload` and its kin, whatever they are fed."""

from packhouse.formats.rpm.parse.facts import Facts, unpack
from packhouse.formats.rpm.parse.packages import Read, read_package

__all__ = ["Facts", "Read", "read_package", "unpack"]
