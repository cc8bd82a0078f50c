"""Access log and metrics: one record for each request, drained in batches off the hot path; secrets never get in."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from typing import Any, NamedTuple

import msgspec
import structlog

from packhouse.web.match import Entry
from packhouse.web.metrics import LATENCY, REQUESTS, SENT

EVERY_SECONDS = 0.25
MOST = 5000


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
    """JSON lines on standard output; control characters are escaped by the encoder."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redact,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=lambda value, **_: msgspec.json.encode(value).decode()),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )


# our own tokens, and what follows where npm puts one into the path
_SECRETS = re.compile(r"\bph(?:pat|prj|grp|dep|job|ses)_\w+|(?<=/-/user/token/)[^/?]+")

SECRET_NAMES = ("token", "password", "secret", "authorization", "cookie")


def redact(_logger: Any, _method: str, event: Any) -> Any:
    """Values under a secret's name never reach a sink."""
    for name in event:
        if any(word in name.lower() for word in SECRET_NAMES):
            event[name] = "[redacted]"
    return event


class AccessLog:
    """Collects records and drains them four times a second."""

    def __init__(self, enabled: bool) -> None:
        self._enabled = enabled
        self._records: list[Record] = []
        self._encoder = msgspec.json.Encoder()

    def add(self, record: Record) -> None:
        self._records.append(record)
        if len(self._records) >= MOST:
            self.drain()

    def drain(self) -> None:
        records, self._records = self._records, []
        lines = []
        for r in records:
            template = "/" + r.entry.template if r.entry is not None else "unmatched"
            REQUESTS.labels(template, r.method if r.entry is not None else "", str(r.status)).inc()
            LATENCY.labels(template).observe(r.seconds)
            SENT.inc(r.sent)
            if self._enabled:
                line = {
                    "event": "request",
                    "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(r.at)) + f".{int(r.at * 1000) % 1000:03d}Z",
                    "request_id": r.request_id,
                    "method": r.method,
                    "path": _SECRETS.sub("[redacted]", r.path),
                    "route": template,
                    "status": r.status,
                    "bytes": r.sent,
                    "ms": round(r.seconds * 1000, 3),
                    "actor": r.actor,
                    "credential": r.credential,
                    "address": r.address,
                }
                lines.append(self._encoder.encode(line))
        if lines:
            lines.append(b"")
            try:
                sys.stdout.buffer.write(b"\n".join(lines))
                sys.stdout.buffer.flush()
            except (OSError, ValueError):
                self._enabled = False  # nobody listens any more; serving goes on

    async def run(self) -> None:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            if self._records:
                self.drain()
