"""Protection rules and the many spellings of a project's name."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stand import Login, Stand, Team
from wire import basic

from .driver import write_form
from .samples import Sample, wheel

SPELLINGS = ("acme.tools", "Acme-Tools", "acme_tools")


def upload(stand: Stand, team: Team, sample: Sample, login: Login) -> int:
    fields = [(":action", "file_upload"), ("protocol_version", "1"), ("name", sample.name), ("version", sample.version)]
    body, headers = write_form(fields, [("content", sample.filename, sample.content)])
    return stand.http.request("POST", f"/api/v4/projects/{team.project['id']}/packages/pypi", body, headers | basic(login.user, login.token)).status


def protect(stand: Stand, team: Team, pattern: str) -> None:
    rule = {"package_name_pattern": pattern, "package_type": "pypi", "minimum_access_level_for_push": "maintainer"}
    rule |= {"minimum_access_level_for_delete": "owner"}
    stand.want(201, "POST", f"/projects/{team.project['id']}/packages/protection/rules", rule)


@pytest.mark.parametrize("pattern", ["acme.tools", "acme_*", "ACME-tools", "*.tools"])
def test_every_spelling_is_protected(stand: Stand, team: Team, pattern: str) -> None:
    """Another spelling of a protected project could be published or yanked by anybody, and pip would install it."""
    assert upload(stand, team, wheel("acme.tools", "1.0"), team.maintainer) == 201
    protect(stand, team, pattern)
    for number, name in enumerate(SPELLINGS):
        assert upload(stand, team, wheel(name, f"2.{number}"), team.developer) == 403, name
        yank = f"/api/v4/projects/{team.project['id']}/packages/pypi/yank/{name}/1.0"
        assert stand.http.request("PUT", yank, b"{}", basic(team.maintainer.user, team.maintainer.token)).status == 403, name
    for number, name in enumerate(("acmetools", "my-acme")):
        assert upload(stand, team, wheel(name, f"2.{number}"), team.developer) == 201, name


def test_what_is_protected_does_not_come_back_or_over(stand: Stand, team: Team) -> None:
    """Who may not publish a name could promote it from elsewhere under another spelling, or restore what was deleted."""
    other = replace(team, project=stand.make_project(team.group))
    assert upload(stand, team, wheel("acme.tools", "1.0"), team.maintainer) == 201
    [gone] = stand.list_packages(team.project)
    stand.want(204, "DELETE", f"/projects/{team.project['id']}/packages/{gone['id']}", token=team.maintainer.token)
    assert upload(stand, other, wheel("Acme_Tools", "3.0"), team.maintainer) == 201
    [there] = stand.list_packages(other.project)
    rule = {"package_name_pattern": "acme.tools", "package_type": "pypi", "minimum_access_level_for_push": "owner"}
    stand.want(201, "POST", f"/projects/{team.project['id']}/packages/protection/rules", rule)
    promote = f"/projects/{other.project['id']}/packages/{there['id']}/-/promote"
    stand.want(403, "POST", promote, {"to": team.project["id"]}, token=team.maintainer.token)
    stand.want(403, "POST", f"/projects/{team.project['id']}/packages/{gone['id']}/-/restore", token=team.maintainer.token)
    assert stand.list_packages(team.project) == []
