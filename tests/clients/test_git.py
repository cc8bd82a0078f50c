"""The git program, and python-gitlab's view of repositories, against a running server."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from git_work import new_work
from programs import Desk
from stand import ADMIN_TOKEN, Stand, Team
from wire import Client

IDENTITY = {"GIT_AUTHOR_NAME": "Dev", "GIT_AUTHOR_EMAIL": "dev@mail.example", "GIT_COMMITTER_NAME": "Dev", "GIT_COMMITTER_EMAIL": "dev@mail.example"}


@pytest.fixture(name="work")
def push_two_tags(stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> Path:
    """A working copy whose branch and tags were pushed with credentials from a helper, as people have them."""
    folder = tmp_path / "work"
    folder.mkdir()
    desk.run("git", "init", "--quiet", "--initial-branch=main", cwd=folder)
    store = tmp_path / "credentials"
    store.write_text(f"http://{team.developer.user}:{team.developer.token}@{stand.host}\n")
    desk.run("git", "config", "credential.helper", f"store --file {store}", cwd=folder)
    for number in (1, 2):
        (folder / "README.md").write_text(f"version {number}\n")
        desk.run("git", "add", "--all", cwd=folder)
        desk.run("git", "commit", "--quiet", "--message", f"version {number}", cwd=folder, env=IDENTITY)
        desk.run("git", "tag", "--annotate", "--message", f"release {number}", f"v{number}.0.0", cwd=folder, env=IDENTITY)
    desk.run("git", "remote", "add", "origin", team.project["http_url_to_repo"], cwd=folder)
    desk.run("git", "push", "--quiet", "--set-upstream", "origin", "main", "--follow-tags", cwd=folder)
    return folder


def test_the_address_of_the_project_is_one_that_git_can_use(work: Path, stand: Stand, team: Team, desk: Desk, tmp_path: Path) -> None:
    """`http_url_to_repo` cannot be cloned, or a clone by tag has other files."""
    project = stand.want(200, "GET", f"/projects/{team.project['id']}", token=team.reporter.token)
    address = project["http_url_to_repo"].replace("://", f"://any:{team.reporter.token}@")
    desk.run("git", "clone", "--quiet", "--branch=v1.0.0", "--depth=1", address, "old", cwd=tmp_path)
    assert (tmp_path / "old" / "README.md").read_text() == "version 1\n"
    assert project["default_branch"] == "main" and not project["empty_repo"]


def test_a_push_without_credentials_asks_for_them(work: Path, team: Team, desk: Desk) -> None:
    """git gives up where it should ask for a user name."""
    desk.run("git", "config", "--unset", "credential.helper", cwd=work)
    refused = desk.fail("git", "push", "origin", "main", cwd=work, env={"GIT_TERMINAL_PROMPT": "0"})
    assert "could not read Username" in refused.err


def test_a_refusal_is_told_in_words(work: Path, stand: Stand, team: Team, desk: Desk) -> None:
    """Somebody who may not push learns nothing but a number."""
    address = team.project["http_url_to_repo"].replace("://", f"://{team.reporter.user}:{team.reporter.token}@")
    assert "Forbidden" in desk.fail("git", "push", address, "HEAD:refs/heads/mine", cwd=work).err


def test_python_gitlab_reads_tags_and_branches(work: Path, stand: Stand, team: Team, desk: Desk) -> None:
    """A script that walks tags, or makes one, fails."""
    gitlab = pytest.importorskip("gitlab", reason="python-gitlab is not installed")
    desk.note("python-gitlab")
    with gitlab.Gitlab(stand.url, private_token=team.developer.token, keep_base_url=True) as session:
        project: Any = session.projects.get(team.project["path_with_namespace"])
        assert [tag.name for tag in project.tags.list(get_all=True, order_by="version")] == ["v2.0.0", "v1.0.0"]
        assert project.tags.get("v1.0.0").message == "release 1"
        assert project.branches.get("main").commit["title"] == "version 2"
        assert project.commits.get("v1.0.0").title == "version 1"
        made = project.tags.create({"tag_name": "v3.0.0", "ref": "main", "message": "by script"})
        assert made.message == "by script"
        branch = project.branches.create({"branch": "fix/one", "ref": "v1.0.0"})
        branch.delete()
        made.delete()
        assert [branch.name for branch in project.branches.list(get_all=True)] == ["main"]
    assert "v3.0.0" not in desk.run("git", "ls-remote", "--tags", "origin", cwd=work).out


def test_python_gitlab_reads_files_and_protects_branches(work: Path, stand: Stand, team: Team, desk: Desk) -> None:
    """A script that reads files, takes an archive or protects a release branch fails."""
    gitlab = pytest.importorskip("gitlab", reason="python-gitlab is not installed")
    desk.note("python-gitlab")
    with gitlab.Gitlab(stand.url, private_token=team.maintainer.token, keep_base_url=True) as session:
        project: Any = session.projects.get(team.project["path_with_namespace"])
        assert [entry["name"] for entry in project.repository_tree(get_all=True)] == ["README.md"]
        assert project.files.get("README.md", ref="v1.0.0").decode() == b"version 1\n"
        assert project.files.raw("README.md", ref="main") == b"version 2\n"
        assert project.repository_archive(sha="v1.0.0", format="zip")[:2] == b"PK"
        assert [commit.title for commit in project.commits.list(get_all=True)] == ["version 2", "version 1"]
        rule = project.protectedbranches.create({"name": "release/*", "push_access_level": 0, "allow_force_push": False})
        assert {row.name for row in project.protectedbranches.list(get_all=True)} == {"main", "release/*"}
        assert project.protectedbranches.get("release/*").push_access_levels[0]["access_level"] == 0
        rule.delete()
        project.branches.create({"branch": "next", "ref": "main"})
        project.default_branch = "next"
        project.save()
        assert session.projects.get(project.id).default_branch == "next"


class PlainAddress(Stand):
    """A server on port 80 of a loopback address: the path of a Go module has no port."""

    def __init__(self, data: Path, host: str) -> None:
        super().__init__(data, {"PACKHOUSE_LISTEN": f"{host}:80", "PACKHOUSE_EXTERNAL_URL": f"http://{host}"})
        self.host, self.url, self.http = host, f"http://{host}", Client(f"http://{host}:80")


def test_the_go_command_finds_a_module_by_its_address(tmp_path: Path, desk: Desk) -> None:
    """`go get` without a proxy does not find a public project in a subgroup."""
    host = "127.0.0.77"
    try:
        with socket.socket() as probe:
            probe.bind((host, 80))
    except OSError:
        pytest.skip(f"port 80 of {host} cannot be had")
    with PlainAddress(tmp_path / "data", host) as stand:
        above = stand.make_group(visibility="public")
        project = stand.make_project(stand.make_group(parent_id=above["id"], visibility="public"), visibility="public")
        module = f"{host}/{project['path_with_namespace']}"
        work = new_work(tmp_path / "module")
        work.commit({"go.mod": f"module {module}\n\ngo 1.19\n", "x.go": "package x\n", "sub/y.go": "package sub\n"})
        work.run("tag", "v1.2.3")
        work.run("push", "--quiet", f"http://root:{ADMIN_TOKEN}@{module}.git", "main", "--tags")
        (tmp_path / "app").mkdir()
        (tmp_path / "app" / "go.mod").write_text("module app.example/a\n\ngo 1.19\n")
        settings = {
            "GOPROXY": "direct", "GOINSECURE": host, "GONOSUMDB": "*", "GOFLAGS": "-mod=mod -modcacherw", "GOTOOLCHAIN": "local",
            "GOPATH": str(tmp_path / "go"), "GOCACHE": str(tmp_path / "cache"), "GIT_TERMINAL_PROMPT": "0",
        }  # fmt: skip
        desk.run("go", "get", f"{module}/sub@latest", cwd=tmp_path / "app", env=settings)
        assert f"{module} v1.2.3" in desk.run("go", "list", "-m", "all", cwd=tmp_path / "app", env=settings).out
