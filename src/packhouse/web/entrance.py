"""Who is asking, where, and whether they may: a matched request → an authorised Call, before a byte of its body is read."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, quote, urlsplit

from packhouse.auth.access import Gate, Where
from packhouse.auth.credentials import Credential, read_credential
from packhouse.auth.policy import Access, authorize, check_scope
from packhouse.auth.sessions import Session, Sessions, cookie_name
from packhouse.auth.signatures import find_signer, use_up
from packhouse.db import places, users
from packhouse.errors import Forbidden, InsufficientScope, Invalid, InvalidCredential, NotFound, PlaceNotFound, Unauthenticated
from packhouse.grammar.opssignatures import WINDOW, Signature, read_signature
from packhouse.model import ANONYMOUS, Action, Moment, replace
from packhouse.packages.history import Clock, read_time
from packhouse.packages.house import House
from packhouse.web.asgi import Receive, Scope
from packhouse.web.call import Call, holds_below
from packhouse.web.match import Entry

READS = frozenset({"GET", "HEAD"})
MOST_PARAMETERS = 200
SECRETS = frozenset({b"authorization", b"private-token", b"job-token", b"deploy-token", b"content-length"})
LISTS = frozenset({b"accept", b"cookie", b"if-none-match"})


class Caller:
    """Who asks, by a credential or by the token of who signed: their standing at one place or another."""

    __slots__ = ("_address", "_gate", "_method", "credential", "entry", "token")

    def __init__(self, gate: Gate, entry: Entry, method: str, address: str) -> None:
        self.entry = entry
        self.credential: Credential | None = None
        self.token: int | None = None
        self._gate = gate
        self._method = method
        self._address = address

    async def at(self, place: Where, resource: str = "") -> Access:
        """Raises `InvalidCredential`, `TooManyRequests`."""
        native = self.entry.native
        if self.token is not None:
            return await self._gate.as_token(self.token, place, native=native, method=self._method)
        return await self._gate.identify(
            self.credential, place, address=self._address, native=native, method=self._method, area=self.entry.route.area, resource=resource
        )


class Entrance:
    """The edge that decides."""

    def __init__(self, house: House, sessions: Sessions, clock: Clock) -> None:
        self.house = house
        self.gate = house.gate
        self.sessions = sessions
        self.clock = clock
        self._cookie = cookie_name(house.settings.secure)

    async def admit(
        self, scope: Scope, receive: Receive, entry: Entry, method: str, params: Mapping[str, str], request_id: str, address: str
    ) -> Call:
        """The call, authorised. Raises what `authorize` raises, `InvalidCredential`, `TooManyRequests`."""
        headers = read_headers(scope)
        query = read_query(scope)
        route = entry.route
        place, needs_place, at = self._where(entry, params, query)
        session: Session | None = None
        signature: Signature | None = None
        caller = Caller(self.gate, entry, method, address)
        if entry.page:
            access, session = await self._page_access(headers, place, method)
        elif route.action is Action.OPEN and entry.format is None:
            access = Access(actor=ANONYMOUS, native=False, method=method)  # probes ask nobody
        else:
            format = entry.format
            caller.credential = read_credential(
                headers, query, format.credentials if format is not None else (), in_path=scope.get("packhouse.token"),
                query_allowed=self.house.settings.query_tokens,
                any_job_user=format is not None and format.any_job_user,
            )  # fmt: skip
            signature = _read_signature(entry, caller.credential, headers)
            access = await (
                caller.at(place, params.get("name", "registry:catalog")) if signature is None else self._signer(caller, signature, scope, place)
            )
            if not entry.native and ("sudo" in query or b"sudo" in headers):
                access = await self._sudo(access, query.get("sudo") or headers[b"sudo"].decode("latin-1"), place, method, route.area)
        access = self._of_kind(access, entry)
        if route.signed_in and access.actor.anonymous and access.granted is None and entry.native:
            raise Unauthenticated()
        try:
            await self._check(access, entry, place, needs_place)
        except (PlaceNotFound, Unauthenticated):
            sudo = "sudo" in query or b"sudo" in headers
            # also where something is there that is hidden: it must not be quicker than what is absent
            if method in READS and isinstance(place, str) and "{id+}" in entry.template and not (entry.page or sudo):
                await self._check_moved(caller, place, params, scope["query_string"])
            raise
        if signature is not None and method not in READS:  # a request that is refused leaves nothing behind
            await use_up(self.house.database, signature, method, self._signed_path(scope))
        if at is not None:
            await self.clock.settle(at)
        moment = self._moment(entry, access, params, at)

        async def lookup(project: Where, resource: str = "") -> Access:
            by_name = access.actor.user_id is not None and access.actor.token_id is None and access.granted is None
            if entry.page or by_name:
                return await self.gate.as_user(
                    access.actor.user_id or -1, access.actor.kind, project, native=entry.native, method=method, area=route.area
                )
            return await caller.at(project, resource)

        return Call(
            self.house, scope, receive, entry, method, params, headers, query, access, moment, at, request_id, address, lookup, session,
            signed=signature is not None,
        )  # fmt: skip

    def _where(self, entry: Entry, params: Mapping[str, str], query: Mapping[str, str]) -> tuple[Where, bool, int | None]:
        """The place that a path means, whether the route needs one, and the moment it asks for."""
        time = params["time"] if entry.moving else entry.route.moment_of(params) if entry.route.moment_of is not None else None
        at = None if time is None else read_time(time)
        if entry.level in ("project", "group"):
            return _place_id(params["id"]), True, at
        place_of = entry.route.place_of
        if place_of is None:
            return None, False, at
        named = place_of(params)
        where = _place_id(named) if isinstance(named, str) else None if named is None else tuple(named)
        return where, entry.level == "root" or entry.route.bound, at

    def _of_kind(self, access: Access, entry: Entry) -> Access:
        """A group's id on a project's route is no project."""
        kind = _kind(entry)
        if access.place is None or kind is None or access.place.kind == kind or (kind == "group" and access.place.kind == "user" and entry.page):
            return access
        return Access(
            actor=access.actor, place=None, switched_on=access.switched_on, native=access.native, method=access.method, guest_reads=access.guest_reads
        )

    async def _check(self, access: Access, entry: Entry, where: Where, needs_place: bool) -> None:
        try:
            authorize(access, entry.route.action, needs_place=needs_place)
        except (PlaceNotFound, Unauthenticated) as error:
            # a private group may still hold a project that this actor belongs to, or may read
            reading = entry.route.action in (Action.SEE, Action.READ) and _kind(entry) != "project"
            if not reading or not await holds_below(self.house, access, where):
                if isinstance(error, PlaceNotFound) and entry.route.place_kind == "group":
                    raise PlaceNotFound("Group Not Found") from error
                raise
            check_scope(access, entry.route.action)

    async def _check_moved(self, caller: Caller, path: str, params: Mapping[str, str], query: bytes) -> None:
        """Raises `Moved` where an old path leads to something that this caller may read: by its number (core API section 1)."""
        alias = await self.house.database.point(places.ALIAS, {"path": path.lower()})
        if alias is None:
            return
        id_, entry = int(alias[0]), caller.entry
        access = await caller.at(id_)
        found = self._of_kind(access, entry)
        with contextlib.suppress(PlaceNotFound, Unauthenticated, Forbidden):
            await self._check(found, entry, id_, True)
            url = f"{self.house.settings.base_url}/{fill(entry.template, {**params, 'id': str(id_)})}"
            raise Moved(url + ("?" + query.decode("latin-1") if query else ""))

    async def _page_access(self, headers: Mapping[bytes, bytes], place: Where, method: str) -> tuple[Access, Session | None]:
        """Pages know sessions, and nothing else."""
        if method not in READS and headers.get(b"sec-fetch-site", b"same-origin") not in (b"same-origin", b"none"):
            raise Forbidden("The form was sent from another site")
        if method not in READS and b"origin" in headers and headers[b"origin"].decode("latin-1") not in (self.house.settings.base_url, "null"):
            host = headers.get(b"host", b"").decode("latin-1")
            if headers[b"origin"].decode("latin-1").partition("://")[2] != host:
                raise Forbidden("The form was sent from another site")
        secret = read_cookie(headers.get(b"cookie"), self._cookie)
        session = await self.sessions.find(secret) if secret else None
        if session is not None:
            try:
                return await self.gate.as_user(session.user_id, "session", place, method=method), session
            except InvalidCredential:
                session = None
        return await self.gate.identify(None, place, native=False, method=method), None

    async def _signer(self, caller: Caller, signature: Signature, scope: Scope, place: Where) -> Access:
        """The standing of who signed the request; what is remembered of it ends with the signature's time."""
        caller.token = await find_signer(self.house.database, signature, scope["method"], self._signed_path(scope))
        access = await caller.at(place)
        return replace(access, until=min(access.until, signature.time + WINDOW))

    def _signed_path(self, scope: Scope) -> str:
        path: str = urlsplit(self.house.settings.base_url).path + scope["raw_path"].decode("latin-1")
        return path

    async def _sudo(self, access: Access, who: str, place: Where, method: str, area: str) -> Access:
        """An administrator acts as somebody else, with the scopes of the token that was sent (core API 2.1)."""
        if access.actor.anonymous:
            raise Unauthenticated()
        if not access.actor.admin:
            raise Forbidden("Forbidden - Must be admin to use sudo")
        if "sudo" not in access.actor.scopes:
            raise InsufficientScope(scope="sudo")
        database = self.house.database
        numeric = who.isascii() and who.isdigit() and len(who) <= 18
        found = await (database.read(users.get_user, int(who)) if numeric else database.read(users.find_user, who))
        if found is None:
            raise NotFound(f"User with ID or username '{who[:64]}' Not Found")
        other = await self.gate.as_user(found.id, access.actor.kind, place, method=method, area=area)
        return replace(other, actor=replace(other.actor, scopes=access.actor.scopes, admin=found.admin))

    def _moment(self, entry: Entry, access: Access, params: Mapping[str, str], at: int | None) -> Moment:
        level = entry.level if entry.level in ("project", "group") else "instance"
        if entry.level == "root" and entry.format is not None and access.place is not None and access.place.kind == "project":
            level = "project"
        return Moment(
            at=at or 0,
            api=self.house.api,
            format=entry.format.name if entry.format is not None else "",
            level=level,
            as_of=f"/-/at/{quote(params['time'], safe=':.-')}" if entry.moving else "",
            place=access.place.id if access.place is not None else (-1 if entry.route.place_of is not None else 0),
        )


