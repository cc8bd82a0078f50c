"""Groups: making, finding, changing and ending them (core API 7.1)."""

from __future__ import annotations

from typing import Any

import pytest
from stand import DEVELOPER, GUEST, MAINTAINER, OWNER, REPORTER, Stand, new_name
from wire import Answer

FIELDS = {"id", "name", "path", "full_name", "full_path", "parent_id", "visibility", "description", "web_url", "created_at"}


def ids(answer: Answer) -> list[int]:
    return [row["id"] for row in answer.expect(200).json()]


def test_the_object_of_a_group(api: Any, stand: Stand) -> None:
    """A field that clients read is missing or wrong, or the maker does not own the group."""
    path = new_name("group")
    user = stand.make_user()
    login = stand.make_personal_token(user)
    made = api.call("POST", "/groups", {"name": "A Group", "path": path, "visibility": "internal", "description": "d"}, login).expect(201).json()
    assert set(made) >= FIELDS
    assert (made["full_path"], made["full_name"], made["parent_id"], made["visibility"]) == (path, "A Group", None, "internal")
    assert made["web_url"] == f"{stand.url}/groups/{path}"
    [owner] = api.get(f"/groups/{made['id']}/members", login).json()
    assert (owner["id"], owner["access_level"]) == (user["id"], OWNER)
    shown = api.get(f"/groups/{path}?with_projects=false", login).json()
    assert shown == made
    assert api.get(f"/groups/{path}", login).json()["projects"] == []


@pytest.mark.parametrize("path", ["api", "API", "v2", "groups", "users", "-", "admin", "jwt", "x.git", "-x", "x.", "a/b"])
def test_paths_that_no_group_can_have(api: Any, path: str) -> None:
    """A group takes a path that hides one of our own addresses."""
    assert "message" in api.call("POST", "/groups", {"name": "n", "path": path}).expect(400).json()


def test_reserved_words_are_free_below(api: Any, stand: Stand) -> None:
    """A project cannot be called what only a group at the top must not be called."""
    group = stand.make_group()
    assert stand.make_project(group, "api")["path"] == "api"
    assert api.get(f"/projects/{group['path']}%2Fapi").status == 200


def test_missing_and_taken(api: Any, stand: Stand) -> None:
    """A group without a name or path is made, or two have one path, a user's included."""
    assert api.call("POST", "/groups", {}).expect(400).json() == {"error": "name is missing, path is missing"}
    group = stand.make_group()
    api.call("POST", "/groups", {"name": "n", "path": group["path"].upper()}).expect(400)
    api.call("POST", "/groups", {"name": "n", "path": stand.make_user()["username"]}).expect(400)


def test_who_may_make_subgroups(api: Any, stand: Stand) -> None:
    """A developer makes a subgroup, a maintainer does against the setting, or an external user makes a group."""
    group = stand.make_group()
    developer, maintainer = stand.make_member(group, DEVELOPER), stand.make_member(group, MAINTAINER)
    data = {"name": "s", "parent_id": group["id"]}
    api.call("POST", "/groups", {**data, "path": "a"}, developer).expect(403)
    api.call("POST", "/groups", {**data, "path": "a"}, maintainer).expect(201)
    api.call("PUT", f"/groups/{group['id']}", {"subgroup_creation_level": "owner"}).expect(200)
    api.call("POST", "/groups", {**data, "path": "b"}, maintainer).expect(403)
    outside = stand.make_user(external=True)
    external = stand.make_personal_token(outside)
    own = api.get(f"/users/{outside['id']}").json()["namespace_id"]
    api.call("POST", "/projects", {"path": "p", "namespace_id": own}, external).expect(403)
    api.call("POST", "/groups", {"name": "n", "path": new_name("group")}, external).expect(403)
    api.call("POST", "/projects", {"path": "p"}, external).expect(403)
    api.call("POST", "/groups", {"name": "n", "path": new_name("group")}, None).expect(401)


def test_what_a_group_holds(api: Any, stand: Stand) -> None:
    """Subgroups, descendants or projects of a group are not those below it."""
    top = stand.make_group()
    middle = stand.make_group("middle", parent_id=top["id"])
    low = stand.make_group("low", parent_id=middle["id"])
    here, there = stand.make_project(top, "here"), stand.make_project(low, "there")
    base = f"/groups/{top['id']}"
    assert ids(api.get(f"{base}/subgroups")) == [middle["id"]]
    assert ids(api.get(f"{base}/descendant_groups?order_by=id")) == [middle["id"], low["id"]]
    assert ids(api.get(f"{base}/projects")) == [here["id"]]
    assert ids(api.get(f"{base}/projects?include_subgroups=true&order_by=id&sort=asc")) == [here["id"], there["id"]]
    assert low["full_path"] == f"{top['path']}/middle/low"
    assert low["full_name"] == f"{top['name']} / middle / low"


