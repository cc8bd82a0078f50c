"""Deleting versions and files, after naming what goes and what will stop working; the bin, and the way back out of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from packhouse.auth.policy import Access, authorize, may
from packhouse.contract import Answer, Yanking
from packhouse.db import bin as deleted
from packhouse.db import files, packages
from packhouse.db import names as names_db
from packhouse.db.bin import BinRow
from packhouse.db.engine import now
from packhouse.db.packages import Listed
from packhouse.errors import FileNotFound, Forbidden, NotFound, PackageNotFound, Protected, VersionReferenced
from packhouse.model import Action, FileRow, Instant, Place
from packhouse.packages import removal, restore
from packhouse.ui import addresses
from packhouse.ui.calls import PageCall
from packhouse.ui.container_pages import api_command, chosen_in
from packhouse.ui.deleting_views import BinLine, BinPage, ConfirmPage, Doomed
from packhouse.ui.desk import Desk, any_place_in, number_in, place_in
from packhouse.ui.listing import PAGE, page_summary, read_page
from packhouse.ui.replies import see_other
from packhouse.ui.views import Link, Pager
from packhouse.ui.words import age, number, plural, size

MOST = 50
SHOWN_DEPENDANTS = 5
FORWARDED = frozenset({"npm", "pypi", "maven"})
REFUSED = (Protected, VersionReferenced, Forbidden, NotFound)


class DeletingPages:
    """Handlers of what takes versions and files away, and brings versions back."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    # -- one version -------------------------------------------------------------------------------------------------

    async def ask(self, call: PageCall) -> Answer:
        """What would go with a version."""
        desk, where = self._desk, place_in(call, "project")
        item = await self._version(call, where)
        others = (await desk.house.database.read(packages.count_versions, [item.package_id])).get(item.package_id, 1) - 1
        return desk.answer(await self._confirm(call, where, item, others, file=None))

    async def delete(self, call: PageCall) -> Answer:
        """The version is gone; the list offers the way back."""
        desk, where = self._desk, place_in(call, "project")
        form = await desk.form(call)
        item = await self._version(call, where)
        if self._forwards(item.format) and not form.text("consent"):
            raise Forbidden("The box above the button was not ticked: open the page again and read what it says")
        await desk.house.database.write(removal.remove, desk.house, call.access, item.id)
        undo = item.id if desk.house.settings.retention_days else None
        return see_other(addresses.with_query(addresses.packages(where), done="package_deleted", undo=undo))

    async def _confirm(self, call: PageCall, where: Place, item: Listed, others: int, file: FileRow | None) -> ConfirmPage:
        desk, title = self._desk, f"{item.name} {item.version or ''}".strip()
        path = addresses.package(item.project_path, item.id)
        heading = f"Delete {title}" if file is None else f"Delete the file {file.path}"
        last_file = file is not None and item.files == 1
        warnings = version_warnings(item, others, now()) if file is None or last_file else ()
        if file is None or last_file:
            found = await desk.house.database.read(names_db.dependants_of, where.id, item.format, item.name, SHOWN_DEPENDANTS + 1)
            warnings += dependants_warning(found)
        if last_file:
            warnings = (f"It is the only file: {title} goes with it.", *warnings)
        forwards = self._forwards(item.format) and (file is None or last_file)
        if forwards:
            warnings += (forward_warning(item.name, desk.mark(item.format).title),)
        tail = f"projects/{where.id}/packages/{item.id}" + (f"/package_files/{file.id}" if file is not None else "")
        return ConfirmPage(
            frame=desk.frame(call, heading, line=await desk.line(where), current="packages"),
            heading=heading,
            text=f"Whoever installs it by name and version is told that it does not exist. {desk.keeping()}",
            doomed=(Doomed(text=title, detail=f"{plural(item.files, 'file')}, {size(item.size)}"),)
            if file is None
            else (Doomed(text=file.path, detail=f"{size(file.blob.size)}, of {title}"),),
            warnings=warnings,
            action=f"{path}/delete" if file is None else addresses.delete_file(item.project_path, item.id, file.id),
            button=heading if len(heading) < 60 else "Delete it",
            cancel=path,
            instead=_gentler(path, item, self._desk.mark(item.format).yanking) if file is None or last_file else (),
            consent=f"Delete {item.name} although requests for {desk.mark(item.format).title} packages are forwarded" if forwards else "",
            command=api_command("DELETE", f"{desk.house.api}/{tail}"),
        )

    # -- one file ----------------------------------------------------------------------------------------------------

    async def ask_file(self, call: PageCall) -> Answer:
        """What would go with a file."""
        desk, where = self._desk, place_in(call, "project")
        item, file = await self._file(call, where)
        others = (await desk.house.database.read(packages.count_versions, [item.package_id])).get(item.package_id, 1) - 1
        return desk.answer(await self._confirm(call, where, item, others, file))

    async def delete_file(self, call: PageCall) -> Answer:
        """The file is gone; with the last one its version."""
        desk, where = self._desk, place_in(call, "project")
        form = await desk.form(call)
        item, file = await self._file(call, where)
        if item.files == 1:
            if self._forwards(item.format) and not form.text("consent"):
                raise Forbidden("The box above the button was not ticked: open the page again and read what it says")
            await desk.house.database.write(removal.remove, desk.house, call.access, item.id)
            return see_other(addresses.with_query(addresses.packages(where), done="package_deleted", undo=item.id))
        await desk.house.database.write(removal.remove, desk.house, call.access, item.id, file.id)
        return see_other(addresses.with_query(addresses.package(item.project_path, item.id), tab="files", done="file_deleted"))

    async def ask_files(self, call: PageCall) -> Answer:
        """Which files would go."""
        desk, where = self._desk, place_in(call, "project")
        item = await self._version(call, where)
        found = await self._files(where, item, chosen_in(call, "file"))
        path = addresses.package(item.project_path, item.id)
        if not found:
            return see_other(addresses.with_query(path, tab="files"))
        if len(found) >= item.files:
            return see_other(f"{path}/delete")  # all of them: that is the version
        what = plural(len(found), "file")
        title = f"{item.name} {item.version or ''}".strip()
        view = ConfirmPage(
            frame=desk.frame(call, f"Delete {what}", line=await desk.line(where), current="packages"),
            heading=f"Delete {what} of {title}",
            text="Whoever downloads one of them is told that it does not exist.",
            doomed=tuple(Doomed(text=file.path, detail=size(file.blob.size)) for file in found),
            action=f"{path}/files/delete",
            hidden=tuple(("file", str(file.id)) for file in found),
            button=f"Delete {what}",
            cancel=addresses.with_query(path, tab="files"),
        )
        return desk.answer(view)

    async def delete_files(self, call: PageCall) -> Answer:
        """The files are gone; the last one stays, for its version goes another way."""
        desk, where = self._desk, place_in(call, "project")
        form = await desk.form(call)
        item = await self._version(call, where)
        found = await self._files(where, item, form.texts("file"))
        for file in found[: max(0, item.files - 1)]:
            await desk.house.database.write(removal.remove, desk.house, call.access, item.id, file.id)
        return see_other(addresses.with_query(addresses.package(item.project_path, item.id), tab="files", done="files_deleted"))

    async def _files(self, where: Place, item: Listed, texts: Iterable[str]) -> list[FileRow]:
        out = []
        for text in tuple(dict.fromkeys(texts))[:MOST]:
            if not (text.isascii() and text.isdigit()) or len(text) > 16:
                continue
            found = await self._desk.house.database.read(files.get_file, where.id, item.id, int(text))
            if found is not None and not found[0].derived:
                out.append(found[0])
        return out

    # -- several versions --------------------------------------------------------------------------------------------

    async def ask_many(self, call: PageCall) -> Answer:
        """Which versions would go."""
        desk, where = self._desk, any_place_in(call)
        wanted = read_choices(chosen_in(call, "choice"))
        if not wanted:
            return see_other(addresses.packages(where))
        found = [item for item, _ in await self._chosen(call, where, wanted)]
        if not found:
            raise PackageNotFound()
        what = plural(len(found), "version")
        forwards = sorted({desk.mark(item.format).title for item in found if self._forwards(item.format)})
        view = ConfirmPage(
            frame=desk.frame(call, f"Delete {what}", line=await desk.line(where), current="packages"),
            heading=f"Delete {what}",
            text=f"Whoever installs one of them by name and version is told that it does not exist. {desk.keeping()}",
            doomed=tuple(
                Doomed(text=f"{item.name} {item.version or ''}".strip(), detail=f"{desk.mark(item.format).title}, {size(item.size)}, {used(item)}")
                for item in found
            ),
            warnings=(f"Requests for {' and '.join(forwards)} packages are forwarded to an upstream where nothing here is called so.",)
            if forwards
            else (),
            consent=f"Delete them although requests for {' and '.join(forwards)} packages are forwarded" if forwards else "",
            action=addresses.delete_packages(where),
            hidden=tuple(("choice", f"{item.project}-{item.id}") for item in found),
            button=f"Delete {what}",
            cancel=addresses.packages(where),
        )
        return desk.answer(view)

    async def delete_many(self, call: PageCall) -> Answer:
        """Those that may go are gone; what a rule protects stays, and it is said."""
        desk, where = self._desk, any_place_in(call)
        form = await desk.form(call)
        wanted = read_choices(form.texts("choice"))
        found = await self._chosen(call, where, wanted)
        if any(self._forwards(item.format) for item, _ in found) and not form.text("consent"):
            raise Forbidden("The box above the button was not ticked: open the page again and read what it says")
        gone = 0
        for item, access in found:
            try:
                await desk.house.database.write(removal.remove, desk.house, access, item.id)
                gone += 1
            except REFUSED:
                continue
        done = "none_deleted" if not gone else "some_deleted" if gone < len(wanted) else "packages_deleted"
        return see_other(addresses.with_query(addresses.packages(where), done=done))

    async def _chosen(self, call: PageCall, where: Place, wanted: Sequence[tuple[int, int]]) -> list[tuple[Listed, Access]]:
        """Those of the chosen versions that the viewer may delete, each with their standing in its project."""
        standing: dict[int, Access | None] = {}
        for project in sorted({project for project, _ in wanted}) if not call.actor.anonymous else ():
            access = call.access if project == where.id else await call.lookup(project)
            standing[project] = access if may(access, Action.DELETE) else None
        out = []
        for project, id_ in wanted:
            held = standing.get(project)
            item = await self._desk.house.database.read(packages.get_package, project, id_) if held is not None else None
            if item is not None and held is not None:
                out.append((item, held))
        return out

    # -- the bin -----------------------------------------------------------------------------------------------------

    async def bin(self, call: PageCall) -> Answer:
        """What was deleted from a project and can come back."""
        desk, where, page = self._desk, place_in(call, "project"), read_page(call.query.get("page", ""))
        authorize(call.access, Action.DELETE)
        formats, since, days = restore.restorable(desk.house), restore.kept_since(desk.house), desk.house.settings.retention_days
        rows, total = await desk.house.database.read(deleted.list_deleted, where.id, since, formats, (page - 1) * PAGE, PAGE)
        path = addresses.bin_of(where)
        view = BinPage(
            frame=desk.frame(call, "Deleted versions", line=await desk.line(where), current="packages"),
            text=f"A deleted version can be restored for {plural(days, 'day')}, as long as nothing else was published in its place.",
            lines=tuple(self._bin_line(row, days) for row in rows),
            back=addresses.packages(where),
            pager=Pager(
                summary=page_summary(page, total),
                newer=addresses.with_query(path, page=page - 1 if page > 2 else None) if page > 1 else "",
                older=addresses.with_query(path, page=page + 1) if page * PAGE < total else "",
            ),
        )
        return desk.answer(view)

    def _bin_line(self, row: BinRow, days: int) -> BinLine:
        return BinLine(
            format=self._desk.mark(row.format),
            name=row.name,
            version=row.version,
            deleted=row.deleted,
            gone=row.deleted + days * restore.DAY,
            restore_action=addresses.restore_package(row.project_path, row.id),
        )

    async def restore(self, call: PageCall) -> Answer:
        """The version is there again, on a page of its own. Raises `PackageNotFound`, `Conflict`, `Protected`."""
        desk, where = self._desk, place_in(call, "project")
        await desk.form(call)
        id_ = number_in(call, "id", PackageNotFound())
        new = await desk.house.database.write(restore.restore, desk.house, call.access, id_)
        return see_other(addresses.with_query(addresses.package(where.full_path, new), done="package_restored"))

    # -- looking -----------------------------------------------------------------------------------------------------

    async def _version(self, call: PageCall, where: Place) -> Listed:
        item = await self._desk.house.database.read(packages.get_package, where.id, number_in(call, "id", PackageNotFound()))
        if item is None:
            raise PackageNotFound()
        return item

    async def _file(self, call: PageCall, where: Place) -> tuple[Listed, FileRow]:
        item = await self._version(call, where)
        found = await self._desk.house.database.read(files.get_file, where.id, item.id, number_in(call, "file", FileNotFound()))
        if found is None or found[0].derived:
            raise FileNotFound()
        return item, found[0]

    def _forwards(self, format: str) -> bool:
        return format in FORWARDED and bool(self._desk.house.settings.forward.get(format))


