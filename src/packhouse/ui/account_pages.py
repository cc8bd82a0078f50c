"""Signing in and out, the viewer's own profile and password, and how pages look to this browser."""

from __future__ import annotations

from packhouse.api.call import user_id
from packhouse.api.names import check_email, check_name
from packhouse.api.users import LONGEST_PASSWORD, change_person, check_password
from packhouse.auth.passwords import hash_aside
from packhouse.auth.sessions import cookie_name
from packhouse.contract import Answer
from packhouse.errors import Invalid, TooManyRequests
from packhouse.packages.history import read_time
from packhouse.responses import Reply
from packhouse.ui import addresses
from packhouse.ui.calls import PageCall
from packhouse.ui.changing import REFUSALS, Changing, done, own_tabs, said
from packhouse.ui.desk import THEME_COOKIE, THEMES, Desk
from packhouse.ui.entering import Door, waiting
from packhouse.ui.forms import FormFields
from packhouse.ui.panels import Field, Form, Panel, Trouble
from packhouse.ui.replies import see_other
from packhouse.ui.single_sign_on import SingleSignOn
from packhouse.ui.views import Fact, SignInPage

WRONG = "The username or the password is wrong."
YEAR = 365 * 86400


class AccountPages(Changing):
    """Handlers of the pages about the viewer."""

    def __init__(self, desk: Desk, door: Door, sign_on: SingleSignOn) -> None:
        super().__init__(desk)
        self._door = door
        self._sign_on = sign_on
        self._secure = desk.house.settings.secure

    async def sign_in(self, call: PageCall) -> Answer:
        """The form; who is signed in already goes on."""
        return_to = addresses.local(call.query.get("return_to", ""))
        return await self._form(call, return_to=return_to) if call.actor.anonymous else see_other(return_to)

    async def open_session(self, call: PageCall) -> Answer:
        """A new session for the right password, and on to where the viewer came from; the form again for a wrong one."""
        form = await self._desk.form(call, in_session=False)
        username, password = form.text("username").strip(), form.text("password")
        return_to = addresses.local(form.text("return_to"))
        try:
            user_id = await self._door.find_user(call, username, password)
        except TooManyRequests as error:
            reply = await self._form(call, username, return_to, waiting(error), status=429)
            reply.headers["Retry-After"] = str(error.detail.get("retry_after", 60))
            return reply
        if user_id is None:
            return await self._form(call, username, return_to, WRONG, status=422)
        return await self._door.enter(call, user_id, return_to, "password")

    async def close_session(self, call: PageCall) -> Answer:
        """The session is over, here and on our side."""
        if call.session is not None:
            await self._desk.form(call)
            await self._door.end_session(call)
        name = cookie_name(self._secure)
        return see_other(addresses.with_query(addresses.SIGN_IN, done="signed_out"), (self._door.cookie(name, "", http_only=True, max_age=0),))

    async def set_theme(self, call: PageCall) -> Answer:
        """The theme is pinned for this browser, or follows the system again."""
        form = await self._desk.form(call, in_session=False)
        theme = form.text("theme")
        cookie = self._door.cookie(THEME_COOKIE, theme, max_age=YEAR) if theme in THEMES else self._door.cookie(THEME_COOKIE, "", max_age=0)
        return see_other(addresses.local(form.text("return_to")), (cookie,))

    # -- the viewer's own --------------------------------------------------------------------------------------------

    async def profile(self, call: PageCall, trouble: Trouble | None = None) -> Answer:
        """The viewer's name, address and ids."""
        told = await self._ask(call, "GET", "user")
        form = Form(
            id="profile",
            action=addresses.PROFILE,
            submit="Save profile",
            fields=(
                Field(name="name", label="Name", value=told["name"], required=True, longest=255, complete="name"),
                Field(name="email", label="Email", kind="email", value=told["email"], required=True, longest=255, complete="email"),
            ),
        )
        facts = (
            Fact(label="User name", text=told["username"], copy=True),
            Fact(label="User id", text=str(told["id"]), copy=True),
            Fact(label="Since", at=read_time(told["created_at"])),
        )
        panel = Panel(id="profile-panel", heading="Profile", text="What others see of you.", facts=facts, form=form)
        return await self._panels(call, "Your settings", (panel,), trouble, tabs=own_tabs("profile"))

    async def save_profile(self, call: PageCall) -> Answer:
        """The viewer with another name or address."""

        async def work(form: FormFields) -> str:
            name, email = form.text("name").strip(), form.text("email").strip()
            check_name(name)
            check_email(email)
            await self._desk.house.database.write(change_person, user_id(call.actor), {"name": name, "email": email}, call.actor)
            return done(addresses.PROFILE, "saved")

        return await self._carry_out(call, "profile", work, self._again(self.profile))

    async def password(self, call: PageCall, trouble: Trouble | None = None) -> Answer:
        """The form that changes the viewer's password."""
        form = Form(
            id="password",
            action=addresses.PASSWORD,
            submit="Change password",
            fields=(
                Field(name="current", label="Current password", kind="password", required=True, complete="current-password"),
                Field(name="password", label="New password", kind="password", required=True, complete="new-password", hint="8 to 128 characters."),
                Field(name="again", label="New password again", kind="password", required=True, complete="new-password"),
            ),
        )
        connected = await self._sign_on.own_panel(call)
        own = () if connected is None else (connected,)
        text = "Every other session ends. Tokens stay: they are not made from the password."
        panel = Panel(id="password-panel", heading="Password", text=text, form=form)
        return await self._panels(call, "Your settings", (panel, *own), trouble, tabs=own_tabs("password"))

    async def save_password(self, call: PageCall) -> Answer:
        """Another password for who knows the current one; this browser gets a fresh session."""
        form = await self._desk.form(call)
        try:
            await self._change_password(call, form)
        except TooManyRequests as error:
            return await self.password(call, Trouble(form="password", text=waiting(error), typed={}))
        except REFUSALS as error:
            return await self.password(call, Trouble(form="password", text=said(error.message), typed={}))
        return await self._door.enter(call, user_id(call.actor), done(addresses.PASSWORD, "password_changed"), "password change")

    async def _change_password(self, call: PageCall, form: FormFields) -> None:
        new = form.text("password")
        if await self._door.find_user(call, call.actor.username, form.text("current")) != user_id(call.actor):
            raise Invalid("The current password is wrong")
        if new != form.text("again"):
            raise Invalid("The new password was typed in two ways: type the same twice")
        check_password(new)
        if len(new) > LONGEST_PASSWORD:
            raise Invalid(f"Password is too long (maximum is {LONGEST_PASSWORD} characters)")
        stored = await hash_aside(new)
        await self._desk.house.database.write(change_person, user_id(call.actor), {"password": stored}, call.actor)

    async def _form(self, call: PageCall, username: str = "", return_to: str = "", error: str = "", *, status: int = 200) -> Reply:
        link = await self._sign_on.link(return_to)
        view = SignInPage(frame=self._desk.frame(call, "Sign in"), username=username, return_to=return_to, error=error, sign_on=link)
        return self._desk.answer(view, status)
