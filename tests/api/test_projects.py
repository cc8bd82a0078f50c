"""Projects: making, finding, changing, moving and ending them (core API 7.2, 7.3)."""

from __future__ import annotations

from typing import Any

import pytest
from stand import ADMIN_TOKEN, DEVELOPER, GUEST, MAINTAINER, OWNER, REPORTER, Stand, new_name
from wire import Answer

Json = dict[str, Any]

FIELDS = {
    "id",
    "name",
    "name_with_namespace",
    "path",
    "path_with_namespace",
    "description",
    "created_at",
    "default_branch",
    "visibility",
    "web_url",
    "http_url_to_repo",
    "ssh_url_to_repo",
    "namespace",
    "packages_enabled",
    "package_registry_access_level",
    "container_registry_enabled",
    "container_registry_access_level",
    "container_registry_image_prefix",
    "container_expiration_policy",
    "permissions",
}


def ids(answer: Answer) -> list[int]:
    return [row["id"] for row in answer.expect(200).json()]


def test_the_object_of_a_project(api: Any, stand: Stand) -> None:
    """A field that clients read is missing, or names another place."""
    outer = stand.make_group(name="Outer Group")
    inner = stand.make_group("inner", parent_id=outer["id"])
    made = api.call("POST", "/projects", {"name": "My Tool", "namespace_id": inner["id"], "description": "d"}).expect(201).json()
    shown = api.get(f"/projects/{made['id']}").json()
    assert shown == made
    assert set(shown) >= FIELDS
    assert (shown["path"], shown["name"], shown["visibility"], shown["description"]) == ("my-tool", "My Tool", "private", "d")
    assert shown["name_with_namespace"] == "Outer Group / inner / My Tool"
    assert shown["path_with_namespace"] == f"{outer['path']}/inner/my-tool"
    assert shown["web_url"] == f"{stand.url}/{outer['path']}/inner/my-tool"
    assert shown["http_url_to_repo"] == shown["web_url"] + ".git"
    assert shown["container_registry_image_prefix"] == f"{stand.host}/{outer['path']}/inner/my-tool"
    assert {**shown["namespace"], "web_url": ""} == {
        "id": inner["id"],
        "name": "inner",
        "path": "inner",
        "kind": "group",
        "full_path": inner["full_path"],
        "parent_id": outer["id"],
        "avatar_url": None,
        "web_url": "",
    }
    assert (shown["packages_enabled"], shown["package_registry_access_level"]) == (True, "enabled")


def test_permissions_say_where_a_role_is_from(api: Any, stand: Stand) -> None:
    """`permissions` mixes up the role in a project with the one from its groups."""
    group = stand.make_group()
    project = stand.make_project(group)
    member = stand.make_member(group, REPORTER)
    shown = api.get(f"/projects/{project['id']}", member).json()["permissions"]
    assert (shown["project_access"], shown["group_access"]["access_level"]) == (None, REPORTER)
    public = stand.make_project(stand.make_group(visibility="public"), visibility="public")
    assert "permissions" not in api.get(f"/projects/{public['id']}", None).json()


def test_own_namespace_is_the_default(api: Any, stand: Stand) -> None:
    """A project without namespace_id is not in its maker's own namespace, or the maker does not own it."""
    user = stand.make_user()
    login = stand.make_personal_token(user)
    project = api.call("POST", "/projects", {"path": "mine", "visibility": "public"}, login).expect(201).json()
    assert project["path_with_namespace"] == f"{user['username']}/mine"
    assert project["namespace"]["kind"] == "user"
    assert ids(api.get(f"/users/{user['id']}/projects", login)) == ids(api.get(f"/users/{user['username']}/projects", None)) == [project["id"]]
    api.call("DELETE", f"/projects/{project['id']}", login=login).expect(202)
    api.get("/users/99999999/projects").expect(404)


