"""The bin of a project's images: tags, manifests and whole repositories that were deleted, and the way back."""

from __future__ import annotations

from packhouse.auth.policy import authorize, may
from packhouse.contract import Answer, Route
from packhouse.db import image_bin as binned
from packhouse.db.image_bin import Binned
from packhouse.errors import NotFound
from packhouse.model import Action, Place
from packhouse.packages import image_bin, restore
from packhouse.packages.cleanup import CONTAINER
from packhouse.ui import addresses
from packhouse.ui.calls import PageCall
from packhouse.ui.deleting_views import BinLine, BinPage
from packhouse.ui.desk import Desk, number_in, place_in
from packhouse.ui.listing import PAGE, page_summary, read_page
from packhouse.ui.paths import page_route
from packhouse.ui.replies import see_other
from packhouse.ui.views import Pager
from packhouse.ui.words import plural

SHOWN_DIGEST = 19


class ImageBinPages:
    """Handlers of what brings deleted images back."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """Every page, by method and address."""
        return [
            page_route("GET", "{project+}/container_registry/bin", self.show, Action.SEE, place="project"),
            page_route("POST", "{project+}/container_registry/{id}/restore", self.restore, Action.SEE, place="project"),
        ]

    async def show(self, call: PageCall) -> Answer:
        """What was deleted and can come back. Who may push brings single tags back, who may delete everything."""
        desk, where, page = self._desk, place_in(call, "project"), read_page(call.query.get("page", ""))
        access, house = desk.images(call), desk.house
        authorize(access, Action.PUBLISH)
        deletes, path = may(access, Action.DELETE), addresses.image_bin(where)
        since = restore.kept_since(house)
        rows, total = await house.database.read(binned.list_binned, where, CONTAINER, since, (page - 1) * PAGE, PAGE)
        days = plural(house.settings.retention_days, "day")
        view = BinPage(
            frame=desk.frame(call, "Deleted images", line=await desk.line(where), current="containers"),
            heading="Deleted images",
            text=f"What was deleted can be restored for {days}: a tag with its image, an image with its tags and platforms, a whole repository.",
            lines=tuple(self._line(row, where, deletes=deletes) for row in rows),
            back=addresses.containers(where),
            back_text="Back to the images",
            pager=Pager(
                summary=page_summary(page, total),
                newer=addresses.with_query(path, page=page - 1 if page > 2 else None) if page > 1 else "",
                older=addresses.with_query(path, page=page + 1) if page * PAGE < total else "",
            ),
        )
        return desk.answer(view)

    def _line(self, row: Binned, where: Place, *, deletes: bool) -> BinLine:
        what = {
            binned.TAG: f"tag {row.tag}",
            binned.MANIFEST: f"image {row.digest[:SHOWN_DIGEST]}… with {plural(row.tags, 'tag')}",
            binned.REPOSITORY: f"the whole repository, with {plural(row.tags, 'tag')}",
        }[row.kind]
        return BinLine(
            format=self._desk.mark(CONTAINER),
            name=row.name,
            version=what,
            deleted=row.deleted,
            gone=row.deleted + self._desk.house.settings.retention_days * restore.DAY,
            restore_action=addresses.restore_images(where.full_path, row.package_id, tags=row.tag, digest="" if row.tag else row.digest)
            if deletes or row.kind == binned.TAG
            else "",
        )

    async def restore(self, call: PageCall) -> Answer:
        """Tags, a manifest or the whole repository are there again. Raises `NotFound`, `Conflict`, `Protected`."""
        desk, where, access = self._desk, place_in(call, "project"), self._desk.images(call)
        await desk.form(call)
        id_ = number_in(call, "id", NotFound())
        tags, digest, write = tuple(dict.fromkeys(call.query.get("tags", "").split())), call.query.get("digest", ""), desk.house.database.write
        # a single tag is for who may push, as to delete one is
        authorize(access, Action.PUBLISH if len(tags) == 1 else Action.DELETE)
        if tags:
            await write(image_bin.restore_tags, desk.house, access, id_, tags)
        elif digest:
            await write(image_bin.restore_manifest, desk.house, access, id_, digest)
        else:
            await write(image_bin.restore_repository, desk.house, access, id_)
        return see_other(addresses.with_query(addresses.repository(where.full_path, id_), done="images_restored"))
