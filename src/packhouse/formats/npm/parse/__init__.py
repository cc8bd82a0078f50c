"""What a PUT means, what a tarball says, and whether the two agree. Pure; everything odd is `InvalidUpload` or a child of `Invalid`."""

from __future__ import annotations

from packhouse.formats.npm.parse.document import Deprecate, Publish, PutSplitter, Shrink, read_audit, read_put, read_tag_version
from packhouse.formats.npm.parse.provenance import Provenance, read_provenance
from packhouse.formats.npm.parse.tarball import Tarball, read_tarball
from packhouse.formats.npm.parse.upload import MAX_FILE_SIZE, check_content, make_upload

__all__ = [
    "MAX_FILE_SIZE", "Deprecate", "Provenance", "Publish", "PutSplitter", "Shrink", "Tarball",
    "check_content", "make_upload", "read_audit", "read_provenance", "read_put", "read_tag_version", "read_tarball",
]  # fmt: skip
