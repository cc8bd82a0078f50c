"""Which clients are sent to the object storage for a file: those that do not take their credential along to another host (threats, T63)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from packhouse.responses import FileReply
from packhouse.settings import Settings

SMALLEST = 256 * 1024  # below, the way there takes longer than the file

# By what they call themselves. pip and npm drop the credential themselves, curl does unless it is told not to, uv's library does, and so does
# Go's, which all of the container clients here stand on.
TRUSTED = re.compile(r"(pip|uv|npm|curl|docker|skopeo|libpod|podman|[Bb]uildah|containers|Go-http-client)/")

# What no client knows to be a credential goes along, whoever it is; so does a signature, in headers that begin with `SIGNED`.
OWN_HEADERS = ("private-token", "job-token", "deploy-token", "x-nuget-apikey", "cookie")
SIGNED = "x-ops-"

# Answered by ourselves: the object storage has tags and dates of its own.
CONDITIONS = ("if-none-match", "if-modified-since", "if-range")


def is_apart(settings: Settings) -> bool:
    """Whether clients may be sent to the object storage at all: to a host of another name, and never from https to plain http."""
    here, there = urlsplit(settings.base_url), urlsplit(settings.blobs_endpoint)
    return settings.blobs_redirect and not _is_below(here.hostname, there.hostname) and (there.scheme == "https" or here.scheme == "http")


def _is_below(here: str | None, there: str | None) -> bool:
    # Go's library takes a credential along to a host below the one it was meant for
    one, other = f".{here}", f".{there}"
    return one.endswith(other) or other.endswith(one)


def may_leave(file: FileReply, method: str, headers: Mapping[str, str]) -> bool:
    """Whether this client is sent there for this file."""
    if method != "GET" or file.blob.size < SMALLEST or any(name in headers for name in (*OWN_HEADERS, *CONDITIONS)):
        return False
    if any(name.startswith(SIGNED) for name in headers):
        return False
    return TRUSTED.match(headers.get("user-agent", "")) is not None
