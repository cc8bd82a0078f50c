"""Access log and metrics: one record for each request, drained in batches off the hot path; secrets never get in."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import structlog
from prometheus_client import Histogram

from packhouse.web.match import Entry
from packhouse.web.metrics import LATENCY, REQUESTS, SENT

EVERY_SECONDS = 0.05
MOST = 500  # drained in one go: what it takes, others wait for


class Record(NamedTuple):
    at: float
    request_id: str
    method: str
    path: str
    entry: Entry | None
    status: int
    sent: int
    seconds: float
    actor: str
    credential: str
    address: str


def configure_logs() -> None:
    """JSON lines on standard error; control characters are escaped by the encoder."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redact,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=lambda value, **_: hide_secrets(msgspec.json.encode(value).decode())),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )


# our own tokens, signed ones, what follows where npm and conda put one into the path, and the password of a URL
_SECRETS = re.compile(
    r"\bph(?:pat|prj|grp|dep|job|ses|oid)[_-]\w+|\beyJ[\w-]{8,}\.[\w.-]+|(?<=/-/user/token/)[^/?]+|(?<=/t/)[^/?\s\"]+(?=/(?:api|-)/)|(?<=://)[^/@\s\"]+(?=@)"
)


def hide_secrets(text: str) -> str:
    """The text without what looks like a secret: tracebacks and messages may quote anything."""
    return _SECRETS.sub("[redacted]", text)


SECRET_NAMES = ("token", "password", "secret", "authorization", "cookie")


def redact(_logger: Any, _method: str, event: Any) -> Any:
    """Values under a secret's name never reach a sink."""
    for name in event:
        if any(word in name.lower() for word in SECRET_NAMES):
            event[name] = "[redacted]"
    return event


class AccessLog:
    """Collects records and drains them twenty times a second."""

    def __init__(self, enabled: bool) -> None:
        self._enabled = enabled
        self._records: list[Record] = []
        self._encoder = msgspec.json.Encoder()
        self._latencies: dict[str, Histogram] = {}
        self._second = (0, "")

    def add(self, record: Record) -> None:
        self._records.append(record)
        if len(self._records) >= MOST:
            self.drain()

    def drain(self) -> None:
        """Count what has come, and write it."""
        records, self._records = self._records, []
        counts: dict[tuple[str, str, int], int] = {}
        sent = 0
        for r in records:
            template = "/" + r.entry.template if r.entry is not None else "unmatched"
            key = (template, r.method if r.entry is not None else "", r.status)
            counts[key] = counts.get(key, 0) + 1
            sent += r.sent
            latency = self._latencies.get(template)
            if latency is None:
                latency = self._latencies[template] = LATENCY.labels(template)
            latency.observe(r.seconds)
        for (template, method, status), number in counts.items():
            REQUESTS.labels(template, method, str(status)).inc(number)
        SENT.inc(sent)
        if self._enabled and records:
            self._write(records)

    def _write(self, records: Sequence[Record]) -> None:
        lines = [self._encoder.encode(self._line(r)) for r in records]
        lines.append(b"")
        try:
            sys.stdout.buffer.write(b"\n".join(lines))
            sys.stdout.buffer.flush()
        except (OSError, ValueError):
            self._enabled = False  # nobody listens any more; serving goes on

    def _line(self, r: Record) -> dict[str, object]:
        second = int(r.at)
        if second != self._second[0]:
            self._second = (second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)))
        return {
            "event": "request",
            "timestamp": f"{self._second[1]}.{int(r.at * 1000) % 1000:03d}Z",
            "request_id": r.request_id,
            "method": r.method,
            "path": hide_secrets(r.path),
            "route": "/" + r.entry.template if r.entry is not None else "unmatched",
            "status": r.status,
            "bytes": r.sent,
            "ms": round(r.seconds * 1000, 3),
            "actor": r.actor,
            "credential": r.credential,
            "address": r.address,
        }

    async def run(self) -> None:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            if self._records:
                self.drain()
