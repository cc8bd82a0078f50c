"""Package pages: the lists of a project, a group and the whole instance; a version with its files, texts and history; downloads."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from packhouse.auth.policy import may
from packhouse.contract import Answer
from packhouse.db import files, names, packages
from packhouse.db.engine import now
from packhouse.db.packages import PackageQuery, order_value
from packhouse.errors import FileNotFound, InvalidName, PackageNotFound
from packhouse.model import About, Action, Place
from packhouse.responses import FileReply
from packhouse.ui import addresses, compose
from packhouse.ui.calls import PageCall
from packhouse.ui.desk import Desk, number_in, place_in
from packhouse.ui.listing import PAGE, Edge, make_columns, make_filters, make_pager, make_sorting, read_state
from packhouse.ui.readmes import Readme
from packhouse.ui.reads import CountCache, FoundVersion, read_list, read_version
from packhouse.ui.replies import see_other
from packhouse.ui.version_page import TREND_DAYS, make_version_page, read_tab
from packhouse.ui.views import Guide, Link, PackageListPage
from packhouse.ui.words import DAY, plural


class PackagePages:
    """Handlers of the package pages."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._counts = CountCache()

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
        found = await desk.house.database.read(read_list, scope, state, tuple(desk.titles), self._counts)
        line = await desk.line(where) if where is not None else []
        grouped = where is None or where.kind != "project"
        deletes = where is not None and may(call.access, Action.DELETE)
        query = PackageQuery(order_by=state.order_by)
        ends = tuple(Edge(value=order_value(query, item), id=item.id) for item in (found.items[:1] + found.items[-1:]))
        view = PackageListPage(
            frame=desk.frame(call, f"Packages of {where.full_path}" if where else "Packages", line=line, current="packages"),
            heading="Packages" if where else "All packages",
            total=found.total,
            filters=make_filters(path, state, [(desk.mark(name), count) for name, count in found.formats]),
            columns=make_columns(path, state),
            rows=tuple(
                compose.list_row(item, desk.mark(item.format), versions=found.versions.get(item.package_id), deletes=deletes) for item in found.items
            ),
            pager=make_pager(path, state, found.total, (ends[0], ends[1]) if ends else None, len(found.items), newer=found.newer, older=found.older),
            with_project=grouped,
            guide=self._guide(call, where) if not found.total and not state.filtered and not found.broken else None,
            sorting=make_sorting(path, state, with_project=grouped),
            bulk_action=addresses.delete_packages(where) if where is not None and deletes and found.items else "",
            broken=Link(text=_broken(found.broken), href=addresses.with_query(path, status="error"), current=state.status == "error")
            if found.broken
            else None,
            bin_href=addresses.bin_of(where) if where is not None and not grouped and deletes else "",
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
        since = now() // DAY - TREND_DAYS + 1
        id_ = number_in(call, "id", PackageNotFound())
        found = await desk.house.database.read(read_version, where.id, id_, first_file=first, files=PAGE, since_day=since)
        line = await desk.line(where)
        title = f"{found.item.name} {found.item.version or ''}".strip()
        view = make_version_page(
            found,
            state,
            frame=desk.frame(call, title, line=line, current="packages"),
            mark=desk.mark(found.item.format),
            format=desk.house.formats.get(found.item.format),
            api=desk.house.api,
            readme=await self._readme(found.about) if state.tab == "overview" else None,
            token_href=desk.new_token_href(call, found.item.format, "read_api"),
            line=line,
            deletes=may(call.access, Action.DELETE),
            needed=await self._needed(found) if state.tab == "dependencies" else {},
        )
        return desk.answer(view)

    async def _needed(self, found: FoundVersion) -> Mapping[str, str]:
        """The pages of those dependencies that the same project holds, by name."""
        item, format = found.item, self._desk.house.formats.get(found.item.format)
        if format is None:
            return {}
        keys: dict[str, str] = {}
        for dependency in found.about.dependencies:
            with contextlib.suppress(InvalidName):
                keys[dependency.name] = format.coordinates.name_key(dependency.name)
        ids = await self._desk.house.database.read(names.newest_of, item.project, item.format, sorted(set(keys.values())))
        return {name: addresses.package(item.project_path, ids[key]) for name, key in keys.items() if key in ids}

    async def in_group(self, call: PageCall) -> Answer:
        """The page of a version that a group's list names: it is that of its project. Raises `PackageNotFound`."""
        id_ = number_in(call, "id", PackageNotFound())
        where, reader = place_in(call, "group"), self._desk.reader(call)
        project = await self._desk.house.database.read(packages.project_of, id_, where.id, reader)
        if project is None:
            raise PackageNotFound()
        return see_other(addresses.package(project, id_))

    async def _readme(self, about: About) -> Readme | None:
        return await self._desk.readme(about.readme, about.readme_type) if about.readme.strip() else None

    async def download(self, call: PageCall) -> Answer:
        """A file, as it was uploaded. Raises `FileNotFound`."""
        where = place_in(call, "project")
        found = await self._desk.house.database.read(files.get_file, where.id, None, number_in(call, "id", FileNotFound()))
        if found is None:
            raise FileNotFound()
        file, version_id, stored = found
        name = file.path.rpartition("/")[2]
        return FileReply(blob=file.blob, name=name, stored=stored, file_id=file.id, version_id=version_id, project=where.id, modified=file.created)


def _broken(count: int) -> str:
    return f"{plural(count, 'version')} could not be read when {'it' if count == 1 else 'they'} arrived"
