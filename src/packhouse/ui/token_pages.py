"""Personal access tokens of the viewer: listed, made and shown once, revoked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy import Connection

from packhouse.auth.tokens import USER_SCOPES, hash_token, make_token
from packhouse.contract import Answer
from packhouse.db import changes, tokens
from packhouse.db.engine import now
from packhouse.db.tokens import TokenQuery, TokenRow
from packhouse.errors import NotFound
from packhouse.model import Actor, Instant
from packhouse.responses import Reply
from packhouse.ui import addresses
from packhouse.ui.calls import PageCall
from packhouse.ui.changing import confirmed, own_tabs
from packhouse.ui.desk import Desk, number_in
from packhouse.ui.forms import FormFields
from packhouse.ui.replies import see_other
from packhouse.ui.views import ScopeChoice, TokenLine, TokensPage
from packhouse.ui.words import EPOCH, moment

MOST_DAYS = 365
MOST_SHOWN = 200
LONGEST_NAME = 255
SCOPES = {
    "api": "Everything you may do, over the API and with every client",
    "read_api": "Read projects, packages and settings",
    "read_registry": "Pull container images",
    "write_registry": "Push container images",
    "read_repository": "Read Git repositories",
    "write_repository": "Write Git repositories",
    "read_user": "Read your own profile",
}
ADMIN_SCOPES = {"sudo": "Act as any user", "admin_mode": "Administer the instance"}


class TokenPages:
    """Handlers of the token page."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def show(self, call: PageCall) -> Answer:
        """The viewer's tokens, and the form for one more; the address may fill it in."""
        asked = call.query.get("scopes", "").replace(" ", ",").split(",")
        back = _back(call.query.get("return_to", ""))
        return await self._page(call, name=call.query.get("name", "")[:LONGEST_NAME], scopes=asked, expires=last_day(), back=back)

    @confirmed
    async def make(self, call: PageCall) -> Answer:
        """A new token, shown this once; the form again where something is missing."""
        form = await self._desk.form(call)
        name, scopes, expires = form.text("name").strip(), form.texts("scopes"), form.text("expires_at").strip()
        wrong, back = _find_fault(form, call.actor), _back(form.text("return_to"))
        if wrong:
            return await self._page(call, name=name, scopes=scopes, expires=expires, error=wrong, back=back, status=422)
        secret = make_token("personal")
        await self._desk.house.database.write(
            _add, call.actor, name, tuple(dict.fromkeys(scopes)), hash_token(secret), _midnight(date.fromisoformat(expires))
        )
        return await self._page(call, name="", scopes=(), expires=last_day(), secret=secret, secret_name=name, back=back)

    async def revoke(self, call: PageCall) -> Answer:
        """The token is of no use from now on. Raises `NotFound` for one that is not the viewer's."""
        await self._desk.form(call)
        await self._desk.house.database.write(_revoke, call.actor, number_in(call, "id", NotFound()))
        return see_other(addresses.with_query(addresses.TOKENS, done="token_revoked"))

    async def _page(
        self,
        call: PageCall,
        *,
        name: str,
        scopes: Sequence[str],
        expires: str,
        error: str = "",
        secret: str = "",
        secret_name: str = "",
        back: str = "",
        status: int = 200,
    ) -> Reply:
        at = now()
        query = TokenQuery(kinds=("personal",), user_id=call.actor.user_id, active=True, at=at, limit=MOST_SHOWN)
        found, _ = await self._desk.house.database.read(tokens.list_tokens, query)
        view = TokensPage(
            frame=self._desk.frame(call, "Access tokens"),
            tabs=own_tabs("tokens"),
            lines=tuple(_line(row) for row in found),
            scopes=tuple(ScopeChoice(name=scope, text=text, chosen=scope in scopes) for scope, text in _offered(call.actor).items()),
            action=addresses.TOKENS,
            name=name,
            expires=expires,
            expires_min=(today() + timedelta(days=1)).isoformat(),
            expires_max=last_day(),
            error=error,
            secret=secret,
            secret_name=secret_name,
            back=back,
        )
        return self._desk.answer(view, status)


def _back(address: str) -> str:
    """The page of ours that a token is made for."""
    return addresses.local(address) if address else ""


def _offered(actor: Actor) -> dict[str, str]:
    return SCOPES | (ADMIN_SCOPES if actor.admin else {})


def _find_fault(form: FormFields, actor: Actor) -> str:
    """What keeps a form from making a token; "" for nothing."""
    name, scopes, expires = form.text("name").strip(), form.texts("scopes"), form.text("expires_at").strip()
    if not name or len(name) > LONGEST_NAME:
        return f"A token needs a name of at most {LONGEST_NAME} characters."
    if not scopes:
        return "Choose at least one scope."
    unknown = [scope for scope in scopes if scope not in _offered(actor) or scope not in USER_SCOPES]
    if unknown:
        return f"There is no scope {unknown[0][:64]!r} for you to give."
    try:
        day = date.fromisoformat(expires)
    except ValueError:
        return f"The day {expires[:32]!r} is not a date like 2027-01-31."
    if not today() < day <= date.fromisoformat(last_day()):
        return f"A token expires after today and by {last_day()}."
    return ""


def _line(row: TokenRow) -> TokenLine:
    return TokenLine(
        id=row.id,
        name=row.name,
        scopes=row.scopes,
        created=row.created,
        last_used=row.last_used,
        expires=moment(row.expires).date().isoformat() if row.expires is not None else "",
        revoke_action=f"{addresses.TOKENS}/{row.id}/revoke",
    )


def _add(connection: Connection, actor: Actor, name: str, scopes: tuple[str, ...], hashed: bytes, expires: Instant) -> int:
    at = now()
    token_id = tokens.add_token(
        connection,
        kind="personal",
        hash_=hashed,
        user_id=actor.user_id,
        place_id=None,
        name=name,
        scopes=scopes,
        at=at,
        expires=expires,
        creator_id=actor.user_id,
    )
    changes.add_event(connection, at, "token_create", actor, detail={"token": token_id, "name": name, "scopes": scopes})
    return token_id


def _revoke(connection: Connection, actor: Actor, token_id: int) -> None:
    found = tokens.get_token(connection, token_id)
    if found is None or found.kind != "personal" or actor.user_id is None or found.user_id != actor.user_id:
        raise NotFound("There is no such token of yours")
    at = now()
    tokens.revoke_token(connection, token_id, at)
    changes.add_event(connection, at, "token_revoke", actor, detail={"token": token_id, "name": found.name})


def today() -> date:
    """This day, in UTC."""
    return moment(now()).date()


def last_day() -> str:
    """The last day on which a token may end."""
    return (today() + timedelta(days=MOST_DAYS)).isoformat()


def _midnight(day: date) -> Instant:
    return (day - EPOCH.date()).days * 86_400_000_000
