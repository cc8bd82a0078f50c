"""The REST API of what lies in a repository: folders, files, archives, history."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Callable

import pytest
from git_work import Work
from stand import Stand, Team

Address = Callable[..., str]


@pytest.fixture(name="pushed")
def push_something(work: Work, team: Team, address: Address) -> Work:
    """A branch with files of every kind, and one tag before it."""
    work.commit({"README.md": "old\n"}, "first")
    work.run("tag", "v1.0.0")
    (work.folder / "link").symlink_to("/etc/passwd")
    (work.folder / "run.sh").write_text("#!/bin/sh\n")
    (work.folder / "run.sh").chmod(0o755)
    work.commit(
        {"README.md": "new\n", "a/b/c d.txt": "deep", "page.html": "<script>", "bin": b"\0\1", ".gitattributes": "README.md export-ignore\n"},
        "second",
    )
    work.run("push", "--quiet", address(team.project, team.developer), "--all")
    work.run("push", "--quiet", address(team.project, team.developer), "--tags")
    return work


def base(team: Team) -> str:
    return f"/projects/{team.project['id']}/repository"


def test_folders_are_listed(pushed: Work, team: Team, stand: Stand) -> None:
    """A script that walks a repository finds other files than are there."""
    token = team.reporter.token
    root = stand.want(200, "GET", f"{base(team)}/tree", token=token)
    listed = {(entry["path"], entry["type"], entry["mode"]) for entry in root}
    assert (root[0]["path"], root[0]["type"], root[0]["mode"]) == ("a", "tree", "040000")
    assert {("link", "blob", "120000"), ("run.sh", "blob", "100755"), ("README.md", "blob", "100644")} <= listed
    assert root[0]["id"] == pushed.read("rev-parse", "HEAD:a")
    every = stand.want(200, "GET", f"{base(team)}/tree?recursive=true&ref=main", token=token)
    assert [entry["path"] for entry in every if entry["type"] == "tree"] == ["a", "a/b"]
    assert {entry["path"] for entry in every if entry["type"] == "blob"} == set(
        pushed.read("ls-tree", "-r", "--name-only", "-z", "HEAD").split("\0")
    ) - {""}
    assert [entry["name"] for entry in stand.want(200, "GET", f"{base(team)}/tree?path=a/b&ref=main", token=token)] == ["c d.txt"]
    assert len(stand.want(200, "GET", f"{base(team)}/tree?per_page=2&page=2", token=token)) == 2
    for query in ("ref=nothing", "path=nothing", "path=README.md", "path=../..", "ref=--all"):
        assert "Tree Not Found" in stand.want(404, "GET", f"{base(team)}/tree?{query}", token=token)["message"]


def test_a_file_is_told_with_its_bytes(pushed: Work, team: Team, stand: Stand) -> None:
    """A script reads another file, or cannot tell whether it has changed."""
    found = stand.want(200, "GET", f"{base(team)}/files/a%2Fb%2Fc%20d.txt?ref=main", token=team.reporter.token)
    assert base64.b64decode(found["content"]) == b"deep" and found["content_sha256"] == hashlib.sha256(b"deep").hexdigest()
    assert (found["file_name"], found["file_path"], found["size"]) == ("c d.txt", "a/b/c d.txt", 4)
    assert found["blob_id"] == pushed.read("rev-parse", "HEAD:a/b/c d.txt") and found["commit_id"] == pushed.read("rev-parse", "HEAD")
    old = stand.want(200, "GET", f"{base(team)}/files/README.md?ref=v1.0.0", token=team.reporter.token)
    assert base64.b64decode(old["content"]) == b"old\n" and old["last_commit_id"] == pushed.read("rev-parse", "v1.0.0")
    assert stand.want(200, "GET", f"{base(team)}/files/run.sh", token=team.reporter.token)["execute_filemode"] is True
    for path in ("nothing", "a", "README.md%00x", "a%2F..%2FREADME.md"):
        assert stand.api("GET", f"{base(team)}/files/{path}?ref=main", token=team.reporter.token).status in (400, 404)


def test_raw_bytes_are_never_a_page(pushed: Work, team: Team, stand: Stand, address: Address) -> None:
    """A file of a repository runs as a script in the name of whoever looks at it, or a link leads out."""
    for path, content, media in (
        ("page.html", b"<script>", "text/plain; charset=utf-8"),
        ("bin", b"\0\1", "application/octet-stream"),
        ("link", b"/etc/passwd", "text/plain; charset=utf-8"),
    ):
        answer = stand.api("GET", f"{base(team)}/files/{path}/raw?ref=main", token=team.reporter.token).expect(200)
        assert (answer.body, answer.headers["content-type"], answer.headers["x-content-type-options"]) == (content, media, "nosniff")
        assert answer.headers["x-gitlab-blob-id"] == pushed.read("rev-parse", f"HEAD:{path}")
    pushed.commit({"large.txt": b"x" * 3_000_000})
    pushed.run("push", "--quiet", address(team.project, team.developer), "HEAD:refs/heads/large")
    large = stand.api("GET", f"{base(team)}/files/large.txt/raw?ref=large", token=team.reporter.token).expect(200)
    assert large.body == b"x" * 3_000_000 and large.headers["content-type"] == "application/octet-stream"
    for path in ("a%2Fb%2Fc%20d.txt", "a/b/c%20d.txt"):
        assert stand.api("GET", f"{base(team)}/files/{path}/raw", token=team.reporter.token).expect(200).body == b"deep"


@pytest.mark.parametrize("ending", ["", ".zip", ".tar", ".tar.gz"])
def test_archives(ending: str, pushed: Work, team: Team, stand: Stand) -> None:
    """An archive lacks a file, holds a link that leads out, or differs each time."""
    answer = stand.api("GET", f"{base(team)}/archive{ending}?sha=main", token=team.reporter.token).expect(200)
    head, path = pushed.read("rev-parse", "HEAD"), team.project["path"]
    top = f"{path}-main-{head}"
    assert f'filename="{top}{ending or ".tar.gz"}"' in answer.headers["content-disposition"]
    if ending == ".zip":
        with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
            held = {info.filename: (archive.read(info), info.external_attr >> 16 & 0o777) for info in archive.infolist()}
    else:
        with tarfile.open(fileobj=io.BytesIO(answer.body)) as archive_:
            held = {info.name: (archive_.extractfile(info).read(), info.mode) for info in archive_.getmembers()}  # type: ignore[union-attr]
    assert held[f"{top}/run.sh"] == (b"#!/bin/sh\n", 0o755) and held[f"{top}/a/b/c d.txt"] == (b"deep", 0o644)
    assert f"{top}/README.md" in held and not any("link" in name for name in held)
    assert stand.api("GET", f"{base(team)}/archive{ending}?sha=main", token=team.reporter.token).body == answer.body
    stand.want(404, "GET", f"{base(team)}/archive{ending}?sha=nothing", token=team.reporter.token)
    stand.want(404, "GET", f"{base(team)}/archive{ending}?path=nothing", token=team.reporter.token)


def test_history(pushed: Work, team: Team, stand: Stand) -> None:
    """The commits of a branch are in another order, or those of a path are all."""
    new, old = pushed.read("rev-parse", "HEAD"), pushed.read("rev-parse", "v1.0.0")
    token = team.reporter.token

    def ids(query: str) -> list[str]:
        return [commit["id"] for commit in stand.want(200, "GET", f"{base(team)}/commits{query}", token=token)]

    assert (ids(""), ids("?ref_name=v1.0.0"), ids("?path=run.sh"), ids("?per_page=1&page=2")) == ([new, old], [old], [new], [old])
    stand.want(404, "GET", f"{base(team)}/commits?ref_name=nothing", token=token)


def test_only_readers_of_code_read_it(pushed: Work, team: Team, stand: Stand) -> None:
    """Somebody reads the code of a private project who may not."""
    guest = stand.make_member(team.group, 10)
    for path in ("tree", "files/README.md", "files/README.md/raw", "archive.zip", "commits"):
        for token, status in ((team.stranger.token, 404), (guest.token, 403), (None, 404)):
            assert stand.api("GET", f"{base(team)}/{path}", token=token).status == status, (path, status)
