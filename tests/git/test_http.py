"""Git over HTTP, driven by the git program itself and by requests that it would never send."""

from __future__ import annotations

import contextlib
import gzip
import random
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from git_work import Work, new_work
from stand import DEVELOPER, GUEST, REPORTER, Json, Login, Stand, Team
from wire import basic

Address = Callable[..., str]
FLUSH = b"0000"
ASK = {"Content-Type": "application/x-git-upload-pack-request"}
GIVE = {"Content-Type": "application/x-git-receive-pack-request"}


def line(text: bytes) -> bytes:
    return f"{len(text) + 4:04x}".encode() + text


def path_of(project: Json) -> str:
    return f"/{project['path_with_namespace']}.git"


def clone(work: Work, url: str, name: str, *options: str, status: int | None = 0, **environment: str) -> Work:
    """A clone beside a working copy."""
    folder = work.folder.parent / name
    Work(work.folder.parent).run("clone", "--quiet", *options, url, str(folder), status=status, **environment)
    return Work(folder)


@pytest.fixture(name="pushed")
def push_something(work: Work, team: Team, address: Address) -> Work:
    """A project with two commits and two tags, one of them annotated."""
    work.commit({"README.md": "one\n", "deep/er/file.txt": "x"})
    work.run("tag", "v1.0.0")
    work.commit({"README.md": "two\n"})
    work.run("tag", "--annotate", "--message", "second", "v1.1.0")
    work.run("push", "--quiet", address(team.project, team.developer), "main", "--tags")
    return work


@pytest.mark.parametrize("version", ["0", "1", "2"])
def test_clones_what_was_pushed(version: str, pushed: Work, team: Team, address: Address) -> None:
    """A version of the protocol is not spoken, or a clone differs from what was pushed."""
    copy = clone(pushed, address(team.project, team.reporter), f"copy{version}", "-c", f"protocol.version={version}")
    assert copy.read("rev-parse", "HEAD") == pushed.read("rev-parse", "HEAD")
    assert (copy.folder / "deep/er/file.txt").read_text() == "x"
    assert copy.read("tag").split() == ["v1.0.0", "v1.1.0"]
    assert copy.read("branch", "--show-current") == "main"


def test_the_second_version_is_really_spoken(pushed: Work, team: Team, address: Address) -> None:
    """Clients that ask for protocol 2 are answered with all refs every time."""
    traced = pushed.run("-c", "protocol.version=2", "ls-remote", address(team.project, team.reporter), GIT_TRACE_PACKET="1").err
    assert "version 2" in traced


def test_fetches_what_is_new_and_only_that(pushed: Work, team: Team, address: Address) -> None:
    """A fetch after a push misses commits, or brings everything again."""
    copy = clone(pushed, address(team.project, team.reporter), "copy")
    new = pushed.commit({"new.txt": "new"})
    pushed.run("push", "--quiet", address(team.project, team.maintainer), "main")
    before = int(copy.read("count-objects", "-v").split("count: ")[1].split()[0])
    copy.run("fetch", "--quiet")
    assert copy.read("rev-parse", "origin/main") == new
    assert int(copy.read("count-objects", "-v").split("count: ")[1].split()[0]) - before == 3


def test_a_shallow_clone_deepens(pushed: Work, team: Team, address: Address) -> None:
    """CI systems clone one commit deep, and that does not work."""
    copy = clone(pushed, address(team.project, team.reporter), "copy", "--depth=1")
    assert copy.read("rev-list", "--count", "HEAD") == "1"
    copy.run("fetch", "--quiet", "--unshallow")
    assert copy.read("rev-list", "--count", "HEAD") == "2"


def test_a_clone_without_blobs_fetches_them_when_they_are_needed(pushed: Work, team: Team, address: Address) -> None:
    """Partial clones are refused."""
    copy = clone(pushed, address(team.project, team.reporter), "copy", "--filter=blob:none", "--no-checkout")
    assert copy.read("show", "HEAD:README.md") == "two"