def test_forms_and_json_say_the_same(api: Any, stand: Stand) -> None:
    """A project cannot be made from a form, a multipart body or the query."""
    group = stand.make_group()
    auth = {"PRIVATE-TOKEN": ADMIN_TOKEN}
    form = f"name=first&visibility=private&namespace_id={group['id']}".encode()
    url = {**auth, "Content-Type": "application/x-www-form-urlencoded"}
    assert stand.http.post("/api/v4/projects", form, url).expect(201).json()["path"] == "first"
    parts = "".join(
        f'--x\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in (("path", "second"), ("namespace_id", group["id"]))
    )
    multipart = {**auth, "Content-Type": "multipart/form-data; boundary=x"}
    assert stand.http.post("/api/v4/projects", f"{parts}--x--\r\n".encode(), multipart).expect(201).json()["name"] == "second"
    assert stand.http.post(f"/api/v4/projects?path=third&namespace_id={group['id']}", None, auth).expect(201).json()["path"] == "third"
    for body, media_type in ((b"{", "application/json"), (b"[]", "application/json"), (b"\xff=1", url["Content-Type"])):
        stand.http.post("/api/v4/projects", body, {**auth, "Content-Type": media_type}).expect(400)


@pytest.mark.parametrize("path", ["-x", "x.", "x.git", "x.atom", "a/b", "a b", "ü", "-", "", "x" * 256, "a\nb"])
def test_paths_that_nothing_can_have(api: Any, stand: Stand, path: str) -> None:
    """A path is taken that addresses cannot hold."""
    api.call("POST", "/projects", {"name": "n", "path": path, "namespace_id": stand.make_group()["id"]}).expect(400 if path else 201)


def test_missing_and_taken_names(api: Any, stand: Stand) -> None:
    """A project without a name is made, or two get one path, whatever its letters' case."""
    group = stand.make_group()
    assert "name" in api.call("POST", "/projects", {"namespace_id": group["id"]}).expect(400).json()["error"]
    stand.make_project(group, "one")
    assert "taken" in api.call("POST", "/projects", {"path": "ONE", "namespace_id": group["id"]}).expect(400).json()["message"]
    api.call("POST", "/projects", {"path": "two", "namespace_id": group["id"], "visibility": "secret"}).expect(400)


def test_nesting_ends(api: Any, stand: Stand) -> None:
    """Groups nest so deep that an image's name has too many parts."""
    group = stand.make_group()
    for depth in range(18):
        group = stand.make_group(f"g{depth}", parent_id=group["id"])
    api.call("POST", "/projects", {"path": "deep", "namespace_id": group["id"]}).expect(400)


def test_who_may_make_projects(api: Any, stand: Stand) -> None:
    """A role below the group's level makes projects, a stranger learns of the group, or a developer's project is not theirs."""
    group = stand.make_group()
    reporter, developer = stand.make_member(group, REPORTER), stand.make_member(group, DEVELOPER)
    stranger = stand.make_personal_token(stand.make_user())
    data = {"namespace_id": group["id"]}
    api.call("POST", "/projects", {**data, "path": "a"}, None).expect(401)
    assert api.call("POST", "/projects", {**data, "path": "a"}, stranger).expect(404).json() == {"message": "404 Namespace Not Found"}
    api.call("POST", "/projects", {"path": "a", "namespace_id": 99999999}, stranger).expect(404)
    api.call("POST", "/projects", {**data, "path": "a"}, reporter).expect(403)
    made = api.call("POST", "/projects", {**data, "path": "a"}, developer).expect(201).json()
    assert made["permissions"]["project_access"]["access_level"] == OWNER
    api.call("PUT", f"/groups/{group['id']}", {"project_creation_level": "maintainer"}).expect(200)
    api.call("POST", "/projects", {**data, "path": "b"}, developer).expect(403)
    api.call("PUT", f"/groups/{group['id']}", {"project_creation_level": "noone"}).expect(200)
    api.call("POST", "/projects", {**data, "path": "c"}).expect(403)


