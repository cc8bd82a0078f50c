"""The ASGI entry: match, identify, authorise, call, answer. The order is written out; there is no middleware (notes, section 7)."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, quote

import structlog

from packhouse.auth.access import Gate
from packhouse.auth.credentials import read_credential
from packhouse.auth.policy import Access, authorize
from packhouse.auth.sessions import Session, Sessions, cookie_name
from packhouse.blobs.spool import full_disk
from packhouse.contract import ErrorStyle
from packhouse.db import places, users
from packhouse.db.engine import now
from packhouse.db.scopes import Reader
from packhouse.errors import Forbidden, InsufficientScope, Invalid, InvalidCredential, NotFound, OutOfSpace, PackageNotFound, PlaceNotFound, RegistryError, Unauthenticated
from packhouse.model import ANONYMOUS, Action, Actor, Moment
from packhouse.packages.forward import forward_url
from packhouse.packages.history import Clock, read_time
from packhouse.packages.house import House
from packhouse.responses import Answer, Document, FileReply, Redirect, Reply
from packhouse.web.answer import Sent, send_document, send_file, send_reply
from packhouse.web.asgi import Message, Receive, Scope, Send
from packhouse.web.call import Call, ClientGone
from packhouse.web.failure import answer_crash, answer_error, answer_method, answer_no_route
from packhouse.web.logs import AccessLog, Record
from packhouse.web.match import Entry, Matched, Matcher

PLAIN = ErrorStyle()
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
READS = frozenset({"GET", "HEAD"})


class App:
    """Everything that answers HTTP, as one ASGI application."""

    def __init__(
        self, house: House, matcher: Matcher, *, sessions: Sessions, clock: Clock, page_error: Callable[[RegistryError, int, Session | None], Answer],
        lifespan: Callable[[], AbstractAsyncContextManager[None]],
    ) -> None:  # fmt: skip
        self.house = house
        self.matcher = matcher
        self.sessions = sessions
        self.clock = clock
        self.gate: Gate = house.gate
        self.log = AccessLog(house.settings.access_log)
        self._page_error = page_error
        self._lifespan = lifespan
        self._cookie = cookie_name(house.settings.secure)
        self._prefix = secrets.token_hex(6)
        self._count = 0
        self._logger = structlog.get_logger()
        self._strict = [(b"strict-transport-security", b"max-age=31536000")] if house.settings.secure else []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            async with self._lifespan():
                draining = asyncio.ensure_future(self.log.run())
                await send({"type": "lifespan.startup.complete"})
                await receive()
                draining.cancel()
                self.log.drain()
        except BaseException as error:
            await send({"type": "lifespan.startup.failed", "message": f"{type(error).__name__}: {error}"})
            raise
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        self._count += 1
        request_id = f"{self._prefix}{self._count:08x}"
        method = scope["method"]
        path = scope["raw_path"].decode("latin-1")
        client = scope.get("client")
        address = client[0] if client else ""
        entry: Entry | None = None
        actor: Actor | None = None
        call: Call | None = None
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                if self._strict:
                    message["headers"] = [*message["headers"], *self._strict]
            await send(message)

        identity = request_id.encode()
        try:
            try:
                entry, params, allowed = self._match(method, path)
                if entry is None:
                    reply = answer_method(allowed) if allowed else answer_no_route()
                    sent = await send_reply(reply, method, sending, identity)
                else:
                    call = await self._authorized(scope, receive, entry, method, params, request_id, address)
                    actor = call.actor
                    answer = await self._handle(call)
                    sent = await self._send(answer, call, scope, sending, receive, identity)
            except RegistryError as error:
                sent = await self._refuse(error, entry, call, method, sending, identity)
            except OSError as error:
                if started or not full_disk(error):
                    raise
                sent = await self._refuse(OutOfSpace(), entry, call, method, sending, identity)
        except ClientGone:
            sent = Sent(499, 0)
        except TimeoutError:
            sent = Sent(408, 0)
            if not started:
                sent = await send_reply(Reply(b'{"message":"408 Request Timeout"}', 408, {"connection": "close"}, "application/json"), method, sending, identity)
        except Exception as error:
            self._logger.error("request failed", request_id=request_id, route=entry.template if entry else None, exc_info=error)
            sent = Sent(500, 0)
            if started:
                raise
            await send_reply(answer_crash(request_id), method, sending, identity)
        finally:
            if call is not None:
                call.close()
        self.log.add(
            Record(time.time(), request_id, method, path, entry, sent.status, sent.bytes, time.perf_counter() - began,
                   actor.username if actor else "", actor.kind if actor else "", address)
        )  # fmt: skip

    def _match(self, method: str, path: str) -> Matched:
        if method not in METHODS:
            return None, {}, METHODS
        return self.matcher.match(method, path)

    # -- who, where, whether -----------------------------------------------------------------------------------------

    async def _authorized(
        self, scope: Scope, receive: Receive, entry: Entry, method: str, params: Mapping[str, str], request_id: str, address: str
    ) -> Call:
        headers = _headers(scope)
        query_string = scope["query_string"]
        query = dict(parse_qsl(query_string.decode("latin-1"), keep_blank_values=True, max_num_fields=200)) if query_string else {}
        route = entry.route
        place, needs_place, at = self._where(entry, params, query)
        session: Session | None = None
        if entry.page:
            access, session = await self._page_access(headers, place, method)
        elif route.action is Action.OPEN and entry.format is None:
            access = Access(actor=ANONYMOUS, native=False, method=method)  # probes ask nobody
        else:
            credential = read_credential(
                headers, query, entry.format.credentials if entry.format is not None else (), query_allowed=self.house.settings.query_tokens
            )
            access = await self.gate.identify(credential, place, address=address, native=entry.native, method=method)
            if not entry.native and ("sudo" in query or b"sudo" in headers):
                access = await self._sudo(access, query.get("sudo") or headers[b"sudo"].decode("latin-1"), place, method)
        access = self._of_kind(access, entry)
        if route.signed_in and access.actor.anonymous and entry.native:
            raise Unauthenticated()
        await self._check(access, entry, needs_place)
        if at is not None:
            await self.clock.settle(at)
        moment = self._moment(entry, access, params, at)

        async def lookup(project: int) -> Access:
            if entry.page or access.actor.user_id is not None and access.actor.token_id is None:
                return await self.gate.as_user(access.actor.user_id or -1, access.actor.kind, project, native=entry.native, method=method)
            return await self.gate.identify(credential, project, address=address, native=entry.native, method=method)

        return Call(
            self.house, scope, receive, entry, method, params, headers, query, access, moment, at, request_id, address, lookup, session
        )  # fmt: skip

    def _where(self, entry: Entry, params: Mapping[str, str], query: Mapping[str, str]) -> tuple[str | int | None, bool, int | None]:
        """The place that a path means, whether the route needs one, and the moment it asks for."""
        at = read_time(params["time"]) if entry.moving else None
        if entry.level in ("project", "group"):
            return _place_id(params["id"]), True, at
        place_of = entry.route.place_of
        if place_of is None:
            return None, False, at
        named = place_of(params)
        return (None if named is None else _place_id(named)), entry.level == "root", at

    def _of_kind(self, access: Access, entry: Entry) -> Access:
        """A group's id on a project's route is no project."""
        kind = entry.level if entry.level in ("project", "group") else entry.route.place_kind
        if access.place is None or kind is None or access.place.kind == kind or (kind == "group" and access.place.kind == "user" and entry.page):
            return access
        return Access(
            actor=access.actor, place=None, switched_on=access.switched_on, native=access.native, method=access.method, guest_reads=access.guest_reads
        )  # fmt: skip

    async def _check(self, access: Access, entry: Entry, needs_place: bool) -> None:
        try:
            authorize(access, entry.route.action, needs_place=needs_place)
        except (PlaceNotFound, Unauthenticated) as error:
            # a private group may still hold a project that this actor belongs to, or may read
            place = access.place
            if place is None or place.kind == "project" or not await self._holds_below(access):
                if isinstance(error, PlaceNotFound) and entry.route.place_kind == "group":
                    raise PlaceNotFound("Group Not Found") from error
                raise

    async def _holds_below(self, access: Access) -> bool:
        assert access.place is not None
        if access.actor.anonymous and access.native:
            return False
        return await self.house.database.read(places.holds_below, access.place.id, Reader.of(access.actor, now(), access.guest_reads))

    async def _page_access(self, headers: Mapping[bytes, bytes], place: str | int | None, method: str) -> tuple[Access, Session | None]:
        """Pages know sessions, and nothing else."""
        if method not in READS and headers.get(b"sec-fetch-site", b"same-origin") not in (b"same-origin", b"none"):
            raise Forbidden("The form was sent from another site")
        if method not in READS and b"origin" in headers and headers[b"origin"].decode("latin-1") not in (self.house.settings.base_url, "null"):
            host = headers.get(b"host", b"").decode("latin-1")
            if headers[b"origin"].decode("latin-1").partition("://")[2] != host:
                raise Forbidden("The form was sent from another site")
        secret = _cookie(headers.get(b"cookie"), self._cookie)
        session = await self.sessions.find(secret) if secret else None
        if session is not None:
            try:
                return await self.gate.as_user(session.user_id, "session", place, method=method), session
            except InvalidCredential:
                session = None
        return await self.gate.identify(None, place, native=False, method=method), None

    async def _sudo(self, access: Access, who: str, place: str | int | None, method: str) -> Access:
        """An administrator acts as somebody else (core API 2.1)."""
        if access.actor.anonymous:
            raise Unauthenticated()
        if not access.actor.admin:
            raise Forbidden("Forbidden - Must be admin to use sudo")
        if "sudo" not in access.actor.scopes:
            raise InsufficientScope(scope="sudo")
        found = await self.house.database.read(users.get_user if who.isdigit() else users.find_user, int(who[:18]) if who.isdigit() else who)  # type: ignore[arg-type]
        if found is None:
            raise NotFound(f"User with ID or username '{who[:64]}' Not Found")
        return await self.gate.as_user(found.id, "session", place, method=method)

    def _moment(self, entry: Entry, access: Access, params: Mapping[str, str], at: int | None) -> Moment:
        level = entry.level if entry.level in ("project", "group") else "instance"
        return Moment(
            at=at or 0, api=self.house.api, format=entry.format.name if entry.format is not None else "", level=level,
            as_of=f"/-/at/{quote(params['time'], safe=':.-')}" if at is not None else "",
            place=access.place.id if access.place is not None else (-1 if entry.route.place_of is not None else 0),
        )  # fmt: skip

    async def _handle(self, call: Call) -> Answer:
        try:
            answer: Answer = await call.entry.route.handler(call)
        except NotFound as error:
            forward = call.entry.route.forward
            if forward is not None and isinstance(error, PackageNotFound) and call.at is None:
                name, tail = forward(call.params)
                if url := await forward_url(self.house, call.packages, name, tail):
                    return Redirect(url, 302)
            if call.actor.anonymous and call.entry.native and call.entry.level != "project" and not call.entry.route.action == Action.OPEN:
                raise Unauthenticated() from None  # what is hidden and what is absent must look alike
            raise
        return answer

    # -- out ---------------------------------------------------------------------------------------------------------

    async def _send(self, answer: Answer, call: Call, scope: Scope, send: Send, receive: Receive, request_id: bytes) -> Sent:
        headers = call._headers
        private = not call.actor.anonymous or call.access.place is None or call.access.place.visibility < 20 or call.moment.level != "project"
        if type(answer) is Document:
            return await send_document(answer, call.method, headers, send, private, request_id)
        if isinstance(answer, FileReply):
            url = await self.house.store.url(answer.stored, answer.name)
            sent = (
                await send_reply(Redirect(url, 307), call.method, send, request_id)
                if url is not None
                else await send_file(
                    answer, self.house.store.path(answer.stored), call.method, headers, send, receive, private, request_id,
                    "http.response.zerocopysend" in scope.get("extensions", {}),
                )
            )  # fmt: skip
            if answer.version_id is not None and call.method == "GET" and sent.status in (200, 206, 307):
                self.house.counters.count(answer.version_id, call.actor.kind, int(time.time() * 1_000_000))
            return sent
        assert not isinstance(answer, Document)
        return await send_reply(answer, call.method, send, request_id, page=call.entry.page)

    async def _refuse(self, error: RegistryError, entry: Entry | None, call: Call | None, method: str, send: Send, request_id: bytes) -> Sent:
        if entry is not None and entry.page:
            answer = self._page_error(error, 0, call.session if call is not None else None)
            assert not isinstance(answer, Document | FileReply)
            return await send_reply(answer, method, send, request_id, page=True)
        action = entry.route.action if entry is not None else Action.OPEN
        native = entry is not None and entry.native
        reply = answer_error(error, entry.style if entry is not None else PLAIN, native=native, action=action, params=call.params if call is not None else {})
        return await send_reply(reply, method, send, request_id)


def _headers(scope: Scope) -> dict[bytes, bytes]:
    headers: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in headers:
            if name in (b"authorization", b"private-token", b"job-token", b"deploy-token", b"content-length") and headers[name] != value:
                raise Invalid(f"The request carries the header {name.decode()} twice")
            if name in (b"accept", b"cookie", b"if-none-match"):
                value = headers[name] + (b"; " if name == b"cookie" else b", ") + value
        headers[name] = value
    return headers


def _cookie(header: bytes | None, name: str) -> str | None:
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


