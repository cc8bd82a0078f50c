"""A version promoted from one project to another: the same bytes, under the other project's rules."""

from __future__ import annotations

from stand import DEVELOPER, REPORTER, Team

from .conftest import Desk, Json
from .test_pipelines import put, start


def promote(api: Desk, source: Json, package: Json, to: object, login: object, headers: dict[str, str] | None = None) -> int:
    path = f"/projects/{source['id']}/packages/{package['id']}/-/promote"
    return api.call("POST", path, {"to": to}, login, headers).status  # type: ignore[arg-type]


def test_promote(api: Desk, team: Team) -> None:
    """What was promoted could be other bytes than what was tested, or be missing from the index of the other project."""
    target = api.stand.make_project(team.group)
    package = api.publish(team.project, "tool", "1.0")
    assert promote(api, team.project, package, target["id"], team.developer) == 201
    [promoted] = api.stand.list_packages(target)
    assert (promoted["name"], promoted["version"], promoted["package_type"]) == ("tool", "1.0", "generic")
    [there], [here] = api.stand.list_files(target, promoted), api.stand.list_files(team.project, package)
    for key in ("file_name", "size", "file_md5", "file_sha1", "file_sha256"):
        assert there[key] == here[key]
    got = api.stand.http.get(f"/api/v4/projects/{target['id']}/packages/generic/tool/1.0/f.txt", {"PRIVATE-TOKEN": team.developer.token})
    assert got.expect(200).body == b"tool 1.0"
    assert promote(api, team.project, package, target["path_with_namespace"], team.developer) == 200
    api.call("DELETE", f"/projects/{team.project['id']}/packages/{package['id']}").expect(204)
    assert api.stand.list_files(target, promoted) == [there]


def test_other_bytes(api: Desk, team: Team) -> None:
    """A promotion could overwrite what the other project has published."""
    target = api.stand.make_project(team.group)
    package = api.publish(team.project, "tool", "1.0")
    path = f"/api/v4/projects/{target['id']}/packages/generic/tool/1.0/f.txt"
    api.stand.http.put(path, b"others", {"PRIVATE-TOKEN": team.developer.token}).expect(201)
    assert promote(api, team.project, package, target["id"], team.developer) in (400, 403, 409)
    assert api.stand.http.get(path, {"PRIVATE-TOKEN": team.developer.token}).body == b"others"


def test_who_may(api: Desk, team: Team) -> None:
    """Somebody who may not publish there, or not read here, could promote."""
    user = api.stand.make_user()
    target = api.stand.make_project()
    login = api.stand.make_personal_token(user)
    package = api.publish(team.project)
    assert promote(api, team.project, package, target["id"], login) == 404
    api.stand.add_member(team.project, user, REPORTER, "projects")
    assert promote(api, team.project, package, target["id"], login) == 404
    api.stand.add_member(target, user, REPORTER, "projects")
    assert promote(api, team.project, package, target["id"], login) == 403
    assert promote(api, team.project, package, team.group["id"], login) == 404
    assert promote(api, team.project, package, 999_999_999, login) == 404
    api.stand.want(200, "PUT", f"/projects/{target['id']}/members/{user['id']}", {"access_level": DEVELOPER})
    assert promote(api, team.project, {"id": 999_999_999}, target["id"], login) == 404
    assert promote(api, team.project, package, team.project["id"], api.stand.make_member(team.group, DEVELOPER)) == 409
    assert promote(api, team.project, package, target["id"], login) == 201
    rule = {"package_name_pattern": "held*", "package_type": "generic", "minimum_access_level_for_push": "maintainer"}
    api.call("POST", f"/projects/{target['id']}/packages/protection/rules", rule).expect(201)
    assert promote(api, team.project, api.publish(team.project, "held-back"), target["id"], login) == 403


def test_by_a_job(api: Desk, team: Team) -> None:
    """The job that has tested a version could not promote it, or could where it is not let in."""
    target = api.stand.make_project(team.group)
    secret = start(api, team.project, team.developer)["token"]
    assert put(api, team.project, secret) == 201
    package = api.stand.list_packages(team.project)[0]
    headers = {"JOB-TOKEN": secret}
    assert promote(api, team.project, package, target["id"], None, headers) == 403
    api.call("POST", f"/projects/{target['id']}/job_token_scope/allowlist", {"target_project_id": team.project["id"]}).expect(201)
    assert promote(api, team.project, package, target["id"], None, headers) == 201
    assert api.stand.list_packages(target)[0]["pipeline"]["ref"] == "main"
