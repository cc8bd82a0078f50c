"""How far a credential reaches: what its project refuses it, no group and no instance route hands out."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from pathlib import Path
from urllib.parse import quote

import pytest
from stand import DEVELOPER, GUEST, REPORTER, Login, Stand, Team

from .conftest import Desk, Json
from .test_pipelines import start


def publish(stand: Stand, project: Json) -> str:
    """The name of an npm package that the project holds from now on."""
    manifest = {"name": f"@{project['namespace']['full_path']}/lib", "version": "1.0.0"}
    packed, content = io.BytesIO(), json.dumps(manifest).encode()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("package/package.json")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    attached = {"data": base64.b64encode(packed.getvalue()).decode(), "length": len(packed.getvalue())}
    document = {
        "name": manifest["name"],
        "versions": {"1.0.0": manifest},
        "dist-tags": {"latest": "1.0.0"},
        "_attachments": {"lib-1.0.0.tgz": attached},
    }
    name = quote(manifest["name"], safe="@")
    stand.api("PUT", f"/projects/{project['id']}/packages/npm/{name}", document).expect(200)
    return name


def read(stand: Stand, project: Json, group: Json, name: str, headers: dict[str, str]) -> dict[str, int]:
    """The status of the same document at every level."""
    bases = {"project": f"/projects/{project['id']}", "group": f"/groups/{group['id']}/-", "instance": ""}
    return {level: stand.http.get(f"/api/v4{base}/packages/npm/{name}", headers).status for level, base in bases.items()}


@pytest.mark.parametrize("where", ["projects", "groups"])
def test_deploy_token_for_something_else(stand: Stand, team: Team, where: str) -> None:
    """A token that may only clone could fetch packages, by asking the group instead of the project."""
    name = publish(stand, team.project)
    owner = team.project if where == "projects" else team.group
    good = stand.make_deploy_token(owner, ("read_package_registry",), where)
    assert read(stand, team.project, team.group, name, {"Deploy-Token": good.token})["instance"] == 200
    for scope in ("read_repository", "read_registry"):
        wrong = stand.make_deploy_token(owner, (scope,), where)
        found = read(stand, team.project, team.group, name, {"Deploy-Token": wrong.token})
        assert found["project"] == 403
        assert 200 not in found.values(), (scope, found)


def test_job_that_is_not_let_in(stand: Stand, team: Team) -> None:
    """A project that is public, but keeps its packages for members, could hand them to a job that nobody let in."""
    api, user = Desk(stand), stand.make_user()
    group = stand.make_group(visibility="public")
    closed = stand.make_project(group, visibility="public", package_registry_access_level="private")
    source = stand.make_project(team.group)
    for project in (closed, source):
        stand.add_member(project, user, DEVELOPER, "projects")
    name = publish(stand, closed)
    login: Login = stand.make_personal_token(user)
    headers = {"JOB-TOKEN": start(api, source, login)["token"]}
    assert 200 not in read(stand, closed, group, name, headers).values()
    api.call("POST", f"/projects/{closed['id']}/job_token_scope/allowlist", {"target_project_id": source["id"]}).expect(201)
    assert set(read(stand, closed, group, name, headers).values()) == {200}


def test_guests_of_members_only(tmp_path: Path) -> None:
    """Where guests may read, they could read what a project keeps for its members."""
    with Stand(tmp_path / "data", {"PACKHOUSE_GUEST_READS": "true"}) as stand:
        for level, status in (("enabled", 200), ("private", 403)):
            group = stand.make_group()
            project = stand.make_project(group, package_registry_access_level=level)
            name = publish(stand, project)
            guest, reporter = (stand.make_member(project, role, "projects") for role in (GUEST, REPORTER))
            assert set(read(stand, project, group, name, {"PRIVATE-TOKEN": reporter.token}).values()) == {200}
            found = read(stand, project, group, name, {"PRIVATE-TOKEN": guest.token})
            assert found["project"] == status
            assert (200 in (found["group"], found["instance"])) is (status == 200), found


def test_what_made_a_group_visible_ends(api: Desk, stand: Stand) -> None:
    """A private group could stay in sight of somebody whose last project in it is gone."""
    group = stand.make_group()
    project = stand.make_project(group)
    member = stand.make_member(project, DEVELOPER, "projects")
    api.get(f"/groups/{group['id']}", member).expect(200)
    api.call("DELETE", f"/projects/{project['id']}").expect(202)
    api.get(f"/groups/{group['id']}", member).expect(404)
    assert group["id"] not in [row["id"] for row in api.get("/groups?per_page=100", member).json()]


def test_names_of_ours_are_not_forwarded(tmp_path: Path) -> None:
    """A package of a neighbour could be fetched from outside under the same name, or strangers learn which private names there are."""
    with Stand(tmp_path / "data", {"PACKHOUSE_FORWARD": "npm=https://upstream.example"}) as stand:
        stand.want(200, "PUT", "/application/settings", {"npm_package_requests_forwarding": True})
        group = stand.make_group()
        first, second, open_one = stand.make_project(group), stand.make_project(group), stand.make_project(visibility="public")
        name, absent = publish(stand, first), f"@{group['path']}%2fnone"
        member = {"PRIVATE-TOKEN": stand.make_member(group, DEVELOPER).token}
        assert read(stand, second, group, absent, member) == {"project": 302, "group": 302, "instance": 302}
        assert read(stand, second, group, name, member) == {"project": 404, "group": 200, "instance": 200}
        assert read(stand, open_one, group, name, {}) == {"project": 302, "group": 401, "instance": 401}
        assert read(stand, open_one, group, absent, {}) == {"project": 302, "group": 401, "instance": 401}
