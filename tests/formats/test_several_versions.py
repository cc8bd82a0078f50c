"""Requests that change several versions of a package, on a running server: one change each, as its instant tells."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable

import pytest
from stand import Login, Stand, Team
from wire import Answer, basic

from .cocoapods import samples as cocoapods
from .npm import samples as npm
from .p2 import samples as p2
from .puppet import samples as puppet

VERSIONS = ("1.0.0", "1.1.0", "1.2.0")


class Shop:
    """A project that packages are published to."""

    def __init__(self, stand: Stand, team: Team) -> None:
        self.stand, self.team = stand, team

    def ask(self, login: Login, method: str, tail: str, body: bytes | None = None, **headers: str) -> Answer:
        path = f"/api/v4/projects/{self.team.project['id']}/packages/{tail}"
        return self.stand.http.request(method, path, body, {**basic(login.user, login.token), **headers})

    def put(self, tail: str, body: bytes, method: str = "PUT", **headers: str) -> None:
        self.ask(self.team.writer, method, tail, body, **headers).expect(200, 201)

    def change(self, method: str, tail: str, body: bytes | None = None, **headers: str) -> None:
        self.ask(self.team.maintainer, method, tail, body, **headers).expect(200, 204)

    def events(self) -> list[tuple[str, int]]:
        """What happened to the versions since they were published, each with its instant."""
        with contextlib.closing(sqlite3.connect(self.stand.data / "packhouse.sqlite3")) as database:
            query = "select what, at from event where project_id = ? and version_id is not null and what != 'publish'"
            return database.execute(query, (self.team.project["id"],)).fetchall()


def deprecate_npm(shop: Shop) -> None:
    for version in VERSIONS:
        shop.put(f"npm/{shop.team.scope}-toy", npm.sample(f"{shop.team.scope}-toy", version).body())
    document = {"name": f"{shop.team.scope}-toy", "versions": {version: {"deprecated": "old"} for version in VERSIONS}}
    shop.change("PUT", f"npm/{shop.team.scope}-toy", json.dumps(document).encode(), **{"npm-command": "deprecate"})


def deprecate_puppet(shop: Shop) -> None:
    for version in VERSIONS:
        shop.put("puppet/v3/releases", puppet.sample(version=version).encoded, "POST", **{"Content-Type": "application/json"})
    shop.change("PATCH", "puppet/v3/modules/acme-toy", b'{"action": "deprecate", "params": {"reason": "old"}}')


def deprecate_cocoapods(shop: Shop) -> None:
    for version in VERSIONS:
        shop.put(f"cocoapods/pods/Foo/{version}", cocoapods.sample("Foo", version).content)
    shop.change("PATCH", "cocoapods/pods/Foo", b'{"deprecated": true}')


def delete_p2(shop: Shop) -> None:
    for version in VERSIONS:
        shop.put(f"p2/toys/{version}.zip", p2.site({"a_1.0.0": p2.bundle("a"), "b_1.0.0": p2.bundle("b")}))
    shop.change("DELETE", "p2/toys/plugins/a_1.0.0.jar")


@pytest.mark.parametrize(
    ("work", "what"), [(deprecate_npm, "yank"), (deprecate_puppet, "yank"), (deprecate_cocoapods, "yank"), (delete_p2, "delete_file")]
)
def test_one_change(work: Callable[[Shop], None], what: str, stand: Stand, team: Team) -> None:
    """Versions would be changed one after the other, and readers find a package half changed, for good where the rest fails."""
    shop = Shop(stand, team)
    work(shop)
    found = shop.events()
    assert [kind for kind, _ in found] == [what] * len(VERSIONS)
    assert len({at for _, at in found}) == 1