def test_a_project_without_a_push_is_an_empty_repository(work: Work, team: Team, address: Address) -> None:
    """A fresh project cannot be cloned, so nobody knows how to begin."""
    copy = clone(work, address(team.project, team.developer), "copy")
    copy.commit({"a": "a"})
    copy.run("push", "--quiet", "origin", "HEAD:main")
    assert "refs/heads/main" in copy.read("ls-remote")


def test_a_renamed_project_keeps_its_repository_and_its_old_address(pushed: Work, team: Team, stand: Stand, address: Address) -> None:
    """A new name loses the code, or breaks every clone there is."""
    old = address(team.project, team.reporter)
    renamed = stand.want(200, "PUT", f"/projects/{team.project['id']}", {"path": "moved-away"})
    assert clone(pushed, address(renamed, team.reporter), "copy").read("rev-parse", "HEAD") == pushed.read("rev-parse", "HEAD")
    assert pushed.read("rev-parse", "HEAD") in pushed.run("ls-remote", old).out


# -- who may ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("level", "reads", "writes"), [(GUEST, False, False), (REPORTER, True, False), (DEVELOPER, True, True)])
def test_roles(level: int, reads: bool, writes: bool, pushed: Work, team: Team, stand: Stand, address: Address) -> None:
    """A role reads or pushes code that it may not, or may not do what it should."""
    url = address(team.project, stand.make_member(team.group, level))
    assert (pushed.run("ls-remote", url, status=None).status == 0) is reads
    assert (pushed.run("push", url, "HEAD:refs/heads/mine", status=None).status == 0) is writes


@pytest.mark.parametrize(
    ("scopes", "reads", "writes"),
    [
        (("api",), True, True),
        (("read_api",), True, False),
        (("read_repository",), True, False),
        (("write_repository",), True, True),
        (("read_registry", "write_registry"), False, False),
        (("read_user",), False, False),
    ],
)
def test_scopes(scopes: tuple[str, ...], reads: bool, writes: bool, pushed: Work, team: Team, stand: Stand, address: Address) -> None:
    """A token does with code what its scopes do not say."""
    user = stand.make_user()
    stand.add_member(team.group, user, DEVELOPER)
    url = address(team.project, stand.make_personal_token(user, scopes))
    assert (pushed.run("ls-remote", url, status=None).status == 0) is reads
    assert (pushed.run("push", url, "HEAD:refs/heads/mine", status=None).status == 0) is writes


def test_deploy_tokens_read_with_their_scope_and_never_push(pushed: Work, team: Team, stand: Stand, address: Address) -> None:
    """A deploy token for packages reads code, or one for code pushes."""
    reading = address(team.project, stand.make_deploy_token(team.project, ("read_repository",)))
    assert pushed.run("ls-remote", reading).out
    assert pushed.run("push", reading, "HEAD:refs/heads/mine", status=None).status != 0
    assert pushed.run("ls-remote", address(team.project, team.writer), status=None).status != 0
    other = stand.make_deploy_token(stand.make_project(), ("read_repository",))
    assert pushed.run("ls-remote", address(team.project, other), status=None).status != 0


@pytest.mark.parametrize("tail", ["info/refs?service=git-upload-pack", "info/refs?service=git-receive-pack", "info/refs"])
def test_hidden_and_absent_look_alike(tail: str, pushed: Work, team: Team, stand: Stand) -> None:
    """Somebody learns which private projects there are by asking for their repositories."""
    hidden, absent = path_of(team.project), f"/{team.group['path']}/nothing.git"
    for headers in ({}, basic(team.stranger.user, team.stranger.token)):
        one, other = stand.http.get(f"{hidden}/{tail}", headers), stand.http.get(f"{absent}/{tail}", headers)
        assert (one.status, one.body) == (other.status, other.body)
        assert one.status == (404 if headers else 401)
        assert ("www-authenticate" in one.headers) is not bool(headers)


