"""Views of what a project hosts in Git: folders, files, branches and tags, commits."""

from __future__ import annotations

from typing import ClassVar

from markupsafe import Markup

from packhouse.model import Instant, Struct
from packhouse.ui.views import Badge, Filters, Frame, Guide, Link, Pager, Snippet, SortChoice, View


class CommitLine(Struct):
    """A commit: `href` leads to the files as they were, `parents` of it."""

    id: str
    title: str
    author: str
    at: Instant
    href: str
    message: str = ""  # what follows the title


class RefPicker(Struct):
    """The branch, tag or commit that is shown, and the way to others."""

    kind: str
    name: str
    branches: tuple[Link, ...] = ()
    tags: tuple[Link, ...] = ()
    more: tuple[Link, ...] = ()


class EntryLine(Struct):
    """What a folder holds. `kind`: folder, file, executable, link or module; `href` "" is what cannot be opened."""

    name: str
    kind: str
    href: str = ""
    size: int | None = None
    note: str = ""


class FolderPage(View):
    """A folder at a branch, tag or commit; without a repository, how to push one."""

    template: ClassVar[str] = "source_folder.html"

    frame: Frame
    heading: str
    tabs: tuple[Link, ...] = ()
    picker: RefPicker | None = None
    trail: tuple[Link, ...] = ()
    clone: tuple[Snippet, ...] = ()
    commit: CommitLine | None = None
    history_href: str = ""
    entries: tuple[EntryLine, ...] = ()
    cut: int = 0  # entries beyond those shown
    readme_name: str = ""
    readme: Markup | None = None
    readme_cut: bool = False
    guide: Guide | None = None


class FilePage(View):
    """A file at a branch, tag or commit. `lines` or `prose` is its text; `unshown` says why there is none."""

    template: ClassVar[str] = "source_file.html"

    frame: Frame
    tabs: tuple[Link, ...]
    picker: RefPicker
    trail: tuple[Link, ...]
    name: str
    size: int
    kind: str
    commit: CommitLine | None = None
    raw_href: str = ""
    history_href: str = ""
    views: tuple[Link, ...] = ()  # as text, as a page
    lines: tuple[str, ...] = ()
    text: str = ""
    prose: Markup | None = None
    prose_cut: bool = False
    unshown: str = ""
    warning: str = ""


class RefLine(Struct):
    """A branch or a tag, and the commit it leads to."""

    name: str
    href: str
    commit: CommitLine
    badges: tuple[Badge, ...] = ()


class RefsPage(View):
    """The branches or the tags."""

    template: ClassVar[str] = "source_refs.html"

    frame: Frame
    heading: str
    tabs: tuple[Link, ...]
    filters: Filters
    lines: tuple[RefLine, ...] = ()
    sorting: SortChoice | None = None
    pager: Pager = Pager()


class CommitsPage(View):
    """The commits that lead to a branch, tag or commit, newest first."""

    template: ClassVar[str] = "source_commits.html"

    frame: Frame
    tabs: tuple[Link, ...]
    picker: RefPicker
    trail: tuple[Link, ...] = ()
    lines: tuple[CommitLine, ...] = ()
    pager: Pager = Pager()
