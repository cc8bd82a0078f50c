"""Package pages: the lists of a project, a group and the whole instance; a version with its files, texts and history; downloads."""

from __future__ import annotations

import asyncio

from packhouse.auth.policy import may
from packhouse.contract import Answer
from packhouse.db import packages as rows_db
from packhouse.db.packages import PackageQuery
from packhouse.errors import FileNotFound, PackageNotFound
from packhouse.model import About, Action, Place
from packhouse.responses import FileReply
from packhouse.ui import addresses, compose
from packhouse.ui.calls import PageCall
from packhouse.ui.desk import Desk, number_in, place_in
from packhouse.ui.listing import PAGE, make_columns, make_filters, make_pager, read_state
from packhouse.ui.readmes import Readme, ReadmeCache
from packhouse.ui.reads import read_list, read_version
from packhouse.ui.version_page import make_version_page, read_tab
from packhouse.ui.views import Guide, PackageListPage


class PackagePages:
    """Handlers of the package pages."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._readmes = ReadmeCache()

    async def project_list(self, call: PageCall) -> Answer:
        """The packages of a project."""
        where = place_in(call, "project")
        return await self._list(call, where, PackageQuery(project=where.id))

    async def group_list(self, call: PageCall) -> Answer:
        """The packages of a group and of all below it that the viewer may read."""
        where = place_in(call, "group")
        return await self._list(call, where, PackageQuery(group=where.id, reader=self._desk.reader(call)))

    async def everything(self, call: PageCall) -> Answer:
        """The packages of the instance that the viewer may read."""
        return await self._list(call, None, PackageQuery(reader=self._desk.reader(call)))

    async def _list(self, call: PageCall, where: Place | None, scope: PackageQuery) -> Answer:
        desk, path = self._desk, addresses.packages(where)
        state = read_state(call.query, desk.titles)
        found = await desk.house.database.read(read_list, scope, state, tuple(desk.titles))
        line = await desk.line(where) if where is not None else []
        view = PackageListPage(
            frame=desk.frame(call, f"Packages of {where.full_path}" if where else "Packages", line=line, current="packages"),
            heading="Packages" if where else "All packages",
            total=found.total,
            filters=make_filters(path, state, [(desk.mark(name), count) for name, count in found.formats]),
            columns=make_columns(path, state),
            rows=tuple(compose.list_row(item, desk.mark(item.format)) for item in found.items),
            pager=make_pager(path, state, found.total),
            with_project=where is None or where.kind != "project",
            guide=self._guide(call, where) if not found.total and not state.filtered else None,
        )
        return desk.answer(view)

    def _guide(self, call: PageCall, where: Place | None) -> Guide | None:
        if where is None or where.kind != "project" or not may(call.access, Action.PUBLISH):
            return None
        return self._desk.guide(call, where)

    async def show(self, call: PageCall) -> Answer:
        """A version of a package, on the tab the address names."""
        desk, where, state = self._desk, place_in(call, "project"), read_tab(call.query)
        first = state.window.start if state.tab == "files" else 0
        found = await desk.house.database.read(read_version, where.id, number_in(call, "id", PackageNotFound()), first_file=first, files=PAGE)
        title = f"{found.item.name} {found.item.version or ''}".strip()
        view = make_version_page(
            found,
            state,
            frame=desk.frame(call, title, line=await desk.line(where), current="packages"),
            mark=desk.mark(found.item.format),
            format=desk.house.formats.get(found.item.format),
            api=desk.house.api,
            readme=await self._readme(found.about) if state.tab == "overview" else None,
            token_href=desk.new_token_href(call, found.item.format, "read_api"),
        )
        return desk.answer(view)

    async def _readme(self, about: About) -> Readme | None:
        if not about.readme.strip():
            return None
        found = self._readmes.find(about.readme, about.readme_type)
        if found is None:
            found = await asyncio.to_thread(_render, about.readme, about.readme_type)
            self._readmes.keep(about.readme, about.readme_type, found)
        return found

    async def download(self, call: PageCall) -> Answer:
        """A file, as it was uploaded. Raises `FileNotFound`."""
        where = place_in(call, "project")
        found = await self._desk.house.database.read(rows_db.get_file, where.id, None, number_in(call, "id", FileNotFound()))
        if found is None:
            raise FileNotFound()
        file, version_id, stored = found
        name = file.path.rpartition("/")[2]
        return FileReply(blob=file.blob, name=name, stored=stored, file_id=file.id, version_id=version_id, project=where.id, modified=file.created)


def _render(text: str, media_type: str) -> Readme:
    # Here and not above: a registry that nobody looks at starts without it.
    from packhouse.ui.markdown import render_readme

    return render_readme(text, media_type)
