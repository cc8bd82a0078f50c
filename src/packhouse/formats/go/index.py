"""The list of versions that are stored, as a pure function of rows. Versions that only a tag knows are added by the route."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from packhouse.formats.go import names
from packhouse.model import Documents, Moment, NewDocument, Rows

TEXT = "text/plain; charset=utf-8"


def write_list(rows: Rows, _reads: Mapping[str, Documents], _moment: Moment) -> Documents:
    """One version a line, oldest first; pseudo-versions are served and not listed."""
    versions = {row.version for package in rows.packages for row in package.versions if row.status in ("default", "deprecated", "hidden")}
    return {"list": NewDocument(body=join(versions), media_type=TEXT)} if versions else {}


def join(versions: Iterable[str]) -> bytes:
    """The lines of a list."""
    listed = sorted((version for version in versions if not names.is_pseudo(version)), key=lambda version: (names.version_key(version), version))
    return "".join(f"{version}\n" for version in listed).encode()
