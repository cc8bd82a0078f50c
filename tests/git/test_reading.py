"""`git.reading`: real repositories, read as a format reads them."""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from git_work import Work, new_work

from packhouse.blobs.spool import Spool
from packhouse.errors import Invalid, RepositoryNotFound, TooLarge, Unavailable
from packhouse.git import keeping, reading
from packhouse.git.reading import Reader


@pytest.fixture(name="spool")
def make_spool(tmp_path: Path) -> Spool:
    spool = Spool(tmp_path / "spool")
    spool.start()
    return spool


@pytest.fixture(name="bare")
def make_bare(tmp_path: Path) -> Path:
    """An empty repository as the house makes it."""
    folder = tmp_path / "data" / "x.git"
    keeping.make_repository(folder)
    return folder


@pytest.fixture(name="git")
def open_reader(bare: Path, work: Work, spool: Spool) -> Iterator[Reader]:
    """Two commits with files of every kind, a branch, a tag of each kind, and a tag of a blob."""
    work.commit({"go.mod": "module x\n", "b/two": "22", "a.txt": "a", "a/x": "x"})
    work.run("tag", "v1.0.0")
    (work.folder / "link").symlink_to("go.mod")
    (work.folder / "run.sh").write_text("#!/bin/sh\n")
    (work.folder / "run.sh").chmod(0o755)
    work.commit({"ü.txt": "ü"})
    work.run("tag", "--annotate", "--message", "x", "v1.1.0")
    work.run("tag", "--annotate", "--message", "of a tag", "again", "v1.1.0")
    work.run("tag", "blob", "HEAD:go.mod")
    work.run("branch", "old/er", "v1.0.0")
    work.run("push", "--quiet", str(bare), "--all")
    work.run("push", "--quiet", str(bare), "--tags")
    reader = Reader(bare, spool)
    yield reader
    reader.close()


def test_an_empty_repository_has_nothing(bare: Path, spool: Spool) -> None:
    """A fresh repository is an error to those who read it."""
    git = Reader(bare, spool)
    assert (git.default_branch, dict(git.branches()), dict(git.tags()), git.resolve("main"), git.resolve("HEAD")) == ("", {}, {}, None, None)


def test_no_repository_is_said_so(tmp_path: Path, spool: Spool) -> None:
    """A project without a repository gives a traceback, or the repository of a folder above it."""
    Work(new_work(tmp_path / "above").folder)
    (tmp_path / "above" / "below").mkdir()
    for folder in (tmp_path / "nothing", tmp_path / "above" / "below"):
        with pytest.raises(RepositoryNotFound):
            Reader(folder, spool)


def test_refs_lead_to_commits(git: Reader, work: Work) -> None:
    """An annotated tag gives the id of the tag, or a tag of a file is listed as a version."""
    old, new = work.read("rev-parse", "v1.0.0"), work.read("rev-parse", "HEAD")
    assert git.default_branch == "main"
    assert dict(git.branches()) == {"main": new, "old/er": old}
    assert dict(git.tags()) == {"again": new, "v1.0.0": old, "v1.1.0": new}


def test_refs_are_read_again_when_one_has_moved(git: Reader, work: Work, bare: Path, spool: Spool) -> None:
    """A tag that was pushed, moved, packed or deleted is not seen by the next one who reads."""

    def tags() -> dict[str, str]:
        reader = Reader(bare, spool)
        try:
            return dict(reader.tags())
        finally:
            reader.close()

    old, new = work.read("rev-parse", "v1.0.0"), work.read("rev-parse", "HEAD")
    assert "v2" not in tags() and "v2" not in tags()
    for commit in (old, new):
        work.run("push", "--quiet", "--force", str(bare), f"{commit}:refs/tags/v2")
        assert tags()["v2"] == tags()["v2"] == commit
        work.run("--git-dir", str(bare), "pack-refs", "--all")
        assert tags()["v2"] == commit
    work.run("push", "--quiet", str(bare), ":refs/tags/v2")
    assert "v2" not in tags()


def test_names_and_ids_are_resolved(git: Reader, work: Work) -> None:
    """A short id or a branch with a slash is not found, or a revision expression is taken for a name."""
    new = work.read("rev-parse", "HEAD")
    for text in ("main", "v1.1.0", "again", new, new[:7], new.upper()[:12]):
        assert git.resolve(text) == new
    tree = work.read("rev-parse", "HEAD^{tree}")
    for text in (
        "",
        "HEAD",
        "main~1",
        "main^",
        "@{0}",
        "..",
        "a..b",
        "--all",
        "blob",
        tree,
        new[:6],
        "refs/heads/main",
        "x" * 3000,
        "a\0b",
        "0" * 40,
        "ü",
    ):
        assert git.resolve(text) is None, text