def test_lists(api: Any, stand: Stand) -> None:
    """A list of groups shows a hidden one, or misses one that fits its filters."""
    mark = new_name("mark")
    public, private = stand.make_group(f"{mark}-a", "public"), stand.make_group(f"{mark}-b")
    inner = stand.make_group("inner", parent_id=public["id"], visibility="public")
    member = stand.make_member(private, GUEST)
    seen = f"/groups?search={mark}"
    assert ids(api.get(seen, None)) == [inner["id"], public["id"]] or ids(api.get(seen, None)) == [public["id"], inner["id"]]
    assert ids(api.get(f"{seen}&top_level_only=true", member)) == [public["id"], private["id"]]
    assert ids(api.get(f"{seen}&top_level_only=true&sort=desc", member)) == [private["id"], public["id"]]
    assert ids(api.get(f"{seen}&min_access_level=10", member)) == [private["id"]]
    assert ids(api.get(f"{seen}&all_available=false", member)) == [private["id"]]
    assert ids(api.get(f"{seen}&owned=true", member)) == []
    assert ids(api.get(f"{seen}&visibility=private", member)) == [private["id"]]


def test_keyset_pages_of_groups(api: Any, stand: Stand) -> None:
    """Pages behind the last name lose or repeat a group, equal names included."""
    mark = new_name("mark")
    wanted = [stand.make_group(f"{mark}-{number}", "public", name=name)["id"] for number, name in enumerate(["b", "A", "a", "c"])]
    path: str | None = f"/groups?pagination=keyset&order_by=name&sort=asc&per_page=2&search={mark}"
    found: list[int] = []
    while path is not None:
        answer = api.get(path, None)
        found += ids(answer)
        link = answer.headers.get("link")
        path = link[1 : link.index(">")].removeprefix(f"{stand.url}/api/v4") if link else None
    assert found == [wanted[1], wanted[2], wanted[0], wanted[3]]
    api.get("/groups?pagination=keyset&cursor=e30").expect(400)


def test_hidden_groups(api: Any, stand: Stand) -> None:
    """A stranger sees a private group, or a member of a project in it does not."""
    group = stand.make_group()
    project = stand.make_project(group)
    member = stand.make_member(project, GUEST, where="projects")
    stranger = stand.make_personal_token(stand.make_user())
    for login in (None, stranger):
        api.get(f"/groups/{group['id']}", login).expect(404)
    api.get(f"/groups/{group['id']}", member).expect(200)
    other = stand.make_project(group)
    shown = api.get(f"/groups/{group['id']}/projects", member)
    assert ids(shown) == [project["id"]] and other["id"] not in ids(shown)
    api.get(f"/groups/{stand.make_user()['username']}").expect(404)
    api.get(f"/groups/{project['id']}").expect(404)
    api.get(f"/projects/{group['id']}").expect(404)


def test_changes_are_for_owners(api: Any, stand: Stand) -> None:
    """A maintainer changes or deletes a group, or a change is not kept."""
    group = stand.make_group()
    maintainer, owner = stand.make_member(group, MAINTAINER), stand.make_member(group, OWNER)
    api.call("PUT", f"/groups/{group['id']}", {"name": "x"}, maintainer).expect(403)
    api.call("DELETE", f"/groups/{group['id']}", login=maintainer).expect(403)
    changed = (
        api.call("PUT", f"/groups/{group['id']}", {"name": "New", "description": "d", "request_access_enabled": False}, owner).expect(200).json()
    )
    assert (changed["name"], changed["description"], changed["request_access_enabled"]) == ("New", "d", False)
    api.call("PUT", f"/groups/{group['id']}", {"subgroup_creation_level": "developer"}, owner).expect(400)


def test_rename_moves_everything_below(api: Any, stand: Stand) -> None:
    """A project below a renamed group keeps its old path, or a group can be renamed to a path of another."""
    group = stand.make_group()
    inner = stand.make_group("inner", parent_id=group["id"])
    project = stand.make_project(inner, "p")
    path = new_name("renamed")
    assert api.call("PUT", f"/groups/{group['id']}", {"path": path}).expect(200).json()["full_path"] == path
    assert api.get(f"/projects/{project['id']}").json()["path_with_namespace"] == f"{path}/inner/p"
    api.call("POST", "/groups", {"name": "n", "path": group["path"]}).expect(400)
    api.call("PUT", f"/groups/{stand.make_group()['id']}", {"path": path}).expect(400)


def test_delete_takes_everything_below(api: Any, stand: Stand) -> None:
    """Something below a deleted group is still there, or its path is given away."""
    group = stand.make_group()
    inner = stand.make_group("inner", parent_id=group["id"])
    project = stand.make_project(inner)
    member = stand.make_member(inner, REPORTER)
    token = api.call("POST", f"/projects/{project['id']}/access_tokens", {"name": "t", "scopes": ["api"]}).expect(201).json()["token"]
    api.get(f"/projects/{project['id']}", token).expect(200)
    api.call("DELETE", f"/groups/{group['id']}").expect(202)
    for path in (f"/groups/{group['id']}", f"/groups/{inner['id']}", f"/projects/{project['id']}"):
        api.get(path).expect(404)
    api.get(f"/projects/{project['id']}", token).expect(401)
    api.get(f"/groups/{inner['id']}", member).expect(404)
    api.call("POST", "/groups", {"name": "n", "path": group["path"]}).expect(400)
