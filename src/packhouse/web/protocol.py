"""HTTP/1.1 on the wire: uvicorn's protocol, and what it leaves out.

A time limit on heads and a bound on their size, a bound on connections from one address, remembered answers given without a parser, large bodies
that pass the parser by, refusals that reach clients still sending, and files that leave through the kernel.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import sys
import termios
from collections import Counter
from typing import Any, ClassVar

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from packhouse.web.asgi import Message
from packhouse.web.pace import LEAST
from packhouse.web.peers import Peers
from packhouse.web.remembered import Answers, Given, Head

HEADER_SECONDS = 15
HEADER_BYTES = 32 * 1024
FIELDS = 100
URL_BYTES = 8 * 1024
AROUND_BYTES = URL_BYTES + HEADER_BYTES  # before a body, between two pieces of a chunked one, or after it
CONNECTIONS = 256  # from one address, to one process
STALL_SECONDS = 60
STALL_BYTES = STALL_SECONDS * LEAST  # that have to be taken of an answer in this time
STEP = 1024 * 1024
DRAIN = 256 * 1024 * 1024  # of an upload that is answered already
LINGER_SECONDS = 60
REFUSED_BYTES = 1024 * 1024  # of what follows a head that is refused
REFUSED_SECONDS = 5
TURNS = 20  # of the loop, in which what is buffered has left where the client reads
WAIT_SECONDS = 0.1
LARGE_BODY = 256 * 1024  # from here on a body of known length passes the parser by
AHEAD = 256 * 1024  # of a body, before the application has asked for it
ZERO_COPY: dict[str, dict[object, object]] = {"http.response.zerocopysend": {}}

READS = frozenset({"GET", "HEAD"})
URL_LONG = b"414 URI Too Long"
FIELDS_LARGE = b"431 Request Header Fields Too Large"
BARE = frozenset({204, 304})  # answers without a body
ELSEWHERE = frozenset({b"connection", b"transfer-encoding"})
BODIES = frozenset({b"content-length", b"transfer-encoding", b"expect", b"upgrade"})


class Refused(Exception):
    """The head of a request that nothing is to be answered but this status."""


class Protocol(HttpToolsProtocol):
    """uvicorn's, with limits on what precedes a request, and on connections."""

    from_address: ClassVar[Counter[str]] = Counter()
    peers: ClassVar[Peers] = Peers()
    _counted = ""  # the address this connection is counted for
    _header_timer: asyncio.TimerHandle | None = None
    _header_size = 0
    _in_message = False
    _fresh = True  # the next byte begins a request
    _to_drain = DRAIN  # bytes that are still read away
    _drain_timer: asyncio.TimerHandle | None = None
    _reader_timer: asyncio.TimerHandle | None = None
    _unread_before = -1  # bytes of answers, when last looked at while writing had to wait; negative: it has not had to since
    _straight = 0  # bytes of a large body that are to come, and need no parsing
    _lingering = False  # the last answer is given, and the client may still be sending
    _given = 0  # remembered answers since the keep-alive timer was set
    _head: Head | None = None
    answers: Answers  # of the application that this process carries

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        address = self.client[0] if self.client else ""
        if not self.peers.may_crowd(address):
            self._counted = address
            self.from_address[address] += 1
            if self.from_address[address] > 2 * CONNECTIONS:
                transport.close()  # a crowd gets no words
                return
            if self.from_address[address] > CONNECTIONS:
                self._refuse(b"429 Too Many Requests")
                return
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._headers_done()
        if self._drain_timer is not None:
            self._drain_timer.cancel()
        if self._reader_timer is not None:
            self._reader_timer.cancel()
        if self._counted:
            self.from_address[self._counted] -= 1
            if not self.from_address[self._counted]:
                del self.from_address[self._counted]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._lingering:
            self._drain(len(data))
            return
        self._head = None
        if self._fresh and (self.cycle is None or self.cycle.response_complete):
            if not self.flow.write_paused and (given := self.answers.find(data)) is not None:
                self._give(given)
                return
            self._head = self.answers.head(data)
        if self._in_message:
            if self.cycle is not None and self.cycle.response_complete:
                self._drain(len(data))
                if self.transport.is_closing():
                    return
        elif self._header_timer is None:
            self._expect_headers()
        if self._straight:
            if rest := self._pass_on(data):
                self.data_received(rest)
            return
        self._header_size += len(data)
        super().data_received(data)
        if self._header_size > AROUND_BYTES and (self._header_timer is not None or self._in_message):
            self._refuse(URL_LONG if len(self.url) > URL_BYTES else FIELDS_LARGE)

    def _drain(self, size: int) -> None:
        """An upload that is answered already is read away, so that the client gets to read the answer; not for ever."""
        self._to_drain -= size
        if self._to_drain < 0:
            self.transport.close()
        elif self._drain_timer is None:
            self._unset_keepalive_if_required()
            self._drain_timer = self.loop.call_later(LINGER_SECONDS, self._linger, REFUSED_SECONDS)

    def _linger(self, seconds: float) -> None:
        """Say no more, and read away what comes for so long: a close on unread bytes would take the answer back."""
        if self.transport.is_closing():
            return
        self._lingering = True
        if self._drain_timer is not None:
            self._drain_timer.cancel()
        self._drain_timer = self.loop.call_later(seconds, self.transport.close)
        self.transport.write_eof()
        self.flow.resume_reading()

    def _rest(self) -> None:
        """Nothing is under way after an upload was read away: the next request has its usual time."""
        if self.timeout_keep_alive_task is None and not self._in_message and self.cycle.response_complete:
            self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._reader_timer is None:
            self._reader_timer = self.loop.call_later(STALL_SECONDS, self._check_reader)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._unread_before = -1

    def _check_reader(self) -> None:
        """Who does not read an answer would have it stay in our memory: a close waits until it is read."""
        self._reader_timer = None
        if self.flow.write_paused:
            before, self._unread_before = self._unread_before, self._unread()
            if 0 <= before < self._unread_before + STALL_BYTES:
                self.transport.abort()
            else:
                self._reader_timer = self.loop.call_later(STALL_SECONDS, self._check_reader)

    def _unread(self) -> int:
        """The bytes of answers that the client has not taken yet; the kernel holds a part of them."""
        return self.transport.get_write_buffer_size() + _held(self.transport.get_extra_info("socket").fileno())

    def hang_up(self) -> None:
        """Close, once a client that is still sending has had the time to read the answer."""
        if not self._in_message:
            self.transport.close()
        elif not self._lingering:
            self._linger(LINGER_SECONDS)

    def on_message_begin(self) -> None:
        self._fresh = False
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(self.headers) == FIELDS:
            raise Refused(FIELDS_LARGE)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._check_head()
        self._headers_done()
        self._in_message = True
        self._to_drain = DRAIN
        super().on_headers_complete()
        cycle = self.cycle
        if type(cycle) is RequestResponseCycle:
            cycle.__class__ = Cycle
            cycle.pieces = []  # type: ignore[attr-defined]
            if cycle.scope["method"] not in READS:
                self._straight = self._large_body()
                cycle.transport = Hold(self)  # type: ignore[assignment]
            if self._head is not None:
                if cycle.keep_alive and cycle.scope["method"] == "GET" and not any(name in BODIES for name, _ in self.headers):
                    cycle.scope["packhouse.head"] = self._head  # type: ignore[typeddict-unknown-key]
                self._head = None
            if self.scheme == "http":
                cycle.scope["extensions"] = ZERO_COPY
        self.headers = []  # fields that follow the body are none of the request's: a proxy has not seen to them
        self._header_size = 0

    def _check_head(self) -> None:
        """Raises `Refused`."""
        if len(self.url) > URL_BYTES:
            raise Refused(URL_LONG)
        size = hosts = 0
        for name, value in self.headers:
            size += len(name) + len(value) + 4
            hosts += name == b"host"
        if size > HEADER_BYTES:
            raise Refused(FIELDS_LARGE)
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() == "1.1"):
            raise Refused(b"400 Bad Request")

    def send_400_response(self, msg: str) -> None:
        error = sys.exc_info()[1]
        cause = error.__context__ if error is not None else None
        self._refuse(cause.args[0] if isinstance(cause, Refused) else b"400 Bad Request")

    def on_body(self, body: bytes) -> None:
        self._header_size = 0
        cycle = self.cycle
        if type(cycle) is not Cycle:
            super().on_body(body)
        else:
            self._straight = max(0, self._straight - len(body))
            if not cycle.response_complete:
                cycle.take(body)

    def _pass_on(self, data: bytes) -> bytes:
        """What comes of a large body, as it comes; answers what follows it."""
        body, rest = (data, b"") if len(data) <= self._straight else (data[: self._straight], data[self._straight :])
        self.on_body(body)
        if not self._straight:
            self.parser = httptools.HttpRequestParser(self)  # the old one still waits for the body
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
            self.on_message_complete()
        return rest

    def on_message_complete(self) -> None:
        self._in_message = False
        self._straight = 0
        self._fresh = True
        if self._drain_timer is not None:
            self._drain_timer.cancel()
            self._drain_timer = None
            self.loop.call_soon(self._rest)  # the same bytes may hold the next request
        super().on_message_complete()

    def _large_body(self) -> int:
        """The length of a body that is long and known, else 0."""
        headers = dict(self.headers)
        length = headers.get(b"content-length", b"")
        if b"transfer-encoding" in headers or b"upgrade" in headers or not length.isdigit() or int(length) < LARGE_BODY:
            return 0
        return int(length)

    def _give(self, given: Given) -> None:
        """Answer without a parser: these bytes have been parsed before."""
        if self.transport.is_closing():
            return
        self._headers_done()
        self._given += 1
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)
        self.server_state.total_requests += 1
        head = self.answers.give(given, self.client[0] if self.client else "", self.server_state.default_headers)
        self.transport.writelines((head, given.body))

    def timeout_keep_alive_handler(self) -> None:
        if self._given:
            self._given = 0
            self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)
        else:
            super().timeout_keep_alive_handler()

    def _expect_headers(self) -> None:
        self._header_size = 0
        self._header_timer = self.loop.call_later(HEADER_SECONDS, self._refuse, b"408 Request Timeout")

    def _headers_done(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _refuse(self, status: bytes) -> None:
        """Nothing but this status is answered any more, where an answer is still due."""
        self._headers_done()
        if self._lingering or self.transport.is_closing():
            return
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started:
                self.transport.close()  # our words would pass for the rest of its answer
                return
        if cycle is None or not (cycle.response_complete and self._in_message):
            self.transport.write(b"HTTP/1.1 %s\r\nconnection: close\r\ncontent-length: 0\r\n\r\n" % status)
        self._to_drain = REFUSED_BYTES
        self._linger(REFUSED_SECONDS)


class Hold:
    """A cycle's hold on the transport, which it lets go of by hanging up."""

    __slots__ = ("_protocol", "_transport")

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol
        self._transport = protocol.transport

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def close(self) -> None:
        self._protocol.hang_up()


class Cycle(RequestResponseCycle):
    """uvicorn's, with head and body in one write, a body whose pieces are put together once, and files that leave through the kernel.

    The latter by `http.response.zerocopysend`.
    """

    _head = b""  # built, and waiting for its body
    _held = 0
    pieces: list[bytes]  # of the body, since the application last asked

    def take(self, piece: bytes) -> None:
        """The next piece of the body."""
        self.pieces.append(piece)
        self._held += len(piece)
        if self._held > AHEAD:
            self.flow.pause_reading()
        self.message_event.set()

    async def receive(self) -> Any:
        if not self.pieces:
            message = await super().receive()
            if not self.pieces or message["type"] != "http.request":
                return message
        elif self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        self.waiting_for_100_continue = False  # it has not waited to be asked
        body = self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)
        self.pieces, self._held = [], 0
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    async def send(self, message: Message) -> None:  # type: ignore[override]
        kind = message["type"]
        if kind == "http.response.start" and self.waiting_for_100_continue:
            self.keep_alive = False  # who was not asked for the body may send none: what follows would be taken for it
        if self._head:
            await self._send_with_head(kind, message)
        elif kind == "http.response.start" and not self.response_started and (head := self._build_head(message)):
            self._head = head
            self.response_started = True
            self.waiting_for_100_continue = False
        elif kind == "http.response.zerocopysend":
            await self._send_zero_copy(message)
        else:
            await super().send(message)  # type: ignore[arg-type]

    def _build_head(self, message: Message) -> bytes:
        """The head of an answer whose length is known; b"" for one that is better left to uvicorn, as a stream, whose head is not to wait."""
        if message.get("packhouse.stream"):
            return b""
        status = message["status"]
        length: int | None = None
        parts = [STATUS_LINE[status]]
        headers = message["headers"]
        for name, value in self.default_headers:
            parts += (name, b": ", value, b"\r\n")
        for name, value in headers:
            if name == b"content-length":
                length = int(value)
            elif name in ELSEWHERE:
                return b""
            parts += (name, b": ", value, b"\r\n")
        if status in BARE:
            length = 0
        elif length is None:
            return b""
        parts.append(b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n")
        head = b"".join(parts)
        # the one check that no header brings a line of its own
        lines = 2 + len(self.default_headers) + len(headers) + (not self.keep_alive)
        if head.count(b"\n") != lines or head.count(b"\r") != lines or b"\0" in head:
            raise RuntimeError("Invalid HTTP header value.")
        self.chunked_encoding = False
        self.expected_content_length = length
        return head

    async def _send_with_head(self, kind: str, message: Message) -> None:
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        head, self._head = self._head, b""
        if self.disconnected:
            return
        if kind == "http.response.body" and not message.get("more_body") and self.scope["method"] != "HEAD":
            body = message["body"]
            if len(body) != self.expected_content_length:
                raise RuntimeError("Response content differs from Content-Length")
            self.transport.writelines((head, body))
            self.expected_content_length = 0
            self._end()
            return
        self.transport.write(head)
        await self.send(message)

    def _end(self) -> None:
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()

    async def _send_zero_copy(self, message: Message) -> None:
        """Send a file; what the client did not take of it is told as `packhouse.unsent` of the message."""
        message["packhouse.unsent"] = message["count"]
        if not self.disconnected:
            with contextlib.suppress(ConnectionError, TimeoutError):
                await self._send_file(message)
                self.expected_content_length = 0
                await super().send({"type": "http.response.body", "body": b""})
                return
        self.disconnected = True
        self.response_complete = True
        self.transport.abort()
        self.message_event.set()
        self.on_response()

    async def _send_file(self, message: Message) -> None:
        fd, offset, count = message["file"], message["offset"], message["count"]
        # what is buffered must leave before the kernel writes to the same socket
        turns = 0
        while self.transport.get_write_buffer_size():
            turns += 1
            await asyncio.sleep(0 if turns < TURNS else WAIT_SECONDS)
            if self.transport.is_closing() or turns * WAIT_SECONDS > STALL_SECONDS:
                raise ConnectionError
        out = os.dup(self.transport.get_extra_info("socket").fileno())
        try:
            while count:
                try:
                    sent = os.sendfile(out, fd, offset, min(STEP, count))
                except BlockingIOError:
                    await _writable(out)
                    continue
                if sent == 0:
                    raise ConnectionError("a stored file is shorter than its row says")
                offset += sent
                count -= sent
                message["packhouse.unsent"] = count
                if count:
                    await asyncio.sleep(0)  # others on this loop get their turn
        finally:
            os.close(out)


def _held(fd: int) -> int:
    """The bytes that the kernel keeps until the other side has taken them."""
    return int.from_bytes(fcntl.ioctl(fd, termios.TIOCOUTQ, bytes(4)), sys.byteorder)


async def _writable(fd: int) -> None:
    """When the kernel takes more; it holds megabytes, and takes none before a third of them has left. Raises `TimeoutError` for who does not read."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_writer(fd, wake)
    try:
        before = _held(fd)
        while not (await asyncio.wait((ready,), timeout=STALL_SECONDS))[0]:
            before, held = _held(fd), before
            if held - before < STALL_BYTES:
                raise TimeoutError
    finally:
        loop.remove_writer(fd)