def test_anybody_reads_a_public_project_and_nobody_pushes_without_a_token(work: Work, stand: Stand, address: Address) -> None:
    """Public code needs a token, or takes a push without one."""
    project = stand.make_project(stand.make_group(visibility="public"), visibility="public")
    work.commit({"a": "a"})
    work.run("push", "--quiet", address(project, stand.make_member(project, DEVELOPER, "projects")), "main")
    assert "refs/heads/main" in work.run("ls-remote", address(project)).out
    refused = work.run("push", address(project), "HEAD:refs/heads/mine", status=None)
    assert refused.status != 0 and "refs/heads/mine" not in work.run("ls-remote", address(project)).out
    stand.http.post(f"{path_of(project)}/git-receive-pack", FLUSH, GIVE).expect(401)


def test_the_switch_of_the_package_registry_is_not_that_of_git(work: Work, team: Team, stand: Stand, address: Address) -> None:
    """Who hides packages loses the code."""
    stand.want(200, "PUT", f"/projects/{team.project['id']}", {"package_registry_access_level": "disabled"})
    work.commit({"a": "a"})
    work.run("push", "--quiet", address(team.project, team.developer), "main")


def test_what_guests_may_read_of_packages_is_not_the_code(tmp_path: Path) -> None:
    """Somebody opens packages to guests, and the code with them; or switches packages off, and the code with them."""
    with Stand(tmp_path / "data", {"PACKHOUSE_GUEST_READS": "true", "PACKHOUSE_PACKAGES": "false"}) as stand:
        team = stand.make_team()
        guest = stand.make_member(team.group, GUEST)
        refs = f"{path_of(team.project)}/info/refs?service=git-upload-pack"
        stand.http.get(refs, basic(guest.user, guest.token)).expect(403)
        stand.http.get(refs, basic(team.reporter.user, team.reporter.token)).expect(200)
        stand.want(403, "GET", f"/projects/{team.project['id']}/repository/tags", token=guest.token)
        public = stand.make_project(team.group, package_registry_access_level="public")
        stand.http.get(f"{path_of(public)}/info/refs?service=git-upload-pack").expect(401)


def test_an_archived_project_takes_no_push(pushed: Work, team: Team, stand: Stand, address: Address) -> None:
    """An archived project still changes."""
    stand.want(201, "POST", f"/projects/{team.project['id']}/archive")
    assert pushed.run("push", address(team.project, team.developer), "HEAD:refs/heads/mine", status=None).status != 0
    assert pushed.run("ls-remote", address(team.project, team.developer)).out


# -- what is refused -------------------------------------------------------------------------------------------------


def test_a_broken_object_is_refused(work: Work, team: Team, address: Address) -> None:
    """A tree with `.git` in it gets in, and hurts whoever checks it out."""
    blob = work.run("hash-object", "-w", "--stdin", data=b"evil").out.strip()
    tree = work.run("mktree", data=f"100644 blob {blob}\t.git\n".encode(), status=None)
    assert tree.status == 0
    commit = work.read("commit-tree", "-m", "evil", tree.out.strip())
    refused = work.run("push", address(team.project, team.developer), f"{commit}:refs/heads/main", status=None)
    assert refused.status != 0 and "hasDotgit" in refused.err
    assert "refs/heads/main" not in work.run("ls-remote", address(team.project, team.developer)).out


@pytest.mark.parametrize("ref", ["refs/internal/x", "refs/pull/1/head", "refs/replace/" + "1" * 40])
def test_only_branches_tags_and_notes_are_pushed(ref: str, pushed: Work, team: Team, address: Address) -> None:
    """A push sets refs that the server itself gives a meaning."""
    assert pushed.run("push", address(team.project, team.developer), f"HEAD:{ref}", status=None).status != 0


