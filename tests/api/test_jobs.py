"""Whose jobs a project lets in: the allow list over REST, and what it opens."""

from __future__ import annotations

from stand import DEVELOPER, MAINTAINER, Login, Team

from .conftest import Desk, Json
from .test_pipelines import put, start


def scope_of(project: Json) -> str:
    return f"/projects/{project['id']}/job_token_scope"


def test_scope(api: Desk, team: Team) -> None:
    """A new project could let in everybody's jobs, or the switch could change nothing."""
    path = scope_of(team.project)
    assert api.get(path, team.maintainer).expect(200).json() == {"inbound_enabled": True, "outbound_enabled": False}
    api.call("PATCH", path, {"enabled": False}, team.maintainer).expect(204)
    assert api.get(path).json()["inbound_enabled"] is False
    api.call("PATCH", path, {"enabled": False}, team.maintainer).expect(204)
    api.call("PATCH", path, {"enabled": True}, team.maintainer).expect(204)
    assert api.get(path).json()["inbound_enabled"] is True
    api.call("PATCH", path, {}, team.maintainer).expect(400)
    api.call("PATCH", path, {"enabled": "perhaps"}, team.maintainer).expect(400)


def test_only_maintainers(api: Desk, team: Team) -> None:
    """A developer could let jobs in, or a stranger read who is let in."""
    other = api.stand.make_project(team.group)
    logins = {"developer": team.developer, "stranger": team.stranger, "nobody": None, "maintainer": team.maintainer}
    for tail, name in (("allowlist", "target_project_id"), ("groups_allowlist", "target_group_id")):
        path = f"{scope_of(team.project)}/{tail}"
        assert api.statuses("GET", path, logins) == {"developer": 403, "stranger": 404, "nobody": 404, "maintainer": 200}
        target = other["id"] if "project" in name else team.group["id"]
        assert api.statuses("POST", path, logins, {name: target}) == {"developer": 403, "stranger": 404, "nobody": 404, "maintainer": 201}
        assert api.statuses("DELETE", f"{path}/{target}", logins) == {"developer": 403, "stranger": 404, "nobody": 404, "maintainer": 204}


def test_lists(api: Desk, team: Team) -> None:
    """An entry could be missing from its list, or stay on it when it was taken off."""
    other, path = api.stand.make_project(team.group), scope_of(team.project)
    made = api.call("POST", f"{path}/allowlist", {"target_project_id": other["id"]}, team.maintainer).expect(201).json()
    assert made == {"source_project_id": team.project["id"], "target_project_id": other["id"]}
    listed = api.get(f"{path}/allowlist", team.maintainer).expect(200)
    assert [row["id"] for row in listed.json()] == [team.project["id"], other["id"]]
    assert listed.headers["x-total"] == "2"
    assert [row["id"] for row in api.get(f"{path}/allowlist?per_page=1&page=2", team.maintainer).json()] == [other["id"]]
    api.call("POST", f"{path}/groups_allowlist", {"target_group_id": team.group["id"]}, team.maintainer).expect(201)
    assert [row["id"] for row in api.get(f"{path}/groups_allowlist", team.maintainer).json()] == [team.group["id"]]
    api.call("DELETE", f"{path}/groups_allowlist/{team.group['id']}", None, team.maintainer).expect(204)
    assert api.get(f"{path}/groups_allowlist", team.maintainer).json() == []
    api.call("DELETE", f"{path}/groups_allowlist/{team.group['id']}", None, team.maintainer).expect(404)


