"""The REST API of repositories: tags, branches, commits, the repository itself, imports and mirrors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from git_work import Work, new_work
from stand import Json, Stand, Team

Address = Callable[..., str]


@pytest.fixture(name="pushed")
def push_something(work: Work, team: Team, address: Address) -> Work:
    """Two commits, three tags of which one is annotated, and a branch with a slash."""
    work.commit({"a": "1"}, "first change\n\nwith more to say")
    work.run("tag", "v1.9.0")
    work.run("branch", "feature/one")
    work.commit(
        {"a": "2"},
        "second",
    )
    work.run("tag", "--annotate", "--message", "the tenth", "v1.10.0")
    work.run("tag", "nightly")
    work.run("push", "--quiet", address(team.project, team.developer), "--all")
    work.run("push", "--quiet", address(team.project, team.developer), "--tags")
    return work


def base(team: Team) -> str:
    return f"/projects/{team.project['id']}/repository"


def test_tags_lead_to_commits_and_tell_their_message(pushed: Work, team: Team, stand: Stand) -> None:
    """A program that reads a tag's commit gets the tag object, or nothing."""
    tag: Json = stand.want(200, "GET", f"{base(team)}/tags/v1.10.0", token=team.reporter.token)
    head = pushed.read("rev-parse", "HEAD")
    assert tag["commit"]["id"] == head and tag["commit"]["short_id"] == head[:8]
    assert tag["message"] == "the tenth" and tag["target"] == pushed.read("rev-parse", "v1.10.0")
    assert (tag["commit"]["title"], tag["commit"]["author_name"]) == ("second", "A Developer")
    assert tag["commit"]["committed_date"].startswith("2026-01-02T03:04:05")
    light = stand.want(200, "GET", f"{base(team)}/tags/nightly", token=team.reporter.token)
    assert light["target"] == head and light["message"] == ""


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("order_by=name&sort=asc", ["nightly", "v1.10.0", "v1.9.0"]),
        ("order_by=version&sort=desc", ["v1.10.0", "v1.9.0", "nightly"]),
        ("search=^v&order_by=name&sort=asc", ["v1.10.0", "v1.9.0"]),
        ("search=9.0$", ["v1.9.0"]),
        ("search=^nightly$", ["nightly"]),
        ("per_page=1&page=2&order_by=name&sort=asc", ["v1.10.0"]),
    ],
)
def test_tags_are_listed_in_order(query: str, names: list[str], pushed: Work, team: Team, stand: Stand) -> None:
    """A list of tags is searched, sorted or paged otherwise than asked."""
    assert [tag["name"] for tag in stand.want(200, "GET", f"{base(team)}/tags?{query}", token=team.reporter.token)] == names


def test_branches_tell_which_is_the_default(pushed: Work, team: Team, stand: Stand) -> None:
    """A program that looks for the default branch finds none."""
    found = stand.want(200, "GET", f"{base(team)}/branches", token=team.reporter.token)
    assert [(branch["name"], branch["default"], branch["can_push"]) for branch in found] == [("feature/one", False, False), ("main", True, False)]
    one = stand.want(200, "GET", f"{base(team)}/branches/feature%2Fone", token=team.developer.token)
    assert one["commit"]["message"].startswith("first change\n\nwith more") and one["can_push"]


def test_commits_are_found_by_name_and_by_id(pushed: Work, team: Team, stand: Stand) -> None:
    """A commit is found by its whole id only."""
    head = pushed.read("rev-parse", "HEAD")
    for name in (head, head[:8], "main", "v1.10.0"):
        assert stand.want(200, "GET", f"{base(team)}/commits/{name}", token=team.reporter.token)["id"] == head
    for name in ("nothing", "--all", "..main", "main..feature/one", "HEAD^{tree}"):
        stand.want(404, "GET", f"{base(team)}/commits/{name}", token=team.reporter.token)


def test_a_project_without_a_repository_has_empty_lists(team: Team, stand: Stand) -> None:
    """A program that lists tags of a new project gets an error."""
    assert stand.want(200, "GET", f"{base(team)}/tags", token=team.reporter.token) == []
    assert stand.want(200, "GET", f"{base(team)}/branches", token=team.reporter.token) == []
    stand.want(404, "GET", f"{base(team)}/tags/v1", token=team.reporter.token)


def test_the_project_tells_of_its_repository(work: Work, team: Team, stand: Stand, address: Address) -> None:
    """A project looks empty after a push, or names a branch that is not there."""
    before = stand.want(200, "GET", f"/projects/{team.project['id']}")
    assert before["empty_repo"] and before["http_url_to_repo"] == address(team.project)
    work.commit({"a": "a"})
    work.run("push", "--quiet", address(team.project, team.developer), "HEAD:refs/heads/trunk")
    after = stand.want(200, "GET", f"/projects/{team.project['id']}")
    assert (after["empty_repo"], after["default_branch"]) == (False, "trunk")


