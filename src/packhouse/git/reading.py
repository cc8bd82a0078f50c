"""A bare repository read without a checkout: raw objects, no filter, no attribute, no hook (threats, T90 to T93). Implements `contract.Git`."""

from __future__ import annotations

import hashlib
import io
import os
import re
import secrets
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from packhouse.blobs.spool import ALL_DIGESTS, BLOCK, Spool, full_disk
from packhouse.errors import Invalid, OutOfSpace, RepositoryNotFound, TooLarge, Unavailable
from packhouse.git.program import run
from packhouse.model import Commit, GitEntry, Spooled, Struct

if TYPE_CHECKING:
    import pygit2

MIB = 1024 * 1024
LARGEST_FILE = 1024 * MIB  # what a reader may spool
LARGEST_BLOB = 512 * MIB  # a blob comes into memory whole
MOST_ENTRIES = 200_000
DEEPEST = 64
BRANCHES, TAGS = "refs/heads/", "refs/tags/"
KINDS = {0o100644: "file", 0o100664: "file", 0o100755: "executable", 0o120000: "link", 0o160000: "module"}
FOLDER = 0o040000
_ID = re.compile(r"[0-9a-f]{40}")
_SHORT = re.compile(r"[0-9a-f]{7,40}")


class Described(Struct):
    """A commit, and who made it: `author_time` in seconds since 1970."""

    commit: Commit
    author_name: str
    author_email: str
    author_time: int
    committer_name: str
    committer_email: str


