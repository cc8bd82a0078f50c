"""The pages of builds and of hosted repositories, in their usual and odd states."""

from __future__ import annotations

from collections.abc import Mapping

from packhouse.ui.markdown import render_markdown
from packhouse.ui.pipeline_views import JobLine, PipelineLine, PipelineListPage, PipelinePage
from packhouse.ui.source_views import CommitLine, CommitsPage, EntryLine, FilePage, FolderPage, RefLine, RefPicker, RefsPage
from packhouse.ui.views import Badge, Column, Fact, Filters, Frame, Guide, Link, PackageListRow, Pager, Snippet, SortChoice, View

HOUR = 3_600_000_000
NOW = 1_784_000_000_000_000
SHA = "1a2b3c4d5e6f7a8b9c0d1a2b3c4d5e6f7a8b9c0d"
LONG = "feature/" + "a-rather-long-name-of-a-branch-" * 4 + "end"
TABS = (
    Link(text="Files", href="/x/-/tree/main", current=True),
    Link(text="Commits", href="/x/-/commits/main"),
    Link(text="Branches", href="/x/-/branches", count=2),
    Link(text="Tags", href="/x/-/tags", count=1),
)
PICKER = RefPicker(
    kind="branch",
    name=LONG,
    branches=(Link(text=LONG, href="/x/-/tree/l", current=True), Link(text="main", href="/x/-/tree/main")),
    tags=(Link(text="v1.0.0", href="/x/-/tree/v1.0.0"),),
    more=(Link(text="All branches", href="/x/-/branches"), Link(text="All tags", href="/x/-/tags")),
)
TRAIL = (Link(text="tools", href="/x"), Link(text="cmd", href="/x/cmd"), Link(text="a-folder-with-a-long-name-" * 3, href="/x/cmd/y", current=True))
COMMIT = CommitLine(
    id=SHA,
    title="Make what was made before once more, and say so at some length " * 2,
    author="Anna Berg",
    at=NOW - 30 * HOUR,
    href="/x/-/tree/1a2b",
    message="It was not quite right.\n\n- one\n- two",
)
SHORT = CommitLine(id=SHA, title="Audit as well", author="Ben Ode", at=NOW - HOUR, href="/x/-/tree/1a2b")
STATES = (Badge(text="running", kind="caution"), Badge(text="success", kind="good"), Badge(text="failed", kind="danger"), Badge(text="created"))
CLONE = (Snippet(id="clone-url", client="git", title="Address", text="https://packages.example/acme/tools.git"),)


def source_pages(frame: Frame, rows: tuple[PackageListRow, ...], columns: tuple[Column, ...]) -> Mapping[str, View]:
    """Pipelines and repositories."""
    pipelines = tuple(
        PipelineLine(iid=n, href=f"/x/{n}", state=state, ref=LONG if n == 9 else "main", sha=SHA, source="push", user="anna", created=NOW - n * HOUR)
        for n, state in zip((9, 8, 7, 6), STATES, strict=True)
    )
    entries = (
        EntryLine(name="cmd", kind="folder", href="/x/cmd"),
        EntryLine(name="main.go", kind="file", href="/x/main.go", size=1234),
        EntryLine(name="a-file-with-quite-a-long-name-" * 4 + ".txt", kind="executable", href="/x/long", size=99_000_000),
        EntryLine(name="latest", kind="link", href="/x/latest", size=4, note="link"),
        EntryLine(name="theme", kind="module", note="another repository at 1a2b3c4d"),
    )
    file = {"frame": frame, "tabs": TABS, "picker": PICKER, "trail": TRAIL, "name": "main.go", "size": 120, "kind": "file", "commit": COMMIT}
    lines = (
        RefLine(name="main", href="/x", commit=SHORT, badges=(Badge(text="default", kind="good"),)),
        RefLine(name=LONG, href="/x", commit=COMMIT),
    )
    plain, found = Filters(action="/x/-/branches"), Filters(action="/x/-/branches", text="zz", clear="/x/-/branches")
    sorting = SortChoice(label="Updated", fields=(Link(text="Name", href="?orderBy=name"),), turn=Link(text="Descending", href="?sort=asc"))
    folder: dict[str, object] = {"frame": frame, "heading": "acme/tools", "tabs": TABS, "picker": PICKER, "trail": TRAIL, "clone": CLONE}
    return {
        "pipelines": PipelineListPage(frame=frame, lines=pipelines, pager=Pager(summary="1–20 of 44", older="?page=2")),
        "pipelines_none": PipelineListPage(frame=frame),
        "pipelines_first": PipelineListPage(frame=frame, guide=Guide(heading="No pipeline has been registered", steps=CLONE)),
        "pipeline": PipelinePage(
            frame=frame,
            iid=9,
            state=STATES[0],
            facts=(Fact(label="Branch or tag", text=LONG, copy=True), Fact(label="Commit", text=SHA[:12], whole=SHA, copy=True, href="/x")),
            jobs=(JobLine(id=4, name="publish", state=STATES[0], started=NOW - HOUR), JobLine(id=3, name="t" * 200, state=STATES[1], started=NOW)),
            packages=rows,
            columns=columns,
            more=7,
        ),
        "pipeline_new": PipelinePage(frame=frame, iid=9, state=STATES[3], facts=()),
        "folder": FolderPage(
            **(folder | {"commit": COMMIT, "history_href": "/x/-/commits/main", "entries": entries, "cut": 4, "readme_name": "README.md"}),  # type: ignore[arg-type]
            readme=render_markdown("# Tools\n\nWhat the teams share."),
            readme_cut=True,
        ),
        "folder_bare": FolderPage(**folder),  # type: ignore[arg-type]
        "repository_first": FolderPage(frame=frame, heading="acme/tools", guide=Guide(heading="Push a repository", steps=CLONE)),
        "repository_none": FolderPage(frame=frame, heading="acme/tools"),
        "file_text": FilePage(
            **(
                file
                | {
                    "text": "package main\n\nfunc main() { " + "x" * 300 + " }\n",
                    "lines": ("1", "2", "3"),
                    "raw_href": "/x/-/raw",
                    "warning": "It may read otherwise.",
                }
            )  # type: ignore[arg-type]
        ),
        "file_prose": FilePage(
            **(file | {"prose": render_markdown("# Guide\n\nRead on."), "prose_cut": True, "kind": "executable"}),  # type: ignore[arg-type]
            views=(Link(text="Page", href="/x", current=True), Link(text="Text", href="/x?plain=1")),
        ),
        "file_unshown": FilePage(**(file | {"unshown": "The file is not text. Download it to look at it.", "raw_href": "/x/-/raw"})),  # type: ignore[arg-type]
        "file_empty": FilePage(**file),  # type: ignore[arg-type]
        "branches": RefsPage(
            frame=frame, heading="Branches", tabs=TABS, filters=plain, lines=lines, sorting=sorting, pager=Pager(summary="2 in all")
        ),
        "branches_nothing": RefsPage(frame=frame, heading="Branches", tabs=TABS, filters=found),
        "tags_none": RefsPage(frame=frame, heading="Tags", tabs=TABS, filters=plain),
        "commits": CommitsPage(frame=frame, tabs=TABS, picker=PICKER, trail=TRAIL, lines=(COMMIT, SHORT), pager=Pager(older="?page=2")),
        "commits_end": CommitsPage(frame=frame, tabs=TABS, picker=PICKER),
    }
