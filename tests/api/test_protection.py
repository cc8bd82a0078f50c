"""Package protection rules (core API section 6)."""

from __future__ import annotations

from typing import Any

import pytest
from stand import ADMIN_TOKEN, DEVELOPER, OWNER, WRITE, Stand, Team

RULE = {"package_name_pattern": "core-*", "package_type": "generic", "minimum_access_level_for_push": "maintainer"}


def publish(stand: Stand, project: dict[str, Any], name: str, token: str, header: str = "PRIVATE-TOKEN") -> int:
    return stand.http.put(f"/api/v4/projects/{project['id']}/packages/generic/{name}/1.0/f", b"x", {header: token}).status


def test_a_rule_from_end_to_end(api: Any, stand: Stand, team: Team) -> None:
    """A rule cannot be made, listed, changed or removed, or its object has another form."""
    base = f"/projects/{team.project['id']}/packages/protection/rules"
    made = api.call("POST", base, RULE, team.maintainer).expect(201).json()
    assert made == {**RULE, "id": made["id"], "project_id": team.project["id"], "minimum_access_level_for_delete": None}
    assert api.get(base).json() == [made]
    changed = api.call("PATCH", f"{base}/{made['id']}", {"minimum_access_level_for_delete": "owner"}, team.maintainer).expect(200).json()
    assert changed == {**made, "minimum_access_level_for_delete": "owner"}
    api.call("PATCH", f"{base}/{made['id']}", {"minimum_access_level_for_delete": None, "minimum_access_level_for_push": ""}).expect(422)
    api.call("POST", base, RULE).expect(422)
    other = f"/projects/{stand.make_project()['id']}/packages/protection/rules/{made['id']}"
    api.call("PATCH", other, {"package_name_pattern": "x"}).expect(404)
    api.call("DELETE", other).expect(404)
    api.call("DELETE", f"{base}/{made['id']}", login=team.maintainer).expect(204)
    api.call("DELETE", f"{base}/{made['id']}", login=team.maintainer).expect(404)


def test_who_manages_rules(api: Any, team: Team) -> None:
    """A developer or a stranger reads or makes rules."""
    base = f"/projects/{team.project['id']}/packages/protection/rules"
    logins = {"developer": team.developer, "stranger": team.stranger, "wrong": "phpat_wrong", "maintainer": team.maintainer}
    assert api.statuses("GET", base, logins) == {"developer": 403, "stranger": 404, "wrong": 401, "maintainer": 200}
    assert api.statuses("POST", base, logins, RULE) == {"developer": 403, "stranger": 404, "wrong": 401, "maintainer": 201}


@pytest.mark.parametrize(
    ("change", "status"),
    [({"package_type": "bogus"}, 400), ({"package_type": None}, 400), ({"package_name_pattern": None}, 400), ({"package_name_pattern": " "}, 400),
     ({"minimum_access_level_for_push": "developer"}, 400), ({"minimum_access_level_for_delete": "maintainer"}, 400),
     ({"minimum_access_level_for_push": None}, 422)],
)  # fmt: skip
def test_bad_rules(api: Any, stand: Stand, change: dict[str, Any], status: int) -> None:
    """A rule is made that protects nothing, or from a level that is none."""
    api.call("POST", f"/projects/{stand.make_project()['id']}/packages/protection/rules", RULE | change).expect(status)


def test_push_is_for_those_above(api: Any, stand: Stand, team: Team) -> None:
    """A protected name is published by a developer or a deploy token, or not by a maintainer."""
    api.call("POST", f"/projects/{team.project['id']}/packages/protection/rules", RULE).expect(201)
    writer = stand.make_deploy_token(team.project, (WRITE,))
    assert publish(stand, team.project, "core-a", team.developer.token) == 403
    assert publish(stand, team.project, "CORE-a", team.developer.token) == 403
    assert publish(stand, team.project, "core-a", writer.token, "Deploy-Token") == 403
    assert publish(stand, team.project, "other", team.developer.token) == 201
    assert publish(stand, team.project, "my-core-a", team.developer.token) == 201
    assert publish(stand, team.project, "core-a", team.maintainer.token) == 201


def test_the_strictest_rule_wins(api: Any, stand: Stand, team: Team) -> None:
    """A second rule opens what the first one closes, or an administrator is held up."""
    base = f"/projects/{team.project['id']}/packages/protection/rules"
    api.call("POST", base, RULE).expect(201)
    api.call("POST", base, {**RULE, "package_name_pattern": "core-a*", "minimum_access_level_for_push": "admin"}).expect(201)
    assert publish(stand, team.project, "core-b", team.maintainer.token) == 201
    assert publish(stand, team.project, "core-a", team.maintainer.token) == 403
    assert publish(stand, team.project, "core-a", ADMIN_TOKEN) == 201


def test_delete_is_for_those_above(api: Any, stand: Stand, team: Team) -> None:
    """A protected package or file is deleted by a maintainer, or not by an owner."""
    owner = stand.make_member(team.project, OWNER, where="projects")
    package = api.publish(team.project, "core-a", login=team.developer)
    rule = {**RULE, "minimum_access_level_for_push": None, "minimum_access_level_for_delete": "owner"}
    api.call("POST", f"/projects/{team.project['id']}/packages/protection/rules", rule).expect(201)
    path = f"/projects/{team.project['id']}/packages/{package['id']}"
    [file] = api.get(f"{path}/package_files").json()
    refused = api.call("DELETE", path, login=team.maintainer).expect(403)
    assert refused.json() == {"message": "403 Forbidden - Package protected."}
    api.call("DELETE", f"{path}/package_files/{file['id']}", login=team.maintainer).expect(403)
    assert publish(stand, team.project, "core-b", stand.make_member(team.project, DEVELOPER, where="projects").token) == 201
    api.call("DELETE", path, login=owner).expect(204)
