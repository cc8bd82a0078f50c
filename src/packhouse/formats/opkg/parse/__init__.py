"""Spooled packages → facts. Pure: they raise `InvalidUpload` and its kin, whatever they are fed."""

from packhouse.formats.opkg.parse.control import Facts
from packhouse.formats.opkg.parse.packages import Read, read_package

__all__ = ["Facts", "Read", "read_package"]
