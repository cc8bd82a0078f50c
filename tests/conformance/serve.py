"""Serves every format and the suite's own one, signed by a toy signer: `python -m tests.conformance.serve`."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from packhouse.auth import throttle
from packhouse.formats import FORMATS
from packhouse.launch import serve

from .sample import FORMAT

HEAD, TAIL = b"-----BEGIN TOY-----\n", b"-----END TOY-----\n"


class ToySigner:
    """Signs with a key of the place. Like OpenPGP's, no two signatures of the same bytes are the same."""

    def __init__(self, place: int | None) -> None:
        self._key = f"key of place {place}".encode()

    def clear(self, data: bytes) -> bytes:
        return HEAD + data + self.detached(data) + TAIL

    def detached(self, data: bytes) -> bytes:
        nonce = secrets.token_hex(8).encode()
        return nonce + b" " + hmac.new(self._key, nonce + data, hashlib.sha256).hexdigest().upper().encode() + b"\n"

    def checks(self, data: bytes, signature: bytes) -> bool:
        """Whether the signature is one of these bytes."""
        nonce, _, digest = signature.strip().partition(b" ")
        return hmac.compare_digest(digest, hmac.new(self._key, nonce + data, hashlib.sha256).hexdigest().upper().encode())


if __name__ == "__main__":
    throttle.PER_ADDRESS = 100_000  # everybody's wrong credentials come from one address here
    serve((*FORMATS, FORMAT), ToySigner)
