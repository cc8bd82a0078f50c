"""Pages of what a project hosts in Git: folders, files, branches, tags, commits. They only read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar
from urllib.parse import quote

from packhouse.auth.policy import authorize, may
from packhouse.contract import Answer, Route
from packhouse.db import gits
from packhouse.errors import RepositoryNotFound
from packhouse.git.reading import Reader
from packhouse.model import Action, Place
from packhouse.packages.branches import rules_for
from packhouse.packages.repositories import read_repository
from packhouse.responses import Reply
from packhouse.ui import addresses, sources
from packhouse.ui.calls import PageCall
from packhouse.ui.desk import Desk, place_in
from packhouse.ui.listing import PAGE, read_page, read_short, short_filters, short_pager, short_sorting
from packhouse.ui.paths import page_route
from packhouse.ui.readmes import Readme
from packhouse.ui.replies import see_other
from packhouse.ui.source_views import CommitsPage, FilePage, FolderPage, RefsPage
from packhouse.ui.sources import MARKDOWN, RAW_LIMIT, SORTS, SourceNotFound
from packhouse.ui.views import Guide, Link, Pager, Snippet

TURNED = "The file holds signs that turn the direction of writing: it may read otherwise than it runs."
P = ParamSpec("P")
T = TypeVar("T")


class SourcePages:
    """Handlers of the pages of hosted repositories."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """Every page, by method and address. To see the project is asked here; whether its code may be read, by the handlers."""
        handlers = (
            ("tree", self.tree),
            ("tree/{path*}", self.tree),
            ("blob/{path*}", self.file),
            ("raw/{path*}", self.raw),
            ("commits", self.commits),
            ("commits/{path*}", self.commits),
            ("commit/{path*}", self.commits),
            ("branches", self.branches),
            ("tags", self.tags),
        )
        return [page_route("GET", f"{{project+}}/-/{tail}", handler, Action.SEE, place="project") for tail, handler in handlers]

    async def _read(self, call: PageCall, read: Callable[Concatenate[Reader, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What a repository holds, for who may read its code. Raises `RepositoryNotFound`, `SourceNotFound`."""
        authorize(self._desk.code(call), Action.READ)
        return await read_repository(self._desk.house, place_in(call, "project").id, read, *args, **kwargs)

    # -- folders and files -------------------------------------------------------------------------------------------

    async def tree(self, call: PageCall) -> Answer:
        """A folder; that of the default branch where the address names none."""
        desk, where, asked = self._desk, place_in(call, "project"), call.params.get("path", "")
        try:
            found = await self._read(call, sources.read_folder, asked)
        except RepositoryNotFound:
            found = None
        if found is None:
            if asked:
                raise SourceNotFound()
            return await self._nothing(call, where)
        readme = await self._readme(found.readme_name, found.readme) if found.readme else None
        place = found.at
        view = FolderPage(
            frame=desk.frame(call, f"{place.path or place.ref} · {where.full_path}", line=await desk.line(where), current="repository"),
            heading=where.full_path,
            tabs=sources.tabs_of(where, place.ref, "tree", found.branches, found.tags),
            picker=sources.picker_of(where, "tree", place),
            trail=sources.trail_of(where, place),
            clone=self._clone(where),
            commit=sources.commit_line(where, found.commit),
            history_href=addresses.source(where, "commits", place.ref, place.path),
            entries=tuple(sources.entry_line(where, place.ref, entry) for entry in found.entries),
            cut=found.cut,
            readme_name=found.readme_name,
            readme=None if readme is None else readme.html,
            readme_cut=readme is not None and readme.cut,
        )
        return desk.answer(view)

    async def _nothing(self, call: PageCall, where: Place) -> Reply:
        """Nobody has pushed yet: how to."""
        desk = self._desk
        pushes = may(desk.code(call), Action.PUBLISH)
        guide = None
        if pushes:
            url = self._clone_url(where)
            steps = (
                Snippet(id="remote", client="git", title="In a repository that exists already", text=f"git remote add packhouse {url}"),
                Snippet(id="push", client="git", title="Push it", text="git push --set-upstream packhouse --all\ngit push packhouse --tags"),
            )
            text = "Go and Composer take versions from the tags of a repository that a project hosts. Sign in with your name and a token."
            token_href = desk.new_token_href(call, "git", "read_repository,write_repository")
            guide = Guide(heading="Push a repository", text=text, steps=steps, token_href=token_href)
        title = f"Repository · {where.full_path}"
        view = FolderPage(frame=desk.frame(call, title, line=await desk.line(where), current="repository"), heading=where.full_path, guide=guide)
        return desk.answer(view)

    def _clone_url(self, where: Place) -> str:
        return f"{self._desk.house.settings.base_url}/{quote(where.full_path)}.git"

    def _clone(self, where: Place) -> tuple[Snippet, ...]:
        url = self._clone_url(where)
        return (
            Snippet(id="clone-url", client="git", title="Address", text=url),
            Snippet(id="clone", client="git", title="Clone", text=f"git clone {url}"),
        )

    async def _readme(self, name: str, text: str) -> Readme:
        return await self._desk.readme(text, "text/markdown" if name.lower().endswith(MARKDOWN) else "text/plain")

    async def file(self, call: PageCall) -> Answer:
        """A file: its text with numbered lines, or as a page where it is Markdown and the address does not ask for `plain=1`."""
        desk, where = self._desk, place_in(call, "project")
        found = await self._read(call, sources.read_file, call.params["path"])
        place, name = found.at, found.at.path.rpartition("/")[2]
        path = addresses.source(where, "blob", place.ref, place.path)
        text, unshown = sources.text_of(found.blob)
        markdown, plain = name.lower().endswith(MARKDOWN) and not unshown, call.query.get("plain") == "1"
        prose = await self._readme(name, text) if markdown and not plain else None
        views = (Link(text="Page", href=path, current=not plain), Link(text="Text", href=f"{path}?plain=1", current=plain)) if markdown else ()
        view = FilePage(
            frame=desk.frame(call, f"{place.path} · {where.full_path}", line=await desk.line(where), current="repository"),
            tabs=sources.tabs_of(where, place.ref, "tree", found.branches, found.tags),
            picker=sources.picker_of(where, "blob", place),
            trail=sources.trail_of(where, place),
            name=name,
            size=found.blob.size,
            kind=found.blob.kind,
            commit=sources.commit_line(where, found.commit),
            raw_href=addresses.source(where, "raw", place.ref, place.path) if found.blob.size <= RAW_LIMIT else "",
            history_href=addresses.source(where, "commits", place.ref, place.path),
            views=views,
            text=text if prose is None else "",
            lines=tuple(str(number + 1) for number in range(sources.count_lines(text))) if prose is None else (),
            prose=None if prose is None else prose.html,
            prose_cut=prose is not None and prose.cut,
            unshown=unshown,
            warning=TURNED if sources.hides_order(text) else "",
        )
        return desk.answer(view)

    async def raw(self, call: PageCall) -> Answer:
        """The bytes of a file, to be saved and never opened. Raises `SourceNotFound`."""
        name, content = await self._read(call, sources.read_raw, call.params["path"])
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Cache-Control": "no-store, private",
            "X-Content-Type-Options": "nosniff",
        }
        return Reply(content, 200, headers, "application/octet-stream")

    # -- refs and commits --------------------------------------------------------------------------------------------

    async def branches(self, call: PageCall) -> Answer:
        """The branches, the one that changed last first."""
        return await self._refs(call, "branches")

    async def tags(self, call: PageCall) -> Answer:
        """The tags, the latest commit first."""
        return await self._refs(call, "tags")

    async def _refs(self, call: PageCall, kind: str) -> Answer:
        desk, where = self._desk, place_in(call, "project")
        state, path = read_short(call.query, SORTS), addresses.source(where, kind)
        try:
            found = await self._read(call, sources.read_refs, kind, state)
        except RepositoryNotFound:
            return see_other(addresses.source(where, "tree"))
        rules = await desk.house.database.read(gits.list_protected, where.id) if kind == "branches" else ()
        default = found.default if kind == "branches" else ""
        view = RefsPage(
            frame=desk.frame(call, f"{kind.capitalize()} of {where.full_path}", line=await desk.line(where), current="repository"),
            heading=kind.capitalize(),
            tabs=sources.tabs_of(where, found.default, kind, found.branches, found.tags),
            filters=short_filters(path, state, SORTS),
            lines=tuple(
                sources.ref_line(where, name, commit, default=name == default, protected=bool(rules_for(rules, name))) for name, commit in found.shown
            ),
            sorting=short_sorting(path, state, SORTS),
            pager=short_pager(path, state, SORTS, found.total),
        )
        return desk.answer(view)

    async def commits(self, call: PageCall) -> Answer:
        """The commits that lead to a branch, tag or commit; with a path those that changed it."""
        desk, where, page = self._desk, place_in(call, "project"), read_page(call.query.get("page", ""))
        try:
            found = await self._read(call, sources.read_history, call.params.get("path", ""), page)
        except RepositoryNotFound:
            return see_other(addresses.source(where, "tree"))
        if found is None:
            return see_other(addresses.source(where, "tree"))
        place = found.at
        path = addresses.source(where, "commits", place.ref, place.path)
        view = CommitsPage(
            frame=desk.frame(call, f"Commits of {place.path or place.ref} · {where.full_path}", line=await desk.line(where), current="repository"),
            tabs=sources.tabs_of(where, place.ref, "commits", found.branches, found.tags),
            picker=sources.picker_of(where, "commits", place),
            trail=sources.trail_of(where, place) if place.path else (),
            lines=tuple(sources.commit_line(where, commit) for commit in found.commits[:PAGE]),
            pager=Pager(
                newer=addresses.with_query(path, page=page - 1 if page > 2 else None) if page > 1 else "",
                older=addresses.with_query(path, page=page + 1) if len(found.commits) > PAGE else "",
            ),
        )
        return desk.answer(view)