def test_the_default_branch_is_not_deleted(pushed: Work, team: Team, address: Address) -> None:
    """A slip of a key removes what everything else reads."""
    assert pushed.run("push", address(team.project, team.developer), ":main", status=None).status != 0


@pytest.mark.parametrize(
    "path",
    ["/HEAD", "/objects/info/packs", "/config", "/info/refs", "/info/refs?service=git-upload-archive", "/info/refs?service=--exec=id"],
)
def test_the_dumb_protocol_and_other_programs_are_refused(path: str, pushed: Work, team: Team, stand: Stand) -> None:
    """Files of a repository are served as they are, or a program runs that a caller names."""
    answer = stand.http.get(path_of(team.project) + path, basic(team.developer.user, team.developer.token))
    assert answer.status in (302, 303, 401, 404, 405), answer.status


def test_bodies_that_git_would_not_send(pushed: Work, team: Team, stand: Stand) -> None:
    """A strange body gives a traceback, or hangs."""
    login = basic(team.developer.user, team.developer.token)
    url = path_of(team.project)
    stand.http.post(f"{url}/git-upload-pack", FLUSH, login).expect(400)
    stand.http.post(f"{url}/git-upload-pack", b"zzzz", login | ASK).expect(400)
    stand.http.post(f"{url}/git-upload-pack", b"no gzip", login | ASK | {"Content-Encoding": "gzip"}).expect(400)
    stand.http.post(f"{url}/git-upload-pack", FLUSH, login | ASK | {"Content-Encoding": "br"}).expect(400)
    stand.http.post(f"{url}/git-receive-pack", b"zzzz", login | GIVE).expect(400)
    want = line(f"want {pushed.read('rev-parse', 'HEAD')}\n".encode()) + FLUSH
    bomb = gzip.compress(want + line(b"have " + b"1" * 40 + b"\n") * 400_000)
    stand.http.post(f"{url}/git-upload-pack", bomb, login | ASK | {"Content-Encoding": "gzip"}).expect(413)
    assert stand.http.get("/-/health").status == 200


def test_a_gzip_request_is_read(pushed: Work, team: Team, stand: Stand) -> None:
    """Git compresses long requests, and these fail."""
    asked = line(b"command=ls-refs\n") + b"0001" + line(b"ref-prefix refs/tags/\n") + FLUSH
    login = basic(team.developer.user, team.developer.token) | ASK | {"Git-Protocol": "version=2"}
    plain = stand.http.post(f"{path_of(team.project)}/git-upload-pack", asked, login).expect(200)
    packed = stand.http.post(f"{path_of(team.project)}/git-upload-pack", gzip.compress(asked), login | {"Content-Encoding": "gzip"}).expect(200)
    assert plain.body == packed.body and b"refs/tags/v1.0.0" in plain.body


# -- load and accidents ----------------------------------------------------------------------------------------------


def test_a_large_push_arrives_whole(work: Work, team: Team, address: Address, tmp_path: Path) -> None:
    """A push that comes in chunks is cut, or held in memory until it fails."""
    content = random.Random(1).randbytes(24 * 1024 * 1024)
    work.commit({"large.bin": content})
    work.run("push", "--quiet", address(team.project, team.developer), "main")
    assert (clone(work, address(team.project, team.reporter), "copy").folder / "large.bin").read_bytes() == content