def _kind(entry: Entry) -> str | None:
    """What a route's place must be, where that is settled."""
    return entry.level if entry.level in ("project", "group") else entry.route.place_kind


def read_query(scope: Scope) -> dict[str, str]:
    """The parameters of the query; of equal names the last. Raises `Invalid` for more than anybody needs."""
    text = scope["query_string"]
    if not text:
        return {}
    if text.count(b"&") >= MOST_PARAMETERS:
        raise Invalid(f"The query has more than {MOST_PARAMETERS} parameters")
    return dict(parse_qsl(text.decode("latin-1"), keep_blank_values=True))


def read_headers(scope: Scope) -> dict[bytes, bytes]:
    """By lower-case name; lists joined. Raises `Invalid` where a header that decides comes twice."""
    headers: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in headers:
            if name in SECRETS and headers[name] != value:
                raise Invalid(f"The request carries the header {name.decode()} twice")
            if name in LISTS:
                value = headers[name] + (b"; " if name == b"cookie" else b", ") + value
        headers[name] = value
    return headers


def _read_signature(entry: Entry, credential: Credential | None, headers: Mapping[bytes, bytes]) -> Signature | None:
    """The signature of a request that brings no token, where clients of the format sign. Raises `InvalidCredential`."""
    if credential is not None or entry.format is None or not entry.format.signed_requests:
        return None
    return read_signature({name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()})


def read_cookie(header: bytes | None, name: str) -> str | None:
    """The value of a cookie."""
    if header is None:
        return None
    try:
        found = SimpleCookie(header.decode("latin-1")).get(name)
    except CookieError:
        return None
    return None if found is None else found.value


def _place_id(text: str) -> str | int:
    """A number is an id, anything else a path."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else text


class Moved(Exception):
    """What was asked for has another address now, which this is."""


def fill(template: str, params: Mapping[str, str]) -> str:
    """The path of a route with these parameters."""
    return re.sub(r"\{(\w+)([*+]?)\}", lambda found: quote(params[found[1]], safe="/" if found[2] == "*" else ""), template)