def test_child_is_not_more_visible(api: Any, stand: Stand) -> None:
    """A project is more visible than its group, or a group less visible than what it holds."""
    group = stand.make_group(visibility="internal")
    api.call("POST", "/projects", {"path": "p", "namespace_id": group["id"], "visibility": "public"}).expect(400)
    project = stand.make_project(group, visibility="internal")
    api.call("PUT", f"/projects/{project['id']}", {"visibility": "public"}).expect(400)
    api.call("PUT", f"/groups/{group['id']}", {"visibility": "private"}).expect(400)
    api.call("POST", "/groups", {"path": "sub", "name": "sub", "parent_id": group["id"], "visibility": "public"}).expect(400)
    api.call("PUT", f"/projects/{project['id']}", {"visibility": "private"}).expect(200)
    assert api.call("PUT", f"/groups/{group['id']}", {"visibility": "private"}).expect(200).json()["visibility"] == "private"


def test_lists_hold_what_one_may_see(api: Any, stand: Stand) -> None:
    """A list of projects shows a hidden one, or misses one that fits its filters."""
    mark = new_name("mark")
    group = stand.make_group(visibility="public")
    public = stand.make_project(group, f"{mark}-public", "public")
    internal = stand.make_project(group, f"{mark}-internal", "internal")
    private = stand.make_project(group, f"{mark}-private", "private")
    user, outside = stand.make_user(), stand.make_user(external=True)
    login, external = stand.make_personal_token(user), stand.make_personal_token(outside)
    stand.add_member(private, user, DEVELOPER, where="projects")
    seen = f"/projects?search={mark.upper()}&order_by=id&sort=asc"
    assert ids(api.get(seen)) == [public["id"], internal["id"], private["id"]]
    assert ids(api.get(seen, login)) == [public["id"], internal["id"], private["id"]]
    assert ids(api.get(seen, external)) == ids(api.get(seen, None)) == [public["id"]]
    api.get(f"/projects/{internal['id']}", external).expect(404)
    assert ids(api.get(f"{seen}&membership=true", login)) == [private["id"]]
    assert ids(api.get(f"{seen}&owned=true", login)) == []
    assert ids(api.get(f"{seen}&min_access_level=30", login)) == [private["id"]]
    assert ids(api.get(f"{seen}&visibility=internal", login)) == [internal["id"]]
    assert "permissions" not in api.get(f"{seen}&simple=true").json()[0]
    assert ids(api.get(f"/projects?search={mark}&order_by=name&sort=desc")) == [public["id"], private["id"], internal["id"]]
    api.get("/projects?order_by=bogus").expect(400)
    api.get("/projects?min_access_level=31").expect(400)


def test_keyset_pages_of_projects(api: Any, stand: Stand) -> None:
    """Pages behind the last row lose or repeat a project, or do not end."""
    mark = new_name("mark")
    group = stand.make_group()
    wanted = [stand.make_project(group, f"{mark}-{number}")["id"] for number in range(5)]
    for sort in ("asc", "desc"):
        path: str | None = f"/projects?pagination=keyset&order_by=id&sort={sort}&per_page=2&search={mark}"
        found: list[int] = []
        pages = 0
        while path is not None:
            answer = api.get(path)
            assert "x-total" not in answer.headers
            found += ids(answer)
            link = answer.headers.get("link")
            path = link[1 : link.index(">")].removeprefix(f"{stand.url}/api/v4") if link else None
            pages += 1
        assert (found, pages) == (wanted if sort == "asc" else wanted[::-1], 3)
    api.get("/projects?pagination=keyset&order_by=name").expect(400)


