"""A cookbook as knife packs it → what its `metadata.json` says."""

from packhouse.formats.chef.parse.cookbook import Read, read_cookbook
from packhouse.formats.chef.parse.form import CATEGORY, read_category

__all__ = ["CATEGORY", "Read", "read_category", "read_cookbook"]
