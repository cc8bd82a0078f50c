"""The way of a build, from its identity to a promoted package, on each database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from issuer import SHA, Issuer
from stand import DEVELOPER, Stand

from .conftest import Desk
from .test_pipelines import put, start


@pytest.fixture(name="api")
def sit_at_desk(tmp_path: Path, database_url: str) -> Iterator[Desk]:
    """A server that may reach loopback, once on SQLite and once on PostgreSQL."""
    with Stand(tmp_path / "data", {"PACKHOUSE_DATABASE_URL": database_url, "PACKHOUSE_OUTBOUND_ALLOW": "127.0.0.1"}) as stand:
        yield Desk(stand)


def test_build(api: Desk) -> None:
    """A statement about pipelines, jobs, allow lists, issuers or promotion could be right on one database only."""
    stand, team = api.stand, api.stand.make_team()
    target = stand.make_project(team.group)
    made = start(api, team.project, team.developer)
    assert put(api, team.project, made["token"]) == 201
    assert put(api, team.project, made["token"]) in (200, 201)
    assert put(api, target, made["token"]) == 403
    path = f"/projects/{target['id']}/job_token_scope"
    api.call("POST", f"{path}/allowlist", {"target_project_id": team.project["id"]}).expect(201)
    api.call("POST", f"{path}/groups_allowlist", {"target_group_id": team.group["id"]}).expect(201)
    assert put(api, target, made["token"], "other") == 201
    api.call("PATCH", path, {"enabled": False}).expect(204)
    headers = {"JOB-TOKEN": made["token"]}
    listed = api.call("GET", f"/groups/{team.group['id']}/packages", None, None, headers).expect(200).json()
    assert {row["name"] for row in listed} == {"tool", "other"}
    row = stand.list_packages(team.project)[0]
    assert len(api.get(f"/projects/{team.project['id']}/packages/{row['id']}/pipelines").json()) == 1
    api.call("POST", f"/projects/{team.project['id']}/packages/{row['id']}/-/promote", {"to": target["id"]}, None, headers).expect(201)
    api.call("POST", f"/projects/{team.project['id']}/jobs/{made['id']}/finish", {"status": "failed"}, team.developer).expect(200)
    assert put(api, team.project, made["token"], "late") == 401
    assert api.get(f"/projects/{team.project['id']}/pipelines").json()[0]["status"] == "failed"
    with Issuer() as issuer:
        added = api.call("POST", "/-/oidc/issuers", {"name": "ci", "issuer_url": issuer.url}).expect(201).json()
        rule = {"issuer": issuer.url, "claims": {"project_id": "42"}, "access_level": DEVELOPER}
        api.call("POST", f"/projects/{team.project['id']}/-/trusted_publishers", rule).expect(201)
        text = issuer.sign(issuer.of_gitlab())
        token = api.call("POST", "/-/oidc/exchange", {"id_token": text, "project": team.project["id"]}, None).expect(201).json()["token"]
        api.call("POST", "/-/oidc/exchange", {"id_token": text, "project": team.project["id"]}, None).expect(401)
        assert put(api, team.project, token, "trusted") == 201
        assert next(row for row in stand.list_packages(team.project) if row["name"] == "trusted")["pipeline"]["sha"] == SHA
        api.call("DELETE", f"/-/oidc/issuers/{added['id']}").expect(204)
        assert put(api, team.project, token, "late") == 401
