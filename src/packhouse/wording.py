"""The status of each error where a format says nothing else, and the words that go with it. One table, looked up along the class chain."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from packhouse import errors as e

STATUS: Mapping[type[e.RegistryError], int] = {
    e.RegistryError: 500,
    e.NotFound: 404,
    e.Invalid: 400,
    e.AlreadyExists: 409,
    e.Protected: 403,
    e.Unauthenticated: 401,
    e.Forbidden: 403,
    e.TooLarge: 413,
    e.QuotaExceeded: 403,
    e.TooManyRequests: 429,
    e.RangeInvalid: 416,
    e.PreconditionFailed: 412,
    e.NotAcceptable: 406,
    e.Unsupported: 405,
    e.UnsupportedType: 415,
    e.Conflict: 409,
    e.OutOfSpace: 507,
    e.Unavailable: 503,
    e.RequestTimeout: 408,
    e.UpstreamFailed: 502,
    e.UpstreamTimeout: 504,
}


def status_of(error: e.RegistryError, overrides: Mapping[type[e.RegistryError], int] | None = None) -> int:
    """The status of an error: the nearest class of its chain that either table names, the format's table first."""
    for kind in type(error).__mro__:
        if overrides and kind in overrides:
            return overrides[kind]
        if kind in STATUS:
            return STATUS[kind]
    return 500


def status_line(error: e.RegistryError, status: int | None = None) -> str:
    """The sentence GitLab's clients know: `404 Package Not Found`, `403 Forbidden - Package protected.`"""
    status = status or status_of(error)
    name = type(error).default if isinstance(error, e.NotFound | e.Unauthenticated) else HTTPStatus(status).phrase
    if status == 400:
        name = "Bad request"
    elif status == 413:
        name = "Request Entity Too Large"
    text = f"{status} {name}"
    plain = {name, type(error).default} if isinstance(error, e.NotFound | e.Unauthenticated) else {name}
    if not error.message or error.message in plain:
        return text
    if error.message.startswith(name) or (isinstance(error, e.NotFound) and error.message.endswith("Not Found")):
        return f"{status} {error.message}"
    return f"{text} - {error.message}"


def describe_twin(error: e.AlreadyExists, named: str, advice: str) -> str:
    """That a place is taken, by which bytes, and what to do about it; the error's own words where it tells no digests."""
    stored, sent = error.detail.get("stored"), error.detail.get("sent")
    return f"{named} is there with sha256 {stored}, this upload has sha256 {sent}{advice}" if stored and sent else error.message
