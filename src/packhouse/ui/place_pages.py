"""The first page, and the overviews of projects, groups and users' namespaces."""

from __future__ import annotations

from collections.abc import Sequence

from packhouse.auth.policy import may
from packhouse.contract import Answer
from packhouse.db.packages import PackageQuery
from packhouse.model import Action, Place
from packhouse.ui import addresses, compose
from packhouse.ui.calls import PageCall
from packhouse.ui.desk import Desk, any_place_in, place_in
from packhouse.ui.listing import plain_columns
from packhouse.ui.reads import Dashboard, FoundPlace, read_dashboard, read_place
from packhouse.ui.replies import see_other
from packhouse.ui.views import DashboardPage, Fact, FormatMark, Guide, Link, PlacePage, Section

WELCOME = "Everything your team builds and downloads, in one place."


class PlacePages:
    """Handlers of the pages that lead to packages."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def home(self, call: PageCall) -> Answer:
        """The first page: what is yours, what moved lately, and how to begin."""
        desk = self._desk
        found = await desk.house.database.read(read_dashboard, desk.reader(call), call.actor.user_id, tuple(desk.titles))
        if call.actor.anonymous and not found.projects and not found.recent.items:
            return see_other(addresses.SIGN_IN)
        titles = ("Projects", "Groups") if call.actor.anonymous else ("Your projects", "Your groups")
        view = DashboardPage(
            frame=desk.frame(call, "Packages"),
            heading=_greeting(call, found),
            text="" if found.recent.items else WELCOME,
            sections=_sections((titles[0], found.projects), (titles[1], found.groups)),
            recent=tuple(compose.list_row(item, desk.mark(item.format)) for item in found.recent.items),
            columns=plain_columns(),
            recent_href=addresses.EVERYTHING,
            guide=self._first_guide(call, found),
            links=()
            if call.actor.user_id is None
            else (Link(text="New project", href=addresses.NEW_PROJECT), Link(text="New group", href=addresses.NEW_GROUP)),
        )
        return desk.answer(view)

    def _first_guide(self, call: PageCall, found: Dashboard) -> Guide | None:
        """Nothing has been published yet: show how, in the first project that takes it, or say how to make one."""
        if found.recent.items or call.actor.user_id is None:
            return None
        if found.target is None:
            return compose.first_project_guide(self._desk.house.api, call.actor.username, self._desk.new_token_href(call, "first package", "api"))
        return self._desk.guide(call, found.target)

    async def project(self, call: PageCall) -> Answer:
        """The overview of a project; a group's or a user's path leads to theirs."""
        where = any_place_in(call)
        if where.kind == "group":
            return see_other(addresses.of_place(where))
        return await self._show(call, where)

    async def group(self, call: PageCall) -> Answer:
        """The overview of a group."""
        return await self._show(call, place_in(call, "group"))

    async def _show(self, call: PageCall, where: Place) -> Answer:
        desk, reader = self._desk, self._desk.reader(call)
        scope = PackageQuery(project=where.id) if where.kind == "project" else PackageQuery(group=where.id, reader=reader)
        found = await desk.house.database.read(read_place, where, scope, reader, tuple(desk.titles), reads=may(call.access, Action.READ))
        where = found.line[-1] if found.line else where
        view = PlacePage(
            frame=desk.frame(call, where.full_path, line=found.line, current="overview"),
            place=compose.place_line(where, call.access.role),
            facts=_facts(where),
            formats=self._formats(where, found),
            sections=_sections(("Subgroups", found.groups), ("Projects", found.projects)),
            recent=tuple(compose.list_row(item, desk.mark(item.format)) for item in found.recent.items),
            columns=plain_columns(),
            recent_href=addresses.packages(where),
            guide=desk.guide(call, where) if where.kind == "project" and not found.recent.items and may(call.access, Action.PUBLISH) else None,
            links=_makings(call, where),
        )
        return desk.answer(view)

    def _formats(self, where: Place, found: FoundPlace) -> tuple[tuple[FormatMark, Link], ...]:
        path = addresses.packages(where)
        marks = [(self._desk.mark(name), count) for name, count in found.recent.formats]
        return tuple((mark, Link(text=mark.title, href=addresses.with_query(path, type=mark.name), count=count)) for mark, count in marks)


def _makings(call: PageCall, where: Place) -> tuple[Link, ...]:
    """What may be made in a group, as far as roles say; the group itself may say otherwise."""
    if where.kind != "group":
        return ()
    links = []
    if may(call.access, Action.PUBLISH):
        links.append(Link(text="New project", href=addresses.with_query(addresses.NEW_PROJECT, namespace_id=where.id)))
    if may(call.access, Action.MANAGE):
        links.append(Link(text="New subgroup", href=addresses.with_query(addresses.NEW_GROUP, parent_id=where.id)))
    return tuple(links)


def _greeting(call: PageCall, found: Dashboard) -> str:
    if found.recent.items or call.actor.anonymous:
        return "Packages"
    return f"Welcome, {call.actor.name or call.actor.username}"


def _facts(where: Place) -> tuple[Fact, ...]:
    kind = "Project" if where.kind == "project" else "Group" if where.kind == "group" else "Namespace"
    facts = [Fact(label=f"{kind} id", text=str(where.id), copy=True), Fact(label="Path", text=where.full_path, copy=True)]
    if where.created:
        facts.append(Fact(label="Created", at=where.created))
    if where.archived:
        facts.append(Fact(label="Archived", text="It can only be read"))
    return tuple(facts)


def _sections(*lists: tuple[str, Sequence[Place]]) -> tuple[Section, ...]:
    return tuple(Section(heading=heading, lines=tuple(compose.place_line(where) for where in found)) for heading, found in lists if found)