def test_a_commit_tells_its_time_parents_and_message(git: Reader, work: Work) -> None:
    """A pseudo-version has another time than git's."""
    new, old = work.read("rev-parse", "HEAD"), work.read("rev-parse", "HEAD~1")
    found = git.commit(new)
    assert found is not None
    assert (found.id, found.tree, found.parents) == (new, work.read("rev-parse", "HEAD^{tree}"), (old,))
    assert found.time == int(work.read("show", "-s", "--format=%ct", "HEAD")) and found.message == "change\n"
    assert git.commit(found.tree) is None and git.commit("main") is None and git.commit("f" * 40) is None


def test_entries_are_every_file_with_its_kind_and_size(git: Reader, work: Work) -> None:
    """An archive lacks a file, or runs what is not executable."""
    new = work.read("rev-parse", "HEAD")
    found = [(entry.path, entry.kind, entry.size) for entry in git.entries(new)]
    assert found == [
        ("a.txt", "file", 1), ("a/x", "file", 1), ("b/two", "file", 2), ("go.mod", "file", 9),
        ("link", "link", 6), ("run.sh", "executable", 10), ("ü.txt", "file", 2),
    ]  # fmt: skip
    listed = [tuple(line.split("\t")) for line in work.read("-c", "core.quotePath=false", "ls-tree", "-r", "HEAD").splitlines()]
    assert [entry.path for entry in git.entries(new)] == [path for _, path in listed]
    assert [entry.path for entry in git.entries(new, "a")] == ["a/x"]
    assert [entry.path for entry in git.entries(new, "b/")] == ["b/two"]
    assert git.entries(new, "a.txt") == git.entries(new, "nothing") == git.entries("f" * 40) == ()