def test_tags_and_branches_are_made_and_deleted(pushed: Work, team: Team, stand: Stand, address: Address) -> None:
    """A release tool that tags over REST fails, or its tag is not seen by git."""
    token = team.developer.token
    made = stand.want(201, "POST", f"{base(team)}/tags", {"tag_name": "v2.0.0", "ref": "main", "message": "over REST"}, token=token)
    assert made["message"] == "over REST" and made["target"] != made["commit"]["id"]
    stand.want(201, "POST", f"{base(team)}/branches", {"branch": "new/one", "ref": "v1.9.0"}, token=token)
    listed = pushed.run("ls-remote", address(team.project, team.developer)).out
    assert "refs/tags/v2.0.0^{}" in listed and "refs/heads/new/one" in listed
    stand.want(409, "POST", f"{base(team)}/tags", {"tag_name": "v2.0.0", "ref": "main"}, token=token)
    stand.want(204, "DELETE", f"{base(team)}/branches/new%2Fone", token=token)
    stand.want(204, "DELETE", f"{base(team)}/tags/v2.0.0", token=token)
    stand.want(404, "DELETE", f"{base(team)}/tags/v2.0.0", token=token)
    stand.want(403, "DELETE", f"{base(team)}/branches/main", token=token)
    pushed.run("fsck", "--strict")


@pytest.mark.parametrize("name", ["--force", "a..b", "a b", "a~1", "x.lock", "/x", "a//b", "@{0}", "tags/-x", "\u0007", "a\\b", "a:b", "a" * 300])
def test_names_that_git_does_not_take(name: str, pushed: Work, team: Team, stand: Stand) -> None:
    """A strange name becomes an option of a program, or a ref that nobody can remove."""
    for where, field in (("tags", "tag_name"), ("branches", "branch")):
        answer = stand.api("POST", f"{base(team)}/{where}", {field: name, "ref": "main"}, token=team.developer.token)
        assert answer.status == 400, (where, answer.status, answer.text)


def test_who_reads_and_who_writes(pushed: Work, team: Team, stand: Stand) -> None:
    """A stranger learns of tags, or a reporter makes some."""
    stand.want(404, "GET", f"{base(team)}/tags", token=team.stranger.token)
    stand.want(404, "GET", f"{base(team)}/tags", token=None)
    stand.want(401, "GET", f"{base(team)}/tags", token="phpat_wrong")
    stand.want(403, "POST", f"{base(team)}/tags", {"tag_name": "x", "ref": "main"}, token=team.reporter.token)
    stand.want(403, "DELETE", f"{base(team)}/tags/nightly", token=team.reporter.token)


def test_the_default_branch_is_changed(pushed: Work, team: Team, stand: Stand, address: Address) -> None:
    """Nobody can leave the first branch that was pushed."""
    where = f"/projects/{team.project['id']}/-/repository"
    stand.want(400, "PUT", where, {"default_branch": "nothing"}, token=team.maintainer.token)
    stand.want(403, "PUT", where, {"default_branch": "feature/one"}, token=team.developer.token)
    assert stand.want(200, "PUT", where, {"default_branch": "feature/one"}, token=team.maintainer.token)["default_branch"] == "feature/one"
    project = f"/projects/{team.project['id']}"
    assert "nothing" in stand.want(400, "PUT", project, {"default_branch": "nothing", "description": "x"}, token=team.maintainer.token)["message"]
    assert not stand.want(200, "GET", project)["description"]
    assert stand.want(200, "PUT", project, {"default_branch": "main"}, token=team.maintainer.token)["default_branch"] == "main"
    stand.want(403, "PUT", project, {"default_branch": "feature/one"}, token=team.developer.token)
    assert stand.want(200, "PUT", project, {"default_branch": "feature/one"}, token=team.maintainer.token)["default_branch"] == "feature/one"
    assert "ref: refs/heads/feature/one\tHEAD" in pushed.run("ls-remote", "--symref", address(team.project, team.developer), "HEAD").out


# -- copies ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", name="open_stand")
def serve_with_imports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """A server that may reach loopback, and may import from one folder."""
    folder = tmp_path_factory.mktemp("open")
    (folder / "imports").mkdir()
    with Stand(folder / "data", {"PACKHOUSE_OUTBOUND_ALLOW": "127.0.0.0/8", "PACKHOUSE_GIT_IMPORT_PATHS": str(folder / "imports")}) as stand:
        yield stand


