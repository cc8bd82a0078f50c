"""Addresses that lead nowhere: said as such, in the form of the API, and nothing about a project that is there."""

from __future__ import annotations

import pytest
from stand import ADMIN_TOKEN, Stand, Team

NOWHERE = {"error": "404 Not Found"}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("path", ["/api/v4/nosuch", "/api/v4/namespaces/1", "/api/graphql", "/api"])
def test_no_such_route(stand: Stand, method: str, path: str) -> None:
    """A program that asks for what is not offered here could get a page for people, or be told to use another method."""
    answer = stand.http.request(method, path, None, {"PRIVATE-TOKEN": ADMIN_TOKEN}).expect(404)
    assert answer.json() == NOWHERE and answer.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize("tail", ["issues", "packages/1/nosuch", "packages/generic/a", "-/nosuch/1"])
def test_no_such_route_of_a_project(stand: Stand, team: Team, tail: str) -> None:
    """Whoever asks a project for what it does not offer could be told that the project is not there, and look for a right that they have."""
    for token in (ADMIN_TOKEN, team.stranger.token):
        answer = stand.http.request("GET", f"/api/v4/projects/{team.project['id']}/{tail}", None, {"PRIVATE-TOKEN": token}).expect(404)
        assert answer.json() == NOWHERE


def test_no_such_method_of_a_project(stand: Stand, team: Team) -> None:
    """A method that an address does not have could be answered as if the project were not there."""
    path = f"/api/v4/projects/{team.project['id']}/packages/generic/a/1.0"
    answer = stand.http.request("DELETE", path, None, {"PRIVATE-TOKEN": ADMIN_TOKEN}).expect(405)
    assert "GET" in answer.headers["allow"]


def test_media_type_that_is_not_read(stand: Stand) -> None:
    """A body that is not read could be answered as a method that is not there, without saying which there are."""
    answer = stand.http.request("POST", "/api/v4/projects", b"<name/>", {"PRIVATE-TOKEN": ADMIN_TOKEN, "Content-Type": "text/xml"}).expect(415)
    assert "'text/xml' is not read here: send JSON or a form" in answer.json()["message"]
