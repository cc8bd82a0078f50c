"""Prometheus metrics. Labels hold route templates, never a path, a name or a user (threats, T51)."""

from __future__ import annotations

import os

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client import multiprocess as many

REQUESTS = Counter("packhouse_requests_total", "Requests by route template, method and status", ["route", "method", "status"])
LATENCY = Histogram("packhouse_request_seconds", "Time to answer", ["route"], buckets=(0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60))
SENT = Counter("packhouse_sent_bytes_total", "Bytes of bodies sent")


def expose() -> tuple[bytes, str]:
    """The metrics of every process of this server, and their media type."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(), CONTENT_TYPE_LATEST
    registry = CollectorRegistry()
    many.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry), CONTENT_TYPE_LATEST
