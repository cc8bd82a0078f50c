"""An upload to facts: the form, the wheel or source distribution it brings, and its attestations."""

from packhouse.formats.pypi.parse.attestations import read_attestations
from packhouse.formats.pypi.parse.files import HASHES, Artifact, read_file
from packhouse.formats.pypi.parse.form import Fields, check_agreement, check_digests, read_fields
from packhouse.formats.pypi.parse.metadata import Described, read_metadata

__all__ = [
    "HASHES",
    "Artifact",
    "Described",
    "Fields",
    "check_agreement",
    "check_digests",
    "read_attestations",
    "read_fields",
    "read_file",
    "read_metadata",
]
