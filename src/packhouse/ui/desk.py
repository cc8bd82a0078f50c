"""What all pages share: the house, the renderer, who is looking, and the frame around a page."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from packhouse.auth.policy import Access, may
from packhouse.auth.sessions import Session, Sessions, cookie_name
from packhouse.db import places
from packhouse.db.engine import now
from packhouse.db.scopes import Reader
from packhouse.errors import InvalidCredential, PlaceNotFound, RegistryError
from packhouse.model import ANONYMOUS, Action, Actor, Place, replace
from packhouse.packages.house import House
from packhouse.responses import Reply
from packhouse.ui import addresses, compose
from packhouse.ui.calls import PageCall
from packhouse.ui.errands import Errands
from packhouse.ui.forms import FormFields, check_csrf, check_origin, read_cookies, read_form
from packhouse.ui.readmes import Readme, ReadmeCache
from packhouse.ui.render import Renderer
from packhouse.ui.replies import html_reply
from packhouse.ui.views import FormatMark, Frame, Guide, Link, Notice, View, Viewer
from packhouse.ui.words import plural

THEMES = frozenset({"light", "dark"})
THEME_COOKIE = "packhouse_theme"
DONE = {
    "token_revoked": "The token was revoked.",
    "signed_out": "You have signed out.",
    "package_deleted": "The version was deleted.",
    "packages_deleted": "The versions were deleted.",
    "some_deleted": "Some of the versions were deleted; a rule protects the others, or they were gone already.",
    "none_deleted": "Nothing was deleted: a rule protects these versions, or they were gone already.",
    "package_restored": "The version was restored.",
    "version_yanked": "The version was yanked.",
    "version_deprecated": "The version is deprecated.",
    "version_unlisted": "The version was unlisted.",
    "version_offered_again": "The version is offered again.",
    "version_undeprecated": "The version is not deprecated any more.",
    "version_listed_again": "The version is listed again.",
    "files_deleted": "The files were deleted.",
    "file_deleted": "The file was deleted.",
    "repository_deleted": "The repository was deleted.",
    "tag_deleted": "The tag was deleted.",
    "tags_deleted": "The tags were deleted.",
    "images_restored": "It was restored.",
    "cleanup_saved": "The cleanup rules were saved. Their time begins anew.",
    "cache_cleared": "The cache was cleared.",
    "saved_not_reachable": "Saved, but not tried: the upstream did not answer, or not in a way that says whether this works.",
    "saved_wants_credentials": "Saved. The upstream wants a user name and a password or token.",
    "saved": "The changes were saved.",
    "project_created": "The project was created.",
    "group_created": "The group was created.",
    "moved": "It was moved. The old addresses lead to the new one.",
    "project_deleted": "The project was deleted, with its packages and tokens. Its path stays taken.",
    "group_deleted": "The group was deleted, with everything below it. Its path stays taken.",
    "archived": "The project was archived: it can only be read.",
    "unarchived": "The project can be written to again.",
    "member_added": "The member was added.",
    "member_changed": "The member was changed.",
    "member_removed": "The member was removed.",
    "rule_added": "The rule was added.",
    "rule_removed": "The rule was removed.",
    "user_created": "The user was created.",
    "user_changed": "The user was changed.",
    "password_changed": "The password was changed. Every other session has ended.",
    "connected": "The account is connected: it lets you in from now on.",
    "disconnected": "The account is disconnected.",
    "entry_added": "The entry was added.",
    "entry_removed": "The entry was removed.",
}
OF_IMAGES = frozenset({"repository_deleted", "tag_deleted", "tags_deleted"})
LARGEST_ID = 2**53
CONTAINER = "container"


class Desk:
    """Where pages are made."""

    def __init__(self, house: House, sessions: Sessions, renderer: Renderer) -> None:
        self.house = house
        self.sessions = sessions
        self.renderer = renderer
        self.errands = Errands(house)
        self._readmes = ReadmeCache()
        self.titles: Mapping[str, str] = {name: format.title for name, format in house.formats.items()}

    def answer(self, view: View, status: int = 200) -> Reply:
        """The view as a page."""
        return html_reply(self.renderer.page(view), status)

    async def readme(self, text: str, media_type: str) -> Readme:
        """A README as HTML, rendered aside where it was not lately."""
        found = self._readmes.find(text, media_type)
        if found is None:
            found = await asyncio.to_thread(_render, text, media_type)
            self._readmes.keep(text, media_type, found)
        return found

    def mark(self, format: str) -> FormatMark:
        """A format as people see it."""
        known = self.house.formats.get(format)
        return FormatMark(name=format, title=self.titles.get(format, format), yanking=None if known is None else known.yanking)

    def reader(self, call: PageCall) -> Reader:
        """Which projects this viewer may read, as lists ask for it."""
        return Reader.of(call.actor, now(), call.access.guest_reads)

    def frame(self, call: PageCall, title: str, *, line: Sequence[Place] = (), current: str = "", notices: tuple[Notice, ...] = ()) -> Frame:
        """The frame of a page below this line of places, the last of which it belongs to."""
        done = DONE.get(call.query.get("done", ""))
        return Frame(
            title=title,
            now=now(),
            here=here(call.scope),
            viewer=viewer_of(call.actor, call.session, call.headers),
            crumbs=tuple(Link(text=where.path, href=addresses.of_place(where)) for where in line),
            nav=self._nav(call, line[-1], current) if line else (),
            search_action=addresses.SEARCH,
            notices=(*notices, _told(call, done)) if done else notices,
        )

    def images(self, call: PageCall) -> Access:
        """The viewer's standing where images are concerned: a switch and a level of their own."""
        return replace(call.access, area="containers", switched_on=self.house.settings.containers)

    def code(self, call: PageCall) -> Access:
        """The viewer's standing where code is concerned: it has no switch."""
        return replace(call.access, area="repository", switched_on=True)

    def _nav(self, call: PageCall, where: Place, current: str) -> tuple[Link, ...]:
        """The pages of a place that this viewer may open; what is switched off is not among them."""
        pages = [Link(text="Overview", href=addresses.of_place(where), current=current == "overview")]
        if may(call.access, Action.READ):
            pages.append(Link(text="Packages", href=addresses.packages(where), current=current == "packages"))
        if where.kind != "user" and CONTAINER in self.house.formats and may(self.images(call), Action.READ):
            pages.append(Link(text="Containers", href=addresses.containers(where), current=current == "containers"))
        if where.kind == "project" and may(call.access, Action.READ):
            pages.append(Link(text="Pipelines", href=addresses.pipelines(where), current=current == "pipelines"))
        if where.kind == "project" and may(self.code(call), Action.READ):
            pages.append(Link(text="Repository", href=addresses.source(where, "tree"), current=current == "repository"))
        if where.kind == "group" and self.house.settings.dependency_proxy:
            pages.append(Link(text="Dependency proxy", href=addresses.dependency_proxy(where), current=current == "dependency_proxy"))
        if where.kind != "user" and call.actor.user_id is not None:
            pages.append(Link(text="Members", href=addresses.members(where), current=current == "members"))
        if where.kind != "user" and may(call.access, Action.MANAGE if where.kind == "project" else Action.OWN):
            pages.append(Link(text="Settings", href=addresses.edit(where), current=current == "settings"))
        return tuple(pages)

    async def line(self, where: Place) -> list[Place]:
        """The place and all above it, from the top."""
        return await self.house.database.read(places.ancestors_of, where.id)

    async def form(self, call: PageCall, *, in_session: bool = True) -> FormFields:
        """The fields of a form sent from a page of ours. Raises `Forbidden`, `InvalidParameter`."""
        check_origin(call.headers, self.house.settings.base_url)
        fields = read_form(await call.body(), call.headers.get("content-type", ""))
        if in_session:
            check_csrf(fields, call.session)
        return fields

    async def find_viewer(self, headers: Mapping[str, str]) -> tuple[Session | None, Actor]:
        """Who a browser's cookie speaks for, where no route has asked yet."""
        secret = read_cookies(headers.get("cookie", "")).get(cookie_name(self.house.settings.secure))
        session = await self.sessions.find(secret) if secret else None
        if session is None:
            return None, ANONYMOUS
        try:
            return session, (await self.house.gate.as_user(session.user_id, "session", None)).actor
        except InvalidCredential:
            return None, ANONYMOUS

    def keeping(self) -> str:
        """Whether what is deleted can come back."""
        days = self.house.settings.retention_days
        return f"It can be restored for {plural(days, 'day')}." if days else "It cannot be restored."

    def guide(self, call: PageCall, project: Place) -> Guide:
        """How to publish the first package to a project."""
        return compose.first_package_guide(self.house.formats.values(), self.house.api, project, self.new_token_href(call, project.path, "api"))

    def new_token_href(self, call: PageCall, name: str, scopes: str) -> str:
        """The form that makes a token, filled in, for viewers who can have one; it leads back here."""
        told = "done" in call.query or call.method != "GET"
        back = here(call.scope).partition("?")[0] if told else here(call.scope)
        return "" if call.actor.user_id is None else addresses.with_query(addresses.TOKENS, name=name, scopes=scopes, return_to=back)


