"""Signed requests: whose key made the signature, and that it is used once for a change (threats, section 5)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence

from packhouse.db import oidc, signing_keys
from packhouse.db.engine import Database, now
from packhouse.errors import InvalidCredential
from packhouse.grammar.opssignatures import WINDOW, Signature, is_made_by, write_text


async def find_signer(database: Database, signature: Signature, method: str, path: str) -> int:
    """The token on whose behalf a request is signed. `path` is as it was sent. Raises `InvalidCredential`."""
    at = now()
    if abs(at - signature.time) > WINDOW:
        raise InvalidCredential("X-Ops-Timestamp is more than 15 minutes off the clock of this server: set the clock, and sign the request again")
    keys = await database.read(signing_keys.keys_of_user, signature.user, at)
    token = await asyncio.to_thread(_find_token, keys, signature, method, path)
    if token is None:
        raise InvalidCredential("No key that is known here for X-Ops-Userid made this signature: register the public key with a token of that user")
    return token


def _find_token(keys: Sequence[tuple[int, str]], signature: Signature, method: str, path: str) -> int | None:
    return next((token for token, key in keys if is_made_by(signature, key, method, path)), None)


async def use_up(database: Database, signature: Signature, method: str, path: str) -> None:
    """Whoever sees a signed change could send it again while its time is good: every process remembers it for as long. Raises `InvalidCredential`."""
    # the text names its user; whichever token has the key, it is the same request
    digest = hashlib.sha256(b"signature\n%b" % write_text(signature, method, path)).digest()
    if not await database.write(oidc.spend, digest, signature.time + WINDOW, now()):
        raise InvalidCredential("This signature was used already, and is good for one change: sign the request again")
