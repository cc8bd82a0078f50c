"""A 401 says how to sign in, in words that the format's clients know; nothing else does."""

from __future__ import annotations

import re

from packhouse.contract import basic_challenge
from packhouse.model import Action

from .conftest import make_home
from .driver import Client
from .furniture import PRIVATE, REPORTER
from .routes import walk
from .server import Server

CHALLENGE = re.compile(r'(Basic|Bearer|Cargo) \w+="[^"\r\n]+"(, ?\w+="[^"\r\n]+")*')


def test_every_401_has_a_challenge(server: Server, client: Client) -> None:
    """A client without a credential could give up instead of sending one."""
    home = make_home(server, client, PRIVATE)
    sample = home.publish_new()
    for route, ask in walk(client, "projects", home.project, sample):
        if route.action is Action.OPEN:
            continue
        for headers in ({}, {"PRIVATE-TOKEN": "phpat_wrong"}):
            answer = server.send(ask.method, ask.path, ask.body, headers).expect(401)
            challenge = answer.headers["www-authenticate"]
            assert CHALLENGE.fullmatch(challenge), ask.path
            if client.format.errors.challenge is basic_challenge and client.format.errors.bearer is None:
                # sbt compares the realm letter by letter
                assert challenge == 'Basic realm="GitLab Packages Registry"'
            assert answer.headers["cache-control"] == "no-store"


def test_no_other_refusal_has_one(server: Server, client: Client) -> None:
    """A client could be led to ask for a password that would not help."""
    home = make_home(server, client, PRIVATE)
    sample = home.publish_new()
    reporter = server.furniture.member(home.project, REPORTER)
    for ask in (client.publish(home.project, sample), client.removal(home.project, sample, b"")):
        assert "www-authenticate" not in home.send(ask, reporter).expect(403).headers
    assert "www-authenticate" not in home.send(client.fetch(home.project, client.sample("absent"))).expect(404).headers
