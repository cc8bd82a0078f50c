"""Single sign-on: its settings, the way to the provider and back, and which user a subject is. Nobody is ever found by a mail address."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from sqlalchemy import Connection

from packhouse.api.call import begin, user_id
from packhouse.api.names import make_path
from packhouse.api.users import NewUser, create_person
from packhouse.auth.sessions import FRESH
from packhouse.contract import Answer, Route
from packhouse.db import changes, identities, places, users
from packhouse.db.engine import now
from packhouse.errors import Conflict, Forbidden, Invalid, NotFound, RegistryError, UpstreamFailed, UpstreamRefused
from packhouse.model import ANONYMOUS, Action, Actor, Instant, Struct
from packhouse.responses import Reply
from packhouse.ui import addresses
from packhouse.ui.calls import PageCall
from packhouse.ui.changing import Changing, confirmed, done
from packhouse.ui.desk import Desk
from packhouse.ui.entering import Door
from packhouse.ui.forms import FormFields, read_cookies
from packhouse.ui.panels import Act, Detail, Field, Form, Line, Panel, Trouble, check
from packhouse.ui.paths import page_route
from packhouse.ui.replies import see_other
from packhouse.ui.views import Fact, Link, SignInPage
from packhouse.upstream.client import Outbound
from packhouse.upstream.guard import Guard
from packhouse.upstream.openid import Attempt, Client, Person, authorization_url, check_issuer, discover, redeem
from packhouse.upstream.openid import Provider as Discovered
from packhouse.upstream.secrets import SecretBox

SETTING = "single_sign_on"
COOKIE = "packhouse_sign_on"
MINUTES = 10
SECOND: Instant = 1_000_000
NAMES = 100


class Provider(Struct):
    """The provider of this instance, as it is stored; the secret is sealed."""

    issuer: str = ""
    client_id: str = ""
    secret: str = ""
    title: str = ""
    enabled: bool = False
    makes_users: bool = False

    @property
    def name(self) -> str:
        """What people call it."""
        return self.title or re.sub(r"^https?://", "", self.issuer).partition("/")[0]


class Errand(Struct):
    """An attempt to sign in, as the browser carries it sealed: `user` connects it to somebody who is signed in already."""

    attempt: Attempt
    return_to: str
    user: int
    until: Instant


class SingleSignOn(Changing):
    """Handlers of single sign-on."""

    def __init__(self, desk: Desk, door: Door) -> None:
        super().__init__(desk)
        self._door = door
        settings = desk.house.settings
        self._box = SecretBox(settings.data_path / "keys" / "upstream")
        self._cookie = f"__Host-{COOKIE}" if settings.secure else COOKIE
        self._found: tuple[Instant, Discovered] | None = None

    def routes(self) -> list[Route]:
        """Every page, by method and address."""
        settings = addresses.ADMIN_SIGN_ON.removeprefix("/")
        return [
            page_route("GET", settings, self.settings, Action.ADMIN),
            page_route("POST", settings, self.save, Action.ADMIN),
            page_route("GET", addresses.SIGN_ON.removeprefix("/"), self.start, Action.OPEN),
            page_route("GET", addresses.SIGN_ON_BACK.removeprefix("/"), self.come_back, Action.OPEN),
            page_route("POST", addresses.IDENTITIES.removeprefix("/"), self.connect, Action.SIGN_IN),
            page_route("POST", addresses.IDENTITIES.removeprefix("/") + "/remove", self.disconnect, Action.SIGN_IN),
        ]

    # -- settings ----------------------------------------------------------------------------------------------------

    async def provider(self) -> Provider:
        """The provider of this instance; one without an issuer where there is none."""
        return await self._desk.house.database.read(_read_provider)

    async def link(self, return_to: str) -> Link | None:
        """The way in over the provider, where there is one."""
        provider = await self.provider()
        if not provider.enabled:
            return None
        return Link(text=f"Sign in with {provider.name}", href=addresses.with_query(addresses.SIGN_ON, return_to=return_to))

    async def own_link(self, call: PageCall, return_to: str) -> Link | None:
        """The same, where it lets in the viewer."""
        link, provider = await self.link(return_to), await self.provider()
        rows = await self._desk.house.database.read(identities.identities_of, user_id(call.actor))
        return link if any(row.issuer == provider.issuer for row in rows) else None

    async def settings(self, call: PageCall, trouble: Trouble | None = None) -> Answer:
        """The provider, and what we are there."""
        provider = await self.provider()
        form = Form(
            id="provider",
            action=addresses.ADMIN_SIGN_ON,
            submit="Save",
            fields=(
                check("enabled", "Offer it on the sign-in page", provider.enabled),
                Field(name="title", label="Name on the button", value=provider.title, longest=100, hint="Empty: the provider's host."),
                Field(name="issuer", label="Issuer", kind="url", value=provider.issuer, longest=512, hint="As the provider writes it itself."),
                Field(name="client_id", label="Client id", value=provider.client_id, longest=255, complete="off"),
                Field(
                    name="secret",
                    label="Client secret",
                    kind="password",
                    complete="off",
                    longest=1024,
                    hint="Empty: stays as it is." if provider.secret else "Empty: a public client, with PKCE alone.",
                ),
                check(
                    "makes_users",
                    "Make a user for who comes the first time",
                    provider.makes_users,
                    "Otherwise only users who have connected it come in.",
                ),
            ),
        )
        panel = Panel(
            id="sign-on",
            heading="OpenID Connect",
            text="People sign in at a provider of yours. A user is known by the subject the provider gives them, never by a mail address.",
            facts=(Fact(label="Redirect to", text=self._redirect_uri, copy=True),),
            form=form,
        )
        return await self._panels(call, "Single sign-on", (panel,), trouble, tabs=self._admin_tabs("sign_on"))

    @confirmed
    async def save(self, call: PageCall) -> Answer:
        """The provider as sent, where it answers."""

        async def work(form: FormFields) -> str:
            provider = await self._read(form)
            if provider.enabled:
                async with self._outbound() as outbound:
                    await discover(outbound, provider.issuer)
            await self._desk.house.database.write(_write_provider, provider, call.actor)
            return done(addresses.ADMIN_SIGN_ON, "saved")

        return await self._carry_out(call, "provider", work, self._again(self.settings))

    async def _read(self, form: FormFields) -> Provider:
        old = await self.provider()
        issuer, client_id, secret = form.text("issuer").strip(), form.text("client_id").strip(), form.text("secret").strip()
        if issuer:
            check_issuer(issuer, self._desk.house.settings.outbound_allow)
        if form.has("enabled") and not (issuer and client_id):
            raise Invalid("Single sign-on needs an issuer and a client id before it can be offered")
        kept = old.secret if issuer == old.issuer else ""  # what was given for one provider is not for another
        return Provider(
            issuer=issuer,
            client_id=client_id,
            secret=self._box.seal(secret) if secret else kept,
            title=form.text("title").strip()[:100],
            enabled=form.has("enabled"),
            makes_users=form.has("makes_users"),
        )

    # -- there and back ----------------------------------------------------------------------------------------------

    @property
    def _redirect_uri(self) -> str:
        return f"{self._desk.house.settings.base_url}{addresses.SIGN_ON_BACK}"

    @asynccontextmanager
    async def _outbound(self) -> AsyncIterator[Outbound]:
        outbound = Outbound(Guard(self._desk.house.settings.outbound_allow))
        try:
            yield outbound
        finally:
            await outbound.close()

    async def _ready(self) -> tuple[Provider, Client]:
        provider = await self.provider()
        if not provider.enabled:
            raise NotFound()
        secret = self._box.open(provider.secret) if provider.secret else ""
        return provider, Client(issuer=provider.issuer, client_id=provider.client_id, secret=secret, redirect_uri=self._redirect_uri)

    async def _discover(self, outbound: Outbound, issuer: str) -> Discovered:
        """What the provider says of itself, asked again after a while: nobody can make us ask at every click."""
        if self._found is not None and self._found[1].issuer == issuer and self._found[0] > now():
            return self._found[1]
        told = await discover(outbound, issuer)
        self._found = (now() + MINUTES * 60 * SECOND, told)
        return told

    async def _set_out(self, return_to: str, user: int, *, again: bool = False) -> tuple[str, str]:
        """Where the browser goes, and the cookie it carries; `again` for who must sign in there though the provider knows them."""
        _, client = await self._ready()
        since = now() // SECOND if again else 0
        attempt = Attempt(state=secrets.token_urlsafe(32), nonce=secrets.token_urlsafe(32), verifier=secrets.token_urlsafe(48), since=since)
        async with self._outbound() as outbound:
            url = authorization_url(await self._discover(outbound, client.issuer), client, attempt)
        errand = Errand(attempt=attempt, return_to=return_to, user=user, until=now() + MINUTES * 60 * SECOND)
        sealed = self._box.seal(msgspec.json.encode(errand).decode())
        return url, self._door.cookie(self._cookie, sealed, http_only=True, max_age=MINUTES * 60)

    async def start(self, call: PageCall) -> Answer:
        """Off to the provider; who is signed in already goes on, or signs in there once more where that was a while ago."""
        return_to = addresses.local(call.query.get("return_to", ""))
        if call.session is not None and call.session.is_fresh(now()):
            return see_other(return_to)
        try:
            url, cookie = await self._set_out(return_to, 0, again=call.session is not None)
        except (UpstreamFailed, UpstreamRefused) as error:
            return self._refuse(call, return_to, error.message, 502)
        return see_other(url, (cookie,))

    async def come_back(self, call: PageCall) -> Answer:
        """In, where the provider's answer fits the attempt that this browser made."""
        errand = self._errand(call)
        forget = self._door.cookie(self._cookie, "", http_only=True, max_age=0)
        if errand is None:
            return self._refuse(call, "", "The attempt to sign in is too old, or was begun in another browser: try again.", 400)
        try:
            person = await self._identify(call, errand)
            reply = await self._let_in(call, errand, person, forget)
        except RegistryError as error:
            status = 502 if isinstance(error, UpstreamFailed) else 403
            reply = self._refuse(call, errand.return_to, error.message.removeprefix("Forbidden - "), status)
            reply.headers.append("Set-Cookie", forget)
        return reply

    def _errand(self, call: PageCall) -> Errand | None:
        sealed = read_cookies(call.headers.get("cookie", "")).get(self._cookie, "")
        try:
            errand = msgspec.json.decode(self._box.open(sealed), type=Errand) if sealed else None
        except (UpstreamRefused, msgspec.DecodeError):
            return None
        if errand is None or errand.until < now() or not hmac.compare_digest(call.query.get("state", "").encode(), errand.attempt.state.encode()):
            return None
        return errand

    async def _identify(self, call: PageCall, errand: Errand) -> Person:
        provider, client = await self._ready()
        if call.query.get("iss", provider.issuer) != provider.issuer:
            raise UpstreamFailed("The answer comes from another issuer")
        if "error" in call.query or not call.query.get("code"):
            raise UpstreamFailed(f"{provider.name} did not let you in: {call.query.get('error', 'no code')[:64]}")
        async with self._outbound() as outbound:
            return await redeem(outbound, await self._discover(outbound, client.issuer), client, errand.attempt, call.query["code"])

    async def _let_in(self, call: PageCall, errand: Errand, person: Person, forget: str) -> Reply:
        database, provider = self._desk.house.database, await self.provider()
        if errand.user:
            if call.actor.user_id != errand.user or call.session is None:
                raise Forbidden("Somebody else is signed in now: sign in again and connect it then")
            await database.write(_connect, provider.issuer, person, call.actor)
            return see_other(done(addresses.PASSWORD, "connected"), (forget,))
        found = await database.read(identities.find_identity, provider.issuer, person.subject)
        if found is None:
            if not provider.makes_users:
                raise Forbidden(
                    "No user is connected to this account: sign in with your password and connect it in your settings, or ask an administrator"
                )
            id_ = await database.write(_make_user, provider.issuer, person)
        elif found[1] != "active":
            raise Forbidden("The user is blocked")
        else:
            id_ = found[0]
        # a provider that knows the browser lets whoever sits there in, without a question
        fresh = bool(errand.attempt.since) or now() - person.signed_in * SECOND < FRESH
        return await self._door.enter(call, id_, errand.return_to, provider.name, (forget,), fresh=fresh)

    def _refuse(self, call: PageCall, return_to: str, text: str, status: int) -> Reply:
        view = SignInPage(
            frame=self._desk.frame(call, "Sign in"),
            return_to=return_to,
            error=text,
            sign_on=Link(text="Try again", href=addresses.with_query(addresses.SIGN_ON, return_to=return_to)),
        )
        return self._desk.answer(view, status)

    # -- the viewer's own --------------------------------------------------------------------------------------------

    async def own_panel(self, call: PageCall) -> Panel | None:
        """Where the viewer can sign in, and the way to connect it; None where the instance has no provider."""
        provider = await self.provider()
        rows = await self._desk.house.database.read(identities.identities_of, user_id(call.actor))
        if not provider.enabled and not rows:
            return None
        lines = tuple(
            Line(
                title=row.issuer,
                details=(Detail(text=f"as {row.subject}"), Detail(text="connected", at=row.created)),
                acts=(
                    Act(
                        label="Disconnect",
                        text="You can sign in with your password only, until you connect it again.",
                        form=Form(
                            id="disconnect",
                            action=f"{addresses.IDENTITIES}/remove",
                            submit="Disconnect",
                            kind="danger",
                            hidden=(("issuer", row.issuer),),
                        ),
                    ),
                ),
            )
            for row in rows
        )
        connected = any(row.issuer == provider.issuer for row in rows)
        form = Form(id="connect", action=addresses.IDENTITIES, submit=f"Connect {provider.name}", kind="plain")
        return Panel(
            id="identities",
            heading="Single sign-on",
            text="Accounts elsewhere that let you in here.",
            lines=lines,
            empty="None is connected.",
            form=form if provider.enabled and not connected else None,
        )

    @confirmed
    async def connect(self, call: PageCall) -> Answer:
        """A page with the way to the provider: a form of ours may not lead elsewhere by itself."""
        await self._desk.form(call)
        provider = await self.provider()
        try:
            url, cookie = await self._set_out(addresses.PASSWORD, user_id(call.actor))
        except (UpstreamFailed, UpstreamRefused) as error:
            return self._refuse(call, addresses.PASSWORD, error.message, 502)
        panel = Panel(id="go", heading="", text=f"Sign in at {provider.name} now. You come back here, and it is connected.")
        reply = await self._panels(call, f"Connect {provider.name}", (panel,), links=(Link(text=f"Go on to {provider.name}", href=url),))
        reply.headers.append("Set-Cookie", cookie)
        return reply

    async def disconnect(self, call: PageCall) -> Answer:
        """The account elsewhere lets the viewer in no more."""
        form = await self._desk.form(call)
        await self._desk.house.database.write(_disconnect, form.text("issuer"), call.actor)
        return see_other(done(addresses.PASSWORD, "disconnected"))


