"""Answers → messages to the server: ETags and 304, ranges, HEAD, gzip twins, zero-copy files, security headers."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import quote

from packhouse.errors import FileNotFound
from packhouse.model import Instant
from packhouse.responses import Document, FileReply, Reply, StreamReply
from packhouse.web.asgi import Message, Send

Headers = Mapping[bytes, bytes]
Source = Path | Callable[[int, int], AsyncIterator[bytes]] | None  # on this machine, or read by range from another

SMALL = 256 * 1024
CHUNK = 256 * 1024
YOUNG: Instant = 2_000_000

SAFE = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
PASSIVE = [
    *SAFE,
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


GONE = 499  # the client, before it had the whole answer; nobody is told but the log


class Sent:
    """What left, for the log."""

    __slots__ = ("bytes", "status")

    def __init__(self, status: int, size: int) -> None:
        self.status = status
        self.bytes = size

    @classmethod
    def of(cls, status: int, size: int, whole: int) -> Sent:
        """An answer of so many bytes, all of which left or fewer."""
        return cls(status if size == whole else GONE, size)


def privacy(private: bool) -> bytes:
    # private answers may be kept by the one client that got them, and are asked for again each time: a revoked token ends that at once
    return b"private, no-cache" if private else b"no-cache"


def is_young(changed_at: Instant) -> bool:
    """It may change again within the second that its date tells: a date is no validator yet (RFC 9110, 8.8.2.2)."""
    return time.time() * 1_000_000 - changed_at < YOUNG


def is_same_date(headers: Headers, changed_at: Instant) -> bool:
    """The client has the one of this date: for those that know no entity tags, such as apt."""
    asked = headers.get(b"if-modified-since")
    return asked is not None and asked.strip() == formatdate(changed_at // 1_000_000, usegmt=True).encode() and not is_young(changed_at)


# -- documents ------------------------------------------------------------------------------------------------------


def _document_headers(document: Document, packed: bool, private: bool) -> list[tuple[bytes, bytes]]:
    etag = f'"{document.etag}-gz"' if packed else f'"{document.etag}"'
    headers = [
        (b"etag", etag.encode()),
        (b"cache-control", privacy(private)),
        (b"vary", document.vary.encode()),
        (b"content-type", document.media_type.encode()),
        (b"content-length", str(len(document.gzip if packed and document.gzip is not None else document.body)).encode()),
    ]
    if document.changed_at:
        headers.append((b"last-modified", formatdate(document.changed_at // 1_000_000, usegmt=True).encode()))
    if packed:
        headers.append((b"content-encoding", b"gzip"))
    return headers + PASSIVE


async def send_document(document: Document, method: str, headers: Headers, send: Send, private: bool, request_id: bytes) -> Sent:
    """A finished document: 304 first, then the bytes the client takes."""
    asked = headers.get(b"if-none-match")
    if _same_tag(asked, document.etag) if asked is not None else is_same_date(headers, document.changed_at):
        return await _not_modified(document, asked or b"", send, private, request_id)
    packed = document.gzip is not None and _takes_gzip(headers.get(b"accept-encoding", b""))
    body = document.gzip if packed and document.gzip is not None else document.body
    held = _HEADERS.get((document.etag, document.changed_at, document.media_type, packed, private))
    if held is None:
        held = _remember(document, packed, private)
    if is_young(document.changed_at):
        held = [header for header in held if header[0] != b"last-modified"]
    await send({"type": "http.response.start", "status": 200, "headers": [*held, (b"x-request-id", request_id)]})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})
    return Sent(200, len(body))


_HEADERS: dict[tuple[str, Instant, str, bool, bool], list[tuple[bytes, bytes]]] = {}


def _remember(document: Document, packed: bool, private: bool) -> list[tuple[bytes, bytes]]:
    if len(_HEADERS) > 8192:
        _HEADERS.clear()
    made = _HEADERS[document.etag, document.changed_at, document.media_type, packed, private] = _document_headers(document, packed, private)
    return made


async def _not_modified(document: Document, asked: bytes, send: Send, private: bool, request_id: bytes) -> Sent:
    tag = b'"%s-gz"' % document.etag.encode() if b"-gz" in asked else b'"%s"' % document.etag.encode()
    headers = [
        (b"etag", tag),
        (b"cache-control", privacy(private)),
        (b"vary", document.vary.encode()),
        (b"x-request-id", request_id),
    ]
    await send({"type": "http.response.start", "status": 304, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
    return Sent(304, 0)


def _same_tag(asked: bytes, etag: str) -> bool:
    return etag.encode() in asked or asked.strip() == b"*"


def _takes_gzip(accepted: bytes) -> bool:
    return b"gzip" in accepted and b"gzip;q=0" not in accepted.replace(b" ", b"").replace(b"q=0.", b"q=1.")


# -- files ----------------------------------------------------------------------------------------------------------

_RANGE = re.compile(rb"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*")


def read_range(value: bytes | None, size: int) -> tuple[int, int] | str | None:
    """(first, last) of one satisfiable range; None for the whole file; "unsatisfiable". Several ranges are answered whole (RFC 9110, 14.2)."""
    if value is None:
        return None
    found = _RANGE.fullmatch(value)
    if found is None or found.group(0).count(b",") or found.groups() == (b"", b""):
        return None
    first_text, last_text = found.groups()
    if first_text == b"":
        length = int(last_text)
        if length == 0:
            return "unsatisfiable"
        return (max(0, size - length), size - 1) if size else "unsatisfiable"
    first = int(first_text)
    last = min(int(last_text), size - 1) if last_text else size - 1
    if last_text and int(last_text) < first:
        return "unsatisfiable"
    return (first, last) if first < size else "unsatisfiable"


def disposition(name: str, inline: bool = False) -> str:
    """RFC 6266, with the plain form for old clients."""
    plain = re.sub(r"[^A-Za-z0-9!#$&+.^_`|~ @()-]", "_", name)
    kind = "inline" if inline else "attachment"
    if plain == name:
        return f'{kind}; filename="{plain}"'
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


async def send_file(
    reply: FileReply,
    source: Source,
    method: str,
    headers: Headers,
    send: Send,
    receive: Callable[[], Any],
    private: bool,
    request_id: bytes,
    zero_copy: bool,
) -> Sent:
    """A stored file, whole or one range of it. Raises `FileNotFound` where the bytes are gone."""
    size = reply.blob.size
    etag = f'"{reply.blob.sha256}"'.encode()
    common = [
        (b"etag", etag),
        (b"cache-control", b"public, max-age=31536000, immutable" if reply.immutable and not private else privacy(private)),
        (b"accept-ranges", b"bytes"),
        (b"x-request-id", request_id),
        *PASSIVE,
        *((k.lower().encode("latin-1"), v.encode("latin-1", "replace")) for k, v in reply.headers.items()),
    ]
    asked = headers.get(b"if-none-match")
    if _same_tag(asked, reply.blob.sha256) if asked is not None else is_same_date(headers, reply.modified):
        await send({"type": "http.response.start", "status": 304, "headers": common})
        await send({"type": "http.response.body", "body": b""})
        return Sent(304, 0)
    wanted = headers.get(b"range")
    if wanted is not None and b"if-range" in headers and headers[b"if-range"].strip() != etag:
        wanted = None
    span = read_range(wanted, size)
    if span == "unsatisfiable":
        await send(
            {"type": "http.response.start", "status": 416, "headers": [*common, (b"content-range", b"bytes */%d" % size), (b"content-length", b"0")]}
        )
        await send({"type": "http.response.body", "body": b""})
        return Sent(416, 0)
    first, last = (0, size - 1) if not isinstance(span, tuple) else span
    length = last - first + 1
    common += [
        (b"content-type", reply.media_type.encode("latin-1")),
        (b"content-length", b"%d" % length),
        (b"content-disposition", disposition(reply.name, reply.inline).encode()),
    ]
    if reply.modified and not is_young(reply.modified):
        common.append((b"last-modified", formatdate(reply.modified // 1_000_000, usegmt=True).encode()))
    status = 200
    if isinstance(span, tuple):
        status = 206
        common.append((b"content-range", b"bytes %d-%d/%d" % (first, last, size)))
    if method == "HEAD":
        await send({"type": "http.response.start", "status": status, "headers": common})
        await send({"type": "http.response.body", "body": b""})
        return Sent(status, 0)
    start: Message = {"type": "http.response.start", "status": status, "headers": common}
    if callable(source):
        return Sent.of(status, await _send_pieces(source(first, length), start, length, send, receive), length)
    if source is None:
        raise FileNotFound("The bytes of this file are not on this store")
    try:
        fd = os.open(source, os.O_RDONLY)
    except OSError as error:
        raise FileNotFound("The bytes of this file are missing: run the doctor") from error
    try:
        if length <= SMALL or zero_copy:
            await send(start)
            sent = await _send_at_once(fd, first, length, send)
        else:
            sent = await _send_pieces(_read_pieces(fd, first, length), start, length, send, receive)
        return Sent.of(status, sent, length)
    finally:
        os.close(fd)


async def _send_pieces(pieces: AsyncIterator[bytes], start: Message, length: int, send: Send, receive: Callable[[], Any]) -> int:
    """As fast as the client takes them; how much left. The answer begins with the first piece: until then it may fail."""
    data, sent = await anext(pieces, b""), 0
    await send(start)
    # `send` never says that the client has gone: a receive beside it does
    gone = asyncio.ensure_future(_hear_end(receive))
    try:
        while data:
            await send({"type": "http.response.body", "body": data, "more_body": sent + len(data) < length})
            if gone.done():
                break
            sent += len(data)
            data = await anext(pieces, b"")
        if not length:
            await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()
        close = getattr(pieces, "aclose", None)
        if close is not None:
            await close()
    return sent


async def _read_pieces(fd: int, first: int, length: int) -> AsyncIterator[bytes]:
    end = first + length
    while first < end:
        data = os.pread(fd, min(CHUNK, end - first), first)
        if not data:
            raise OSError("a stored file is shorter than its row says")
        first += len(data)
        yield data


async def _send_at_once(fd: int, first: int, length: int, send: Send) -> int:
    """What is small, or leaves through the kernel; how much left."""
    if length <= SMALL:
        await send({"type": "http.response.body", "body": os.pread(fd, length, first)})
        return length
    message: Message = {"type": "http.response.zerocopysend", "file": fd, "offset": first, "count": length}
    await send(message)
    return length - int(message.get("packhouse.unsent", 0))


# -- plain replies ---------------------------------------------------------------------------------------------------


async def send_reply(reply: Reply, method: str, send: Send, request_id: bytes, *, page: bool = False) -> Sent:
    """A framework response, without its machinery."""
    headers = _whole_headers(reply, request_id, page)
    body = b"" if method == "HEAD" or reply.status_code in (204, 304) else bytes(reply.body)
    if reply.status_code in (204, 304):
        headers = [h for h in headers if h[0] not in (b"content-length", b"content-type")]
    start: Message = {"type": "http.response.start", "status": reply.status_code, "headers": headers}
    await send(start)
    await send({"type": "http.response.body", "body": body})
    return Sent(reply.status_code, len(body))


def _whole_headers(reply: Reply, request_id: bytes, page: bool) -> list[tuple[bytes, bytes]]:
    headers = list(reply.raw_headers)
    names = {name for name, _ in headers}
    if b"cache-control" not in names:
        headers.append((b"cache-control", b"no-store" if page else b"private, no-store"))
    if b"vary" not in names:
        headers.append((b"vary", b"Origin, Authorization"))
    headers += [h for h in (SAFE if page else PASSIVE) if h[0] not in names]
    headers.append((b"x-request-id", request_id))
    return headers


async def send_stream(reply: StreamReply, send: Send, receive: Callable[[], Any], request_id: bytes) -> Sent:
    """A body as it comes, for as long as there is somebody to take it."""
    gone = asyncio.ensure_future(_hear_end(receive))
    size = 0
    try:
        headers = _whole_headers(reply, request_id, False)
        await send({"type": "http.response.start", "status": reply.status_code, "headers": headers, "packhouse.stream": True})
        async for data in reply.body_iterator:
            if gone.done():
                return Sent(GONE, size)
            size += len(data)
            await send({"type": "http.response.body", "body": data, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()
        close = getattr(reply.body_iterator, "close", None)
        if close is not None:
            close()
    return Sent(reply.status_code, size)


async def _hear_end(receive: Callable[[], Any]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
