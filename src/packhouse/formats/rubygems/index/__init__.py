"""What clients find gems by: the compact index, and the older lists and specifications in Ruby's Marshal. Pure."""

from __future__ import annotations

from packhouse.formats.rubygems.index.compact import DIGESTS, write_info, write_names, write_versions
from packhouse.formats.rubygems.index.facts import ANY, Dependency, Release, Requirement, Spec, list_releases
from packhouse.formats.rubygems.index.specs import write_dependencies, write_gemspecs, write_lists

__all__ = [
    "ANY",
    "DIGESTS",
    "Dependency",
    "Release",
    "Requirement",
    "Spec",
    "list_releases",
    "write_dependencies",
    "write_gemspecs",
    "write_info",
    "write_lists",
    "write_names",
    "write_versions",
]
