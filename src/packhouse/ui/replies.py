"""Answers of the pages: HTML under a strict policy, redirects after a form, files of the bundle."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from packhouse.responses import Reply
from packhouse.ui.static_files import StaticFile

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store, private",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
    "Vary": "Cookie",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}
FOR_EVER = "public, max-age=31536000, immutable"


def html_reply(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """A page."""
    return Reply(body, status, dict(PAGE_HEADERS) | dict(headers or {}), "text/html; charset=utf-8")


def see_other(href: str, cookies: tuple[str, ...] = (), *, status: int = 303) -> Reply:
    """The answer to a form that has been dealt with, or to an old address: read on there."""
    reply = Reply(
        b"", status, {"Location": quote(href, safe="/:?#[]@!$&'()*+,;=%~-._"), "Cache-Control": "no-store, private", "Referrer-Policy": "same-origin"}
    )
    for cookie in cookies:
        reply.headers.append("Set-Cookie", cookie)
    return reply


def static_reply(file: StaticFile, *, accepts_gzip: bool) -> Reply:
    """A file of the bundle. Its name holds its digest, so it may be kept for ever."""
    headers = {"Cache-Control": FOR_EVER, "Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff"}
    if accepts_gzip:
        return Reply(file.gzip, 200, headers | {"Content-Encoding": "gzip"}, file.media_type)
    return Reply(file.body, 200, headers, file.media_type)
