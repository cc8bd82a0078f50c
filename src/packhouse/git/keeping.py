"""Repositories on disk: made, looked after, checked, changed by one ref. Everything here blocks."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from packhouse.durable import sync
from packhouse.errors import AlreadyExists, Conflict, Invalid, NotFound, Unavailable
from packhouse.git.program import run

BRANCHES, TAGS = "refs/heads/", "refs/tags/"
FIRST_BRANCHES = ("main", "master")
ABSENT = "0" * 40
GC_SECONDS = 600.0


def as_text(name: str) -> str:
    """A name in a repository, which may be any bytes, as text that can be shown and stored: what is no UTF-8 is replaced."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def make_repository(folder: Path, branch: str = "main") -> None:
    """An empty bare repository; nothing where there is one. It appears whole, or not at all. Raises `Unavailable`."""
    if folder.is_dir():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f"{folder.name}.{secrets.token_hex(8)}.new")
    try:
        made = run(None, "init", "--quiet", "--bare", "--template=", f"--initial-branch={branch}", "--object-format=sha1", "--", str(partial))
        if made.returncode != 0:
            raise Unavailable("The repository cannot be made: an administrator can find the reason in the data folder's free space and rights")
        try:
            partial.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
        sync(folder.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def remove_repository(folder: Path) -> None:
    """Nothing is left of it: out of sight first, then away."""
    gone = folder.with_name(f"{folder.name}.{secrets.token_hex(8)}.gone")
    with contextlib.suppress(FileNotFoundError):
        folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)  # a program that was at work in it, in another process, may have made a part again


def read_refs(folder: Path) -> Mapping[str, str]:
    """Every ref → the id it holds, not peeled."""
    listed = run(folder, "for-each-ref", "--format=%(objectname) %(refname)")
    return {name: id_ for id_, _, name in (line.partition(" ") for line in listed.stdout.decode("utf-8", "surrogateescape").splitlines())}


def settle_head(folder: Path, refs: Mapping[str, str], pushed: Iterable[str] = ()) -> str:
    """The default branch: the one that HEAD names; where that is not there, one that is, of those just pushed the first. "" while there is none."""
    named = run(folder, "symbolic-ref", "HEAD").stdout.decode("utf-8", "replace").strip().removeprefix(BRANCHES)
    branches = sorted(name[len(BRANCHES) :] for name in refs if name.startswith(BRANCHES))
    if named in branches or not branches:
        return named if branches else ""
    usual = (name for name in FIRST_BRANCHES if name in branches)
    first = (ref[len(BRANCHES) :] for ref in pushed if ref.startswith(BRANCHES) and ref in refs)
    return set_head(folder, [*usual, *first, *branches][0])


def set_head(folder: Path, branch: str) -> str:
    """Make a branch the default one. Raises `NotFound`."""
    if BRANCHES + branch not in read_refs(folder):
        raise NotFound(f"Branch {branch[:120]!r} is not there: push it first")
    run(folder, "symbolic-ref", "HEAD", BRANCHES + branch)
    return branch


def change_ref(folder: Path, ref: str, new: str, old: str = ABSENT) -> None:
    """Make a ref (`old` is absent), or remove it (`new` is absent). Raises `AlreadyExists`, `Invalid`, `Conflict`."""
    if run(None, "check-ref-format", ref).returncode != 0 or ref.rpartition("/")[2].startswith("-"):
        raise Invalid(f"{ref.split('/', 2)[-1][:120]!r} is not a name that Git takes")
    done = run(folder, "update-ref", "--no-deref", ref, new, old)
    if done.returncode == 0:
        return
    if old == ABSENT and ref in read_refs(folder):
        raise AlreadyExists(f"{ref.split('/', 2)[-1]} already exists")
    raise Conflict(f"{ref.split('/', 2)[-1]} was changed meanwhile, or its name is in the way of another: look again")


def make_ref(folder: Path, ref: str, commit: str, message: str, who: str) -> str:
    """A branch or tag at a commit; with a message an annotated tag. The id that it holds. Raises `AlreadyExists`, `Invalid`."""
    target = commit
    if message:
        import pygit2

        if ref in read_refs(folder):
            raise AlreadyExists(f"{ref.split('/', 2)[-1]} already exists")
        name = "".join(letter for letter in who if letter.isprintable() and letter not in "<>").strip() or "unknown"
        tagger = pygit2.Signature(name, "noreply@localhost.invalid")
        stamp = f"{tagger.time} +0000"
        text = f"object {commit}\ntype commit\ntag {ref.removeprefix(TAGS)}\ntagger {name} <{tagger.email}> {stamp}\n\n{message.rstrip()}\n"
        repository = pygit2.Repository(str(folder))
        target = str(repository.write(pygit2.enums.ObjectType.TAG, text.encode()))
        repository.free()
    change_ref(folder, ref, target)
    return target


def tend(folder: Path) -> None:
    """Pack what has become many files, and keep the graph of commits that makes questions of ancestry quick."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        _pack(folder, expire="2.weeks.ago")
        run(folder, "pack-refs", "--all")  # a thousand tags are one file to read
        run(folder, "commit-graph", "write", "--reachable", "--split", seconds=GC_SECONDS)


def _pack(folder: Path, expire: str) -> None:
    """Where there are many files, pack them; what nothing leads to goes once it is older than `expire`. Raises `TimeoutExpired`."""
    settings = ("gc.autoDetach=false", f"gc.pruneExpire={expire}", "pack.threads=1", "pack.windowMemory=64m", "core.fsync=all")
    run(folder, "gc", "--auto", "--quiet", seconds=GC_SECONDS, settings=settings)


def copy_repository(source: Path, target: Path) -> str:
    """Bring a copy up to date, made where it is not there: every ref and all that it needs; what went wrong, "" where nothing did."""
    make_repository(target)
    settings = ("protocol.file.allow=always", "core.fsync=all", "gc.auto=0")
    arguments = ("fetch", "--quiet", "--prune", "--no-tags", "--no-write-fetch-head", "--", str(source), "+refs/*:refs/*")
    try:
        fetched = run(target, *arguments, seconds=GC_SECONDS, settings=settings)
    except subprocess.TimeoutExpired:
        return f"git fetch did not end within {GC_SECONDS:.0f} s"
    if fetched.returncode != 0:
        return as_text(fetched.stderr.decode("utf-8", "surrogateescape").strip())[-500:]
    head = run(source, "symbolic-ref", "HEAD").stdout.decode().strip()
    run(target, "symbolic-ref", "HEAD", head)
    with contextlib.suppress(subprocess.TimeoutExpired):
        _pack(target, expire="never")  # what was rewritten by mistake can still be had from the copy
    return ""


def check_repository(folder: Path, *, deep: bool = False) -> str:
    """What is wrong with a repository, "" where nothing is; with `deep` every object is read."""
    how = ("--full",) if deep else ("--connectivity-only",)
    try:
        found = run(folder, "fsck", *how, "--no-dangling", "--no-progress", seconds=GC_SECONDS)
    except subprocess.TimeoutExpired:
        return f"git fsck did not end within {GC_SECONDS:.0f} s"
    text = " ".join((found.stderr + found.stdout).decode("utf-8", "replace").split())
    return "" if found.returncode == 0 else text[:500] or f"git fsck ended with {found.returncode}"
