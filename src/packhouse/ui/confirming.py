"""Once more the password before what outlasts a session: tokens, members, who else is trusted. Who signed in a few minutes ago is not asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

from packhouse.auth.sessions import Session, cookie_name
from packhouse.contract import Answer, Route
from packhouse.db import users
from packhouse.db.engine import now
from packhouse.errors import TooManyRequests
from packhouse.responses import Reply
from packhouse.ui import addresses
from packhouse.ui.calls import PageCall
from packhouse.ui.changing import Changing, wants_confirming
from packhouse.ui.desk import Desk, here
from packhouse.ui.entering import Door, waiting
from packhouse.ui.forms import FormFields
from packhouse.ui.panels import Field, Form, Panel, Trouble
from packhouse.ui.single_sign_on import SingleSignOn
from packhouse.ui.views import Link

PASSWORD = "confirm_password"
BACK = "confirm_return_to"


class Confirming(Changing):
    """Asks viewers to confirm that it is them, and then does what they asked for."""

    def __init__(self, desk: Desk, door: Door, sign_on: SingleSignOn) -> None:
        super().__init__(desk)
        self._door = door
        self._sign_on = sign_on

    def guard(self, route: Route) -> Route:
        """The route, behind the question where its handler wants it."""
        handler = route.handler
        if not wants_confirming(handler):
            return route

        async def confirm(call: PageCall) -> Answer:
            if call.session is None or call.session.is_fresh(now()):
                return await handler(call)
            return await self._confirm(call, call.session, handler)

        return dataclasses.replace(route, handler=confirm)

    async def _confirm(self, call: PageCall, session: Session, handler: Callable[[Any], Awaitable[Answer]]) -> Answer:
        form = await self._desk.form(call)
        if not form.has(PASSWORD):
            return await self._ask_for_it(call, form, 403)
        try:
            user_id = await self._door.find_user(call, call.actor.username, form.text(PASSWORD))
        except TooManyRequests as error:
            reply = await self._ask_for_it(call, form, 429, waiting(error))
            reply.headers["Retry-After"] = str(error.detail.get("retry_after", 60))
            return reply
        if user_id != session.user_id:
            return await self._ask_for_it(call, form, 422, "The password is wrong.")
        return await self._go_on(call, session, form, handler)

    async def _go_on(self, call: PageCall, old: Session, form: FormFields, handler: Callable[[Any], Awaitable[Answer]]) -> Answer:
        """What was asked for, in a fresh session: whoever else holds the cookie of the old one is out."""
        sessions = self._desk.sessions
        new = await sessions.open(old.user_id)
        try:
            reply = await handler(cast(PageCall, Repeated(call, new, _carried(form))))
        except BaseException:
            await sessions.close(new.secret)
            raise
        await sessions.close(old.secret)
        assert isinstance(reply, Reply)
        reply.headers.append("Set-Cookie", self._door.cookie(cookie_name(self._desk.house.settings.secure), new.secret, http_only=True))
        return reply

    async def _ask_for_it(self, call: PageCall, form: FormFields, status: int, wrong: str = "") -> Reply:
        """The page that asks, which carries what was sent."""
        back = addresses.local(form.text(BACK)) if form.has(BACK) else _came_from(call)
        link = await self._sign_on.own_link(call, back)
        known = await self._desk.house.database.read(users.find_password, call.actor.username) is not None
        asking = Form(
            id="confirm",
            action=here(call.scope),
            submit="Confirm",
            fields=(Field(name=PASSWORD, label="Password", kind="password", required=True, complete="current-password"),),
            hidden=(*_carried(form), (BACK, back)),
        )
        if known:
            text = "You signed in a while ago. Type your password once more, and what you asked for is done."
        elif link is not None:
            text = "You signed in a while ago. Sign in once more: you come back to the page you were on, and can send its form again."
        else:
            text = "You signed in a while ago. Sign out, sign in again, and send the form once more."
        panel = Panel(id="confirm-panel", heading="", text=text, form=asking if known else None)
        trouble = Trouble(form="confirm", text=wrong, typed={}) if wrong else None
        links = (*((link,) if link is not None else ()), Link(text="Back", href=back))
        reply = await self._panels(call, "Confirm that it is you", (panel,), trouble, links=links)
        reply.status_code = status
        return reply


class Repeated:
    """A call whose form has been read, in another session."""

    def __init__(self, call: PageCall, session: Session, fields: tuple[tuple[str, str], ...]) -> None:
        self._call = call
        self._body = urlencode([*fields, ("csrf", session.csrf)]).encode()
        self.session = session

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    async def body(self) -> bytes:
        """The form, as made for this session."""
        return self._body


def _carried(form: FormFields) -> tuple[tuple[str, str], ...]:
    """The fields of the form that was sent, without those of the question."""
    return tuple((name, value) for name, values in form.typed().items() if name not in (PASSWORD, BACK) for value in values)


def _came_from(call: PageCall) -> str:
    """The page of ours that the form was on."""
    sent = urlsplit(call.headers.get("referer", ""))
    return addresses.local(sent.path + (f"?{sent.query}" if sent.query else ""))