def test_a_submodule_has_no_bytes(git: Reader, work: Work, bare: Path, spool: Spool) -> None:
    """A submodule is looked for among the objects, and the whole commit cannot be read."""
    work.run("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    work.run("commit", "--quiet", "--message", "sub")
    work.run("push", "--quiet", str(bare), "HEAD:refs/heads/sub")
    again = Reader(bare, spool)
    commit = again.branches()["sub"]
    assert [(entry.path, entry.kind, entry.size) for entry in again.entries(commit) if entry.kind == "module"] == [("sub", "module", 0)]
    assert again.read(commit, "sub") is None


def test_files_are_read_up_to_a_limit_and_links_are_not(git: Reader, work: Work) -> None:
    """A link leads out of the repository, or a large file fills the memory."""
    new = work.read("rev-parse", "HEAD")
    assert git.read(new, "go.mod") == b"module x\n"
    assert git.read(new, "run.sh") == b"#!/bin/sh\n"
    assert git.read(new, "go.mod", limit=8) is None
    for path in ("link", "a", "", "/go.mod", "./go.mod", "../go.mod", "go.mod/", "nothing", "a//x"):
        assert git.read(new, path) is None, path


def test_a_folder_is_listed_one_level_deep(git: Reader, work: Work) -> None:
    """A page shows the files of all folders at once, or a folder that is a file."""
    root = reading.list_tree(git, "main")
    assert root is not None
    assert [(entry.path, entry.kind, entry.mode) for entry in root[:4]] == [
        ("a", "folder", "040000"), ("b", "folder", "040000"), ("a.txt", "file", "100644"), ("go.mod", "file", "100644"),
    ]  # fmt: skip
    assert root[0].id == work.read("rev-parse", "main:a")
    below = reading.list_tree(git, "v1.1.0", "/a/")
    assert below is not None and [(entry.name, entry.path, entry.size) for entry in below] == [("x", "a/x", 1)]
    for ref, path in (("main", "a.txt"), ("main", "nothing"), ("main", "../a"), ("nothing", ""), ("--all", ""), ("main", "a\0b"), ("main", "link/x")):
        assert reading.list_tree(git, ref, path) is None, (ref, path)


def test_a_file_is_found_with_its_bytes_where_they_are_few(git: Reader, work: Work) -> None:
    """A page loads a large file into memory, follows a link, or shows a folder as a file."""
    found = reading.read_blob(git, "main", "b/two")
    assert found is not None and (found.content, found.size, found.commit) == (b"22", 2, work.read("rev-parse", "main"))
    large = reading.read_blob(git, "main", "b/two", limit=1)
    assert large is not None and (large.content, large.size) == (None, 2)
    link = reading.read_blob(git, "main", "link")
    assert link is not None and (link.kind, link.content) == ("link", b"go.mod")
    for ref, path in (("main", "a"), ("main", ""), ("v1.0.0", "run.sh"), ("nothing", "a.txt"), ("main", "./a.txt")):
        assert reading.read_blob(git, ref, path) is None, (ref, path)


@pytest.mark.parametrize("head", [b"D\xe9v <a\xff@x>", b"D\xe9v <a@x>\nencoding bogus-9", b"D\\ud800v <a@x>\nencoding unicode_escape"])
def test_a_commit_of_any_encoding_is_described(head: bytes, work: Work, bare: Path, spool: Spool) -> None:
    """One odd commit makes every list of branches fail."""
    who, _, more = head.partition(b"\n")
    tree = work.run("mktree").out.strip().encode()
    lines = [b"tree " + tree, b"author " + who + b" 1 +0000", b"committer " + who + b" 1 +0000", *([more] if more else []), b"", b"m\xf6\n"]
    commit = work.run("hash-object", "-t", "commit", "-w", "--stdin", data=b"\n".join(lines)).out.strip()
    work.run("push", "--quiet", str(bare), f"{commit}:refs/heads/odd")
    reader = Reader(bare, spool)
    found = reading.list_commits(reader, "odd")
    reader.close()
    assert found is not None and found[0].author_name.startswith("D") and found[0].author_name.encode()


def test_commits_are_listed_newest_first(git: Reader, work: Work) -> None:
    """The history of a branch lacks its head, ignores its limit, or takes a path for a pattern."""
    old, new = work.read("rev-parse", "v1.0.0"), work.read("rev-parse", "HEAD")

    def ids(ref: str, limit: int = 20, offset: int = 0, path: str = "") -> list[str] | None:
        found = reading.list_commits(git, ref, limit, offset, path)
        return None if found is None else [one.commit.id for one in found]

    assert (ids("main"), ids("main", 1), ids("main", 1, 1), ids("old/er")) == ([new, old], [new], [old], [old])
    assert (ids("main", path="run.sh"), ids("main", path="a"), ids("main", path="*.sh"), ids("main", path=":/")) == ([new], [old], [], [])
    assert (ids("nothing"), ids("--all"), ids("main", path="--all")) == (None, None, [])


def test_attributes_are_those_of_the_commit_and_of_git(git: Reader, work: Work, bare: Path, spool: Spool) -> None:
    """A module's zip follows attributes of another commit or of this machine, or leaves something behind each time."""
    work.commit({".gitattributes": '*.txt text eol=crlf\n"quo ted" -text\n', "deep/.gitattributes": "a.txt !eol\n", "quo ted": "x"})
    work.run("push", "--quiet", str(bare), "HEAD:refs/heads/attributes")
    paths, names = ["a.txt", "deep/a.txt", "quo ted", "ü.txt", "go.mod"], ("text", "eol")
    again = Reader(bare, spool)
    found = again.attributes(again.branches()["attributes"], paths, names)
    assert [tuple(one) for one in found] == [
        ("set", "crlf"), ("set", "unspecified"), ("unset", "unspecified"), ("set", "crlf"), ("unspecified", "unspecified"),
    ]  # fmt: skip
    for commit in (work.read("rev-parse", "v1.0.0"), "f" * 40, "--help"):
        assert {value for one in again.attributes(commit, paths, names) for value in one} == {"unspecified"}
    again.close()
    assert list(spool.folder.iterdir()) == []


def test_a_blob_is_read_by_its_id(git: Reader, work: Work) -> None:
    """A commit is served as if it were a file, or an unknown id is a traceback."""
    new = work.read("rev-parse", "HEAD")
    assert {entry.path: git.blob(entry.id) for entry in git.entries(new)}["b/two"] == b"22"
    for id_ in (new, "f" * 40, "nothing"):
        with pytest.raises(Invalid):
            git.blob(id_)


def test_ancestry(git: Reader, work: Work) -> None:
    """A pseudo-version is built on a tag of another branch."""
    old, new = work.read("rev-parse", "v1.0.0"), work.read("rev-parse", "HEAD")
    assert git.is_ancestor(old, new) and git.is_ancestor(new, new)
    assert not git.is_ancestor(new, old)
    assert not git.is_ancestor("f" * 40, new) and not git.is_ancestor("--help", new)


def test_spooled_files_have_all_digests(git: Reader, spool: Spool) -> None:
    """What was made from a repository cannot be published, as its digests are wrong or its file is not there."""
    import hashlib

    def write(file: BinaryIO) -> None:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("a", "a" * 100_000)

    made = git.spool(write)
    content = Path(made.path).read_bytes()
    assert (made.size, made.sha256, made.md5) == (len(content), hashlib.sha256(content).hexdigest(), hashlib.md5(content).hexdigest())
    assert (made.sha1, made.sha512) == (hashlib.sha1(content).hexdigest(), hashlib.sha512(content).hexdigest())
    assert zipfile.ZipFile(made.path).testzip() is None


def test_a_spooled_file_that_fails_leaves_nothing(git: Reader, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused module fills the spool a little more each time it is asked for."""
    monkeypatch.setattr(reading, "LARGEST_FILE", 1000)
    with pytest.raises(TooLarge):
        git.spool(_write_much)

    def fail(file: BinaryIO) -> None:
        file.write(b"x")
        raise Invalid("no")

    with pytest.raises(Invalid):
        git.spool(fail)
    assert list(spool.folder.iterdir()) == []


def _write_much(file: BinaryIO) -> None:
    file.write(b"x" * 600_000)


def test_a_tree_bomb_is_given_up_early(bare: Path, work: Work, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few objects that unfold into millions of files keep the server busy for hours."""
    blob = work.run("hash-object", "-w", "--stdin", data=b"x").out.strip()
    tree = work.run("mktree", data="".join(f"100644 blob {blob}\tf{number}\n" for number in range(10)).encode()).out.strip()
    for _ in range(9):
        tree = work.run("mktree", data="".join(f"040000 tree {tree}\tf{number}\n" for number in range(10)).encode()).out.strip()
    commit = work.read("commit-tree", "-m", "bomb", tree)
    work.run("push", "--quiet", str(bare), f"{commit}:refs/heads/bomb")
    monkeypatch.setattr(reading, "MOST_ENTRIES", 5_000)
    with pytest.raises(TooLarge):
        Reader(bare, spool).entries(commit)


def test_a_very_deep_tree_is_refused(bare: Path, work: Work, spool: Spool) -> None:
    """A deep tree ends in a traceback about recursion."""
    blob = work.run("hash-object", "-w", "--stdin", data=b"x").out.strip()
    tree = work.run("mktree", data=f"100644 blob {blob}\tf\n".encode()).out.strip()
    for _ in range(reading.DEEPEST + 5):
        tree = work.run("mktree", data=f"040000 tree {tree}\td\n".encode()).out.strip()
    commit = work.read("commit-tree", "-m", "deep", tree)
    work.run("push", "--quiet", str(bare), f"{commit}:refs/heads/deep")
    with pytest.raises(TooLarge):
        Reader(bare, spool).entries(commit)


def test_what_takes_too_long_ends(git: Reader, bare: Path, spool: Spool) -> None:
    """A reading that its caller has given up goes on."""
    late = Reader(bare, spool, seconds=-1)
    for ask in (late.tags, late.branches, lambda: late.resolve("main"), lambda: late.entries("f" * 40)):
        with pytest.raises(Unavailable):
            ask()


def test_names_that_are_not_text_do_not_break_the_others(bare: Path, work: Work, spool: Spool) -> None:
    """One file name in another encoding hides every file."""
    blob = work.run("hash-object", "-w", "--stdin", data=b"x").out.strip()
    tree = work.run("mktree", "-z", data=f"100644 blob {blob}\t".encode() + b"\xff\xfe\0" + f"100644 blob {blob}\tz\0".encode()).out.strip()
    commit = work.read("commit-tree", "-m", "names", tree)
    work.run("push", "--quiet", str(bare), f"{commit}:refs/heads/names")
    assert [entry.path for entry in Reader(bare, spool).entries(commit)] == ["z", "\udcff\udcfe"]


def test_two_threads_make_one_repository(tmp_path: Path) -> None:
    """Two first pushes at once make two repositories, one of which is lost."""
    folder = tmp_path / "x.git"
    threads = [threading.Thread(target=keeping.make_repository, args=(folder,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [path.name for path in tmp_path.iterdir()] == ["x.git"]
    assert keeping.check_repository(folder) == ""
    assert not list(folder.glob("hooks/*"))
