"""Answers as values; no I/O. Plain ones are the framework's, under the names the rooms use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec
from starlette.responses import RedirectResponse, Response, StreamingResponse

from packhouse.model import Blob, Instant, Struct

Reply = Response
Redirect = RedirectResponse
StreamReply = StreamingResponse
"""A body that comes while it is sent. What it raises cuts the connection."""


class Document(Struct):
    """A finished document: bytes with a strong ETag, and a gzip twin where that pays."""

    body: bytes
    media_type: str
    etag: str
    gzip: bytes | None = None
    changed_at: Instant = 0
    vary: str = "Authorization, Accept-Encoding"


class FileReply(Struct):
    """A stored file to send: whole, in ranges, or as a redirect to the object store."""

    blob: Blob
    name: str
    stored: str = ""  # stored name in the blob store
    file_id: int | None = None
    version_id: int | None = None  # counted as a download of it
    project: int | None = None
    media_type: str = "application/octet-stream"
    headers: Mapping[str, str] = {}
    inline: bool = False
    immutable: bool = False  # its address names its digest
    modified: Instant = 0


Answer: TypeAlias = Response | Document | FileReply


def json_reply(value: Any, status: int = 200, media_type: str = "application/json", headers: Mapping[str, str] | None = None) -> Reply:
    """A value encoded as JSON."""
    return Response(msgspec.json.encode(value), status, dict(headers or {}), media_type)


def empty_reply(status: int = 204, headers: Mapping[str, str] | None = None) -> Reply:
    """An answer without a body."""
    return Response(b"", status, dict(headers or {}))
