"""The checksum database of the modules served here, as the go command reads it (golang.org/design/25530-sumdb; signed notes, tiles). Pure."""

from __future__ import annotations

import base64
import hashlib
import re

from packhouse.errors import FileNotFound
from packhouse.formats.go import names
from packhouse.model import LogRecord, LogTree, Signed, Struct

HEIGHT = 8
WIDTH = 1 << HEIGHT
ED25519 = b"\x01"
_TILE = re.compile(r"8/(0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


class Tile(Struct):
    """Hashes of one level of the tree: `count` of them, from `first` on."""

    level: int
    first: int
    count: int


def read_tile(text: str) -> Tile:
    """The tile that a path names. Raises `FileNotFound` for what names none, as the texts of records do: they tell names."""
    found = _TILE.fullmatch(text)
    width = WIDTH if found is None or found[3] is None else int(found[3])
    if found is None or width > WIDTH or (found[3] is not None and width == WIDTH) or int(found[1]) > 7:
        raise FileNotFound(f"{text[: names.SHOWN]!r} is no tile of hashes: expected 8, a level and a number, as in 8/0/x001/002 or 8/0/000.p/5")
    number = int(found[2].replace("x", "").replace("/", ""))
    return Tile(level=int(found[1]) * HEIGHT, first=number * WIDTH, count=width)


def write_sums(module: str, version: str, h1: str, mod_sha256: str) -> str:
    """The lines of go.sum for a version."""
    return f"{module} {version} {h1}\n{module} {version}/go.mod {hash_mod(mod_sha256)}\n"


def hash_mod(sha256: str) -> str:
    """The `h1:` of a go.mod file by its digest in hex."""
    return "h1:" + base64.b64encode(hashlib.sha256(f"{sha256}  go.mod\n".encode()).digest()).decode()


def write_head(tree: LogTree) -> bytes:
    """What is signed: how many records there are, and the hash of all."""
    return f"go.sum database tree\n{tree.size}\n{base64.b64encode(tree.root).decode()}\n".encode()


def write_note(name: str, text: bytes, signed: Signed) -> bytes:
    """A text with its signature below."""
    line = base64.b64encode(key_hash(name, signed.key) + signed.signature).decode()
    return text + f"\n\u2014 {name} {line}\n".encode()


def write_record(record: LogRecord) -> bytes:
    """A record with its number above and an empty line below."""
    return f"{record.number}\n{record.text}\n".encode()


def write_key(name: str, key: bytes) -> str:
    """The key as GOSUMDB takes it."""
    return f"{name}+{key_hash(name, key).hex()}+{base64.b64encode(ED25519 + key).decode()}"


def key_hash(name: str, key: bytes) -> bytes:
    """The four bytes that name a key."""
    return hashlib.sha256(f"{name}\n".encode() + ED25519 + key).digest()[:4]
