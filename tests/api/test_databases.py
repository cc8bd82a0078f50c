"""The REST API says the same on every database."""

from __future__ import annotations

from typing import Any

from stand import DEVELOPER, READ, Stand
from wire import basic, bearer


def test_a_tour_on_each_database(database_stand: Stand) -> None:
    """A statement of the REST API works on one database and not on the other."""
    want = database_stand.want
    group = database_stand.make_group("outer", "public")
    inner = database_stand.make_group("Inner", parent_id=group["id"])
    project = database_stand.make_project(inner, "tool", package_registry_access_level="private")
    user = database_stand.make_user("anna")
    database_stand.add_member(inner, user, DEVELOPER)
    login = database_stand.make_personal_token(user)

    for sort in ("asc", "desc"):
        for path in (
            f"/projects?search=TOOL&membership=true&order_by=name&sort={sort}&archived=false",
            f"/groups/outer/projects?include_subgroups=1&sort={sort}",
        ):
            assert [row["id"] for row in want(200, "GET", path, token=login.token)] == [project["id"]]
        assert len(want(200, "GET", f"/users?active=true&order_by=name&sort={sort}")) == 2
    pages: list[Any] = []
    for path in (
        "/groups?pagination=keyset&per_page=1",
        "/users?pagination=keyset&per_page=1&order_by=name",
        "/projects?pagination=keyset&per_page=1",
    ):
        link: str | None = path
        while link is not None:
            answer = database_stand.api("GET", link).expect(200)
            pages += answer.json()
            header = answer.headers.get("link")
            link = header[1 : header.index(">")].removeprefix(f"{database_stand.url}/api/v4") if header else None
    assert len(pages) == 2 + 2 + 1

    assert want(200, "GET", f"/projects/{project['id']}", token=login.token)["permissions"]["group_access"]["access_level"] == DEVELOPER
    assert [row["username"] for row in want(200, "GET", f"/projects/{project['id']}/members/all?query=ANN")] == ["anna"]
    token = database_stand.make_deploy_token(project, (READ,))
    assert [row["username"] for row in want(200, "GET", f"/projects/{project['id']}/deploy_tokens?active=true")] == [token.user]
    new = want(200, "POST", "/personal_access_tokens/self/rotate", token=login.token)
    want(401, "POST", "/personal_access_tokens/self/rotate", token=login.token)
    want(401, "GET", "/user", token=new["token"])
    assert len(want(200, "GET", f"/personal_access_tokens?user_id={user['id']}&state=inactive&sort=last_used_desc")) == 2

    rule = {"package_name_pattern": "*", "package_type": "npm", "minimum_access_level_for_push": "owner"}
    want(201, "POST", f"/projects/{project['id']}/packages/protection/rules", rule)
    want(422, "POST", f"/projects/{project['id']}/packages/protection/rules", rule)
    want(409, "POST", f"/groups/{inner['id']}/members", {"user_id": user["id"], "access_level": DEVELOPER})
    want(409, "POST", "/users", {"username": "ANNA", "name": "a", "email": "other@mail.example", "force_random_password": True})
    want(200, "PUT", f"/groups/{group['id']}", {"path": "renamed"})
    assert want(200, "GET", "/projects/renamed%2Finner%2Ftool")["id"] == project["id"]
    assert database_stand.api("GET", "/projects/outer%2Finner%2Ftool").status == 301
    hidden = database_stand.make_group("hidden")
    member = database_stand.make_member(database_stand.make_project(hidden), DEVELOPER, where="projects")
    want(200, "GET", "/groups/hidden", token=member.token)
    want(404, "GET", "/groups/hidden", token=database_stand.make_personal_token(database_stand.make_user()).token)
    person = database_stand.make_user("bert", password="correct horse battery")
    ask = ("/jwt/auth?service=container_registry", basic("bert", "correct horse battery"))
    passed = bearer(database_stand.http.get(*ask).expect(200).json()["token"])
    database_stand.http.get("/v2/", passed).expect(200)
    want(200, "PUT", f"/users/{person['id']}", {"password": "another horse battery"})
    database_stand.http.get("/v2/", passed).expect(401)
    want(200, "PUT", "/application/settings", {"package_registry_allow_anyone_to_pull_option": False})
    want(202, "DELETE", f"/groups/{group['id']}")
    want(404, "GET", f"/projects/{project['id']}")
