"""Search: packages, images, projects and groups by a part of their name, in everything the viewer may see."""

from __future__ import annotations

from sqlalchemy import Connection

from packhouse.contract import Answer
from packhouse.db import packages, places, repositories
from packhouse.db.packages import Listed, PackageQuery
from packhouse.db.places import PlaceQuery
from packhouse.db.repositories import RepositoryRow
from packhouse.db.scopes import Reader
from packhouse.model import Place, Struct
from packhouse.packages.cleanup import CONTAINER
from packhouse.ui import addresses, compose
from packhouse.ui.calls import PageCall
from packhouse.ui.container_pages import repository_line
from packhouse.ui.desk import Desk
from packhouse.ui.listing import plain_columns
from packhouse.ui.search_views import SearchPage
from packhouse.ui.views import Link, Section
from packhouse.ui.words import plural

SHOWN = 10


class Found(Struct):
    """What a text was found in."""

    items: tuple[Listed, ...] = ()
    total: int = 0
    images: tuple[RepositoryRow, ...] = ()
    images_total: int = 0
    tags: tuple[tuple[int, int], ...] = ()
    projects: tuple[Place, ...] = ()
    groups: tuple[Place, ...] = ()


class SearchPages:
    """The handler of the search page."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def show(self, call: PageCall) -> Answer:
        """What is called like the text in the address."""
        desk, text = self._desk, call.query.get("search", "").strip()[:255]
        with_images = CONTAINER in desk.house.formats and desk.house.settings.containers
        found = await desk.house.database.read(_search, desk.reader(call), text, with_images) if text else Found()
        host, counts = desk.house.settings.base_url.partition("://")[2], dict(found.tags)
        sections = (("Groups", found.groups), ("Projects", found.projects))
        view = SearchPage(
            frame=desk.frame(call, f"Search: {text}" if text else "Search"),
            text=text,
            packages=tuple(compose.list_row(item, desk.mark(item.format)) for item in found.items),
            packages_more=Link(text=f"All {plural(found.total, 'version')}", href=addresses.with_query(addresses.EVERYTHING, search=text))
            if found.total > len(found.items)
            else None,
            columns=plain_columns(),
            images=tuple(repository_line(row, host, counts.get(row.id, 0), grouped=True) for row in found.images),
            images_total=found.images_total,
            sections=tuple(Section(heading=name, lines=tuple(compose.place_line(where) for where in lines)) for name, lines in sections if lines),
        )
        return desk.answer(view)


def _search(connection: Connection, reader: Reader, text: str, with_images: bool) -> Found:
    query = PackageQuery(reader=reader, name=text, sort="desc", include_versionless=True, limit=SHOWN)
    items, total = packages.list_packages(connection, query)
    images, images_total = (
        repositories.list_repositories(connection, CONTAINER, project=None, group=None, reader=reader, text=text, order="name", offset=0, limit=SHOWN)
        if with_images
        else ([], 0)
    )

    def found(kind: str) -> tuple[Place, ...]:
        return tuple(
            places.list_places(connection, PlaceQuery(kind=kind, reader=reader, search=text, order_by="name", descending=False, limit=SHOWN))[0]
        )

    return Found(
        items=tuple(items),
        total=total or 0,
        images=tuple(images),
        images_total=images_total,
        tags=tuple(repositories.count_tags(connection, [row.id for row in images]).items()),
        projects=found("project"),
        groups=found("group"),
    )
