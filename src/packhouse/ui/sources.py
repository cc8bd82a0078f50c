"""What pages show of a Git repository: read in one go by functions that run beside the loop, then made into views. Pure but for the reader."""

from __future__ import annotations

from collections.abc import Sequence

from packhouse.errors import NotFound, RepositoryNotFound, TooLarge
from packhouse.git.keeping import as_text
from packhouse.git.reading import Described, FoundBlob, Reader, TreeEntry, list_commits, list_tree, read_blob
from packhouse.model import Place, Struct
from packhouse.ui import addresses
from packhouse.ui.listing import PAGE, ShortState
from packhouse.ui.source_views import CommitLine, EntryLine, RefLine, RefPicker
from packhouse.ui.views import Badge, Link
from packhouse.ui.words import size

SORTS = {"updated": ("Updated", "desc"), "name": ("Name", "asc")}
SHOWN_ENTRIES = 1000
SHOWN_REFS = 15
SHOWN_BYTES = 512 * 1024
SHOWN_LINES = 10_000
RAW_LIMIT = 32 * 1024 * 1024
README_BYTES = 256 * 1024
READMES = ("readme.md", "readme.markdown", "readme.rst", "readme.txt", "readme")
MARKDOWN = (".md", ".markdown")
SECOND = 1_000_000
TURNS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
LONGEST_REF = 16  # segments


class SourceNotFound(NotFound):
    default = "The repository holds no such branch, tag, commit or path"


class At(Struct):
    """A place in a repository: a path at a ref, and other refs to look from. `kind` of the ref: branch, tag or commit."""

    ref: str
    kind: str
    path: str
    branches: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class FoundFolder(Struct):
    at: At
    branches: int
    tags: int
    commit: Described
    entries: tuple[TreeEntry, ...]
    cut: int = 0
    readme_name: str = ""
    readme: str = ""


class FoundFile(Struct):
    at: At
    branches: int
    tags: int
    commit: Described
    blob: FoundBlob


class FoundRefs(Struct):
    """A page of branches or tags."""

    shown: tuple[tuple[str, Described], ...]
    total: int
    default: str
    branches: int
    tags: int


class FoundCommits(Struct):
    """A page of commits, and one more where there are more."""

    at: At
    branches: int
    tags: int
    commits: tuple[Described, ...]


# -- reading ---------------------------------------------------------------------------------------------------------


def split_ref(git: Reader, text: str) -> tuple[str, str, str]:
    """The branch, tag or commit at the beginning of a path, of which kind it is, and what follows it. Raises `SourceNotFound`."""
    segments = [segment for segment in text.split("/") if segment]
    if segments[:1] == ["HEAD"] and git.default_branch:
        segments[0] = git.default_branch
    for end in range(1, min(len(segments), LONGEST_REF) + 1):
        ref, path = "/".join(segments[:end]), "/".join(segments[end:])
        if git.find_branch(ref) is not None:
            return ref, "branch", path
        if git.find_tag(ref) is not None:
            return ref, "tag", path
    if segments and git.resolve(segments[0]) is not None:
        return segments[0], "commit", "/".join(segments[1:])
    raise SourceNotFound()


def _locate(git: Reader, text: str) -> tuple[At, int, int] | None:
    """Where an address points, and how many branches and tags there are; None where nothing was pushed yet."""
    branches, tags = git.branches(), git.tags()
    if not text.strip("/"):
        default = git.default_branch or next(iter(branches), "")
        if not default:
            return None
        ref, kind, path = default, "branch", ""
    else:
        ref, kind, path = split_ref(git, text)
    at = At(ref=ref, kind=kind, path=path, branches=tuple(branches)[:SHOWN_REFS], tags=tuple(tags)[: -SHOWN_REFS - 1 : -1])
    return at, len(branches), len(tags)


def _last(git: Reader, ref: str, path: str) -> Described:
    """The commit that changed what is at a path last. Raises `SourceNotFound`."""
    found = list_commits(git, ref, 1, 0, path)
    if not found:
        raise SourceNotFound()
    return found[0]


