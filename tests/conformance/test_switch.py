"""The registry can be switched off, for a project or for the whole instance: 403 for whoever may see the place, nothing new for others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from wire import basic

from packhouse.model import Action

from .conftest import make_home
from .driver import Client
from .furniture import PRIVATE, PUBLIC, Login
from .routes import walk
from .server import Server


def test_switched_off_in_a_project(server: Server, client: Client) -> None:
    """A project whose packages are switched off could still serve, take or give away some."""
    home = make_home(server, client, PRIVATE)
    sample = home.publish_new()
    server.furniture.change_place(home.project, packages_access="disabled")
    for route, ask in walk(client, "projects", home.project, sample):
        if route.action is not Action.OPEN:
            home.send(ask).expect(403)
            home.send_bare(ask).expect(401)
    server.furniture.change_place(home.project, packages_access="enabled")
    assert home.fetch(sample).expect(200).body == sample.content


def test_switched_off_project_in_its_group(server: Server, client: Client) -> None:
    """Packages that are switched off in their project could still be had through its group."""
    home = make_home(server, client, PUBLIC)
    sample = home.publish_new("switched")
    server.furniture.change_place(home.project, packages_access="disabled")
    for ask in client.documents("groups", home.parent or 0, sample):
        assert not client.shows(home.send(ask).body, sample)


@pytest.fixture(scope="module", name="off")
def serve_switched_off(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose packages are switched off."""
    with Server(tmp_path_factory.mktemp("off") / "data", workers="1", packages="false") as server:
        yield server


def test_switched_off_in_the_instance(off: Server, client: Client, admin: Login) -> None:
    """An instance without packages could serve some, or tell a stranger which projects it has."""
    home = make_home(off, client, PUBLIC)
    hidden = make_home(off, client, PRIVATE)
    sample = client.sample()
    for route, ask in walk(client, "projects", home.project, sample):
        if route.action is Action.OPEN:
            continue
        home.send(ask).expect(403)
        home.send(ask, admin).expect(403)
        home.send_bare(ask).expect(401 if route.signed_in else 403)
    stranger = off.furniture.token(off.furniture.user())
    for route, ask in walk(client, "projects", hidden.project, sample):
        if route.action is not Action.OPEN:
            off.send(ask.method, ask.path, ask.body, basic(stranger.user, stranger.secret)).expect(404)
