"""Letting a browser in: a fresh session in place of any other, and the cookies around it."""

from __future__ import annotations

from sqlalchemy import Connection

from packhouse.auth.sessions import cookie_name
from packhouse.db import changes, users
from packhouse.db.engine import now
from packhouse.errors import TooManyRequests
from packhouse.model import Actor
from packhouse.responses import Reply
from packhouse.ui.calls import PageCall
from packhouse.ui.desk import Desk
from packhouse.ui.forms import read_cookies
from packhouse.ui.replies import see_other


class Door:
    """Opens and ends sessions for browsers."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._secure = desk.house.settings.secure

    async def enter(self, call: PageCall, user_id: int, return_to: str, way: str, cookies: tuple[str, ...] = (), *, fresh: bool = True) -> Reply:
        """A new session, and on to where the viewer came from; `way` is how they proved who they are, `fresh` whether they did so just now."""
        await self.end_session(call)
        session = await self._desk.sessions.open(user_id, fresh=fresh)
        await self._desk.house.database.write(_note, user_id, way)
        return see_other(return_to, (self.cookie(cookie_name(self._secure), session.secret, http_only=True), *cookies))

    async def find_user(self, call: PageCall, username: str, password: str) -> int | None:
        """The user whose password this is. Raises `TooManyRequests`."""
        house = self._desk.house
        found = await house.database.read(users.find_password, username)
        right = await house.gate.throttle.is_right(call.address, username, found, password)
        return found[0] if right and found is not None else None

    async def end_session(self, call: PageCall) -> None:
        """The session of this browser is over on our side."""
        secret = read_cookies(call.headers.get("cookie", "")).get(cookie_name(self._secure))
        if secret:
            await self._desk.sessions.close(secret)

    def cookie(self, name: str, value: str, *, http_only: bool = False, max_age: int | None = None) -> str:
        """A Set-Cookie header; without an age the cookie ends with the browser."""
        parts = [f"{name}={value}", "Path=/", "SameSite=Lax"]
        parts += [f"Max-Age={max_age}"] if max_age is not None else []
        parts += ["HttpOnly"] if http_only else []
        parts += ["Secure"] if self._secure else []
        return "; ".join(parts)


def waiting(error: TooManyRequests) -> str:
    """How long somebody who guessed too often has to wait."""
    return f"There were too many wrong passwords. Try again in {error.detail.get('retry_after', 60)} seconds."


def _note(connection: Connection, user_id: int, way: str) -> None:
    found = users.get_user(connection, user_id)
    actor = Actor(kind="session", user_id=user_id, username=found.username if found is not None else "")
    changes.add_event(connection, now(), "sign_in", actor, detail={"with": way})