def test_a_mirror_follows_its_source(work: Work, open_stand: Stand) -> None:
    """What is new at the source does not arrive, or what is gone there stays."""
    source, target = open_stand.make_team(), open_stand.make_team()
    url = f"{open_stand.url}/{source.project['path_with_namespace']}.git"
    with_login = url.replace("://", f"://{source.maintainer.user}:{source.maintainer.token}@")
    work.commit({"a": "1"})
    work.run("tag", "v1")
    work.run("push", "--quiet", with_login, "HEAD:refs/heads/trunk", "HEAD:refs/heads/gone", "v1")
    where = f"/projects/{target.project['id']}/mirror/pull"
    settings = {"url": url, "auth_user": source.reporter.user, "auth_password": source.reporter.token, "interval_minutes": LONG}
    told = open_stand.want(200, "PUT", where, settings, token=target.maintainer.token)
    assert source.reporter.token not in str(told) and told["enabled"]
    assert settled(open_stand, where, target)["update_status"] == "finished"
    tags = open_stand.want(200, "GET", f"{base(target)}/tags", token=target.reporter.token)
    assert [tag["name"] for tag in tags] == ["v1"]
    assert open_stand.want(200, "GET", f"/projects/{target.project['id']}")["default_branch"] == "trunk"
    new = work.commit({"a": "2"})
    work.run("push", "--quiet", with_login, "HEAD:refs/heads/trunk", ":gone")
    settled(open_stand, where, target)
    branches = open_stand.want(200, "GET", f"{base(target)}/branches", token=target.reporter.token)
    assert [(branch["name"], branch["commit"]["id"]) for branch in branches] == [("trunk", new)]
    own = f"http://{target.developer.user}:{target.developer.token}@{open_stand.host}/{target.project['path_with_namespace']}.git"
    assert work.run("push", own, "HEAD:refs/heads/mine", status=None).status != 0
    open_stand.want(403, "POST", f"{base(target)}/tags", {"tag_name": "x", "ref": "trunk"}, token=target.developer.token)
    open_stand.want(204, "DELETE", where, token=target.maintainer.token)
    work.run("push", "--quiet", own, "HEAD:refs/heads/mine")


LONG = 600


def settled(stand: Stand, where: str, team: Team) -> Json:
    """The mirror after a copy that was asked for now, or that was under way."""
    for _ in range(200):
        answer = stand.api("POST", where, token=team.maintainer.token)
        if answer.status != 409:
            break
    shown: Json = stand.want(200, "GET", where, token=team.maintainer.token)
    return shown


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/x.git", "http://localhost/x.git", "http://[::1]/x.git", "http://169.254.169.254/x.git", "http://10.0.0.1/x.git",
        "file:///etc", "ext::sh -c id", "ssh://git@host/x", "/etc", "http://user:secret@host.example/x.git", "--upload-pack=id", "http://-x/", "git://h/x",
    ],
)  # fmt: skip
def test_a_mirror_of_what_no_caller_may_reach_is_refused(url: str, team: Team, stand: Stand) -> None:
    """A maintainer makes the server read what only the server can reach."""
    answer = stand.api("PUT", f"/projects/{team.project['id']}/mirror/pull", {"url": url}, token=team.maintainer.token)
    assert answer.status in (400, 502), (answer.status, answer.text)
    stand.want(404, "GET", f"/projects/{team.project['id']}/mirror/pull", token=team.maintainer.token)


def test_a_mirror_of_nothing_says_so_and_keeps_what_there_is(work: Work, open_stand: Stand) -> None:
    """A source that is down empties its mirror, or the reason is nowhere to be found."""
    team = open_stand.make_team()
    own = f"http://{team.developer.user}:{team.developer.token}@{open_stand.host}/{team.project['path_with_namespace']}.git"
    work.commit({"a": "a"})
    work.run("push", "--quiet", own, "main")
    where = f"/projects/{team.project['id']}/mirror/pull"
    settings = {"url": f"{open_stand.url}/no/where.git", "auth_user": "u", "auth_password": "sec-ret", "interval_minutes": LONG}
    open_stand.want(200, "PUT", where, settings, token=team.maintainer.token)
    shown = settled(open_stand, where, team)
    assert shown["update_status"] == "failed" and shown["last_error"] and "sec-ret" not in shown["last_error"]
    assert [branch["name"] for branch in open_stand.want(200, "GET", f"{base(team)}/branches")] == ["main"]


