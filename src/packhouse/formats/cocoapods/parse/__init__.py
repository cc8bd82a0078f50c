"""Spooled podspecs and archives → facts. Pure: they raise `InvalidUpload` and its kin, whatever they are fed."""

from packhouse.formats.cocoapods.parse.archives import read_archive, read_kind
from packhouse.formats.cocoapods.parse.podspecs import LARGEST, Facts, Read, read_podspec

__all__ = ["LARGEST", "Facts", "Read", "read_archive", "read_kind", "read_podspec"]
