"""Every error class through every format: a status that the table knows, and a body that the format's clients can read."""

from __future__ import annotations

import inspect
import json
from typing import Any

import pytest
from wire import Answer

from packhouse import errors
from packhouse.contract import ErrorStyle, Format
from packhouse.errors import AlreadyExists, InvalidCredential, RegistryError, TooLarge, Unauthenticated
from packhouse.model import Action
from packhouse.web.failure import Asked, answer_error
from packhouse.wording import status_of

from .conftest import Home
from .driver import EVERY, Ask, find_driver

CLASSES = [kind for _, kind in sorted(vars(errors).items()) if inspect.isclass(kind) and issubclass(kind, RegistryError)]
NASTY = 'a "quoted" <b>word</b>,\r\nX-Evil: 1 \\ \x00 é 📦'
DETAILS: dict[type[RegistryError], dict[str, Any]] = {
    AlreadyExists: {"path": "a/b", "stored": "1" * 64, "sent": "2" * 64},
    errors.InsufficientScope: {"scope": "api"},
    errors.InvalidParameter: {"parameter": "name"},
    TooLarge: {"limit": 17},
    errors.TooManyRequests: {"retry_after": 3},
}


def details_of(kind: type[RegistryError]) -> dict[str, Any]:
    return next((detail for base, detail in DETAILS.items() if issubclass(kind, base)), {})


def read_refusal(media_type: str, body: bytes) -> str:
    """What a client of any format would show: the line of text, or the sentences of the JSON."""
    if media_type.startswith("text/plain"):
        text = body.decode()
        assert text.endswith("\n") and text.count("\n") == 1
        return text
    assert media_type.startswith(("application/json", "application/problem+json")), media_type
    value = json.loads(body)
    assert isinstance(value, dict) and value
    told = [each.values() if isinstance(each, dict) else [each] for each in value.get("errors") or value.get("error_messages") or []]
    said = [text for text in value.values() if isinstance(text, str)] + [text for each in told for text in each]
    assert said and all(str(text).strip() for text in said)
    return " ".join(map(str, said))


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("format", EVERY.values(), ids=EVERY)
def test_every_error_reads(format: Format, kind: type[RegistryError]) -> None:
    """A client could print nothing, or fail over the refusal itself."""
    for message in (None, "Name 'x' is invalid: use letters", NASTY):
        check_reading(format, kind, message)


def check_reading(format: Format, kind: type[RegistryError], message: str | None) -> None:
    error = kind(message, **details_of(kind))
    reply = answer_error(error, format.errors, Asked(True, Action.READ, {}, {}, "http://registry.example"))
    assert reply.status_code == status_of(error, format.errors.status)
    assert 400 <= reply.status_code < 600 and (reply.status_code < 500 or kind in SERVER_SIDE)
    said = read_refusal(reply.headers["content-type"], bytes(reply.body))
    if issubclass(kind, AlreadyExists):
        assert "1" * 64 in said and "2" * 64 in said
    elif message and message is not NASTY:
        assert message in said or issubclass(kind, errors.InsufficientScope)
    assert ("www-authenticate" in reply.headers) is issubclass(kind, Unauthenticated)
    for name, value in reply.raw_headers:
        assert b"\r" not in name + value and b"\n" not in name + value


SERVER_SIDE = {RegistryError, errors.OutOfSpace, errors.Unavailable, errors.UpstreamFailed, errors.UpstreamTimeout, errors.UpstreamRefused}


def test_no_class_is_forgotten() -> None:
    """A new error could fall through to 500, and be told as a fault of ours."""
    forgotten = [kind.__name__ for kind in CLASSES if status_of(kind()) == 500 and kind is not RegistryError]
    assert not forgotten


@pytest.mark.parametrize("format", EVERY)
def test_every_format_has_a_driver(format: str) -> None:
    """A format could go through no suite at all, and nobody notice."""
    assert find_driver(format)


@pytest.mark.parametrize("kind", CLASSES)
def test_house_style(kind: type[RegistryError]) -> None:
    """A refusal of the house's own routes could be none that a REST client reads."""
    reply = answer_error(kind(**details_of(kind)), ErrorStyle(), Asked(False, Action.READ, {}, {}, "http://registry.example"))
    read_refusal(reply.headers["content-type"], bytes(reply.body))
    assert "www-authenticate" not in reply.headers
    if issubclass(kind, InvalidCredential):
        assert json.loads(bytes(reply.body))["error"] == "invalid_token"


def refused(home: Home, ask: Ask) -> Answer:
    answer = home.send(ask)
    read_refusal(answer.headers["content-type"], answer.body)
    assert answer.headers["cache-control"] in ("no-store", "private, no-store")
    return answer


def test_refusals_on_the_wire(home: Home) -> None:
    """A refusal could be right in the table and wrong on the wire."""
    sample = home.publish_new()
    project, client = home.project, home.client
    ask = client.publish(project, sample)
    assert refused(home, client.fetch(project, client.sample("absent"))).status == 404
    assert refused(home, client.publish(project, client.sample(variant=1))).status == client.conflict
    assert refused(home, client.listing(999_999_999, sample)).status == 404
    assert home.send(Ask(ask.method, ask.path, b"", {})).status < 500
    limit = client.format.max_file_size
    assert refused(home, Ask(ask.method, ask.path, None, {**ask.headers, "Content-Length": str(limit * 20)})).status == 413
    odd = Ask("GET", client.fetch(project, sample).path, None, {"Authorization": "Basic !!!"})
    answer = home.server.send(odd.method, odd.path, None, odd.headers)
    assert answer.status == 401
    read_refusal(answer.headers["content-type"], answer.body)


@pytest.mark.parametrize("cut", [0, 1, 10, 100])
def test_body_that_breaks_off(home: Home, cut: int) -> None:
    """An upload that is cut short could be published as far as it came, or be an error of ours."""
    sample = home.client.sample()
    ask = home.client.publish(home.project, sample)
    assert ask.body is not None
    answer = home.send(Ask(ask.method, ask.path, ask.body[: cut * len(ask.body) // 101], ask.headers))
    assert answer.status < 500
    if answer.status >= 400:
        read_refusal(answer.headers["content-type"], answer.body)
        home.fetch(sample).expect(404)
