"""Signing in and out, and how pages look to this browser."""

from __future__ import annotations

from packhouse.auth.passwords import verify_password
from packhouse.auth.sessions import cookie_name
from packhouse.auth.tokens import hash_token
from packhouse.contract import Answer
from packhouse.db import users
from packhouse.errors import TooManyRequests
from packhouse.responses import Reply
from packhouse.ui import addresses
from packhouse.ui.calls import PageCall
from packhouse.ui.desk import THEME_COOKIE, THEMES, Desk
from packhouse.ui.forms import read_cookies
from packhouse.ui.replies import see_other
from packhouse.ui.views import SignInPage

WRONG = "The username or the password is wrong."
YEAR = 365 * 86400
LONGEST_PASSWORD = 1024


class AccountPages:
    """Handlers of the pages about the viewer."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._secure = desk.house.settings.secure

    async def sign_in(self, call: PageCall) -> Answer:
        """The form; who is signed in already goes on."""
        return_to = addresses.local(call.query.get("return_to", ""))
        return self._form(call, return_to=return_to) if call.actor.anonymous else see_other(return_to)

    async def open_session(self, call: PageCall) -> Answer:
        """A new session for the right password, and on to where the viewer came from; the form again for a wrong one."""
        form = await self._desk.form(call, in_session=False)
        username, password = form.text("username").strip(), form.text("password")
        return_to = addresses.local(form.text("return_to"))
        try:
            user_id = await self._find_user(call, username, password)
        except TooManyRequests as error:
            seconds = error.detail.get("retry_after", 60)
            reply = self._form(call, username, return_to, f"There were too many wrong passwords. Try again in {seconds} seconds.", status=429)
            reply.headers["Retry-After"] = str(seconds)
            return reply
        if user_id is None:
            return self._form(call, username, return_to, WRONG, status=422)
        await self._end_session(call)
        session = await self._desk.sessions.open(user_id)
        return see_other(return_to, (self._cookie(cookie_name(self._secure), session.secret, http_only=True),))

    async def close_session(self, call: PageCall) -> Answer:
        """The session is over, here and on our side."""
        if call.session is not None:
            await self._desk.form(call)
            await self._end_session(call)
        name = cookie_name(self._secure)
        return see_other(addresses.with_query(addresses.SIGN_IN, done="signed_out"), (self._cookie(name, "", http_only=True, max_age=0),))

    async def set_theme(self, call: PageCall) -> Answer:
        """The theme is pinned for this browser, or follows the system again."""
        form = await self._desk.form(call, in_session=False)
        theme = form.text("theme")
        cookie = self._cookie(THEME_COOKIE, theme, max_age=YEAR) if theme in THEMES else self._cookie(THEME_COOKIE, "", max_age=0)
        return see_other(addresses.local(form.text("return_to")), (cookie,))

    async def _find_user(self, call: PageCall, username: str, password: str) -> int | None:
        """The user whose password this is. Raises `TooManyRequests`."""
        throttle, secret = self._desk.house.gate.throttle, hash_token(password)
        throttle.check(call.address, username.lower(), secret)
        found = await self._desk.house.database.read(users.find_password, username)
        right = len(password) <= LONGEST_PASSWORD and await verify_password(found[1] if found else None, password)
        if found is None or not right:
            throttle.wrong(call.address, username.lower(), secret)
            return None
        return found[0]

    async def _end_session(self, call: PageCall) -> None:
        secret = read_cookies(call.headers.get("cookie", "")).get(cookie_name(self._secure))
        if secret:
            await self._desk.sessions.close(secret)

    def _form(self, call: PageCall, username: str = "", return_to: str = "", error: str = "", *, status: int = 200) -> Reply:
        view = SignInPage(frame=self._desk.frame(call, "Sign in"), username=username, return_to=return_to, error=error)
        return self._desk.answer(view, status)

    def _cookie(self, name: str, value: str, *, http_only: bool = False, max_age: int | None = None) -> str:
        parts = [f"{name}={value}", "Path=/", "SameSite=Lax"]
        parts += [f"Max-Age={max_age}"] if max_age is not None else []
        parts += ["HttpOnly"] if http_only else []
        parts += ["Secure"] if self._secure else []
        return "; ".join(parts)
