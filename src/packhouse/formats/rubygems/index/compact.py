"""The compact index: a line for each version of a gem, and one list of all that only grows while versions are published.

Its clients append to what they have, and compare the whole with an MD5: so each text has its digests in a document beside it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from packhouse.formats.rubygems import names
from packhouse.formats.rubygems.index.facts import ANY, Release, join_requirement, list_releases, list_versions
from packhouse.model import Documents, Moment, NewDocument, Rows

TEXT = "text/plain; charset=utf-8"
DIGESTS = "digests of "  # no name begins so: MD5 in hex and SHA-256 in base64, a blank between them
HEAD = b"---\n"


def write_info(rows: Rows, _reads: Mapping[str, Documents], _moment: Moment) -> Documents:
    """A document for each spelling of the name, a line for each version in the order of publishing; none where nothing is listed."""
    lines: dict[str, list[bytes]] = {}
    for release in list_releases(rows):
        lines.setdefault(release.spec.name, [HEAD]).append(write_line(release))
    return {path: document for name, found in lines.items() for path, document in _with_digests(name, b"".join(found)).items()}


def write_line(release: Release) -> bytes:
    """The line of a version."""
    spec = release.spec
    needed = sorted((each.name, join_requirement(each.requirement, "&")) for each in spec.dependencies if each.kind == "runtime")
    wanted = [("checksum", release.file.blob.sha256)]
    wanted += [(what, join_requirement(of, "&")) for what, of in (("ruby", spec.ruby), ("rubygems", spec.rubygems)) if of != ANY]
    return f"{release.row.version} {_pairs(needed)}|{_pairs(wanted)}\n".encode()


def _pairs(pairs: list[tuple[str, str]]) -> str:
    return ",".join(f"{name}:{value}" for name, value in pairs)


def write_versions(rows: Rows, _reads: Mapping[str, Documents], _moment: Moment) -> Documents:
    """A line for each publish, oldest first, with the MD5 that the gem's own document had then: one more publish is one more line."""
    lines = [HEAD]
    states: dict[str, Any] = {}
    for release in list_releases(rows):
        name = release.spec.name
        state = states.setdefault(name, hashlib.md5(HEAD, usedforsecurity=False))
        state.update(write_line(release))
        lines.append(f"{name} {release.row.version} {state.hexdigest()}\n".encode())
    return _with_digests("versions", b"".join(lines))


def write_names(rows: Rows, _reads: Mapping[str, Documents], _moment: Moment) -> Documents:
    """Every name that has a version, in order."""
    found = sorted({row.name for row in list_versions(rows)}, key=lambda name: (names.name_key(name), name))
    return _with_digests("names", HEAD + b"".join(f"{name}\n".encode() for name in found))


def _with_digests(path: str, body: bytes) -> Documents:
    md5, sha256 = hashlib.md5(body, usedforsecurity=False).hexdigest(), base64.b64encode(hashlib.sha256(body).digest()).decode()
    return {path: NewDocument(body=body, media_type=TEXT), DIGESTS + path: NewDocument(body=f"{md5} {sha256}".encode(), media_type=TEXT)}