class Reader:
    """One repository for the time of one reading. What takes too long raises `Unavailable` at its next step."""

    def __init__(self, folder: Path, spool: Spool, seconds: float = 120.0) -> None:
        self._folder = folder
        self._repository = _open(folder)
        self._spool = spool
        self._ends = time.monotonic() + seconds

    def close(self) -> None:
        """Give back the files that it holds open."""
        self._repository.free()

    # -- refs --------------------------------------------------------------------------------------------------------

    @property
    def default_branch(self) -> str:
        target = self._repository.lookup_reference("HEAD").target
        name = str(target).removeprefix(BRANCHES)
        if str(target).startswith(BRANCHES) and self._commit_of(BRANCHES + name) is not None:
            return name
        return ""

    def branches(self) -> Mapping[str, str]:
        return self._refs(BRANCHES)

    def tags(self) -> Mapping[str, str]:
        return self._refs(TAGS)

    def find_branch(self, name: str) -> str | None:
        """The commit of one branch."""
        return self._commit_of(BRANCHES + name)

    def find_tag(self, name: str) -> str | None:
        """The commit that one tag leads to."""
        return self._commit_of(TAGS + name)

    def resolve(self, text: str) -> str | None:
        self._check_time()
        if not text or len(text) > 1024 or "\0" in text:
            return None
        for prefix in (BRANCHES, TAGS):
            found = self._commit_of(prefix + text)
            if found is not None:
                return found
        return self._by_id(text.lower())

    def _refs(self, prefix: str) -> Mapping[str, str]:
        self._check_time()
        refs: dict[str, str] = {}
        for raw in self._repository.raw_listall_references():
            name = raw.decode("utf-8", "surrogateescape")
            if name.startswith(prefix) and name.isprintable() and (commit := self._commit_of(name)) is not None:
                refs[name[len(prefix) :]] = commit
        return dict(sorted(refs.items()))

    def _commit_of(self, ref: str) -> str | None:
        try:
            reference = self._repository.lookup_reference(ref)
            return str(reference.peel(_commit_type()).id)
        except (KeyError, ValueError, _git_error()):
            return None  # no such ref, no valid name of one, or it leads to no commit

    def _by_id(self, text: str) -> str | None:
        if _SHORT.fullmatch(text) is None:
            return None
        try:
            found = self._repository[text]
        except (KeyError, ValueError):
            return None  # unknown, or the start of several
        return str(found.id) if isinstance(found, _commit_type()) else None

    # -- objects -----------------------------------------------------------------------------------------------------

    def commit(self, commit: str) -> Commit | None:
        self._check_time()
        found = self._find_commit(commit)
        if found is None:
            return None
        return Commit(
            id=str(found.id),
            tree=str(found.tree_id),
            parents=tuple(str(parent) for parent in found.parent_ids),
            time=found.commit_time,
            message=found.raw_message.decode("utf-8", "replace"),
        )

    def describe(self, commit: str) -> Described | None:
        """A commit with the people behind it."""
        found, known = self._find_commit(commit), self.commit(commit)
        if found is None or known is None:
            return None
        author, committer = found.author, found.committer
        return Described(
            commit=known,
            author_name=author.name,
            author_email=author.email,
            author_time=author.time,
            committer_name=committer.name,
            committer_email=committer.email,
        )

    def tag_messages(self, names: Iterable[str]) -> Mapping[str, tuple[str, str]]:
        """Of these tags, the annotated ones: name → the id of the tag object and its message."""
        import pygit2

        found: dict[str, tuple[str, str]] = {}
        for name in names:
            target = self._repository.get(str(self._repository.lookup_reference(TAGS + name).target))
            if isinstance(target, pygit2.Tag):
                found[name] = (str(target.id), target.raw_message.decode("utf-8", "replace") if target.raw_message else "")
        return found

    def entries(self, commit: str, path: str = "") -> Sequence[GitEntry]:
        """Every file below a folder. Names that are not UTF-8 carry their bytes as surrogates. Raises `TooLarge` for more than anybody packs."""
        self._check_time()
        found = self._find_commit(commit)
        if found is None:
            return ()
        path = path.strip("/")
        try:
            tree: Any = found.tree[path] if path else found.tree
        except (KeyError, ValueError):
            return ()
        if tree.filemode != FOLDER and path:
            return ()
        listed: list[GitEntry] = []
        for entry in self._walk(tree, path + "/" if path else "", 1):
            if len(listed) >= MOST_ENTRIES:
                raise TooLarge(f"The commit {commit[:12]} has more than {MOST_ENTRIES} files", limit=MOST_ENTRIES)
            listed.append(entry)
        return sorted(listed, key=lambda entry: entry.path.encode("utf-8", "surrogateescape"))

    def _walk(self, tree: pygit2.Tree, prefix: str, depth: int) -> Iterator[GitEntry]:
        self._check_time()
        if depth > DEEPEST:
            raise TooLarge(f"The folder {prefix[:80]!r} is deeper than {DEEPEST} levels", limit=DEEPEST)
        for item in tree:
            raw = cast(bytes, item.raw_name)
            if raw in (b".", b"..", b"") or b"/" in raw or b"\0" in raw:
                raise Invalid(f"The folder {prefix[:80]!r} of the repository holds a name that no file can have")
            path = prefix + raw.decode("utf-8", "surrogateescape")
            mode = int(item.filemode)
            if mode == FOLDER:
                yield from self._walk(cast("pygit2.Tree", item), path + "/", depth + 1)
            else:
                kind = KINDS.get(mode, "file")
                yield GitEntry(path=path, kind=kind, id=str(item.id), size=0 if kind == "module" else self._size(str(item.id)))

    def read(self, commit: str, path: str, limit: int = MIB) -> bytes | None:
        self._check_time()
        found = self._find_commit(commit)
        try:
            item = None if found is None else found.tree[path]
        except (KeyError, ValueError):
            return None
        if item is None or KINDS.get(int(item.filemode)) not in ("file", "executable") or self._size(str(item.id)) > limit:
            return None
        return self.blob(str(item.id))

    def blob(self, blob: str) -> bytes:
        """The bytes of an entry. Raises `Invalid` where the repository lacks it, `TooLarge`."""
        self._check_time()
        if self._size(blob) > LARGEST_BLOB:
            raise TooLarge(f"The file {blob[:12]} of the repository is too large", limit=LARGEST_BLOB)
        kind, data = self._repository.odb.read(blob)
        if int(kind) != _blob_kind():
            raise Invalid(f"The object {blob[:12]} of the repository is no file")
        return data

    def is_ancestor(self, older: str, newer: str) -> bool:
        self._check_time()
        if self._find_commit(older) is None or self._find_commit(newer) is None:
            return False
        if older == newer:
            return True
        # the library walks with the interpreter's lock held: a long history would stop every request
        left = max(0.1, self._ends - time.monotonic())
        try:
            return run(self._folder, "merge-base", "--is-ancestor", older, newer, seconds=left).returncode == 0
        except subprocess.TimeoutExpired as error:
            raise Unavailable("Reading the repository took too long") from error

    def _find_commit(self, commit: str) -> pygit2.Commit | None:
        if _ID.fullmatch(commit) is None:
            return None
        try:
            found = self._repository.get(commit)
        except ValueError:
            return None
        return found if isinstance(found, _commit_type()) else None

    def _size(self, blob: str) -> int:
        try:
            return int(self._repository.odb.read_header(blob)[1])
        except (KeyError, ValueError, _git_error()) as error:
            raise Invalid(f"The repository lacks the object {blob[:12]}: push its branch again, or run the doctor") from error

    # -- out ---------------------------------------------------------------------------------------------------------

    def spool(self, write: Callable[[BinaryIO], None]) -> Spooled:
        """What `write` puts into a new file. Raises `TooLarge`, `OutOfSpace`."""
        self._check_time()
        self._spool.check_space()
        path = self._spool.folder / secrets.token_hex(16)
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with _Bounded(fd, self._check_time) as raw:
                buffered = io.BufferedRandom(raw, 256 * 1024)
                write(cast(BinaryIO, buffered))
                buffered.flush()
                os.fsync(raw.fileno())
                return _hash(raw, path)
        except BaseException as error:
            path.unlink(missing_ok=True)
            if isinstance(error, OSError) and full_disk(error):
                raise OutOfSpace() from error
            raise

    def _check_time(self) -> None:
        if time.monotonic() > self._ends:
            raise Unavailable("Reading the repository took too long")


