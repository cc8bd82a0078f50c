"""Packhouse: one private registry for everything a team builds and downloads."""

__version__ = "0.1.0"
