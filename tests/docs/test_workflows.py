"""The pages about workflows do what they say: their commands are run, and so are the scripts that `packhouse snippets` prints."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from issuer import REQUEST_TOKEN, SHA, Issuer
from programs import Desk
from stand import ROOT, Stand, Team

from packhouse.formats import FORMATS
from packhouse.model import Moment
from packhouse.web.ci import SYSTEMS, write_script, write_template

WORKFLOWS = ROOT / "docs" / "workflows"
BLOCK = re.compile(r"<!-- run: (?P<name>\w+) -->\n```shell\n(?P<text>.*?)```", re.DOTALL)

Json = dict[str, Any]


def commands_of(page: str, name: str) -> str:
    """The commands of a page that belong together, in order."""
    found = [block["text"] for block in BLOCK.finditer((WORKFLOWS / page).read_text()) if block["name"] == name]
    assert found, f"{page} has no commands called {name}"
    return "\n".join(found)


def run(desk: Desk, script: str, folder: Path, **environment: str) -> str:
    """What a script printed. Raises `AssertionError` where a command of it fails."""
    desk.note("curl")
    folder.mkdir(exist_ok=True)
    command = ["bash", "-c", "set -eu -o pipefail\n" + script]
    done = subprocess.run(command, cwd=folder, env={**desk.environment(), **environment}, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, f"{script}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def test_a_job(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """A stranger's first job could get no token, publish without its commit, or never end."""
    where = {"PACKHOUSE": stand.url, "PROJECT": str(team.project["id"]), "TOKEN": team.developer.token}
    assert '"status":"success"' in run(desk, commands_of("ci.md", "job"), tmp_path / "work", **where)
    [package] = stand.list_packages(team.project)
    assert (package["name"], package["pipeline"]["status"]) == ("app", "success")
    assert package["pipeline"]["web_url"] == "https://ci.example/builds/7"


def test_projects(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """A project could hold one package only, or what is promoted could not be fetched."""
    other = stand.make_project(team.group)
    where = {"PACKHOUSE": stand.url, "PROJECT": str(team.project["id"]), "RELEASES": str(other["id"]), "TOKEN": team.developer.token}
    assert run(desk, commands_of("projects.md", "projects"), tmp_path / "work", **where).endswith("server\n")
    assert len(stand.list_packages(team.project)) == 3
    assert [package["name"] for package in stand.list_packages(other)] == ["server"]


# -- templates -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", name="trusting")
def serve_trusting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """A server that may reach loopback."""
    with Stand(tmp_path_factory.mktemp("trusting") / "data", {"PACKHOUSE_OUTBOUND_ALLOW": "127.0.0.1/32"}) as stand:
        yield stand


@pytest.mark.parametrize("system", SYSTEMS)
def test_script_publishes(system: str, trusting: Stand, desk: Desk, tmp_path: Path) -> None:
    """A template could exchange nothing, or its commands could not take the token."""
    team = trusting.make_team()
    format_ = next(one for one in FORMATS if one.name == trusting_format())
    with Issuer() as issuer:
        trusting.want(201, "POST", "/-/oidc/issuers", {"name": "ci", "issuer_url": issuer.url})
        claims = {"project_id": "42"} if system == "gitlab" else {"repository_id": "77"}
        trusting.want(201, "POST", f"/projects/{team.project['id']}/-/trusted_publishers", {"issuer": issuer.url, "claims": claims})
        issuer.claims = issuer.of_github()
        moment = Moment(at=0, api=f"{trusting.url}/api/v4", format=format_.name, place=team.project["id"])
        script = write_script(system, format_, moment)
        work = tmp_path / "work"
        work.mkdir()
        (work / "file.txt").write_text("built\n")
        if system == "gitlab":
            environment = {"PACKHOUSE_ID_TOKEN": issuer.sign(issuer.of_gitlab())}
        else:
            environment = {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUEST_TOKEN, "ACTIONS_ID_TOKEN_REQUEST_URL": f"{issuer.url}/token?v=2"}
        run(desk, script, work, **environment)
    [package] = trusting.list_packages(team.project)
    assert package["pipeline"]["sha"] == SHA


def trusting_format() -> str:
    """The one format whose commands are curl's alone."""
    return next(one.name for one in FORMATS if one.listed and set(one.clients) <= {"curl", "wget"})


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("format", [one for one in FORMATS if one.listed], ids=[one.name for one in FORMATS if one.listed])
def test_template_is_whole(system: str, format: Any) -> None:
    """A template of some format could have no commands, or be a script that no shell reads."""
    moment = Moment(at=0, api="https://packhouse.example/api/v4", format=format.name, place=24)
    script = write_script(system, format, moment)
    assert "oidc/exchange" in script and "project=24" in script
    read = subprocess.run(["bash", "-n", "-c", script], capture_output=True, text=True)
    assert read.returncode == 0, read.stderr
    assert script.strip().splitlines()[-1].strip() in write_template(system, format, moment)
