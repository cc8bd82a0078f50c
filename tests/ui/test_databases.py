"""The pages over each database: both dialects list, page, count and restore alike."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from sqlalchemy import Connection

from packhouse.db import changes, pipelines
from packhouse.db.engine import now
from packhouse.model import Visibility

from .town import Browser, Town, open_town

LIST = "/root/many/-/packages"


def names(html: str) -> list[str]:
    return re.findall(r'<a class="name" href="[^"]*">([^<]*)</a>', html.replace("<wbr>", ""))


def test_pages_are_alike_in_each_database(database_url: str, tmp_path: Path) -> None:
    """A list, a search, a tag or the bin would work in one database and fail in the other."""

    async def walk() -> None:
        async with open_town(tmp_path / "house", database_url=database_url) as town:
            await town.add_place("project", "root/many", Visibility.PUBLIC)
            root = await town.signed_in("root")
            await look_through_a_list(town, root)
            await delete_and_restore(town, root)
            await look_at_images(town, root)
            await look_at_builds(town, root)

    asyncio.run(walk())


async def look_through_a_list(town: Town, root: Browser) -> None:
    for number in range(22):
        await town.publish("root/many", "generic", f"part-{number:02}", f"1.{number}", {"part.txt": b"%d" % number})
    await town.publish("root/many", "pypi", "bad", "2.0", {"bad-2.0.tar.gz": b"bad"}, status="error")
    for order in ("created_at", "name", "version", "type"):
        for sort in ("asc", "desc"):
            first = (await root.get(f"{LIST}?orderBy={order}&sort={sort}")).links()
            on = next(href for href in first if "after=" in href)
            second = await root.get(on)
            back = next(href for href in second.links() if "before=" in href)
            seen = names((await root.get(back)).html) + names(second.html)
            assert sorted(seen) == sorted(f"part-{number:02}" for number in range(22)), (order, sort)
    page = await root.get(f"{LIST}?search=version:1.2*")
    assert sorted(names(page.html)) == ["part-02", "part-20", "part-21"]
    assert "1 version could not be read" in page.text
    assert names((await root.get(f"{LIST}?status=deprecated")).html) == []
    assert len(names((await root.get("/-/packages?orderBy=project_path")).html)) == 20
    assert "part-07" in (await root.get("/search?search=PART-07")).text


async def delete_and_restore(town: Town, root: Browser) -> None:
    made = await town.publish("root/many", "npm", "kept", "1.0.0", {"kept-1.0.0.tgz": b"kept"}, tags=("latest",))
    view = await town.hold("root/many", "npm", "root")
    await view.yank("kept", "1.0.0", "too old")
    hour = now() // 3_600_000_000

    def download(connection: Connection) -> None:
        changes.add_downloads(connection, {(made.version_id, hour, "job"): 2, (made.version_id, hour - 30, "job"): 5}, {}, {})

    await town.house.database.write(download)
    assert "7 in the last 90 days" in (await root.get(f"{LIST}/{made.version_id}")).text
    csrf = (await root.get("/")).field("csrf")
    assert (await root.post(f"{LIST}/{made.version_id}/delete", {"csrf": csrf})).status == 303
    assert "kept" in (await root.get(f"{LIST}/bin")).text
    back = await root.post(f"{LIST}/{made.version_id}/restore", {"csrf": csrf})
    page = await root.get(back.location)
    assert "This version is deprecated: too old." in page.text
    assert "latest" in page.text
    assert "kept" in names((await root.get(f"{LIST}?status=deprecated")).html)


async def look_at_images(town: Town, root: Browser) -> None:
    pusher = town.pusher()
    index = await pusher.index("root/many/api", "latest", ("linux/amd64", "linux/arm64"))
    await pusher.attach("root/many/api", index, "application/vnd.dev.sigstore.bundle.v0.3+json")
    listed = await root.get("/root/many/container_registry?search=API")
    path = next(href for href in listed.links() if re.fullmatch(r"/root/many/container_registry/\d+", href))
    page = await root.get(f"{path}?search=LAT&orderBy=name")
    assert "linux/arm64" in page.text
    assert "signed" in page.text
    cleanup = await root.get("/root/many/-/settings/packages_and_registries/cleanup_image_tags")
    fields = {"csrf": cleanup.field("csrf"), "cadence": "1d", "name_regex": ".*", "do": "preview"}
    assert "Nothing would go now" in (await root.post("/root/many/-/settings/packages_and_registries/cleanup_image_tags", fields)).text
    await pusher.image("root/many/worker", "1")
    await pusher.image("root/many/api", "later", b"more")
    for sort, first in (("desc", "api"), ("asc", "worker")):
        assert names((await root.get(f"/root/many/container_registry?orderBy=updated&sort={sort}")).html)[0] == first


async def look_at_builds(town: Town, root: Browser) -> None:
    made = await town.publish("root/many", "generic", "built", "1.0", {"built.txt": b"built"})
    project, user = town.places["root/many"], town.people["root"]

    def build(connection: Connection) -> None:
        for number in range(2):
            pipeline = pipelines.add_pipeline(connection, project, user, now(), ref="main", sha=f"{number}a" * 20, source="push", web_url="")
            pipelines.add_build(connection, made.version_id, pipeline, now())

    await town.house.database.write(build)
    listed = await root.get("/root/many/-/pipelines")
    found = [href for href in listed.links() if re.fullmatch(r"/root/many/-/pipelines/\d+", href)]
    assert len(found) == 2
    for href in found:
        assert names((await root.get(href)).html) == ["built"]