def test_settings_change(api: Any, stand: Stand) -> None:
    """A setting is not kept, is taken in a wrong form, or is open to a developer."""
    group = stand.make_group()
    project = stand.make_project(group)
    path = f"/projects/{project['id']}"
    developer, maintainer = stand.make_member(group, DEVELOPER), stand.make_member(group, MAINTAINER)
    api.call("PUT", path, {"description": "x"}, developer).expect(403)
    assert api.call("PUT", path, {"description": "x", "name": "New"}, maintainer).expect(200).json()["description"] == "x"
    api.call("PUT", path, {"visibility": "public"}, maintainer).expect(403)
    api.call("PUT", path, {"path": "other"}, maintainer).expect(403)
    for level, enabled in (("private", True), ("public", True), ("disabled", False), ("enabled", True)):
        shown = api.call("PUT", path, {"package_registry_access_level": level}, maintainer).expect(200).json()
        assert (shown["package_registry_access_level"], shown["packages_enabled"]) == (level, enabled)
    assert api.call("PUT", path, {"packages_enabled": False}).json()["package_registry_access_level"] == "disabled"
    assert api.call("PUT", path, {"container_registry_access_level": "private"}).json()["container_registry_enabled"] is True
    api.call("PUT", path, {"container_registry_access_level": "public"}).expect(400)
    api.call("PUT", path, {"package_registry_access_level": "bogus"}).expect(400)
    assert api.call("PUT", path, {"keep_deleted_names": True}).expect(200).json()["keep_deleted_names"] is True


def test_switched_off_registry(api: Any, stand: Stand) -> None:
    """The packages of a project whose registry is off are listed or fetched."""
    group = stand.make_group()
    project = stand.make_project(group)
    package = api.publish(project)
    reporter = stand.make_member(group, REPORTER)
    api.call("PUT", f"/projects/{project['id']}", {"package_registry_access_level": "disabled"}).expect(200)
    for path in ("", f"/{package['id']}", "/generic/tool/1.0/f.txt"):
        for login in (reporter, ADMIN_TOKEN):
            api.get(f"/projects/{project['id']}/packages{path}", login).expect(403)
    api.get(f"/projects/{project['id']}", reporter).expect(200)


def test_everybody_may_pull(api: Any, stand: Stand, switch: Any) -> None:
    """`public` does not open a private project's packages, opens more, or outlives the instance's switch."""
    project = stand.make_project()
    api.publish(project)
    api.call("PUT", f"/projects/{project['id']}", {"package_registry_access_level": "public"}).expect(200)
    api.get(f"/projects/{project['id']}/packages", None).expect(200)
    api.get(f"/projects/{project['id']}/packages/generic/tool/1.0/f.txt", None).expect(200)
    api.get(f"/projects/{project['id']}", None).expect(404)
    switch(package_registry_allow_anyone_to_pull_option=False)
    api.get(f"/projects/{project['id']}/packages", None).expect(404)
    api.call("PUT", f"/projects/{project['id']}", {"package_registry_access_level": "public"}).expect(400)


def test_rename_and_come_back(api: Any, stand: Stand) -> None:
    """A renamed project loses its packages, its old path is given away, or it cannot have its old name again."""
    group = stand.make_group()
    project = stand.make_project(group, "before")
    api.publish(project)
    api.call("PUT", f"/projects/{project['id']}", {"path": "after"}).expect(200)
    assert ids(api.get(f"/projects/{group['path']}%2Fafter/packages"))
    api.call("POST", "/projects", {"path": "before", "namespace_id": group["id"]}).expect(400)
    assert api.call("PUT", f"/projects/{project['id']}", {"path": "before"}).expect(200).json()["path"] == "before"
    api.call("PUT", f"/projects/{project['id']}", {"path": "after"}).expect(200)


def test_transfer(api: Any, stand: Stand) -> None:
    """A project is moved by somebody who may not, to where it may not be, or old members keep their role."""
    old, new = stand.make_group(), stand.make_group()
    project = stand.make_project(old)
    path = f"/projects/{project['id']}"
    member = stand.make_member(old, MAINTAINER)
    api.call("PUT", f"{path}/transfer", {"namespace": new["path"]}, member).expect(403)
    api.call("PUT", f"{path}/transfer", {"namespace": old["id"]}).expect(400)
    api.call("PUT", f"{path}/transfer", {"namespace": "no/such"}).expect(404)
    moved = api.call("PUT", f"{path}/transfer", {"namespace": new["path"]}).expect(200).json()
    assert moved["path_with_namespace"] == f"{new['path']}/{project['path']}"
    assert moved["namespace"]["id"] == new["id"]
    api.get(path, member).expect(404)
    public = stand.make_project(stand.make_group(visibility="public"), visibility="public")
    api.call("PUT", f"/projects/{public['id']}/transfer", {"namespace": new["id"]}).expect(400)


