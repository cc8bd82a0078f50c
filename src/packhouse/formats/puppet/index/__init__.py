"""What clients find modules by: a module with its releases, a catalog of all, and pages of either. Pure."""

from packhouse.formats.puppet.index.catalog import CATALOG, Entry, find_entries, list_users, read_catalog, write_catalog
from packhouse.formats.puppet.index.documents import MODULE, RELEASES, write_module, write_one, write_published
from packhouse.formats.puppet.index.facts import SAID, TEXTS, Facts, Release, find_texts, list_releases, write_reason
from packhouse.formats.puppet.index.pages import Asked, read_asked, without, write_page

__all__ = [
    "CATALOG",
    "MODULE",
    "RELEASES",
    "SAID",
    "TEXTS",
    "Asked",
    "Entry",
    "Facts",
    "Release",
    "find_entries",
    "find_texts",
    "list_releases",
    "list_users",
    "read_asked",
    "read_catalog",
    "without",
    "write_catalog",
    "write_module",
    "write_one",
    "write_page",
    "write_published",
    "write_reason",
]