def read_folder(git: Reader, text: str) -> FoundFolder | None:
    """A folder; None where nothing was pushed yet and no path is asked for. Raises `SourceNotFound`."""
    located = _locate(git, text)
    if located is None:
        return None
    at, branches, tags = located
    entries = list_tree(git, at.ref, at.path)
    if entries is None:
        raise SourceNotFound()
    name, readme = _readme(git, at.ref, entries)
    return FoundFolder(
        at=at,
        branches=branches,
        tags=tags,
        commit=_last(git, at.ref, at.path),
        entries=tuple(entries[:SHOWN_ENTRIES]),
        cut=max(0, len(entries) - SHOWN_ENTRIES),
        readme_name=name,
        readme=readme,
    )


def _readme(git: Reader, ref: str, entries: Sequence[TreeEntry]) -> tuple[str, str]:
    """The name and the text of the best readme among these; empty where there is none that is text."""
    ranked = [(rank, entry.path, entry.name) for entry in entries if (rank := _readme_rank(entry)) is not None]
    if not ranked:
        return "", ""
    _, path, name = min(ranked)
    found = read_blob(git, ref, path, README_BYTES)
    if found is None or found.content is None or b"\0" in found.content:
        return "", ""
    return name, found.content.decode("utf-8", "replace")


def _readme_rank(entry: TreeEntry) -> int | None:
    name = entry.name.lower()
    return READMES.index(name) if entry.kind in ("file", "executable") and name in READMES else None


def read_file(git: Reader, text: str) -> FoundFile:
    """A file, without its bytes where they are too many to show. Raises `SourceNotFound`."""
    located = _locate(git, text)
    blob = None if located is None else read_blob(git, located[0].ref, located[0].path, SHOWN_BYTES)
    if located is None or blob is None:
        raise SourceNotFound()
    at, branches, tags = located
    return FoundFile(at=at, branches=branches, tags=tags, commit=_last(git, at.ref, at.path), blob=blob)


def read_raw(git: Reader, text: str) -> tuple[str, bytes]:
    """The name and the bytes of a file. Raises `SourceNotFound`, `TooLarge`."""
    ref, _, path = split_ref(git, text)
    blob = read_blob(git, ref, path, RAW_LIMIT)
    if blob is None:
        raise SourceNotFound()
    if blob.content is None:
        raise TooLarge(f"The file has {size(blob.size)}: clone the repository to get it", limit=RAW_LIMIT)
    return path.rpartition("/")[2], blob.content


def read_refs(git: Reader, kind: str, state: ShortState) -> FoundRefs:
    """A page of the branches or tags whose name contains a text. Raises `RepositoryNotFound` where nothing was pushed yet."""
    branches, tags = git.branches(), git.tags()
    if not branches and not tags:
        raise RepositoryNotFound()
    refs = tags if kind == "tags" else branches
    names = sorted((name for name in refs if state.text.lower() in name.lower()), reverse=state.descending)
    if state.order_by == "updated":
        times = {name: found.time if (found := git.commit(refs[name])) is not None else 0 for name in names}
        names.sort(key=lambda name: times[name], reverse=state.descending)
    shown = [(name, git.describe(refs[name])) for name in names[state.offset : state.offset + PAGE]]
    return FoundRefs(
        shown=tuple((name, commit) for name, commit in shown if commit is not None),
        total=len(names),
        default=git.default_branch,
        branches=len(branches),
        tags=len(tags),
    )


def read_history(git: Reader, text: str, page: int) -> FoundCommits | None:
    """A page of commits; None where nothing was pushed yet. Raises `SourceNotFound`."""
    located = _locate(git, text)
    if located is None:
        return None
    at, branches, tags = located
    found = list_commits(git, at.ref, PAGE + 1, (page - 1) * PAGE, at.path)
    if not found and page == 1:
        raise SourceNotFound()
    return FoundCommits(at=at, branches=branches, tags=tags, commits=tuple(found or ()))


# -- views -----------------------------------------------------------------------------------------------------------


def _is_plain(text: str) -> bool:
    return as_text(text) == text