def test_pushes_at_once_to_different_branches_all_arrive(pushed: Work, team: Team, address: Address) -> None:
    """Two pushes at the same time lose one another's refs."""
    url = address(team.project, team.developer)
    copies = [clone(pushed, url, f"copy{number}") for number in range(4)]
    results: list[int | None] = [None] * len(copies)

    def push(number: int) -> None:
        copies[number].commit({f"f{number}": str(number)})
        results[number] = copies[number].run("push", "--quiet", "origin", f"HEAD:refs/heads/b{number}", status=None).status

    threads = [threading.Thread(target=push, args=(number,)) for number in range(len(copies))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [0] * len(copies)
    listed = pushed.run("ls-remote", url).out
    assert all(f"refs/heads/b{number}" in listed for number in range(len(copies)))


def test_pushes_at_once_to_one_branch_have_one_winner(pushed: Work, team: Team, address: Address) -> None:
    """A push overwrites another one that came at the same time."""
    url = address(team.project, team.maintainer)
    copies = [clone(pushed, url, f"copy{number}") for number in range(3)]
    for number, copy in enumerate(copies):
        copy.commit({f"f{number}": str(number)})
    running = [
        subprocess.Popen(["git", "push", "--quiet", "origin", "HEAD:main"], cwd=copy.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for copy in copies
    ]
    assert sorted(process.wait(60) == 0 for process in running) == [False, False, True]


def test_a_push_cut_in_the_middle_leaves_nothing_and_the_next_one_works(pushed: Work, team: Team, stand: Stand, address: Address) -> None:
    """A broken connection leaves half a pack that is listed, or a lock that stops all later pushes."""
    old = pushed.read("rev-parse", "HEAD")
    head = line(f"{old} {'1' * 40} refs/heads/main\0 report-status\n".encode()) + FLUSH + b"PACK\0\0\0\2\0\0\0\5"
    login = basic(team.maintainer.user, team.maintainer.token)["Authorization"]
    with socket.create_connection(("127.0.0.1", stand.port), timeout=30) as wire:
        wire.sendall(
            f"POST {path_of(team.project)}/git-receive-pack HTTP/1.1\r\nHost: {stand.host}\r\nAuthorization: {login}\r\n"
            f"Content-Type: {GIVE['Content-Type']}\r\nContent-Length: 1000000\r\n\r\n".encode()
            + head
        )
    assert old in pushed.run("ls-remote", address(team.project, team.maintainer)).out
    pushed.commit({"later": "later"})
    pushed.run("push", "--quiet", address(team.project, team.maintainer), "main")


def programs_for(folder: Path) -> list[str]:
    """The git programs that run for a server, by their arguments."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            arguments = process.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            if "git" in arguments and str(folder / "repositories") in arguments:
                found.append(arguments)
    return found


def test_git_ends_with_its_client(work: Work, team: Team, stand: Stand, address: Address) -> None:
    """Clients that go away leave programs behind, until nobody can fetch any more."""
    work.commit({f"{number}.bin": random.Random(number).randbytes(4 * 1024 * 1024) for number in range(4)})
    work.run("push", "--quiet", address(team.project, team.developer), "main")
    asked = line(f"want {work.read('rev-parse', 'HEAD')} no-progress\n".encode()) + FLUSH + line(b"done\n")
    login = basic(team.developer.user, team.developer.token)["Authorization"]
    for _ in range(12):  # more than may run at once
        with socket.create_connection(("127.0.0.1", stand.port), timeout=30) as wire:
            wire.sendall(
                f"POST {path_of(team.project)}/git-upload-pack HTTP/1.1\r\nHost: {stand.host}\r\nAuthorization: {login}\r\n"
                f"Content-Type: {ASK['Content-Type']}\r\nContent-Length: {len(asked)}\r\n\r\n".encode()
                + asked
            )
            assert wire.recv(1000).startswith(b"HTTP/1.1 200")
    pause, deadline = threading.Event(), time.monotonic() + 60
    while programs_for(stand.data) and time.monotonic() < deadline:
        pause.wait(0.1)
    assert programs_for(stand.data) == []
    assert clone(work, address(team.project, team.reporter), "copy").read("rev-parse", "HEAD") == work.read("rev-parse", "HEAD")


def test_a_push_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    """One push fills the disk."""
    with Stand(tmp_path / "data", {"PACKHOUSE_MAX_PUSH_MIB": "1"}) as stand:
        team = stand.make_team()
        work = new_work(tmp_path / "work")
        url = f"http://{team.developer.user}:{team.developer.token}@{stand.host}{path_of(team.project)}"
        work.commit({"large.bin": random.Random(1).randbytes(3 * 1024 * 1024)})
        for buffer in ("1", "100000000"):
            refused = work.run("-c", f"http.postBuffer={buffer}", "push", url, "main", status=None)
            assert refused.status != 0
        work.commit({"large.bin": b"", "small": "small"})
        work.run("push", "--quiet", url, f"{work.read('commit-tree', '-m', 'small', 'HEAD^{tree}')}:refs/heads/main")


# -- what the house learns -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("branch", ["trunk", "master", "main"])
def test_the_first_branch_becomes_the_default(branch: str, work: Work, team: Team, address: Address) -> None:
    """A repository whose only branch is not `main` is cloned without a checkout."""
    work.commit({"a": "a"})
    work.run("push", "--quiet", address(team.project, team.developer), f"HEAD:refs/heads/{branch}")
    assert clone(work, address(team.project, team.developer), "copy").read("branch", "--show-current") == branch


# -- the go command's discovery --------------------------------------------------------------------------------------


def test_discovery_says_the_same_of_hidden_and_absent_projects(team: Team, stand: Stand) -> None:
    """The page for the go command tells which private projects there are."""
    for tail in ("", "/sub/package"):
        hidden = stand.http.get(f"/{team.project['path_with_namespace']}{tail}?go-get=1").expect(200)
        absent = stand.http.get(f"/{team.group['path']}/nothing{tail}?go-get=1").expect(200)
        assert hidden.body.replace(team.project["path"].encode(), b"nothing") == absent.body


def test_discovery_finds_the_project_in_a_subgroup_for_those_who_may_see_it(team: Team, stand: Stand) -> None:
    """Modules below a subgroup have the wrong root."""
    below = stand.make_group(parent_id=team.group["id"])
    project = stand.make_project(below)
    path = project["path_with_namespace"]
    page = stand.http.get(f"/{path}/v2/sub?go-get=1", basic(team.reporter.user, team.reporter.token)).expect(200).body.decode()
    assert f'content="127.0.0.1/{path} git {stand.url}/{path}.git"' in page  # a module path has no room for a port
    outside = stand.http.get(f"/{path}/v2/sub?go-get=1").expect(200).body.decode()
    assert f'content="127.0.0.1/{"/".join(path.split("/")[:2])} git ' in outside


def test_discovery_writes_what_it_was_asked_as_text(stand: Stand) -> None:
    """A link to the page runs a script of somebody else's."""
    page = stand.http.get("/a%22%3E%3Cscript%3E/b?go-get=1").expect(200).body
    assert b"<script>" not in page


# -- jobs ------------------------------------------------------------------------------------------------------------


def test_a_job_reads_the_code_of_its_project_and_never_pushes(pushed: Work, team: Team, stand: Stand, address: Address) -> None:
    """A build cannot fetch what it builds, or code that it runs changes the repository, or reads that of others."""
    where = f"/projects/{team.project['id']}/pipelines"
    pipeline = stand.want(201, "POST", where, {"ref": "main", "sha": "1" * 40}, token=team.developer.token)
    job = stand.want(201, "POST", f"{where}/{pipeline['id']}/jobs", {"name": "build"}, token=team.developer.token)
    url = address(team.project, Login("gitlab-ci-token", job["token"]))
    assert clone(pushed, url, "copy").read("rev-parse", "HEAD") == pushed.read("rev-parse", "HEAD")
    assert pushed.run("push", url, "HEAD:refs/heads/mine", status=None).status != 0
    other = stand.make_team()
    assert pushed.run("ls-remote", address(other.project, Login("gitlab-ci-token", job["token"])), status=None).status != 0
    stand.want(200, "POST", f"/projects/{team.project['id']}/jobs/{job['id']}/finish", {"status": "success"}, token=team.developer.token)
    assert pushed.run("ls-remote", url, status=None).status != 0
