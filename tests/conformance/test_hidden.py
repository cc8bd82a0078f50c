"""What may not be seen looks like what is not there: status, headers and body, on every route of every format (threats, P8)."""

from __future__ import annotations

import secrets

import pytest
from wire import Answer, basic

from packhouse.db.engine import now
from packhouse.model import Action, write_time

from .conftest import Home, make_home
from .driver import Client
from .furniture import INTERNAL, PRIVATE, PUBLIC, READ, WRITE, Login
from .routes import walk
from .server import Server

NEVER_MADE = 999_999_999
PASSING = {"date", "x-request-id"}


def appearance(answer: Answer, named: object = "") -> tuple[int, list[tuple[str, str]], bytes]:
    """Everything of an answer that could tell one case from another; what the request itself named is taken out."""
    body = answer.body.replace(f"s/{named}/".encode(), b"s/*/") if named else answer.body
    passing = PASSING | {"content-length"} if named and answer.status == 200 else PASSING
    headers = sorted((k.lower(), v) for k, v in answer.headers.items() if k.lower() not in passing)
    return answer.status, headers, body


WATCHERS = ("anonymous", "stranger", "external stranger", "deploy token of another project")


def watch(server: Server, who: str) -> Login | None:
    furniture = server.furniture
    if who == "anonymous":
        return None
    if who == "deploy token of another project":
        return furniture.deploy_token(furniture.project(PUBLIC), READ, WRITE)
    return furniture.token(furniture.user(external=who.startswith("external")))


@pytest.mark.parametrize("who", WATCHERS)
@pytest.mark.parametrize("level", ["projects", "groups"])
def test_hidden_is_absent(server: Server, client: Client, level: str, who: str) -> None:
    """Somebody could find out that a private project or group exists."""
    home = make_home(server, client, PRIVATE)
    sample = home.publish_new()
    place = home.project if level == "projects" else home.parent
    assert place is not None
    path = server.furniture.path_of(place).replace("/", "%2F")
    nowhere = f"{path[:-6]}{secrets.token_hex(3)}"
    login = watch(server, who)
    headers = basic(login.user, login.secret) if login else {}
    wrong, count = [], 0
    for hidden, absent in ((place, NEVER_MADE), (path, nowhere)):
        for time in ("", write_time(now() - 1)):
            pairs = zip(walk(client, level, hidden, sample, time), walk(client, level, absent, sample, time), strict=True)
            for (route, ask), (_, other) in pairs:
                answers = [server.send(a.method, a.path, a.body, {**a.headers, **headers}) for a in (ask, other)]
                count += 1
                shown = [appearance(answer, named) for answer, named in zip(answers, (hidden, absent), strict=True)]
                if shown[0] != shown[1]:
                    wrong.append(f"{ask.method} {ask.path}: {shown[0]} differs from {shown[1]}")
                if route.action is not Action.OPEN and answers[0].status != (401 if login is None else 404):
                    wrong.append(f"{ask.method} {ask.path}: {answers[0].status} {answers[0].text[:80]}")
    assert not wrong, "\n".join(wrong[:20])
    assert count or level == "groups", "no route was asked"


def test_hidden_package_in_a_group(server: Server, client: Client) -> None:
    """A name in a private project of a visible group could be found out, in the group or in the whole instance."""
    group = server.furniture.group(PUBLIC)
    hidden = make_home(server, client, PRIVATE, group)
    internal = make_home(server, client, INTERNAL, group)
    shown = make_home(server, client, PUBLIC, group)
    secret, inner, absent = hidden.publish_new("secret-one"), internal.publish_new("secret-two"), client.sample("secret-not")
    shown.publish_new("known")
    furniture = server.furniture
    everybody: dict[Login | None, tuple[str, ...]] = {
        None: ("secret-one", "secret-two"),
        furniture.token(furniture.user(external=True)): ("secret-one", "secret-two"),
        furniture.token(furniture.user()): ("secret-one",),
    }
    for login, unseen in everybody.items():
        headers = basic(login.user, login.secret) if login else {}
        for level, place in (("groups", group), ("", 0)):
            for sample in (secret, inner):
                if not any(word in sample.name for word in unseen):
                    continue
                pairs = zip(client.documents(level, place, sample), client.documents(level, place, absent), strict=True)
                for ask, other in pairs:
                    found, nothing = (server.send(a.method, a.path, a.body, {**a.headers, **headers}) for a in (ask, other))
                    if ask.path == other.path:
                        assert not any(word in found.text for word in unseen), f"{ask.path} as {login}"
                    else:
                        assert appearance(found) == appearance(nothing), f"{ask.path} as {login}"


def test_invalid_credential_is_told_nowhere(server: Server, client: Client) -> None:
    """A wrong token could answer otherwise for what is there than for what is not."""
    home = make_home(server, client, PRIVATE)
    sample = home.publish_new()
    headers = {"PRIVATE-TOKEN": "phpat_wrong"}
    for (_, ask), (_, other) in zip(walk(client, "projects", home.project, sample), walk(client, "projects", NEVER_MADE, sample), strict=True):
        found, nothing = (server.send(a.method, a.path, a.body, {**a.headers, **headers}) for a in (ask, other))
        assert appearance(found) == appearance(nothing), ask.path
        assert found.status == 401


def test_foreign_project_by_its_own_url(home: Home) -> None:
    """A file could be had through the URL of a project that does not hold it."""
    sample = home.publish_new()
    elsewhere = make_home(home.server, home.client, PUBLIC)
    elsewhere.send(home.client.fetch(elsewhere.project, sample)).expect(404)
    elsewhere.send(home.client.removal(elsewhere.project, sample, home.listing(sample).body)).expect(404)
    home.fetch(sample).expect(200)
