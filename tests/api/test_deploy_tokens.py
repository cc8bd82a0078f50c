"""Deploy tokens (core API 8.3)."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from stand import DEVELOPER, MAINTAINER, READ, REMOVE, WRITE, Login, Stand

FIELDS = {"id", "name", "username", "expires_at", "revoked", "expired", "scopes"}


def test_the_object_of_a_deploy_token(api: Any, stand: Stand) -> None:
    """The object lacks a field, the user name is not made from the id, a token must end, or its secret is shown twice."""
    project = stand.make_project()
    base = f"/projects/{project['id']}/deploy_tokens"
    made = api.call("POST", base, {"name": "d", "scopes": [READ, WRITE]}).expect(201).json()
    assert made.pop("token").startswith("phdep_")
    assert set(made) == FIELDS
    assert (made["username"], made["expires_at"], made["expired"], made["revoked"]) == (f"gitlab+deploy-token-{made['id']}", None, False, False)
    assert made["scopes"] == [READ, WRITE]
    assert api.get(base).json() == [made] == [api.get(f"{base}/{made['id']}").json()]
    api.call("DELETE", f"{base}/{made['id']}").expect(204)
    api.call("DELETE", f"{base}/{made['id']}").expect(404)
    assert api.get(base).json() == []


@pytest.mark.parametrize("change", [{"scopes": []}, {"scopes": ["api"]}, {"scopes": ["bogus"]}, {"name": None}, {"username": "a b"},
                                    {"username": "gitlab-ci-token"}, {"expires_at": "soon"}])  # fmt: skip
def test_bad_deploy_tokens(api: Any, stand: Stand, change: dict[str, Any]) -> None:
    """A deploy token is made with a scope of another kind of token, or a user name that HTTP Basic cannot carry."""
    api.call("POST", f"/projects/{stand.make_project()['id']}/deploy_tokens", {"name": "d", "scopes": [READ]} | change).expect(400)


def test_forms_carry_scopes(api: Any, stand: Stand) -> None:
    """`scopes[]` of a form is not read as a list."""
    headers = {"PRIVATE-TOKEN": stand.environment["PACKHOUSE_INITIAL_ADMIN_TOKEN"], "Content-Type": "application/x-www-form-urlencoded"}
    path = f"/api/v4/projects/{stand.make_project()['id']}/deploy_tokens"
    made = stand.http.post(path, f"name=d&scopes[]={READ}&scopes%5B%5D={WRITE}&username=robot%2B1".encode(), headers).expect(201).json()
    assert (made["scopes"], made["username"]) == ([READ, WRITE], "robot+1")


def test_a_token_ends_on_its_second(api: Any, stand: Stand) -> None:
    """A deploy token works after its end, or not before it."""
    project = stand.make_project()
    api.publish(project)
    now = datetime.datetime.now(datetime.UTC)
    path = f"/api/v4/projects/{project['id']}/packages/generic/tool/1.0/f.txt"
    for offset, status in ((-1, 401), (60, 200)):
        end = (now + datetime.timedelta(seconds=offset)).strftime("%Y-%m-%dT%H:%M:%SZ")
        data = {"name": "d", "scopes": [READ], "expires_at": end}
        made = api.call("POST", f"/projects/{project['id']}/deploy_tokens", data).expect(201).json()
        assert made["expired"] is (status == 401)
        stand.http.get(path, {"Deploy-Token": made["token"]}).expect(status)
    active = api.get(f"/projects/{project['id']}/deploy_tokens?active=true").json()
    assert [row["expired"] for row in active] == [False]


def test_what_each_scope_opens(api: Any, stand: Stand) -> None:
    """A scope of deploy tokens opens more, or less, than its name says."""
    project = stand.make_project()
    api.publish(project)
    path = f"/api/v4/projects/{project['id']}/packages/generic/tool/1.0/f.txt"
    tokens = {scope: stand.make_deploy_token(project, (scope,)) for scope in (READ, WRITE, REMOVE, "read_registry")}

    def statuses(method: str, where: str) -> dict[str, int]:
        return {scope: stand.http.request(method, where, b"x" if method == "PUT" else None, {"Deploy-Token": token.token}).status
                for scope, token in tokens.items()}  # fmt: skip

    assert statuses("GET", path) == {READ: 200, WRITE: 200, REMOVE: 403, "read_registry": 403}
    assert statuses("PUT", path.replace("tool", "new")) == {READ: 403, WRITE: 201, REMOVE: 403, "read_registry": 403}
    assert statuses("DELETE", path) == {READ: 403, WRITE: 403, REMOVE: 204, "read_registry": 403}


def test_a_group_token_reaches_its_projects(api: Any, stand: Stand) -> None:
    """A group's deploy token misses a project below, or reaches one elsewhere."""
    group = stand.make_group()
    project = stand.make_project(stand.make_group("inner", parent_id=group["id"]))
    other = stand.make_project()
    token = stand.make_deploy_token(group, (READ,), where="groups")
    for place, status in ((project, 200), (other, 404)):
        api.publish(place)
        stand.http.get(f"/api/v4/projects/{place['id']}/packages/generic/tool/1.0/f.txt", {"Deploy-Token": token.token}).expect(status)


def test_who_manages_them(api: Any, stand: Stand) -> None:
    """A developer reads or makes deploy tokens, or a maintainer makes those of a group."""
    group = stand.make_group()
    project = stand.make_project(group)
    developer, maintainer = stand.make_member(group, DEVELOPER), stand.make_member(group, MAINTAINER)
    data = {"name": "d", "scopes": [READ]}
    for place in (f"/projects/{project['id']}", f"/groups/{group['id']}"):
        api.get(f"{place}/deploy_tokens", developer).expect(403)
        api.get(f"{place}/deploy_tokens", maintainer).expect(200)
        api.call("POST", f"{place}/deploy_tokens", data, developer).expect(403)
    made = api.call("POST", f"/projects/{project['id']}/deploy_tokens", data, maintainer).expect(201).json()
    api.call("POST", f"/groups/{group['id']}/deploy_tokens", data, maintainer).expect(403)
    api.get("/deploy_tokens", maintainer).expect(403)
    last = api.get("/deploy_tokens?per_page=100&active=true").headers["x-total-pages"]
    assert made["id"] in [row["id"] for row in api.get(f"/deploy_tokens?per_page=100&active=true&page={last}").json()]


def test_a_wrong_user_name_does_not_open(api: Any, stand: Stand) -> None:
    """A deploy token by HTTP Basic works under another's name."""
    import base64

    project = stand.make_project()
    api.publish(project)
    token = stand.make_deploy_token(project, (READ,))
    path = f"/api/v4/projects/{project['id']}/packages/generic/tool/1.0/f.txt"
    for login, status in ((token, 200), (Login("other", token.token), 401)):
        value = base64.b64encode(f"{login.user}:{login.token}".encode()).decode()
        stand.http.get(path, {"Authorization": f"Basic {value}"}).expect(status)
