"""`source`: versions and zips read from real repositories."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from git_work import Work, new_work

from packhouse.blobs.spool import Spool
from packhouse.errors import VersionNotFound
from packhouse.formats.go import source
from packhouse.formats.go.source import Where
from packhouse.git import keeping
from packhouse.git.reading import Reader

MODULE = "host.test/group/lib"
STAMP = "20260102030405"
ROOT = Where(module=MODULE, folder="")
Open = Callable[[], Reader]


@pytest.fixture(name="work")
def make_work(tmp_path: Path) -> Work:
    """A working copy without commits."""
    return new_work(tmp_path / "work")


@pytest.fixture(name="pushed")
def push_and_open(tmp_path: Path, work: Work) -> Iterator[Open]:
    """Pushes all there is and opens the bare repository."""
    bare, spool, opened = tmp_path / "x.git", Spool(tmp_path / "spool"), list[Reader]()
    spool.start()
    keeping.make_repository(bare)

    def push() -> Reader:
        for what in ("--all", "--tags"):
            work.run("push", "--quiet", "--force", str(bare), what)
        opened.append(Reader(bare, spool))
        return opened[-1]

    yield push
    for reader in opened:
        reader.close()


def release(work: Work, tag: str, files: dict[str, str | bytes]) -> str:
    commit = work.commit(files, tag)
    work.run("tag", tag)
    return commit


def test_a_commit_of_no_calendar(work: Work, pushed: Open) -> None:
    """A commit with a date far away ends in a traceback for everybody who asks for the module."""
    release(work, "v1.0.0", {"go.mod": f"module {MODULE}\n"})
    work.run("-c", "user.name=x", "commit", "--quiet", "--allow-empty", "--message", "x", GIT_COMMITTER_DATE="@300000000000 +0000")
    work.run("tag", "v1.1.0")
    git = pushed()
    assert list(source.list_versions(git, ROOT)) == ["v1.0.0", "v1.1.0"]
    commit = work.read("rev-parse", "HEAD")
    for ask in (
        lambda: source.find(git, ROOT, "v1.1.0"),
        lambda: source.query(git, ROOT, "main"),
        lambda: source.find(git, ROOT, f"v1.0.1-0.20260102030405-{commit[:12]}"),
    ):
        with pytest.raises(VersionNotFound):
            ask()


def test_tags_of_every_kind(work: Work, pushed: Open) -> None:
    """A tag that is no version is listed, one that is is left out, or a commit without a go.mod is offered beside those that have one."""
    release(work, "v0.9.0", {"README.md": "x"})
    first = release(work, "v1.0.0", {"go.mod": f"// said first\nmodule {MODULE} // here\n"})
    for tag in ("v1", "1.0.1", "v1.0.1+build", "v01.0.2", "v2.0.0", "release"):
        work.run("tag", tag)
    work.run("tag", "--annotate", "--message", "x", "v1.1.0-rc.1")
    assert source.list_versions(pushed(), ROOT) == {"v1.0.0": first, "v1.1.0-rc.1": first}


def test_own_tag_of_a_folder_goes_first(work: Work, pushed: Open) -> None:
    """A module in a folder is read from the tag of the root though it has one of its own."""
    release(work, "v1.0.0", {"go.mod": f"module {MODULE}\n", "sub/go.mod": f"module {MODULE}/sub\n"})
    own = release(work, "sub/v1.0.0", {"sub/x.go": "package sub\n"})
    git, where = pushed(), Where(module=f"{MODULE}/sub", folder="sub")
    assert source.find(git, where, "v1.0.0").commit == own


def test_another_module_is_not_served(work: Work, pushed: Open) -> None:
    """A repository is served under a path that its go.mod does not say."""
    release(work, "v1.0.0", {"go.mod": "module other.test/x\n"})
    git = pushed()
    assert source.list_versions(git, ROOT) == {}
    with pytest.raises(VersionNotFound, match=r"go\.mod"):
        source.find(git, ROOT, "v1.0.0")


def test_pseudo_versions_are_checked(work: Work, pushed: Open) -> None:
    """A made-up pseudo-version is served, so that a build depends on a version that says what is not so."""
    release(work, "v1.0.0", {"go.mod": f"module {MODULE}\n"})
    commit = work.commit({"x.go": "package lib\n"})
    work.run("checkout", "--quiet", "--orphan", "side")
    release(work, "v1.5.0", {"y.go": "package lib\n"})
    git, rev = pushed(), commit[:12]
    for good in (f"v1.0.1-0.{STAMP}-{rev}", f"v0.0.0-{STAMP}-{rev}"):
        assert source.find(git, ROOT, good).commit == commit
    for wrong in (f"v1.0.1-0.20260102030406-{rev}", f"v1.5.1-0.{STAMP}-{rev}", f"v1.4.1-0.{STAMP}-{rev}", f"v0.0.0-{STAMP}-{'0' * 12}"):
        with pytest.raises(VersionNotFound):
            source.find(git, ROOT, wrong)
    assert source.query(git, ROOT, "main").version == f"v1.0.1-0.{STAMP}-{rev}"


def test_latest_without_tags_is_the_head(work: Work, pushed: Open) -> None:
    """A module that was never tagged has no latest version."""
    commit = work.commit({"go.mod": f"module {MODULE}\n"})
    found = source.latest(pushed(), ROOT)
    assert found.version == f"v0.0.0-{STAMP}-{commit[:12]}"
    assert json.loads(source.make_info(found)) == {"Version": found.version, "Time": "2026-01-02T03:04:05Z", "Origin": {"VCS": "git", "Hash": commit}}


def test_zip_holds_what_go_packs(work: Work, pushed: Open) -> None:
    """A zip has another module's files, a link or a vendored package in it, or lacks the licence of the root."""
    (work.folder / "sub").mkdir()
    (work.folder / "sub" / "link").symlink_to("x.go")
    files: dict[str, str | bytes] = {
        "LICENSE": "free\n", "sub/go.mod": f"module {MODULE}/sub\n", "sub/x.go": "package sub\n", "sub/deep/go.mod": f"module {MODULE}/sub/deep\n",
        "sub/deep/y.go": "package deep\n", "sub/vendor/a.test/a/a.go": "package a\n", "other/z.go": "package other\n",
    }  # fmt: skip
    commit = release(work, "sub/v1.0.0", files)
    git, where = pushed(), Where(module=f"{MODULE}/sub", folder="sub")
    first, second = (source.pack(git, where, "v1.0.0", commit) for _ in range(2))
    with zipfile.ZipFile(first.content.path) as archive:
        assert set(archive.namelist()) == {f"{MODULE}/sub@v1.0.0/{name}" for name in ("go.mod", "x.go", "LICENSE")}
    assert (first.content.sha256, first.h1) == (second.content.sha256, second.h1)


def test_colliding_names_are_no_module(work: Work, pushed: Open) -> None:
    """A zip is served that cannot be unpacked on every system."""
    commit = release(work, "v1.0.0", {"go.mod": f"module {MODULE}\n", "a.go": "package lib\n", "A.go": "package lib\n"})
    with pytest.raises(VersionNotFound, match="same file"):
        source.pack(pushed(), ROOT, "v1.0.0", commit)
