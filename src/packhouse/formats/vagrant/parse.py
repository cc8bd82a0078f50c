"""A box → what it says about itself: `metadata.json` and `info.json`, where they come early enough. Runs in a child process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from packhouse.errors import InvalidUpload
from packhouse.grammar.archive import MIB, Limits
from packhouse.grammar.archives import read_zip
from packhouse.grammar.inflating import Inflated, inflate
from packhouse.grammar.tarheaders import read_headers
from packhouse.model import About, Struct, replace

METADATA, INFO = "metadata.json", "info.json"
LARGEST = MIB  # of either
SCANNED, SCANNED_SLOWLY = 512 * MIB, 64 * MIB  # unpacked bytes that are looked through: a disk may be larger than all memory
LONGEST, LONGEST_TEXT = 255, 4000
ZIP, SLOW = b"PK\x03\x04", (b"BZh", b"\xfd7zXZ\0")
LIMITS = Limits(produced=2**62, ratio=2**20)  # an empty disk shrinks a thousandfold: what bounds the work is how far it is read

_LINKS: Mapping[str, tuple[str, ...]] = {"Homepage": ("homepage", "website", "url"), "Repository": ("repository", "source")}


class Read(Struct):
    """What a box says. `provider` is "" where it does not say one that we have seen."""

    provider: str = ""
    description: str = ""
    about: About = About()


def read_box(path: str) -> Read:
    """What was found; a box whose disk comes first may be one of which nothing is known. Raises `InvalidUpload` for what is no archive."""
    found, warnings = find_members(path)
    metadata, info = (_read_object(name, found.get(name), warnings) for name in (METADATA, INFO))
    provider = metadata.get("provider")
    about = describe({key.lower(): value for key, value in info.items()})
    return Read(
        provider=provider if isinstance(provider, str) else "",
        description=about.readme,
        about=replace(about, warnings=tuple(warnings)),
    )


def find_members(path: str) -> tuple[dict[str, bytes], list[str]]:
    """The two files at the root, as far as the box is read, and what was odd. Raises `InvalidUpload`."""
    with Path(path).open("rb") as file:
        magic = file.read(6)
        if magic.startswith(ZIP):
            return dict(read_zip(path, (METADATA, INFO).__contains__, limit_each=LARGEST, whole=False, limits=LIMITS).members), []
        file.seek(0, 2)
        size = file.tell()
        file.seek(0)
        stream = Inflated(inflate(file, size, None, LIMITS))
        return _scan(stream, SCANNED_SLOWLY if magic.startswith(SLOW) else SCANNED)


def _scan(stream: Inflated, left: int) -> tuple[dict[str, bytes], list[str]]:
    """Raises `InvalidUpload` where not even the first member can be read."""
    found: dict[str, bytes] = {}
    seen = 0
    try:
        for member in read_headers(stream, LIMITS):
            seen += 1
            left -= 512 + member.size
            if left < 0:
                return found, [f"Read only as far as {member.name[:LONGEST]}: {METADATA} and {INFO} should come before the disks"]
            if member.kind != "file":
                continue
            if member.name in (METADATA, INFO) and member.size <= LARGEST:
                found[member.name] = b"".join(stream.pieces(member.size))
            else:
                stream.skip(member.size)
            stream.skip(-member.size % 512)
            if len(found) == 2:
                break
    except InvalidUpload as error:
        # sparse disks and sizes above 8 GiB are what other readers of tar archives know and ours does not
        if not seen:
            raise InvalidUpload(f"The file is no box, which is a tar archive, packed with gzip or not: {error.message}") from error
        return found, [f"Not read to its end: {error.message}"]
    if not seen:
        raise InvalidUpload("The box is an archive without anything in it")
    return found, []


def _read_object(name: str, content: bytes | None, warnings: list[str]) -> Mapping[str, Any]:
    if content is None:
        return {}
    try:
        value = msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        warnings.append(f"{name} is no JSON object")
        return {}
    return value


# -- what it says ----------------------------------------------------------------------------------------------------


def describe(info: Mapping[str, Any]) -> About:
    """What people wrote into `info.json`: there is no rule for it, so whatever is no text is passed over."""
    text = next(_texts(info, "description", "short_description"), "")
    summary = next(_texts(info, "short_description", "description"), "")
    links = ((title, next(_texts(info, *keys), "")) for title, keys in _LINKS.items())
    return About(
        summary=" ".join(summary.split())[:LONGEST],
        readme=text[:LONGEST_TEXT],
        author=", ".join(_texts(info, "author", "authors"))[:LONGEST],
        links={title: link[:1000] for title, link in links if link.startswith(("https://", "http://")) and len(link.split()) == 1},
    )


def _texts(info: Mapping[str, Any], *keys: str) -> Iterator[str]:
    for key in keys:
        value = info.get(key)
        for each in value if isinstance(value, list) else [value]:
            text = "".join(letter for letter in each if letter.isprintable() or letter == "\n").strip() if isinstance(each, str) else ""
            if text:
                yield text