def here(scope: Mapping[str, Any]) -> str:
    """The address of the page itself, fit to come back to."""
    path = bytes(scope.get("raw_path") or b"/").decode("latin-1")
    query = bytes(scope.get("query_string") or b"").decode("latin-1")
    return addresses.local(path + (f"?{query}" if query else ""))


def viewer_of(actor: Actor, session: Session | None, headers: Mapping[str, str]) -> Viewer:
    """Who looks, and in which light."""
    theme = read_cookies(headers.get("cookie", "")).get(THEME_COOKIE, "")
    return Viewer(
        username=actor.username,
        name=actor.name,
        admin=actor.admin,
        csrf=session.csrf if session is not None else "",
        theme=theme if theme in THEMES else "",
    )


def place_in(call: PageCall, kind: str) -> Place:
    """The project or group that the path means. Raises `PlaceNotFound` for one of another kind."""
    where = any_place_in(call)
    if where.kind != kind and not (kind == "group" and where.kind == "user"):
        raise PlaceNotFound()
    return where


def any_place_in(call: PageCall) -> Place:
    """The place that the path means. Raises `PlaceNotFound`."""
    if call.access.place is None:
        raise PlaceNotFound()
    return call.access.place


def number_in(call: PageCall, name: str, missing: RegistryError) -> int:
    """A number in the path. Raises what is given for anything else: nothing has such an id."""
    text = call.params[name]
    if not (text.isascii() and text.isdigit()) or len(text) > 16 or int(text) > LARGEST_ID:
        raise missing
    return int(text)


def _told(call: PageCall, text: str) -> Notice:
    """What was done, with the way back where there is one."""
    undo, where = call.query.get("undo", ""), call.access.place
    if where is None or where.kind != "project" or not (undo.isascii() and undo.isdigit()) or len(undo) > 16:
        return Notice(text=text)
    if call.query["done"] in OF_IMAGES:
        return Notice(text=text, action=addresses.restore_images(where.full_path, int(undo), tags=call.query.get("tags", "")), button="Undo")
    return Notice(text=text, action=addresses.restore_package(where.full_path, int(undo)), button="Undo")


def _render(text: str, media_type: str) -> Readme:
    # Here and not above: a registry that nobody looks at starts without it.
    from packhouse.ui.markdown import render_readme

    return render_readme(text, media_type)
