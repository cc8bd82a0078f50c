"""The web pages: their routes, and the page that says what went wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from packhouse.auth.sessions import Session, Sessions
from packhouse.contract import Answer, Route
from packhouse.db.engine import now
from packhouse.errors import FileNotFound, Forbidden, NotFound, RegistryError, TooManyRequests, Unauthenticated
from packhouse.model import ANONYMOUS, Action, Actor, Reach
from packhouse.packages.house import House
from packhouse.responses import Reply
from packhouse.ui import addresses
from packhouse.ui.account_pages import AccountPages
from packhouse.ui.calls import PageCall
from packhouse.ui.desk import Desk, here, viewer_of
from packhouse.ui.icons import read_icons
from packhouse.ui.package_pages import PackagePages
from packhouse.ui.place_pages import PlacePages
from packhouse.ui.render import Renderer
from packhouse.ui.replies import html_reply, see_other, static_reply
from packhouse.ui.static_files import read_static_files
from packhouse.ui.token_pages import TokenPages
from packhouse.ui.views import ErrorPage, Frame
from packhouse.wording import status_of

FORMATS = Path(__file__).parent.parent / "formats"
TOKENS = addresses.TOKENS.removeprefix("/")
HEADINGS = {400: "That cannot be done", 403: "You may not do that", 404: "Nothing is here", 413: "That is too large", 429: "Too many requests"}
HIDDEN = "The page does not exist, or you may not see it."
BROKEN = "The registry could not answer. It has been noted; try again."


class Pages:
    """All pages of a house."""

    def __init__(self, house: House, sessions: Sessions) -> None:
        self._static = read_static_files()
        self._desk = Desk(house, sessions, Renderer(read_icons(FORMATS), self._static))
        self._places = PlacePages(self._desk)
        self._packages = PackagePages(self._desk)
        self._account = AccountPages(self._desk)
        self._tokens = TokenPages(self._desk)

    def routes(self) -> Sequence[Route]:
        """Every page, by method and address."""
        places, packages, account, tokens = self._places, self._packages, self._account, self._tokens
        return (
            _page("GET", "", places.home, Action.OPEN),
            _page("GET", "-/static/{name}", self.static, Action.OPEN),
            _page("POST", "-/theme", account.set_theme, Action.OPEN),
            _page("GET", "users/sign_in", account.sign_in, Action.OPEN),
            _page("POST", "users/sign_in", account.open_session, Action.OPEN),
            _page("POST", "users/sign_out", account.close_session, Action.OPEN),
            _page("GET", TOKENS, tokens.show, Action.SIGN_IN),
            _page("POST", TOKENS, tokens.make, Action.SIGN_IN),
            _page("POST", TOKENS + "/{id}/revoke", tokens.revoke, Action.SIGN_IN),
            _page("GET", "-/packages", packages.everything, Action.OPEN),
            _page("GET", "groups/{group*}", places.group, Action.SEE, place="group"),
            _page("GET", "groups/{group+}/-/packages", packages.group_list, Action.READ, place="group"),
            _page("GET", "{project*}", places.project, Action.SEE, place="project", any_kind=True),
            _page("GET", "{project+}/-/packages", packages.project_list, Action.READ, place="project"),
            _page("GET", "{project+}/-/packages/{id}", packages.show, Action.READ, place="project"),
            _page("GET", "{project+}/-/package_files/{id}/download", packages.download, Action.READ, place="project"),
        )

    async def static(self, call: PageCall) -> Answer:
        """A file of the bundle. Raises `FileNotFound`."""
        found = self._static.find(call.params["name"])
        if found is None:
            raise FileNotFound()
        return static_reply(found, accepts_gzip=takes_gzip(call.headers.get("accept-encoding", "")))

    async def refuse(self, error: RegistryError, scope: Mapping[str, Any]) -> Reply:
        """What went wrong as a page in the viewer's own frame; who must sign in first is led to where that is done, and back."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        session, actor = await self._desk.find_viewer(headers)
        return self.error(error, session=session, actor=actor, headers=headers, here=here(scope) if scope["method"] in {"GET", "HEAD"} else "/")

    def error(
        self,
        error: RegistryError,
        status: int = 0,
        session: Session | None = None,
        *,
        actor: Actor = ANONYMOUS,
        headers: Mapping[str, str] | None = None,
        here: str = "/",
    ) -> Reply:
        """The same for a viewer of whom no more is known."""
        if isinstance(error, Unauthenticated) and session is None:
            return see_other(addresses.sign_in(here))
        status = status or status_of(error)
        hidden = isinstance(error, NotFound)
        heading = HEADINGS.get(status, "Something went wrong")
        view = ErrorPage(
            frame=Frame(title=heading, now=now(), here=here, viewer=viewer_of(actor, session, headers or {}), search_action=addresses.EVERYTHING),
            status=status,
            heading=heading,
            text=HIDDEN if hidden else error.message if status < 500 or status in {503, 507} else BROKEN,
            search=addresses.EVERYTHING if hidden else "",
            sign_in=addresses.sign_in(here) if session is None and (hidden or isinstance(error, Forbidden)) else "",
        )
        extra = {"Retry-After": str(error.detail.get("retry_after", 60))} if isinstance(error, TooManyRequests) else {}
        return html_reply(self._desk.renderer.page(view), status, extra)


def takes_gzip(accepted: str) -> bool:
    """Whether a client takes gzip."""
    for part in accepted.lower().split(","):
        name, _, parameters = part.strip().partition(";")
        if name.strip() in {"gzip", "*"}:
            return parameters.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def _page(method: str, path: str, handler: object, action: Action, *, place: Literal["project", "group", ""] = "", any_kind: bool = False) -> Route:
    return Route(
        method=method,
        path=path,
        handler=handler,  # type: ignore[arg-type]
        action=action,
        reach=Reach.ROOT,
        place_of=(lambda params: params[place]) if place else None,
        place_kind=None if any_kind or not place else place,
    )
