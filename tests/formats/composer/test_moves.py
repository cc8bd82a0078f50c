"""Where the code of a version is, when its project gets another path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from git_work import Work, new_work
from stand import ADMIN_TOKEN, Stand, new_name
from wire import Answer, basic

Json = dict[str, Any]
ROOT = basic("root", ADMIN_TOKEN)


@pytest.fixture(name="work")
def make_work(tmp_path: Path) -> Work:
    """A repository with a tag and a branch."""
    work = new_work(tmp_path / new_name("work"))
    work.commit({"composer.json": '{"name": "acme/lib"}'})
    work.run("tag", "v1.0.0")
    return work


def publish(stand: Stand, project: Json, work: Work) -> None:
    url = f"http://root:{ADMIN_TOKEN}@{stand.host}/{project['path_with_namespace']}.git"
    work.run("push", "--quiet", url, "main", "v1.0.0")
    for query in ("tag=v1.0.0", "branch=main"):
        stand.http.post(f"/api/v4/projects/{project['id']}/packages/composer?{query}", b"", ROOT).expect(201)


def source(answer: Answer) -> str:
    [entry] = json.loads(answer.expect(200).body)["packages"]["acme/lib"]
    return str(entry["source"]["url"])


@pytest.mark.parametrize("level", ["projects", "group"])
def test_source_follows(level: str, database_stand: Stand, work: Work) -> None:
    """After a project was renamed or moved, clients would be sent to its old path."""
    stand = database_stand
    group, elsewhere = stand.make_group(), stand.make_group()
    project = stand.make_project(group)
    publish(stand, project, work)
    place = project if level == "projects" else group
    address = f"/api/v4/{level}/{place['id']}{'' if level == 'projects' else '/-'}/packages/composer"
    first = stand.http.get(f"{address}/p2/acme/lib.json", ROOT)
    assert source(first) == f"{stand.url}/{project['path_with_namespace']}.git"
    path = new_name("renamed")
    stand.want(200, "PUT", f"/projects/{project['id']}", {"path": path})
    held = {"If-None-Match": first.headers["ETag"], "If-Modified-Since": first.headers["Last-Modified"] or first.headers["Date"]}
    again = stand.http.get(f"{address}/p2/acme/lib.json", {**ROOT, **held})
    assert source(again) == f"{stand.url}/{group['path']}/{path}.git"
    stand.want(200, "PUT", f"/groups/{group['id']}", {"path": f"{group['path']}-too"})
    assert source(stand.http.get(f"{address}/p2/acme/lib~dev.json", ROOT)) == f"{stand.url}/{group['path']}-too/{path}.git"
    stand.want(200, "PUT", f"/projects/{project['id']}/transfer", {"namespace": elsewhere["id"]})
    if level == "projects":
        assert source(stand.http.get(f"{address}/p2/acme/lib.json", ROOT)) == f"{stand.url}/{elsewhere['path']}/{path}.git"
    else:
        stand.http.get(f"{address}/p2/acme/lib.json", ROOT).expect(404)


def test_moment_stays(stand: Stand, work: Work) -> None:
    """What was served at a moment would be other bytes once the project has moved, or lead to nothing."""
    project = stand.make_project(stand.make_group())
    publish(stand, project, work)
    [later] = [each for each in stand.list_packages(project) if each["version"] == "dev-main"]
    address = f"/api/v4/projects/{project['id']}/-/at/{later['created_at']}/packages/composer/p2/acme/lib.json"
    before = stand.http.get(address, ROOT)
    url = source(before)
    stand.want(200, "PUT", f"/projects/{project['id']}", {"path": new_name("renamed")})
    assert stand.http.get(address, ROOT).body == before.body
    assert work.read("ls-remote", url.replace("http://", f"http://root:{ADMIN_TOKEN}@"), "main").endswith("refs/heads/main")


def test_upload_has_no_source(stand: Stand) -> None:
    """A version that came as a zip could lead to a repository that does not have it."""
    from . import samples

    project = stand.make_project(stand.make_group())
    address = f"/api/v4/projects/{project['id']}/packages/composer"
    stand.http.put(f"{address}?version=1.0.0", samples.sample("acme/lib").content, ROOT).expect(201)
    [entry] = stand.http.get(f"{address}/p2/acme/lib.json", ROOT).expect(200).json()["packages"]["acme/lib"]
    assert "source" not in entry
