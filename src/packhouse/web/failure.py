"""An error → status, headers and the body that this format's clients print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from packhouse.contract import ErrorStyle, Params, Refusal
from packhouse.errors import InvalidCredential, RegistryError, RequestTimeout, TooLarge, TooManyRequests, Unavailable
from packhouse.model import Action
from packhouse.responses import Reply
from packhouse.wording import status_line, status_of


class Asked(NamedTuple):
    """What was asked, as far as a refusal depends on it."""

    native: bool
    action: Action
    params: Params
    query: Mapping[str, str]
    base: str


def answer_error(error: RegistryError, style: ErrorStyle, asked: Asked) -> Reply:
    """The refusal, in the format's own words."""
    native = asked.native
    status = status_of(error, style.status)
    media_type, body = style.body(error)
    headers = {"cache-control": "no-store", **style.headers}
    if style.message_header:
        headers[style.message_header] = _in_header(_message_in(body) or status_line(error, status))
    if status == 401 and native:
        headers["www-authenticate"] = _challenge(error, style, asked)
    if status == 401 and not native and isinstance(error, InvalidCredential):
        body = msgspec.json.encode({"message": "401 Unauthorized", "error": "invalid_token", "error_description": error.message})
    if isinstance(error, TooManyRequests):
        headers["retry-after"] = str(error.detail.get("retry_after", 60))
    if isinstance(error, Unavailable):
        headers["retry-after"] = "2"
    if isinstance(error, TooLarge | RequestTimeout):
        headers["connection"] = "close"
    return Reply(body, status, headers, media_type)


def _message_in(body: bytes) -> str:
    """The sentence in a JSON body, "" where there is none."""
    try:
        said = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return str(said.get("message") or said.get("error") or "")


def _in_header(text: str) -> str:
    """A text as a header field may hold it."""
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text)[:1024]


def _challenge(error: RegistryError, style: ErrorStyle, asked: Asked) -> str:
    if style.bearer is None:
        return style.challenge(asked.action, asked.params)
    return style.bearer(Refusal(error=error, action=asked.action, params=asked.params, query=asked.query, base=asked.base))


def answer_crash(request_id: str) -> Reply:
    """Nothing of what happened, and the id to find it by."""
    return Reply(
        msgspec.json.encode({"message": f"500 Internal Server Error - Request {request_id} failed, see the server's log"}),
        500,
        {"cache-control": "no-store"},
        "application/json",
    )


def answer_method(allowed: frozenset[str]) -> Reply:
    """The path is known, the method is not."""
    names = sorted(allowed | ({"HEAD"} if "GET" in allowed else frozenset()))
    return Reply(b'{"message":"405 Method Not Allowed"}', 405, {"allow": ", ".join(names), "cache-control": "no-store"}, "application/json")


def answer_no_route() -> Reply:
    return Reply(b'{"error":"404 Not Found"}', 404, {"cache-control": "no-store"}, "application/json")
