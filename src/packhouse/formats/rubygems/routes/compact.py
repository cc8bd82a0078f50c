"""The texts of the compact index on the wire. Clients append to what they have: ranges, and an entity tag that is the MD5 of the whole text."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from email.utils import formatdate

from packhouse.contract import Answer, Call
from packhouse.errors import PackageNotFound
from packhouse.formats.rubygems.index import DIGESTS
from packhouse.formats.rubygems.routes.reading import known_key
from packhouse.model import Instant
from packhouse.responses import Document, Reply, empty_reply

YOUNG: Instant = 2_000_000  # what changed within this time may change again within the second that its date tells

_START = re.compile(r"\s*bytes\s*=\s*([0-9]{1,18})\s*-\s*", re.ASCII)
_TAG = re.compile(r'"([^"]*)"')


async def show_versions(call: Call) -> Answer:
    """Every version of every gem, by when it was published."""
    return await show_text(call, "versions", "", "versions")


async def show_names(call: Call) -> Answer:
    """The names of all gems."""
    return await show_text(call, "names", "", "names")


async def show_info(call: Call) -> Answer:
    """The versions of a gem, what each needs, and its checksum. Raises `PackageNotFound`, also where the name is spelled otherwise."""
    name = call.params["package"]
    return await show_text(call, "info", known_key(name), name)


async def show_text(call: Call, index: str, key: str, path: str) -> Answer:
    documents = await call.packages.documents(index, key)
    if path not in documents:
        raise PackageNotFound
    md5, _, sha256 = documents[DIGESTS + path].body.decode().partition(" ")
    return answer_text(documents[path], md5, sha256, call.headers, call.now)


def answer_text(document: Document, md5: str, sha256: str, asked: Mapping[str, str], now: Instant) -> Reply:
    """The text, what is new of it, or that nothing is. Never packed: Bundler compares the tag with the bytes that it keeps."""
    tag, size = f'"{md5}"', len(document.body)
    settled = document.changed_at and now - document.changed_at >= YOUNG
    date = formatdate(document.changed_at // 1_000_000, usegmt=True) if settled else ""
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization, Accept-Encoding", "Accept-Ranges": "bytes"}
    if date:
        headers["Last-Modified"] = date
    if is_known(asked, md5, date):
        return empty_reply(304, headers)
    headers["Repr-Digest"] = f"sha-256=:{sha256}:"
    wanted = asked.get("range", "") if asked.get("if-range", tag).strip() == tag else ""
    first = find_start(document.body, wanted, asked.get("if-none-match", ""))
    if not first:
        return Reply(document.body, 200, headers, document.media_type)
    return Reply(document.body[first:], 206, {**headers, "Content-Range": f"bytes {first}-{size - 1}/{size}"}, document.media_type)


def is_known(asked: Mapping[str, str], md5: str, date: str) -> bool:
    """Whether the client has this very text, by its tag, or where it names none by its date."""
    tags = asked.get("if-none-match")
    if tags is None:
        return bool(date) and asked.get("if-modified-since", "").strip() == date
    return tags.strip() == "*" or md5 in _TAG.findall(tags)


def find_start(body: bytes, wanted: str, known: str) -> int:
    """Where to begin, 0 for all of it: whoever says what they have (all up to and with this byte) gets the rest only if we have that too.

    A start past the end is answered with everything: a client that is told 416 gives up.
    """
    found = _START.fullmatch(wanted)
    first = int(found[1]) if found else 0
    if first >= len(body):
        return 0
    tags = _TAG.findall(known)
    return first if not tags or hashlib.md5(memoryview(body)[: first + 1], usedforsecurity=False).hexdigest() in tags else 0
