"""An error → status, headers and the body that this format's clients print."""

from __future__ import annotations

import msgspec

from packhouse.contract import ErrorStyle, Params
from packhouse.errors import InvalidCredential, RegistryError, RequestTimeout, TooLarge, TooManyRequests, Unavailable
from packhouse.model import Action
from packhouse.responses import Reply
from packhouse.wording import status_of


def answer_error(error: RegistryError, style: ErrorStyle, *, native: bool, action: Action, params: Params) -> Reply:
    """The refusal, in the format's own words."""
    status = status_of(error, style.status)
    media_type, body = style.body(error)
    headers = {"cache-control": "no-store"}
    if status == 401 and native:
        headers["www-authenticate"] = style.challenge(action, params)
    if status == 401 and not native and isinstance(error, InvalidCredential):
        body = msgspec.json.encode({"message": "401 Unauthorized", "error": "invalid_token", "error_description": error.message})
    if isinstance(error, TooManyRequests):
        headers["retry-after"] = str(error.detail.get("retry_after", 60))
    if isinstance(error, Unavailable):
        headers["retry-after"] = "2"
    if isinstance(error, TooLarge | RequestTimeout):
        headers["connection"] = "close"
    return Reply(body, status, headers, media_type)


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
