"""The ASGI entry: match, admit, handle, answer. The order is written out; there is no middleware (notes, section 7)."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial

import structlog

from packhouse.auth.credentials import split_path
from packhouse.auth.sessions import Sessions
from packhouse.blobs.spool import full_disk
from packhouse.contract import ErrorStyle
from packhouse.errors import Invalid, NotFound, OutOfSpace, PackageNotFound, RegistryError, RequestTimeout, Unauthenticated
from packhouse.model import Action
from packhouse.packages.forward import forward_url
from packhouse.packages.history import Clock
from packhouse.packages.house import House
from packhouse.responses import Answer, Document, FileReply, Redirect, Reply, StreamReply
from packhouse.settings import read_networks
from packhouse.web.answer import YOUNG, Sent, Source, disposition, is_young, send_document, send_file, send_reply, send_stream
from packhouse.web.asgi import Message, Receive, Scope, Send
from packhouse.web.call import Call, ClientGone
from packhouse.web.elsewhere import is_apart, may_leave
from packhouse.web.entrance import Entrance, Moved, read_query
from packhouse.web.failure import Asked, answer_crash, answer_error, answer_method, answer_no_route
from packhouse.web.logs import AccessLog, Record
from packhouse.web.match import Entry, Matcher
from packhouse.web.peers import Peers, read_forwarded
from packhouse.web.remembered import STATUS, Answers, Given, Head

PLAIN = ErrorStyle()
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})


class Exchange:
    """One request on its way through: what is known of it so far."""

    __slots__ = (
        "address",
        "began",
        "call",
        "entry",
        "forwarded",
        "identity",
        "method",
        "params",
        "path",
        "receive",
        "request_id",
        "scope",
        "send",
        "start",
        "started",
        "strict",
        "whole",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send, request_id: str, strict: list[tuple[bytes, bytes]], peers: Peers) -> None:
        client = scope.get("client")
        self.began = time.perf_counter()
        self.scope = scope
        self.receive = receive
        self.send = send
        self.method: str = scope["method"]
        self.path: str = scope["raw_path"].decode("latin-1")
        self.forwarded = read_forwarded(scope["headers"])
        self.address = peers.find(client[0] if client else "", self.forwarded)
        self.request_id = request_id
        self.identity = request_id.encode()
        self.strict = strict
        self.entry: Entry | None = None
        self.params: Mapping[str, str] = {}
        self.call: Call | None = None
        self.started = False
        self.start: Message = {}
        self.whole = b""  # the body, where it left as one

    @property
    def query(self) -> Mapping[str, str]:
        try:
            return read_query(self.scope)
        except Invalid:
            return {}

    async def sending(self, message: Message) -> None:
        """`send`, remembering that the answer has begun."""
        if message["type"] == "http.response.start":
            self.started = True
            if self.strict:
                message["headers"] = [*message["headers"], *self.strict]
            self.start = message
        elif message["type"] == "http.response.body":
            self.whole = message["body"]
        await self.send(message)

    async def reply(self, reply: Reply, *, page: bool = False) -> Sent:
        page = page or (self.entry is not None and self.entry.page)
        return await send_reply(reply, self.method, self.sending, self.identity, page=page)


class App:
    """Everything that answers HTTP, as one ASGI application."""

    def __init__(
        self,
        house: House,
        matcher: Matcher,
        *,
        sessions: Sessions,
        clock: Clock,
        page_error: Callable[[RegistryError, Scope], Awaitable[Answer]],
        discover: Callable[[Scope, str], Awaitable[Reply]],
        lifespan: Callable[[], AbstractAsyncContextManager[None]],
    ) -> None:
        self.house = house
        self.matcher = matcher
        self.log = AccessLog(house.settings.access_log)
        self._entrance = Entrance(house, sessions, clock)
        self._page_error = page_error
        self._discover = discover
        self._lifespan = lifespan
        self._prefix = secrets.token_hex(6)
        self._count = 0
        self.peers = Peers(read_networks("trusted_proxies", house.settings.trusted_proxies))
        self.answers = Answers(house, self.log, self._new_id, self.peers)
        self._logger = structlog.get_logger()
        self._apart = house.far is not None and is_apart(house.settings)
        self._strict = [(b"strict-transport-security", b"max-age=31536000")] if house.settings.secure else []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._answer(Exchange(scope, receive, send, self._new_id(), self._strict, self.peers))
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    def _new_id(self) -> str:
        self._count += 1
        return f"{self._prefix}{self._count:08x}"

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

    async def _answer(self, exchange: Exchange) -> None:
        sent = Sent(500, 0)
        try:
            sent = await self._serve(exchange)
        except ClientGone:
            sent = Sent(499, 0)
        except Moved as moved:
            sent = await exchange.reply(Redirect(str(moved), 301))
        except RegistryError as error:
            sent = await self._refuse(error, exchange)
        except TimeoutError:
            sent = await self._refuse(RequestTimeout(), exchange)
        except Exception as error:
            sent = await self._fail(error, exchange)
        finally:
            if exchange.call is not None:
                exchange.call.close()
            self._record(exchange, sent)

    async def _serve(self, exchange: Exchange) -> Sent:
        if exchange.method not in METHODS:
            return await exchange.reply(answer_method(METHODS))
        token, path = split_path(exchange.path)
        if token is not None:  # no page, address or log sees it from here on
            exchange.path, exchange.scope = path, {**exchange.scope, "packhouse.token": token, "raw_path": path.encode("latin-1")}
        elif b"go-get=1" in exchange.scope["query_string"] and exchange.method in ("GET", "HEAD"):
            return await exchange.reply(await self._discover(exchange.scope, exchange.address))
        entry, params, allowed = self.matcher.match(exchange.method, exchange.path)
        if entry is None:
            return await exchange.reply(answer_method(allowed) if allowed else answer_no_route())
        if token is not None and (entry.format is None or not entry.format.path_tokens):
            return await exchange.reply(answer_no_route())
        exchange.entry, exchange.params = entry, params
        exchange.call = await self._entrance.admit(
            exchange.scope, exchange.receive, exchange.entry, exchange.method, exchange.params, exchange.request_id, exchange.address
        )
        answer = await self._handle(exchange.call)
        sent = await self._send(answer, exchange.call, exchange)
        head = exchange.scope.get("packhouse.head")
        if head is not None:
            self._remember(head, answer, exchange.call, exchange, sent)
        return sent

    def _remember(self, head: Head, answer: Answer, call: Call, exchange: Exchange, sent: Sent) -> None:
        """Keep an answer that nothing but a commit, or the end of its credential, can change."""
        lasting = call.entry.format is not None and call.entry.route.lasting and call.at is None
        if not lasting or sent.status not in STATUS or sent.bytes != len(exchange.whole):
            return
        if type(answer) is Document:
            counted, changed_at = None, answer.changed_at
        elif isinstance(answer, FileReply):
            counted, changed_at = answer.version_id if sent.status == 200 else None, answer.modified or 0
        else:
            return
        until = call.access.until
        if is_young(changed_at):
            until = min(until, changed_at + YOUNG)
        given = Given(call.entry, exchange.path, exchange.start, exchange.whole, counted, call.actor, until, exchange.forwarded)
        self.answers.keep(head, given)

    def _record(self, exchange: Exchange, sent: Sent) -> None:
        actor = exchange.call.actor if exchange.call is not None else None
        self.log.add(
            Record(
                time.time(),
                exchange.request_id,
                exchange.method,
                exchange.path,
                exchange.entry,
                sent.status,
                sent.bytes,
                time.perf_counter() - exchange.began,
                actor.username if actor else "",
                actor.kind if actor else "",
                exchange.address,
            )
        )

    async def _handle(self, call: Call) -> Answer:
        try:
            answer: Answer = await call.entry.route.handler(call)
        except NotFound as error:
            forward = call.entry.route.forward
            if forward is not None and isinstance(error, PackageNotFound) and call.at is None:
                name, tail = forward(call.params)
                if url := await forward_url(self.house, call.packages, name, tail, call.actor.anonymous):
                    return Redirect(url, 302)
            if call.actor.anonymous and call.entry.native and call.moment.level != "project" and not call.entry.route.action == Action.OPEN:
                raise Unauthenticated() from None  # what is hidden and what is absent must look alike
            raise
        return answer

    # -- out ---------------------------------------------------------------------------------------------------------

    async def _send(self, answer: Answer, call: Call, exchange: Exchange) -> Sent:
        place = call.access.place
        private = not call.actor.anonymous or place is None or place.visibility < 20 or call.moment.level != "project"
        if type(answer) is Document:
            return await send_document(answer, call.method, call.raw_headers, exchange.sending, private, exchange.identity)
        if isinstance(answer, FileReply):
            sent = await self._send_file(answer, call, exchange, private)
            if answer.version_id is not None and call.method == "GET" and sent.status in (200, 206, 307):
                self.house.counters.count(answer.version_id, call.actor.kind, int(time.time() * 1_000_000))
            return sent
        assert not isinstance(answer, Document)
        if isinstance(answer, StreamReply):
            return await send_stream(answer, exchange.sending, exchange.receive, exchange.identity)
        return await exchange.reply(answer)

    async def _send_file(self, file: FileReply, call: Call, exchange: Exchange, private: bool) -> Sent:
        far = self.house.far
        source: Source = self.house.store.path(file.stored)
        if far is not None:
            if self._apart and may_leave(file, call.method, call.headers):
                url = far.link(file.stored, file.media_type, disposition(file.name, file.inline))
                return await exchange.reply(Redirect(url, 307, {**file.headers, "Cache-Control": "no-store"}))
            source = partial(far.read, file.stored)
        zero_copy = "http.response.zerocopysend" in exchange.scope.get("extensions", {})
        return await send_file(file, source, call.method, call.raw_headers, exchange.sending, exchange.receive, private, exchange.identity, zero_copy)

    async def _refuse(self, error: RegistryError, exchange: Exchange) -> Sent:
        entry = exchange.entry
        if exchange.started:
            raise error  # too late for words: the connection is cut
        # who sends a path to a page that cannot be read is told so by a page
        unread = entry is None and isinstance(error, Invalid) and self.matcher.means_page(exchange.method, exchange.path)
        if unread or (entry is not None and entry.page):
            answer = await self._page_error(error, exchange.scope)
            assert not isinstance(answer, Document | FileReply)
            return await exchange.reply(answer, page=True)
        style, action, native = (entry.style, entry.route.action, entry.native) if entry is not None else (PLAIN, Action.OPEN, False)
        asked = Asked(native, action, exchange.params, exchange.query, self.house.settings.base_url)
        return await exchange.reply(answer_error(error, style, asked))

    async def _fail(self, error: Exception, exchange: Exchange) -> Sent:
        if isinstance(error, OSError) and full_disk(error) and not exchange.started:
            return await self._refuse(OutOfSpace(), exchange)
        route = exchange.entry.template if exchange.entry is not None else None
        self._logger.error("request failed", request_id=exchange.request_id, route=route, exc_info=error)
        if exchange.started:
            raise error
        return await exchange.reply(answer_crash(exchange.request_id))