def _gentler(path: str, item: Listed, words: Yanking | None) -> tuple[Link, ...]:
    return () if words is None or item.yanked is not None else (Link(text=f"{words.verb} it", href=f"{path}/yank"),)


def read_choices(texts: Iterable[str]) -> tuple[tuple[int, int], ...]:
    """The project and version of each box that was ticked; what no page of ours sends is passed over."""
    found = []
    for text in texts:
        project, _, id_ = text.partition("-")
        if project.isascii() and project.isdigit() and id_.isascii() and id_.isdigit() and max(len(project), len(id_)) <= 16:
            found.append((int(project), int(id_)))
    return tuple(dict.fromkeys(found))[:MOST]


def used(item: Listed) -> str:
    """How much a version is used."""
    return plural(item.downloads, "download")


def version_warnings(item: Listed, others: int, at: Instant) -> tuple[str, ...]:
    """What stops working when a version goes."""
    found = []
    if item.downloads:
        last = f", the last one {age(item.last_downloaded, at)}" if item.last_downloaded is not None else ""
        found.append(f"It was downloaded {number(item.downloads)} {'time' if item.downloads == 1 else 'times'}{last}.")
    if item.tags:
        names = ", ".join(name for _, name, _ in item.tags)
        found.append(f"The tag {names} goes with it." if len(item.tags) == 1 else f"The tags {names} go with it.")
    if others <= 0:
        found.append("It is the only version: nothing is left of the package.")
    return tuple(found)


def dependants_warning(names: Sequence[str]) -> tuple[str, ...]:
    """Who in the same project needs it."""
    if not names:
        return ()
    shown = ", ".join(names[:SHOWN_DEPENDANTS]) + (" and others" if len(names) > SHOWN_DEPENDANTS else "")
    return (f"In this project {shown} {'depends' if len(names) == 1 else 'depend'} on the package.",)


def forward_warning(name: str, format: str) -> str:
    """Why deleting a name that an upstream may have too is a choice of its own."""
    return (
        f"Requests for {format} packages that are not here are forwarded to an upstream. A name that was here stays ours and is not forwarded, "
        f"but a client that is set up for both could now take a package called {name} from somewhere else."
    )