def test_refuse(api: Desk, team: Team) -> None:
    """An entry could be there twice, name nothing, or tell a maintainer that somebody's private project exists."""
    path = f"{scope_of(team.project)}/allowlist"
    other, hidden = api.stand.make_project(team.group), api.stand.make_project()
    api.call("POST", path, {"target_project_id": other["id"]}, team.maintainer).expect(201)
    api.call("POST", path, {"target_project_id": other["id"]}, team.maintainer).expect(400)
    api.call("POST", path, {"target_project_id": team.project["id"]}, team.maintainer).expect(400)
    api.call("POST", path, {"target_project_id": other["id"], "job_token_policies": ["READ_EVERYTHING"]}, team.maintainer).expect(400)
    api.call("POST", path, {}, team.maintainer).expect(400)
    for nothing in (hidden["id"], 999_999_999, team.group["id"]):
        api.call("POST", path, {"target_project_id": nothing}, team.maintainer).expect(404)
    api.call("POST", path, {"target_project_id": "x"}, team.maintainer).expect(400)


def test_publish_elsewhere(api: Desk, team: Team) -> None:
    """A job of a project that is let in could still be kept out, or one that was taken off the list could still publish."""
    user = api.stand.make_user()
    source, target = api.stand.make_project(team.group), api.stand.make_project(team.group)
    for project in (source, target):
        api.stand.add_member(project, user, DEVELOPER, "projects")
    login: Login = api.stand.make_personal_token(user)
    secret = start(api, source, login)["token"]
    assert put(api, target, secret) == 403
    path = scope_of(target)
    api.call("POST", f"{path}/allowlist", {"target_project_id": source["id"]}).expect(201)
    assert put(api, target, secret) == 201
    row = api.stand.list_packages(target)[0]
    assert row["pipeline"]["project_id"] == source["id"]
    api.call("DELETE", f"{path}/allowlist/{source['id']}").expect(204)
    assert put(api, target, secret, version="2.0") == 403
    api.call("POST", f"{path}/groups_allowlist", {"target_group_id": team.group["id"]}).expect(201)
    assert put(api, target, secret, version="3.0") == 201


def test_rest_of_another_project(api: Desk, team: Team) -> None:
    """A job could read over REST what it may not read with its client, or learn what there is."""
    user = api.stand.make_user()
    source, target = api.stand.make_project(team.group), api.stand.make_project(team.group)
    for project in (source, target):
        api.stand.add_member(project, user, MAINTAINER, "projects")
    api.publish(target)
    row = api.stand.list_packages(target)[0]
    headers = {"JOB-TOKEN": start(api, source, api.stand.make_personal_token(user))["token"]}
    for method, tail in (("GET", ""), ("GET", f"/{row['id']}"), ("GET", f"/{row['id']}/package_files"), ("GET", f"/{row['id']}/pipelines"),
                         ("DELETE", f"/{row['id']}")):  # fmt: skip
        hidden = api.call(method, f"/projects/{target['id']}/packages{tail}", None, None, headers)
        absent = api.call(method, f"/projects/999999999/packages{tail}", None, None, headers)
        assert (hidden.status, hidden.body) == (absent.status, absent.body), tail
        assert hidden.status == 403
    api.call("POST", f"{scope_of(target)}/allowlist", {"target_project_id": source["id"]}).expect(201)
    assert api.call("GET", f"/projects/{target['id']}/packages", None, None, headers).expect(200).json()[0]["id"] == row["id"]
    api.call("DELETE", f"/projects/{target['id']}/packages/{row['id']}", None, None, headers).expect(403)
    grouped = api.call("GET", f"/groups/{team.group['id']}/packages", None, None, headers)
    assert grouped.status in (200, 403)


def test_deleted_project(api: Desk, team: Team) -> None:
    """The jobs of a project that is gone could go on publishing where they were let in."""
    user = api.stand.make_user()
    source, target = api.stand.make_project(team.group), api.stand.make_project(team.group)
    for project in (source, target):
        api.stand.add_member(project, user, DEVELOPER, "projects")
    secret = start(api, source, api.stand.make_personal_token(user))["token"]
    api.call("POST", f"{scope_of(target)}/allowlist", {"target_project_id": source["id"]}).expect(201)
    assert put(api, target, secret) == 201
    api.call("DELETE", f"/projects/{source['id']}").expect(202)
    assert put(api, target, secret, version="2.0") == 401
