"""What a publish sends, what the crate says, and whether the two agree. Pure; everything odd is a child of `Invalid`, or `TooLarge`."""

from __future__ import annotations

from packhouse.formats.cargo.parse.agreement import state_dep
from packhouse.formats.cargo.parse.crate import Crate, read_crate
from packhouse.formats.cargo.parse.document import Document, read_document
from packhouse.formats.cargo.parse.frame import CRATE, DOCUMENT, MAX_FILE_SIZE, FrameSplitter
from packhouse.formats.cargo.parse.upload import make_upload

__all__ = ["CRATE", "DOCUMENT", "MAX_FILE_SIZE", "Crate", "Document", "FrameSplitter", "make_upload", "read_crate", "read_document", "state_dep"]
