"""Deleted images while they are kept: what there is, and bringing tags, manifests and repositories back (an addition of ours)."""

from __future__ import annotations

from collections.abc import Iterable

from packhouse.api.call import Call, path_id, writing
from packhouse.api.pages import paged, read_page
from packhouse.api.parameters import Parameters, read_parameters, read_query
from packhouse.api.registry import PROJECT, REPOSITORY, describe, find, route
from packhouse.api.shapes import Shape
from packhouse.auth.policy import authorize
from packhouse.contract import Action, Answer, Route
from packhouse.db import image_bin as binned
from packhouse.db.image_bin import Binned
from packhouse.errors import InvalidParameter
from packhouse.model import write_time
from packhouse.packages import image_bin, restore
from packhouse.packages.cleanup import CONTAINER
from packhouse.responses import json_reply


async def list_deleted(call: Call) -> Answer:
    """What was deleted from the project's images and can be restored, the latest first."""
    page, since = read_page(read_query(call)), restore.kept_since(call.house)
    found, total = await call.house.database.read(binned.list_binned, call.place, CONTAINER, since, page.offset, page.size)
    return paged(call, [bin_shape(row) for row in found], page, total)


def bin_shape(row: Binned) -> Shape:
    """A deleted tag, manifest or repository."""
    shape: Shape = {"kind": row.kind, "repository_id": row.package_id, "path": row.name, "deleted_at": write_time(row.deleted)}
    if row.kind == binned.TAG:
        return shape | {"tag": row.tag, "digest": row.digest}
    return shape | ({"digest": row.digest} if row.digest else {}) | {"tags_count": row.tags}


async def restore_images(call: Call) -> Answer:
    """Tags, a manifest by its digest, or the whole repository are there again. Raises `NotFound`, `Conflict`, `Protected`, `InvalidParameter`."""
    sent, id_, write = await read_parameters(call), path_id(call, "repository_id"), call.house.database.write
    tags, digest = sent.texts("tag"), sent.text("digest")
    if tags is not None and (digest is not None or not tags):
        raise InvalidParameter("tag is empty" if digest is None else "tag, digest are mutually exclusive", parameter="tag")
    if tags is None or len(tags) > 1:
        authorize(call.access, Action.DELETE)  # one tag is for who may push, as to delete one is
    if tags is not None:
        await write(image_bin.restore_tags, call.house, call.access, id_, tags)
    elif digest is not None:
        await write(image_bin.restore_manifest, call.house, call.access, id_, digest)
    else:
        await write(image_bin.restore_repository, call.house, call.access, id_)
    [shape] = await describe(call, [await find(call)], Parameters({"tags_count": True}))
    return json_reply(shape, 201)


def routes() -> Iterable[Route]:
    yield route("GET", f"{PROJECT}/-/registry/deleted", list_deleted, Action.PUBLISH)
    yield route("POST", f"{REPOSITORY}/-/restore", writing(restore_images), Action.PUBLISH)
