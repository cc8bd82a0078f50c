"""Spooled packages → facts. Pure: they raise `InvalidUpload` and its kin, whatever they are fed."""

from packhouse.formats.cran.parse.description import read_description
from packhouse.formats.cran.parse.packages import DEPENDENCIES, FIELDS, Facts, Read, read_package

__all__ = ["DEPENDENCIES", "FIELDS", "Facts", "Read", "read_description", "read_package"]