def _read_provider(connection: Connection) -> Provider:
    stored = places.read_setting(connection, SETTING)
    return Provider() if stored is None else msgspec.json.decode(stored, type=Provider)


def _write_provider(connection: Connection, provider: Provider, actor: Actor) -> None:
    at = begin(connection)
    places.set_instance_setting(connection, SETTING, msgspec.json.encode(provider).decode())
    detail: dict[str, Any] = {
        "issuer": provider.issuer,
        "client_id": provider.client_id,
        "enabled": provider.enabled,
        "makes_users": provider.makes_users,
    }
    changes.add_event(connection, at, "single_sign_on", actor, detail=detail)


def _connect(connection: Connection, issuer: str, person: Person, actor: Actor) -> None:
    at = begin(connection)
    found = identities.find_identity(connection, issuer, person.subject)
    if found is not None and found[0] != actor.user_id:
        raise Conflict("That account lets somebody else in already: disconnect it there first")
    if found is None:
        identities.drop_identities(connection, user_id(actor), issuer)
        identities.add_identity(connection, issuer, person.subject, user_id(actor), at)
        changes.add_event(connection, at, "identity_connect", actor, detail={"issuer": issuer, "subject": person.subject})


def _disconnect(connection: Connection, issuer: str, actor: Actor) -> None:
    at = begin(connection)
    if identities.drop_identities(connection, user_id(actor), issuer):
        changes.add_event(connection, at, "identity_disconnect", actor, detail={"issuer": issuer})


def _make_user(connection: Connection, issuer: str, person: Person) -> int:
    """A user for a subject nobody has yet; a name that is taken gets a number, a mail address that is taken stays with who has it."""
    at = begin(connection)
    found = identities.find_identity(connection, issuer, person.subject)  # two tabs may come back at once
    if found is not None:
        return found[0]
    username = _free_name(connection, make_path(person.username or person.email.partition("@")[0] or person.name) or "user")
    email = person.email if person.email and not users.email_taken(connection, person.email) else f"{username}@noreply.invalid"
    new = NewUser(username=username, name=person.name or username, email=email, password=None, admin=False, external=False)
    id_ = create_person(connection, new, ANONYMOUS)
    identities.add_identity(connection, issuer, person.subject, id_, at)
    return id_


def _free_name(connection: Connection, wanted: str) -> str:
    for number in range(1, NAMES):
        name = wanted if number == 1 else f"{wanted}{number}"
        if not places.path_taken(connection, name):
            return name
    raise Conflict(f"Every user name like {wanted!r} is taken: ask an administrator for a user")