def commit_line(where: Place, found: Described) -> CommitLine:
    """A commit as one line, its files a link away."""
    title, _, rest = found.commit.message.strip().partition("\n")
    return CommitLine(
        id=found.commit.id,
        title=as_text(title)[:200] or "No message",
        message=as_text(rest).strip()[:4000],
        author=as_text(found.author_name or ""),
        at=max(0, found.author_time) * SECOND,
        href=addresses.source(where, "tree", found.commit.id),
    )


def entry_line(where: Place, ref: str, entry: TreeEntry) -> EntryLine:
    """What a folder holds, and the way in. A name that is no text, or a repository of somebody else, cannot be opened."""
    opens = _is_plain(entry.path) and entry.kind != "module"
    kind = "tree" if entry.kind == "folder" else "blob"
    return EntryLine(
        name=as_text(entry.name),
        kind=entry.kind,
        href=addresses.source(where, kind, ref, entry.path) if opens else "",
        size=None if entry.kind in ("folder", "module") else entry.size,
        note=f"another repository at {entry.id[:8]}" if entry.kind == "module" else "link" if entry.kind == "link" else "",
    )


def ref_line(where: Place, name: str, commit: Described, *, default: bool, protected: bool = False) -> RefLine:
    """A branch or a tag."""
    badges = ((Badge(text="default", kind="good"),) if default else ()) + ((Badge(text="protected"),) if protected else ())
    return RefLine(name=name, href=addresses.source(where, "tree", name), commit=commit_line(where, commit), badges=badges)


def tabs_of(where: Place, ref: str, current: str, branches: int, tags: int) -> tuple[Link, ...]:
    """The pages of a repository."""
    return (
        Link(text="Files", href=addresses.source(where, "tree", ref), current=current == "tree"),
        Link(text="Commits", href=addresses.source(where, "commits", ref), current=current == "commits"),
        Link(text="Branches", href=addresses.source(where, "branches"), current=current == "branches", count=branches),
        Link(text="Tags", href=addresses.source(where, "tags"), current=current == "tags", count=tags),
    )


def picker_of(where: Place, kind: str, at: At) -> RefPicker:
    """The same path elsewhere: the first branches and the last tags."""

    def links(names: Sequence[str]) -> tuple[Link, ...]:
        return tuple(Link(text=name, href=addresses.source(where, kind, name, at.path), current=name == at.ref) for name in names)

    more = (Link(text="All branches", href=addresses.source(where, "branches")), Link(text="All tags", href=addresses.source(where, "tags")))
    name = at.ref[:12] if at.kind == "commit" else at.ref
    return RefPicker(kind=at.kind, name=name, branches=links(at.branches), tags=links(at.tags), more=more)


def trail_of(where: Place, at: At) -> tuple[Link, ...]:
    """The way down to a path, each step a link."""
    steps = at.path.split("/") if at.path else []
    found = [Link(text=where.path, href=addresses.source(where, "tree", at.ref), current=not steps)]
    for end, step in enumerate(steps, 1):
        found.append(Link(text=step, href=addresses.source(where, "tree", at.ref, "/".join(steps[:end])), current=end == len(steps)))
    return tuple(found)


def text_of(blob: FoundBlob) -> tuple[str, str]:
    """The text of a file, or why it is not shown."""
    if blob.content is None:
        return "", f"The file has {size(blob.size)}, more than a page shows. Download it to read it."
    if b"\0" in blob.content[:8192]:
        return "", "The file is not text. Download it to look at it."
    try:
        text = blob.content.decode()
    except UnicodeDecodeError:
        return "", "The file is not UTF-8 text. Download it to look at it."
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.count("\n") > SHOWN_LINES:
        return "", f"The file has more than {SHOWN_LINES} lines, more than a page shows. Download it to read it."
    return text, ""


def count_lines(text: str) -> int:
    """How many lines a browser makes of it: only a line feed ends one."""
    return text.count("\n") + (not text.endswith("\n") if text else 0)


def hides_order(text: str) -> bool:
    """Whether it holds signs that turn the direction of writing: what is read is then not what runs."""
    return any(sign in text for sign in TURNS)
