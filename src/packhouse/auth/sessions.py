"""Browser sessions: a cookie of 256 bits, a row on our side, a CSRF token bound to it (threats, section 6.7)."""

from __future__ import annotations

import hmac
import secrets

from packhouse.auth.tokens import hash_token, make_token
from packhouse.db import users
from packhouse.db.engine import Database, now
from packhouse.model import Instant, Struct

IDLE: Instant = 12 * 3600 * 1_000_000
LONGEST: Instant = 14 * 86400 * 1_000_000
FRESH: Instant = 600 * 1_000_000
TOUCH_EVERY: Instant = 600 * 1_000_000


class Session(Struct):
    user_id: int
    csrf: str
    secret: str
    opened: Instant = 0

    def is_fresh(self, at: Instant) -> bool:
        """Whether its user proved a few minutes ago who they are."""
        return at - self.opened < FRESH

    def checks(self, csrf: str | None) -> bool:
        """Whether a form carries this session's CSRF token."""
        return csrf is not None and hmac.compare_digest(self.csrf.encode(), csrf.encode())


def cookie_name(secure: bool) -> str:
    return "__Host-packhouse_session" if secure else "packhouse_session"


class Sessions:
    """Opened at sign-in with a fresh id, ended at sign-out."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, user_id: int, *, fresh: bool = True) -> Session:
        """A new session; not a fresh one where nobody has just proved who they are."""
        secret, csrf, at = make_token("session"), secrets.token_urlsafe(32), now() - (0 if fresh else FRESH)
        await self._database.write(users.add_session, hash_token(secret), user_id, csrf, at)
        return Session(user_id=user_id, csrf=csrf, secret=secret, opened=at)

    async def find(self, secret: str) -> Session | None:
        """The session of a cookie; None where it is unknown, idle for 12 hours or older than 14 days."""
        hashed = hash_token(secret)
        found = await self._database.read(users.find_session, hashed)
        if found is None:
            return None
        user_id, csrf, created, seen = found
        moment = now()
        if moment - seen > IDLE or moment - created > LONGEST:
            await self._database.write(users.drop_session, hashed)
            return None
        if moment - seen > TOUCH_EVERY:
            await self._database.write(users.touch_session, hashed, moment)
        return Session(user_id=user_id, csrf=csrf, secret=secret, opened=created)

    async def close(self, secret: str) -> None:
        """End it."""
        await self._database.write(users.drop_session, hash_token(secret))
