"""A bare repository read without a checkout: raw objects, no filter, no attribute, no hook (threats, T90 to T93). Implements `contract.Git`."""

from __future__ import annotations

import contextlib
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

from packhouse.blobs.spool import BLOCK, Spool, full_disk
from packhouse.contract import ALL_DIGESTS
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
KIND_ORDER = {"folder": 0, "module": 2}
MOST_KNOWN, LONGEST_KNOWN = 64, 5_000  # lists of refs in memory, and how many refs such a list may have
_ID = re.compile(r"[0-9a-f]{40}")
_SHORT = re.compile(r"[0-9a-f]{7,40}")
_known_refs: dict[tuple[str, str], Mapping[str, str]] = {}


class Described(Struct):
    """A commit, and who made it: `author_time` in seconds since 1970."""

    commit: Commit
    author_name: str
    author_email: str
    author_time: int
    committer_name: str
    committer_email: str


class TreeEntry(Struct):
    """What a folder holds. `kind`: folder, file, executable, link or module; `mode` is Git's, in octal; the size is that of a file or link."""

    name: str
    path: str
    kind: str
    mode: str
    id: str
    size: int = 0


class FoundBlob(Struct):
    """A file or link of a commit; `content` is None where it is larger than was asked for."""

    path: str
    kind: str
    mode: str
    id: str
    size: int
    commit: str
    content: bytes | None


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
        state = self._read_state()
        known = _known_refs.get((state, prefix))
        if known is not None:
            return known
        refs = self._read_refs(prefix)
        if len(refs) <= LONGEST_KNOWN and self._read_state() == state:
            while len(_known_refs) >= MOST_KNOWN:
                with contextlib.suppress(KeyError, StopIteration, RuntimeError):  # another thread was here
                    del _known_refs[next(iter(_known_refs))]
            _known_refs[state, prefix] = refs
        return refs

    def _read_state(self) -> str:
        """A text that changes with any ref."""
        self._check_time()
        found = hashlib.sha256(str(self._folder).encode())
        with contextlib.suppress(FileNotFoundError):
            packed = (self._folder / "packed-refs").stat()  # git replaces it, and never writes into it
            found.update(f" {packed.st_ino} {packed.st_mtime_ns} {packed.st_size}".encode())
        for folder, below, files in os.walk(self._folder / "refs"):
            below.sort()
            for path in (Path(folder, name) for name in sorted(files)):
                with contextlib.suppress(OSError):  # just now packed or deleted: the next reading sees another state
                    found.update(os.fsencode(path) + b"\0" + path.read_bytes())
        return found.hexdigest()

    def _read_refs(self, prefix: str) -> Mapping[str, str]:
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
            author_name=_text(author, "name"),
            author_email=_text(author, "email"),
            author_time=author.time,
            committer_name=_text(committer, "name"),
            committer_email=_text(committer, "email"),
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
        tree: Any = _lookup(found.tree, path) if path else found.tree
        if tree is None or (path and tree.filemode != FOLDER):
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

    def find(self, commit: str, path: str) -> TreeEntry | None:
        """What lies at a path of a commit; "" is the root."""
        self._check_time()
        found = self._find_commit(commit)
        if found is None:
            return None
        path = path.strip("/")
        if not path:
            return TreeEntry(name="", path="", kind="folder", mode="040000", id=str(found.tree_id))
        item = _lookup(found.tree, path)
        return None if item is None else self._entry(item, path)

    def children(self, tree: str, prefix: str = "") -> Sequence[TreeEntry]:
        """One level of a folder by the id of its tree: folders first, as a page shows them. Raises `TooLarge`."""
        self._check_time()
        listed = [self._entry(item, prefix + cast(bytes, item.raw_name).decode("utf-8", "surrogateescape")) for item in self._tree(tree)]
        return sorted(listed, key=lambda entry: (KIND_ORDER.get(entry.kind, 1), entry.name.encode("utf-8", "surrogateescape")))

    def below(self, listed: Iterable[TreeEntry], depth: int = 1) -> list[TreeEntry]:
        """These entries, and everything in the folders among them. Raises `TooLarge`."""
        if depth > DEEPEST:
            raise TooLarge(f"The folder is deeper than {DEEPEST} levels", limit=DEEPEST)
        found: list[TreeEntry] = []
        for entry in listed:
            found.append(entry)
            if entry.kind == "folder":
                found += self.below(self.children(entry.id, entry.path + "/"), depth + 1)
            if len(found) > MOST_ENTRIES:
                raise TooLarge(f"The folder holds more than {MOST_ENTRIES} files", limit=MOST_ENTRIES)
        return found

    def _tree(self, tree: str) -> pygit2.Tree:
        found = cast("pygit2.Tree", self._repository[tree])
        if len(found) > MOST_ENTRIES:
            raise TooLarge(f"The folder {tree[:12]} has more than {MOST_ENTRIES} entries", limit=MOST_ENTRIES)
        return found

    def _entry(self, item: Any, path: str) -> TreeEntry:
        mode = int(item.filemode)
        kind = "folder" if mode == FOLDER else KINDS.get(mode, "file")
        size = 0 if kind in ("folder", "module") else self._size(str(item.id))
        return TreeEntry(name=path.rpartition("/")[2], path=path, kind=kind, mode=f"{mode:06o}", id=str(item.id), size=size)

    def history(self, commit: str, limit: int, offset: int = 0, path: str = "") -> Sequence[str]:
        """The ids of a commit and those before it, newest first; with a path those that changed what is there."""
        self._check_time()
        if self._find_commit(commit) is None or "\0" in path:
            return ()
        below = [path.strip("/")] if path.strip("/") else []
        # of a path only its letters count, no pattern
        literal = {"GIT_LITERAL_PATHSPECS": "1"}
        listed = self._run("rev-list", f"--max-count={limit}", f"--skip={offset}", commit, "--", *below, variables=literal)
        return tuple(listed.stdout.decode("ascii", "replace").split())

    def read(self, commit: str, path: str, limit: int = MIB) -> bytes | None:
        self._check_time()
        found = self._find_commit(commit)
        item = None if found is None else _lookup(found.tree, path)
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

    def attributes(self, commit: str, paths: Sequence[str], names: Sequence[str]) -> Sequence[Sequence[str]]:
        """What the .gitattributes of a commit say of files, and nothing else does: set, unset, unspecified, or a value. Raises `Invalid`."""
        self._check_time()
        if self._find_commit(commit) is None:
            return [["unspecified"] * len(names) for _ in paths]
        # the library reads them a little otherwise than the program, which asks an index
        index = self._spool.folder / f"{secrets.token_hex(16)}.index"
        variables = {"GIT_INDEX_FILE": str(index), "GIT_ATTR_NOSYSTEM": "1"}
        asked = b"".join(path.encode("utf-8", "surrogateescape") + b"\0" for path in paths)
        try:
            made = self._run("read-tree", commit, variables=variables)
            told = self._run("check-attr", "--cached", "--stdin", "-z", *names, variables=variables, data=asked)
        finally:
            index.unlink(missing_ok=True)
        values = told.stdout.split(b"\0")[2::3]
        if made.returncode or told.returncode or len(values) != len(paths) * len(names):
            raise Invalid(f"The attributes of the commit {commit[:12]} cannot be read")
        decoded = [value.decode("utf-8", "replace") for value in values]
        return [decoded[at : at + len(names)] for at in range(0, len(decoded), len(names))]

    def _run(self, *arguments: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
        """The program in the time that is left: the library holds the interpreter's lock while it walks."""
        try:
            return run(self._folder, *arguments, seconds=max(0.1, self._ends - time.monotonic()), **more)
        except subprocess.TimeoutExpired as error:
            raise Unavailable("Reading the repository took too long") from error

    def is_ancestor(self, older: str, newer: str) -> bool:
        self._check_time()
        if self._find_commit(older) is None or self._find_commit(newer) is None:
            return False
        if older == newer:
            return True
        return self._run("merge-base", "--is-ancestor", older, newer).returncode == 0

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


def _text(person: pygit2.Signature, what: str) -> str:
    """A part of a signature: a commit may say any encoding, and hold anything."""
    try:
        return str(getattr(person, what)).encode().decode()  # some encodings yield what UTF-8 cannot say
    except (LookupError, UnicodeError):
        return cast(bytes, getattr(person, f"raw_{what}")).decode("utf-8", "replace")


def _lookup(tree: pygit2.Tree, path: str) -> Any:
    try:
        return None if "\0" in path else tree[path]  # the library would read up to there
    except (KeyError, ValueError):
        return None


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


# -- what pages and the REST API show --------------------------------------------------------------------------------


def list_tree(git: Reader, ref: str, path: str = "") -> Sequence[TreeEntry] | None:
    """What a folder holds at a branch, tag or commit, folders first; None where there is no such ref or folder."""
    commit = git.resolve(ref)
    found = None if commit is None else git.find(commit, path)
    if found is None or found.kind != "folder":
        return None
    return git.children(found.id, found.path + "/" if found.path else "")


def read_blob(git: Reader, ref: str, path: str, limit: int = MIB) -> FoundBlob | None:
    """A file or link at a branch, tag or commit, without its bytes where they are more than the limit; None where there is none."""
    commit = git.resolve(ref)
    found = None if commit is None else git.find(commit, path)
    if commit is None or found is None or found.kind not in ("file", "executable", "link"):
        return None
    content = git.blob(found.id) if found.size <= limit else None
    return FoundBlob(path=found.path, kind=found.kind, mode=found.mode, id=found.id, size=found.size, commit=commit, content=content)


def list_commits(git: Reader, ref: str, limit: int = 20, offset: int = 0, path: str = "") -> Sequence[Described] | None:
    """The commits that lead to a branch, tag or commit, newest first; with a path those that changed it. None where there is no such ref."""
    commit = git.resolve(ref)
    if commit is None:
        return None
    return [found for one in git.history(commit, limit, offset, path) if (found := git.describe(one)) is not None]
