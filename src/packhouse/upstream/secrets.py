"""Secrets of upstreams, encrypted with a key that lies outside the database: a dump of it gives none of them away (threats, T74)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from packhouse.errors import UpstreamRefused
from packhouse.keyfiles import make_key_file

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet


class SecretBox:
    """One key file for the instance, made at first need. Several keys, one a line: the first encrypts, all of them decrypt."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "key"

    def seal(self, secret: str) -> str:
        """The secret as the database may hold it."""
        return self._box(make=True).encrypt(secret.encode()).decode()

    def open(self, sealed: str) -> str:
        """The secret. Raises `UpstreamRefused` where the key is not the one it was sealed with."""
        from cryptography.fernet import InvalidToken

        try:
            return self._box(make=False).decrypt(sealed.encode()).decode()
        except (InvalidToken, OSError) as error:
            raise UpstreamRefused("The secret for this upstream cannot be read with the key of this server: set identity and secret again") from error

    def _box(self, *, make: bool) -> MultiFernet:
        from cryptography.fernet import Fernet, MultiFernet

        if make and not self._path.exists():
            make_key_file(self._path, Fernet.generate_key() + b"\n")
        return MultiFernet([Fernet(line.strip()) for line in self._path.read_bytes().splitlines() if line.strip()])