class _Bounded(io.FileIO):
    """A file that ends at a size, and at a time."""

    def __init__(self, fd: int, check: Callable[[], None]) -> None:
        super().__init__(fd, "r+")
        self._check = check

    def write(self, data: Any, /) -> int:
        self._check()
        if self.tell() + len(memoryview(data).cast("B")) > LARGEST_FILE:
            raise TooLarge("What was made from the repository is too large", limit=LARGEST_FILE)
        return super().write(data)


def _hash(raw: io.FileIO, path: Path) -> Spooled:
    hashers = {name: hashlib.new(name, usedforsecurity=False) for name in ALL_DIGESTS}
    raw.seek(0)
    size = 0
    while data := raw.read(BLOCK):
        size += len(data)
        for hasher in hashers.values():
            hasher.update(data)
    return Spooled(path=str(path), size=size, synced=True, **{name: hasher.hexdigest() for name, hasher in hashers.items()})


def _open(folder: Path) -> pygit2.Repository:
    import pygit2

    try:
        return pygit2.Repository(str(folder), pygit2.enums.RepositoryOpenFlag.NO_SEARCH | pygit2.enums.RepositoryOpenFlag.BARE)
    except (pygit2.GitError, KeyError) as error:
        raise RepositoryNotFound("This project has no Git repository yet: push one") from error


def _commit_type() -> Any:
    import pygit2

    return pygit2.Commit


def _git_error() -> type[Exception]:
    import pygit2

    return pygit2.GitError


def _blob_kind() -> int:
    import pygit2

    return int(pygit2.enums.ObjectType.BLOB)