def test_a_new_project_copies_once(work: Work, open_stand: Stand) -> None:
    """A project that was to begin with the code of another place stays empty, shows its password, or is overwritten later."""
    source = open_stand.make_team()
    with_login = f"http://{source.reporter.user}:{source.reporter.token}@{open_stand.host}/{source.project['path_with_namespace']}.git"
    head = work.commit({"a": "1"})
    pushing = with_login.replace(f"{source.reporter.user}:{source.reporter.token}", f"{source.maintainer.user}:{source.maintainer.token}")
    work.run("push", "--quiet", pushing, "HEAD:refs/heads/trunk")
    made = open_stand.make_project(source.group, import_url=with_login)
    assert made["import_status"] == "scheduled" and source.reporter.token not in str(made)
    where = f"/projects/{made['id']}/mirror/pull"
    for _ in range(200):
        if open_stand.api("POST", where).status != 409:
            break
    told = open_stand.want(200, "GET", where)
    assert (told["update_status"], told["next_update_at"], told["enabled"]) == ("finished", None, False) and source.reporter.token not in str(told)
    assert open_stand.want(200, "GET", f"/projects/{made['id']}")["import_status"] == "finished"
    assert open_stand.want(200, "GET", f"/projects/{made['id']}/repository/branches/trunk")["commit"]["id"] == head
    own = pushing.replace(source.project["path_with_namespace"], made["path_with_namespace"])
    work.commit({"a": "2"})
    work.run("push", "--quiet", own, "HEAD:refs/heads/trunk")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x.git", "http://u:p@10.0.0.1/x.git", "file:///etc", "ssh://git@host/x", "http://[", "x"])
def test_a_project_that_may_not_copy_is_not_made(url: str, team: Team, stand: Stand) -> None:
    """A new project reads what only the server can reach, or is left half made."""
    answer = stand.api("POST", "/projects", {"name": "copied", "namespace_id": team.group["id"], "import_url": url}, token=team.maintainer.token)
    assert answer.status in (400, 502) and "u:p" not in answer.text
    assert "copied" not in {project["path"] for project in stand.want(200, "GET", f"/groups/{team.group['id']}/projects")}


def test_an_administrator_imports_from_an_allowed_folder(tmp_path: Path, open_stand: Stand) -> None:
    """A repository on the server's disk cannot be taken over, or anything on that disk can."""
    imports = open_stand.data.parent / "imports"
    work = new_work(imports / "old")
    head = work.commit({"a": "a"})
    work.run("tag", "v1")
    hook = work.folder / ".git" / "hooks" / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    work.run("config", "uploadpack.packObjectsHook", f"touch {tmp_path}/ran")
    team = open_stand.make_team()
    where = f"/projects/{team.project['id']}/-/repository/import"
    open_stand.want(403, "POST", where, {"path": str(work.folder)}, token=team.maintainer.token)
    open_stand.want(201, "POST", where, {"path": str(work.folder)})
    assert open_stand.want(200, "GET", f"{base(team)}/tags/v1", token=team.reporter.token)["commit"]["id"] == head
    assert not (tmp_path / "ran").exists()
    (imports / "link").symlink_to(tmp_path)
    for path in (str(tmp_path), f"{imports}/../data", f"{imports}/link", "old", "/", f"{imports}x"):
        open_stand.want(403, "POST", where, {"path": path})
    open_stand.want(400, "POST", where, {"path": str(imports)})


def test_each_database_keeps_what_is_known_of_a_repository(work: Work, database_stand: Stand) -> None:
    """A push or a mirror fails on one of the databases."""
    team = database_stand.make_team()
    own = f"http://{team.maintainer.user}:{team.maintainer.token}@{database_stand.host}/{team.project['path_with_namespace']}.git"
    for number in (1, 2):
        work.commit({"a": str(number)})
        work.run("push", "--quiet", own, "HEAD:refs/heads/trunk")
    assert database_stand.want(200, "GET", f"/projects/{team.project['id']}")["default_branch"] == "trunk"
    where = f"/projects/{team.project['id']}/mirror/pull"
    settings = {"url": "https://93.184.215.14/x.git", "enabled": "false", "auth_password": "sec-ret"}
    assert database_stand.want(200, "PUT", where, settings, token=team.maintainer.token)["enabled"] is False
    assert database_stand.want(200, "PUT", where, {"auth_user": "robot"}, token=team.maintainer.token)["auth_user"] == "robot"
    database_stand.want(400, "PUT", where, {"url": "http://93.184.215.14/x.git", "auth_password": "sec-ret"}, token=team.maintainer.token)
    moved = {"url": "https://93.184.215.14/y.git", "enabled": "false"}
    assert database_stand.want(200, "PUT", where, moved, token=team.maintainer.token)["auth_user"] is None  # nor is the secret kept
    database_stand.want(204, "DELETE", where, token=team.maintainer.token)
    database_stand.want(404, "GET", where, token=team.maintainer.token)
