"""A guesser learns nothing from what a request costs: the statements for what is hidden are those for what is not there (threats, P8)."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection

from packhouse.db import places
from packhouse.db.scopes import Reader

from .driver import Ask
from .furniture import PRIVATE, READ, REPORTER
from .inside import Inside


@pytest.fixture(scope="module", name="inside")
def run_inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """One application for the module."""
    with Inside(tmp_path_factory.mktemp("guessing") / "data") as inside:
        yield inside


ROUTES = [
    "/api/v4/groups/{}",
    "/api/v4/groups/{}/packages",
    "/api/v4/groups/{}/-/packages/npm/alpha",
    "/api/v4/groups/{}/-/packages/nuget/index.json",
    "/api/v4/projects/{}",
    "/api/v4/projects/{}/packages/npm/alpha",
]
WATCHERS = ["anonymous", "stranger", "deploy token of another project"]


def cost(inside: Inside, path: str, headers: dict[str, str]) -> list[str]:
    """What one request asks of the database, without the values; nothing is remembered from before."""
    inside.forget()
    status, _, body = inside.ask(Ask("GET", path, headers=headers))
    assert status in (401, 404) or path.endswith("nuget/index.json"), (status, body[:300])
    return [statement.partition("WHERE")[0] for statement in inside.statements]


@pytest.mark.parametrize("who", WATCHERS)
@pytest.mark.parametrize("route", ROUTES)
def test_hidden_place_costs_what_an_absent_one_does(inside: Inside, route: str, who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A private group or project could be told from an absent one by time: what exists was looked into, and by way of a thread."""
    furniture = inside.furniture
    group = furniture.group(PRIVATE)
    project = furniture.project(PRIVATE, group)
    place = project if "projects" in route else group
    headers = {}
    if who == "stranger":
        headers = {"PRIVATE-TOKEN": furniture.token(furniture.user()).secret}
    elif who != "anonymous":
        headers = {"Deploy-Token": furniture.deploy_token(furniture.project(PRIVATE), READ).secret}
    path = furniture.path_of(place)
    pairs = ((place, 999_999_999), (path, f"{path[:-6]}{secrets.token_hex(3)}"))
    for asked in (asked for pair in pairs for asked in pair):
        cost(inside, route.format(asked), headers)  # what is loaded at first use is not compared

    def refuse(*_: object) -> None:
        raise AssertionError("a question went by way of a thread")

    monkeypatch.setattr(inside.app.house.database, "read", refuse)
    for hidden, absent in pairs:
        assert cost(inside, route.format(hidden), headers) == cost(inside, route.format(absent), headers)


def test_large_group_costs_what_a_small_one_does(inside: Inside) -> None:
    """A private group with many projects could be told from an absent one, because each of them is looked at."""
    text, _ = places.HOLDS_BELOW.sqlite
    steps = [str(row[-1]) for row in inside.furniture.read(explain, text)]
    assert steps and not any("SCAN lineage" in step or "ix_lineage_ancestor" in step or "SCAN place" in step for step in steps), steps


def explain(connection: Connection, text: str) -> list[Any]:
    bare: Any = connection.connection.driver_connection
    found: list[Any] = bare.execute(f"EXPLAIN QUERY PLAN {text}", {"group": 1, **Reader().params()}).fetchall()
    return found


def test_deploy_token_sees_the_group_above(inside: Inside) -> None:
    """The deploy token of a project could be told that the project's group is not there; or one for something else, that it is."""
    furniture = inside.furniture
    group = furniture.group(PRIVATE)
    project = furniture.project(PRIVATE, group)
    for scope, words in ((READ, b"Package"), ("read_repository", b"Project Not Found")):
        headers = {"Deploy-Token": furniture.deploy_token(project, scope).secret}
        status, _, body = inside.ask(Ask("GET", f"/api/v4/groups/{group}/-/packages/npm/alpha", headers=headers))
        assert status == 404 and words in body, body


def test_member_of_a_project_sees_the_groups_above(inside: Inside) -> None:
    """Somebody who belongs to a project far below could be told that its group is not there."""
    furniture = inside.furniture
    group = furniture.group(PRIVATE)
    member = furniture.member(furniture.project(PRIVATE, furniture.group(PRIVATE, group)), REPORTER)
    assert inside.ask(Ask("GET", f"/api/v4/groups/{group}", headers={"PRIVATE-TOKEN": member.secret}))[0] == 200
