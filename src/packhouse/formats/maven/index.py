"""The documents are those of the Maven 2 layout."""

from packhouse.maven2.metadata import NEWEST, VERSIONS, Facts, write_folder, write_snapshot

__all__ = ["NEWEST", "VERSIONS", "Facts", "write_folder", "write_snapshot"]
