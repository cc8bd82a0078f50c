"""The log of what was ever vouched for, as a Merkle tree (RFC 6962, section 2.1). Rows are added, and never changed or removed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sqlalchemy import Connection, and_, func, insert, or_, select

from packhouse.db import changes
from packhouse.db.tables import log_node, log_record
from packhouse.model import LogRecord, LogTree

EMPTY = hashlib.sha256(b"").digest()


def find_record(connection: Connection, project: int, format: str, name: str, version: str) -> LogRecord | None:
    """What the log says of a version."""
    of = (log_record.c.project_id == project, log_record.c.format == format, log_record.c.name == name, log_record.c.version == version)
    row = connection.execute(select(log_record.c.number, log_record.c.text).where(*of)).first()
    return None if row is None else LogRecord(number=row[0], text=row[1])


def add_record(connection: Connection, project: int, format: str, name: str, version: str, text: str) -> LogRecord:
    """The record of a version, added where it has none; what stands there stays as it is."""
    at = changes.begin(connection, 0, "log", (), locks=["tree"])  # one after the other: numbers have no gaps
    found = find_record(connection, project, format, name, version)
    if found is not None:
        return found
    number = count_records(connection)
    connection.execute(insert(log_record).values(number=number, project_id=project, format=format, name=name, version=version, text=text, created=at))
    _add_leaf(connection, number, hashlib.sha256(b"\0" + text.encode()).digest())
    return LogRecord(number=number, text=text)


def _add_leaf(connection: Connection, number: int, hash_: bytes) -> None:
    level = 0
    connection.execute(insert(log_node).values(level=level, number=number, hash=hash_))
    while number % 2:
        [left] = read_nodes(connection, level, number - 1, 1)
        level, number, hash_ = level + 1, number // 2, _join(left, hash_)
        connection.execute(insert(log_node).values(level=level, number=number, hash=hash_))


def _join(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def count_records(connection: Connection) -> int:
    return int(connection.execute(select(func.coalesce(func.max(log_record.c.number) + 1, 0))).scalar_one())


def read_nodes(connection: Connection, level: int, first: int, count: int) -> Sequence[bytes]:
    """The hashes of complete subtrees of a level, as far as there are any."""
    chosen = (log_node.c.level == level, log_node.c.number >= first, log_node.c.number < first + count)
    return [bytes(row) for row in connection.scalars(select(log_node.c.hash).where(*chosen).order_by(log_node.c.number))]


def read_tree(connection: Connection) -> LogTree:
    """How many records there are, and the hash of all."""
    size = count_records(connection)
    return LogTree(size=size, root=_read_root(connection, size))


def _read_root(connection: Connection, size: int) -> bytes:
    wanted: list[tuple[int, int]] = []
    start = 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            wanted.append((level, start >> level))
            start += 1 << level
    if not wanted:
        return EMPTY
    which = or_(*(and_(log_node.c.level == level, log_node.c.number == number) for level, number in wanted))
    # the largest subtree is the leftmost one
    hashes = [bytes(row) for row in connection.scalars(select(log_node.c.hash).where(which).order_by(log_node.c.level.desc()))]
    root = hashes.pop()
    while hashes:
        root = _join(hashes.pop(), root)
    return root
