"""The log of what was vouched for: the tree of RFC 6962, whatever its size, on both dialects."""

from __future__ import annotations

import hashlib

from sqlalchemy import Connection

from packhouse.db import logs

from .conftest import Desk

SIZES = (0, 1, 2, 3, 7, 8, 64, 255, 256, 257, 300)


def naive_root(leaves: list[bytes]) -> bytes:
    """The hash of a tree as the RFC says it (section 2.1), from its leaves."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + naive_root(leaves[:split]) + naive_root(leaves[split:])).digest()


def test_tree_is_that_of_its_records(desk: Desk) -> None:
    """A proof from the log does not hold, at some size."""
    texts: list[str] = []
    for size in SIZES:

        def grow(connection: Connection, size: int = size) -> None:
            while len(texts) < size:
                texts.append(f"record {len(texts)}\n")
                added = logs.add_record(connection, 7, "go", "example.test/lib", f"v1.{len(texts)}.0", texts[-1])
                assert (added.number, added.text) == (len(texts) - 1, texts[-1])

        desk.write(grow)
        tree = desk.read(logs.read_tree)
        assert (tree.size, tree.root) == (size, naive_root([text.encode() for text in texts])), size
    leaves = [text.encode() for text in texts]
    assert desk.read(logs.read_nodes, 8, 0, 256) == [naive_root(leaves[:256])]
    assert desk.read(logs.read_nodes, 0, 256, 256) == [naive_root([leaf]) for leaf in leaves[256:]]


def test_a_record_keeps_its_text(desk: Desk) -> None:
    """What was vouched for once is said otherwise later, or one project speaks for another."""
    first = desk.write(logs.add_record, 7, "go", "example.test/lib", "v1.0.0", "one")
    assert desk.write(logs.add_record, 7, "go", "example.test/lib", "v1.0.0", "two") == first
    other = desk.write(logs.add_record, 8, "go", "example.test/lib", "v1.0.0", "two")
    assert (other.number, other.text) == (first.number + 1, "two")
    assert desk.read(logs.find_record, 7, "go", "example.test/lib", "v1.0.0") == first
