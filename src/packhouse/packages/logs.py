"""What the instance vouches for, for good: records that are only ever added, and the key that signs how many there are."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from packhouse.db import logs
from packhouse.keyfiles import make_key_file
from packhouse.model import LogRecord, LogTree, Signed
from packhouse.packages.house import House

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_keys: dict[Path, Ed25519PrivateKey] = {}


class Log:
    """The log as a format sees it (contract.Log)."""

    def __init__(self, house: House, format: str) -> None:
        self._house = house
        self._format = format

    async def add(self, project: int, name: str, version: str, text: str) -> LogRecord:
        found = await self._house.database.read(logs.find_record, project, self._format, name, version)
        if found is not None:
            return found
        return await self._house.database.write(logs.add_record, project, self._format, name, version, text)

    async def tree(self) -> LogTree:
        return await self._house.database.read(logs.read_tree)

    async def nodes(self, level: int, first: int, count: int) -> Sequence[bytes]:
        return await self._house.database.read(logs.read_nodes, level, first, count)

    async def sign(self, text: bytes) -> Signed:
        key = await asyncio.to_thread(_load_key, self._house.settings.data_path / "keys" / "log" / "key.pem")
        return Signed(key=key.public_key().public_bytes_raw(), signature=key.sign(text))


def _load_key(path: Path) -> Ed25519PrivateKey:
    """The key of this instance, made at first need; all processes have the same."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

    if path not in _keys:
        if not path.exists():
            made = Ed25519PrivateKey.generate()
            make_key_file(path, made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        found = load_pem_private_key(path.read_bytes(), None)
        assert isinstance(found, Ed25519PrivateKey), f"{path} holds another kind of key"
        _keys[path] = found
    return _keys[path]
