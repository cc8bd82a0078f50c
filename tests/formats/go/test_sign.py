"""Notes, keys and tiles of the checksum database."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from packhouse.errors import FileNotFound
from packhouse.formats.go import parse, sign
from packhouse.model import LogTree, Signed

NO_TILES = ["", "8", "8/0", "9/0/000", "8/data/000", "8/8/000", "8/0/0", "8/0/0000", "8/0/000.p/0", "8/0/000.p/256", "8/0/x001", "8/00/000"]


@pytest.mark.parametrize(
    ("path", "tile"),
    [
        ("8/0/000", sign.Tile(level=0, first=0, count=256)),
        ("8/0/000.p/1", sign.Tile(level=0, first=0, count=1)),
        ("8/1/003", sign.Tile(level=8, first=768, count=256)),
        ("8/2/x001/x234/067.p/40", sign.Tile(level=16, first=1234067 * 256, count=40)),
    ],
)
def test_tiles_are_found_by_their_path(path: str, tile: sign.Tile) -> None:
    """go is given the hashes of another part of the tree."""
    assert sign.read_tile(path) == tile


@pytest.mark.parametrize(
    "path",
    [*NO_TILES, "8/0/" + "x001/" * 9 + "001"],
)
def test_what_is_no_tile(path: str) -> None:
    """A path that no client sends costs the database a long read, or ends in a traceback."""
    with pytest.raises(FileNotFound):
        sign.read_tile(path)


def test_a_note_is_checked_with_the_key_alone() -> None:
    """A signature is not one by the key that people were given."""
    private = Ed25519PrivateKey.generate()
    text = sign.write_head(LogTree(size=3, root=b"\7" * 32))
    note = sign.write_note("packhouse.example", text, Signed(key=private.public_key().public_bytes_raw(), signature=private.sign(text))).decode()
    name, short, key = sign.write_key("packhouse.example", private.public_key().public_bytes_raw()).split("+", 2)
    said, _, line = note.partition("\n\n")
    dash, signer, signature = line.rstrip("\n").split(" ")
    raw = base64.b64decode(signature)
    assert (dash, signer, raw[:4].hex()) == ("\u2014", name, short)
    public = base64.b64decode(key)
    assert public[:1] == b"\1" and hashlib.sha256(b"packhouse.example\n" + public).digest()[:4].hex() == short
    Ed25519PublicKey.from_public_bytes(public[1:]).verify(raw[4:], f"{said}\n".encode())
    assert said.split("\n") == ["go.sum database tree", "3", base64.b64encode(b"\7" * 32).decode()]


def test_lines_are_those_of_go_sum() -> None:
    """go compares a line that it would not have written."""
    content = b"module example.test/lib\n"
    digest = hashlib.sha256(content).hexdigest()
    lines = sign.write_sums("example.test/lib", "v1.0.0", "h1:zip=", digest)
    assert lines == f"example.test/lib v1.0.0 h1:zip=\nexample.test/lib v1.0.0/go.mod {parse.hash_files([('go.mod', digest)])}\n"