def test_archive(api: Any, stand: Stand) -> None:
    """An archived project is written to, or is not found by its state."""
    group = stand.make_group()
    project = stand.make_project(group)
    stand.make_project(group)
    assert api.call("POST", f"/projects/{project['id']}/archive").expect(201).json()["archived"] is True
    stand.http.put(f"/api/v4/projects/{project['id']}/packages/generic/a/1/f", b"x", {"PRIVATE-TOKEN": ADMIN_TOKEN}).expect(403)
    assert ids(api.get(f"/groups/{group['id']}/projects?archived=true")) == [project["id"]]
    assert api.call("POST", f"/projects/{project['id']}/unarchive").expect(201).json()["archived"] is False


def test_delete(api: Any, stand: Stand) -> None:
    """A deleted project can be reached, its tokens work, or its path is given to another."""
    group = stand.make_group()
    project = stand.make_project(group, "gone")
    api.publish(project)
    token = stand.make_deploy_token(project)
    maintainer = stand.make_member(group, MAINTAINER)
    api.call("DELETE", f"/projects/{project['id']}", login=maintainer).expect(403)
    api.call("DELETE", f"/projects/{project['id']}").expect(202)
    api.get(f"/projects/{project['id']}").expect(404)
    api.call("DELETE", f"/projects/{project['id']}").expect(404)
    assert ids(api.get(f"/groups/{group['id']}/packages")) == []
    stand.http.get(f"/api/v4/projects/{project['id']}/packages/generic/tool/1.0/f.txt", {"Deploy-Token": token.token}).expect(401)
    api.call("POST", "/projects", {"path": "gone", "namespace_id": group["id"]}).expect(400)


def test_hidden_and_absent_look_alike(api: Any, stand: Stand) -> None:
    """A stranger can tell a hidden project from one that is not there."""
    project = stand.make_project()
    guest = stand.make_member(project, GUEST, where="projects")
    stranger = stand.make_personal_token(stand.make_user())
    for tail in ("", "/packages", "/members", "/deploy_tokens", "/access_tokens", "/packages/protection/rules"):
        for login in (None, stranger):
            hidden, absent = api.get(f"/projects/{project['id']}{tail}", login), api.get(f"/projects/99999999{tail}", login)
            assert (hidden.status, hidden.body) == (absent.status, absent.body) == (404, b'{"message":"404 Project Not Found"}')
    api.get(f"/projects/{project['id']}", guest).expect(200)


def test_a_reading_token_changes_nothing(api: Any, stand: Stand) -> None:
    """A token with read_api makes or changes something."""
    user = stand.make_user(admin=True)
    reader = stand.make_personal_token(user, ("read_api",))
    project = stand.make_project()
    for method, path, data in (
        ("POST", "/projects", {"path": "p"}),
        ("POST", "/groups", {"name": "g", "path": "g-by-reader"}),
        ("PUT", f"/projects/{project['id']}", {"name": "x"}),
        ("DELETE", f"/projects/{project['id']}", None),
        ("POST", "/users", {"username": "u"}),
        ("PUT", "/application/settings", {}),
        ("POST", f"/projects/{project['id']}/members", {"user_id": user["id"], "access_level": 50}),
        ("POST", f"/projects/{project['id']}/deploy_tokens", {"name": "d", "scopes": ["read_registry"]}),
        ("DELETE", f"/projects/{project['id']}/members/{user['id']}", None),
        ("POST", "/user/personal_access_tokens", {"name": "t", "scopes": ["read_api"]}),
    ):
        refused = api.call(method, path, data, reader)
        assert (refused.status, refused.json()["error"]) == (403, "insufficient_scope"), path
