"""What a gem says of itself, and what the house stores of it. Pure; everything odd is a child of `Invalid`."""

from __future__ import annotations

from packhouse.formats.rubygems.parse.gem import read_gem
from packhouse.formats.rubygems.parse.specification import read_specification
from packhouse.formats.rubygems.parse.upload import make_upload

__all__ = ["make_upload", "read_gem", "read_specification"]
