"""What the pages that change things share: doing it, and showing the form again with what was typed where it could not be done."""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from packhouse.auth.policy import may
from packhouse.contract import Answer
from packhouse.errors import AlreadyExists, Conflict, Forbidden, Invalid, NotFound, PlaceNotFound, UpstreamFailed
from packhouse.model import Action, Place, Role
from packhouse.packages.history import read_time
from packhouse.responses import Reply
from packhouse.ui import addresses
from packhouse.ui.calls import PageCall
from packhouse.ui.desk import Desk, any_place_in
from packhouse.ui.forms import FormFields
from packhouse.ui.panels import Detail, Option, Panel, PanelsPage, Secret, Trouble, retype
from packhouse.ui.replies import see_other
from packhouse.ui.views import Link, Snippet

REFUSALS = (Invalid, Conflict, Forbidden, AlreadyExists, NotFound, UpstreamFailed)
ROLES = tuple(
    Option(value=str(int(role)), text=role.name.capitalize())
    for role in (Role.GUEST, Role.PLANNER, Role.REPORTER, Role.DEVELOPER, Role.MAINTAINER, Role.OWNER)
)
VISIBILITIES = (
    Option(value="private", text="Private", hint="Its members only"),
    Option(value="internal", text="Internal", hint="Everybody who is signed in"),
    Option(value="public", text="Public", hint="Everybody, without signing in"),
)
MARK = "_wants_confirming"
Handler = TypeVar("Handler")


class Changing:
    """Handlers of pages that change things."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._ask = desk.errands.run

    async def _carry_out(
        self,
        call: PageCall,
        form_id: str,
        work: Callable[[FormFields], Awaitable[str]],
        show: Callable[[PageCall, Trouble | None], Awaitable[Reply]],
        sent: FormFields | None = None,
    ) -> Reply:
        """Do what a form says and go where `work` says; show the form again where that is refused."""
        form = sent or await self._desk.form(call)
        try:
            return see_other(await work(form))
        except REFUSALS as error:
            return await show(call, Trouble(form=form_id, text=said(error.message), typed=form.typed()))

    @staticmethod
    def _again(page: Callable[[PageCall, Trouble | None], Awaitable[Answer]]) -> Callable[[PageCall, Trouble | None], Awaitable[Reply]]:
        """A page's handler, as what shows its form again."""

        async def show(call: PageCall, trouble: Trouble | None) -> Reply:
            reply = await page(call, trouble)
            assert isinstance(reply, Reply)
            return reply

        return show

    async def _panels(
        self,
        call: PageCall,
        heading: str,
        panels: Sequence[Panel],
        trouble: Trouble | None = None,
        *,
        line: Sequence[Place] = (),
        current: str = "settings",
        lead: str = "",
        tabs: tuple[Link, ...] = (),
        secret: Secret | None = None,
        links: tuple[Link, ...] = (),
    ) -> Reply:
        title = f"{heading} · {line[-1].full_path}" if line else heading
        view = PanelsPage(
            frame=self._desk.frame(call, title, line=line, current=current),
            heading=heading,
            lead=lead,
            tabs=tabs,
            panels=retype(panels, trouble),
            secret=secret,
            links=links,
        )
        return self._desk.answer(view, 200 if trouble is None else 422)

    def _tabs(self, call: PageCall, where: Place, current: str) -> tuple[Link, ...]:
        """The pages of a place's settings that this viewer may open."""
        manages = may(call.access, Action.MANAGE if where.kind == "project" else Action.OWN)
        if not manages:
            return ()
        pages = [
            ("general", "General", addresses.edit(where)),
            ("packages", "Packages and registries", addresses.settings(where, "packages_and_registries")),
            ("repository", "Deploy tokens", addresses.settings(where, "repository")),
            ("tokens", "Access tokens", addresses.settings(where, "access_tokens")),
        ]
        if where.kind == "project" and self._desk.errands.has("GET", "projects/{id+}/job_token_scope"):
            pages.append(("ci_cd", "CI/CD", addresses.settings(where, "ci_cd")))
        if where.kind == "project" and self._desk.errands.has("PUT", "projects/{id+}/-/repository"):
            pages.insert(2, ("code", "Repository", addresses.settings(where, "code")))
        pages.append(("audit", "Audit events", addresses.audit(where)))
        return tuple(Link(text=text, href=href, current=name == current) for name, text, href in pages)

    def _admin_tabs(self, current: str) -> tuple[Link, ...]:
        """The pages of the admin area."""
        pages = (
            ("overview", "Overview", addresses.ADMIN),
            ("users", "Users", addresses.ADMIN_USERS),
            ("settings", "Settings", addresses.ADMIN_SETTINGS),
            ("sign_on", "Single sign-on", addresses.ADMIN_SIGN_ON),
            *((("issuers", "Trusted issuers", addresses.ADMIN_ISSUERS),) if self._desk.errands.has("GET", "-/oidc/issuers") else ()),
            ("audit", "Audit log", addresses.ADMIN_AUDIT),
        )
        return tuple(Link(text=text, href=href, current=name == current) for name, text, href in pages)

    def _command(self, id: str, method: str, path: str, sent: Mapping[str, Any] | None = None) -> Snippet:
        """The same over the API, as a line for a shell."""
        body = f" \\\n  --json {shlex.quote(msgspec.json.encode(sent).decode())}" if sent is not None else ""
        text = f'curl --request {method} --header "PRIVATE-TOKEN: <token>"{body} \\\n  {shlex.quote(f"{self._desk.house.api}/{path}")}'
        return Snippet(id=f"{id}-command", client="curl", text=text, title="")


def confirmed(handler: Handler) -> Handler:
    """The handler of a form, for viewers who proved a few minutes ago who they are."""
    setattr(handler, MARK, True)
    return handler


def wants_confirming(handler: object) -> bool:
    """Whether it is one of these."""
    return getattr(handler, MARK, False)


def settled(call: PageCall) -> Place:
    """The project or group that the path means. Raises `PlaceNotFound` for a user's namespace, which has no settings of its own."""
    where = any_place_in(call)
    if where.kind == "user":
        raise PlaceNotFound()
    return where


def said(message: str) -> str:
    """A refusal of the API in a page's words."""
    text = message.removeprefix("Forbidden - ").strip()
    return text[:1].upper() + text[1:] if text else "That cannot be done"


def done(path: str, what: str) -> str:
    """Back to a page, with a word of what was done."""
    return addresses.with_query(path, done=what)


def when(text: str, at: str | None, never: str = "") -> Detail:
    """An instant of an API answer, as a word about a line."""
    return Detail(text=text, at=read_time(at)) if at else Detail(text=never)


def level_of(place: Place) -> str:
    """The word of the visibility a place has."""
    return place.visibility.name.lower()


def own_tabs(current: str) -> tuple[Link, ...]:
    """The pages about the viewer."""
    pages = (("profile", "Profile", addresses.PROFILE), ("password", "Password", addresses.PASSWORD), ("tokens", "Access tokens", addresses.TOKENS))
    return tuple(Link(text=text, href=href, current=name == current) for name, text, href in pages)
