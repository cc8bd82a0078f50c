"""Access tokens of projects and groups (core API 8.2)."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from stand import DEVELOPER, MAINTAINER, OWNER, REPORTER, Stand


def day(offset: int) -> str:
    return (datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=offset)).isoformat()


def test_a_robot_is_a_member_here(api: Any, stand: Stand) -> None:
    """A project's token has no robot, the robot another role, is found among people, or stays when the token is over."""
    project = stand.make_project()
    base = f"/projects/{project['id']}/access_tokens"
    made = api.call("POST", base, {"name": "ci", "scopes": ["api"], "access_level": DEVELOPER}).expect(201).json()
    secret = made.pop("token")
    assert (made["access_level"], made["expires_at"], made["active"]) == (DEVELOPER, day(365), True)
    assert secret.startswith("phprj_")
    robot = api.get("/user", secret).json()
    assert (robot["id"], robot["bot"]) == (made["user_id"], True)
    assert api.get(f"/users?username={robot['username']}").json() == []
    assert api.get(f"/projects/{project['id']}/members/{robot['id']}").json()["access_level"] == DEVELOPER
    api.call("PUT", f"/projects/{project['id']}/members/{robot['id']}", {"access_level": 40}).expect(403)
    assert api.publish(project, login=secret)["creator_id"] == robot["id"]
    assert api.get(base).json() == [api.get(f"{base}/{made['id']}").json()]
    api.call("DELETE", f"{base}/{made['id']}").expect(204)
    api.call("DELETE", f"{base}/{made['id']}").expect(404)
    api.get(f"/projects/{project['id']}", secret).expect(401)
    api.get(f"/projects/{project['id']}/members/{robot['id']}").expect(404)


def test_level_and_scopes_have_bounds(api: Any, stand: Stand) -> None:
    """A token above the maker's role is made, one with administration, or one without a level is not a maintainer's."""
    group = stand.make_group()
    project = stand.make_project(group)
    maintainer, developer = stand.make_member(group, MAINTAINER), stand.make_member(group, DEVELOPER)
    base, data = f"/projects/{project['id']}/access_tokens", {"name": "t", "scopes": ["read_api"]}
    assert api.call("POST", base, data, maintainer).expect(201).json()["access_level"] == MAINTAINER
    api.call("POST", base, {**data, "access_level": OWNER}, maintainer).expect(403)
    api.call("POST", base, {**data, "access_level": 31}, maintainer).expect(400)
    api.call("POST", base, {**data, "scopes": ["sudo"]}, maintainer).expect(400)
    api.call("POST", base, {**data, "expires_at": day(400)}, maintainer).expect(400)
    api.call("POST", base, data, developer).expect(403)
    api.get(base, developer).expect(403)
    api.call("POST", f"/groups/{group['id']}/access_tokens", data, maintainer).expect(403)


def test_a_robot_makes_no_robots(api: Any, stand: Stand) -> None:
    """A project's token makes other tokens, a group or a rotation of another token."""
    project = stand.make_project()
    base = f"/projects/{project['id']}/access_tokens"
    one, two = (api.call("POST", base, {"name": "t", "scopes": ["api"]}).expect(201).json() for _ in range(2))
    api.call("POST", base, {"name": "t", "scopes": ["api"]}, one["token"]).expect(403)
    api.call("POST", "/user/personal_access_tokens", {"name": "t", "scopes": ["read_api"]}, one["token"]).expect(403)
    api.call("POST", "/groups", {"name": "g", "path": "made-by-a-robot"}, one["token"]).expect(403)
    api.call("POST", f"{base}/{two['id']}/rotate", login=one["token"]).expect(401)
    api.call("POST", "/projects", {"path": "p"}, one["token"]).expect(400)


@pytest.mark.parametrize("kind", ["projects", "groups"])
def test_rotate(api: Any, stand: Stand, kind: str) -> None:
    """A rotated token works, the new one has another robot, role or end, or replaying the old one is harmless."""
    place = stand.make_group() if kind == "groups" else stand.make_project()
    base = f"/{kind}/{place['id']}/access_tokens"
    old = api.call("POST", base, {"name": "t", "scopes": ["api"], "access_level": REPORTER, "expires_at": day(2)}).expect(201).json()
    new = api.call("POST", f"{base}/{old['id']}/rotate", {"expires_at": day(30)}).expect(200).json()
    assert (new["user_id"], new["access_level"], new["scopes"], new["expires_at"]) == (old["user_id"], REPORTER, ["api"], day(30))
    assert api.get(f"/{kind}/{place['id']}/members/{new['user_id']}").json()["expires_at"] == day(30)
    api.get(f"/{kind}/{place['id']}", old["token"]).expect(401)
    newest = api.call("POST", f"{base}/self/rotate", login=new["token"]).expect(200).json()
    api.get(f"/{kind}/{place['id']}", newest["token"]).expect(200)
    other = stand.make_group() if kind == "groups" else stand.make_project()
    api.call("POST", f"/{kind}/{other['id']}/access_tokens/self/rotate", login=newest["token"]).expect(401)
    api.call("POST", f"/personal_access_tokens/{newest['id']}/rotate").expect(405)
    api.call("POST", f"{base}/{old['id']}/rotate").expect(401)
    api.get(f"/{kind}/{place['id']}", newest["token"]).expect(401)


def test_tokens_are_looked_up_in_their_place(api: Any, stand: Stand) -> None:
    """A token of one project is read, rotated or ended through another, or as a deploy token."""
    project, other = stand.make_project(), stand.make_project()
    token = api.call("POST", f"/projects/{project['id']}/access_tokens", {"name": "t", "scopes": ["api"]}).expect(201).json()
    for method, path in (
        ("GET", f"access_tokens/{token['id']}"),
        ("POST", f"access_tokens/{token['id']}/rotate"),
        ("DELETE", f"access_tokens/{token['id']}"),
        ("GET", f"deploy_tokens/{token['id']}"),
        ("DELETE", f"deploy_tokens/{token['id']}"),
    ):
        api.call(method, f"/projects/{other['id']}/{path}").expect(404)
    api.get(f"/projects/{project['id']}", token["token"]).expect(200)


def test_a_group_token_reaches_below(api: Any, stand: Stand) -> None:
    """A group's token does not reach the group's projects, or others."""
    group = stand.make_group()
    project = stand.make_project(group)
    token = (
        api.call("POST", f"/groups/{group['id']}/access_tokens", {"name": "t", "scopes": ["read_api"], "access_level": REPORTER})
        .expect(201)
        .json()["token"]
    )
    assert token.startswith("phgrp_")
    api.get(f"/projects/{project['id']}/packages", token).expect(200)
    api.get(f"/projects/{stand.make_project()['id']}", token).expect(404)
